#!/usr/bin/env python3
"""Turns a Stable Diffusion model into a txt2img bundle.

    scripts/export_model.py stable-diffusion-v1-5 --output models/sd15
    scripts/export_model.py dreamshaper.safetensors --output models/dream --lora ink.safetensors:0.7

SD 1.x, SD 2.x, SDXL, its refiner, and what was made of them: fine-tunes, Turbo, LCM, inpainting.
Nothing of the source is executed: weights are read from safetensors files only. Every module is
compared with diffusers before the bundle appears under its name.
"""

import argparse
import math
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from export.choices import GUIDANCE_MAX, SAMPLERS, SCHEDULES, STEPS_MAX
from export.errors import ExitCode, ExportError

_DTYPES = ("float16", "bfloat16", "float32")
_PREDICTIONS = ("epsilon", "v_prediction", "sample")
_VERBOSE = ("-v", "--verbose")
_DEFAULTS = ("steps", "guidance", "sampler", "schedule")

_ABOUT_DEFAULTS = """What the program does where its user asks for nothing else; otherwise it follows from the model's
scheduler. For what a single file cannot say:
  SDXL-Turbo         --steps 1 --guidance 1 --sampler euler_a --schedule trailing
  with an LCM LoRA   --steps 4 --guidance 1 --sampler lcm"""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ExportError(ExitCode.USAGE, f"{message}; see --help")


def _file_and_more(text: str) -> tuple[Path, str | None]:
    """`FILE:MORE`, or `FILE` alone; either may have colons in it if the file is there."""
    if Path(text).exists() or ":" not in text:
        return Path(text), None
    ends = [i for i, char in enumerate(text) if char == ":"]
    end = next((i for i in reversed(ends) if Path(text[:i]).is_file()), ends[-1])
    return Path(text[:end]), text[end + 1 :]


def _lora(text: str) -> tuple[Path, float]:
    path, weight = _file_and_more(text)
    with suppress(ValueError):
        if math.isfinite(value := 1.0 if weight is None else float(weight)):
            return path, value
    raise argparse.ArgumentTypeError(f"'{weight}' is no weight")


def _steps(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= STEPS_MAX):
        raise argparse.ArgumentTypeError(f"'{text}' is no number from 1 to {STEPS_MAX}")
    return int(text)


def _guidance(text: str) -> float:
    with suppress(ValueError):
        if 0 <= (value := float(text)) <= GUIDANCE_MAX:
            return value
    raise argparse.ArgumentTypeError(f"'{text}' is no number from 0 to {GUIDANCE_MAX:g}")


def parse(argv: list[str]) -> argparse.Namespace:
    """The command line; its help is the documentation."""
    parser = _Parser(
        prog="export_model",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "source",
        metavar="SOURCE",
        help="diffusers folder, .safetensors file in the original layout, or org/name[@revision] in the local cache of "
        "the Hugging Face hub",
    )
    add("--output", metavar="DIR", type=Path, required=True, help="bundle folder to create")
    add(
        "--dtype",
        choices=_DTYPES,
        default="float16",
        help="precision to store the text encoder and UNet in (default: %(default)s; "
        "float32 loads fastest for use on a CPU)",
    )
    add(
        "--vae-dtype",
        choices=_DTYPES,
        default="float32",
        help="precision to store the VAE in (default: %(default)s)",
    )
    add("--vae", metavar="SOURCE", help="another VAE: a folder, org/name, or a .safetensors file")
    add(
        "--lora",
        metavar="FILE[:WEIGHT]",
        type=_lora,
        action="append",
        default=[],
        help="merge a LoRA into the weights (default weight: 1); may be repeated",
    )
    add(
        "--embedding",
        metavar="FILE[:TOKEN]",
        type=_file_and_more,
        action="append",
        default=[],
        help="add a textual inversion, which prompts call TOKEN (default: the token that the file names, or the "
        "file's own name); may be repeated",
    )
    add(
        "--prediction-type",
        choices=_PREDICTIONS,
        help="what the UNet predicts, where a single file cannot tell: SD 2 is taken as v_prediction (768 pixels), "
        "SD 2 base needs epsilon",
    )
    add("--tokenizer", metavar="DIR", type=Path, help="folder with vocab.json and merges.txt, for a single file")
    add("--config", metavar="DIR", type=Path, help="diffusers folder whose configurations describe a single file")
    _add_defaults(parser.add_argument_group("defaults of the bundle", _ABOUT_DEFAULTS).add_argument)
    add("--name", help="name in model.json (default: the name of DIR)")
    add("--force", action="store_true", help="replace DIR if it is a bundle")
    add(*_VERBOSE, action="store_true", help="show where in the program an error arose")
    return parser.parse_args(argv)


def _add_defaults(add: Callable[..., Any]) -> None:
    add("--steps", metavar="N", type=_steps, help="steps of a picture")
    add("--guidance", metavar="X", type=_guidance, help="guidance scale")
    add("--sampler", metavar="NAME", choices=SAMPLERS, help=f"one of {', '.join(SAMPLERS)}")
    add("--schedule", metavar="NAME", choices=SCHEDULES, help=f"one of {', '.join(SCHEDULES)}")


def options_of(args: argparse.Namespace) -> Any:
    """The command line as the exporter's own structs."""
    from export.convert import Options, Request  # torch and diffusers take seconds to import

    request = Request(
        source=args.source,
        config=args.config,
        tokenizer=args.tokenizer,
        prediction_type=args.prediction_type,
        vae=args.vae,
        loras=tuple(args.lora),
        embeddings=tuple(args.embedding),
        defaults={key: value for key in _DEFAULTS if (value := getattr(args, key)) is not None},
    )
    return Options(request, args.output, args.dtype, args.vae_dtype, args.name, args.force)


def say(line: str) -> None:
    """Progress for people."""
    print(f"export_model: {line}", file=sys.stderr, flush=True)


def _printable(text: str) -> str:
    """Names out of a file may hold what steers a terminal, or is no Unicode."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def run(argv: list[str]) -> None:
    """Exports what the command line asks for and prints the bundle's path."""
    args = parse(argv)
    options = options_of(args)
    from export.convert import export

    try:
        print(export(options, say))
    except OSError as error:
        raise ExportError(ExitCode.IO, f"{error.filename or args.output}: {error.strerror or error}") from error


def main(argv: list[str] | None = None) -> int:
    """Returns the exit code; every failure is one line on stderr, and with -v the way to it before."""
    argv = sys.argv[1:] if argv is None else argv
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        run(argv)
    except KeyboardInterrupt:
        say("interrupted, nothing left behind")
        return 128 + signal.SIGINT
    except Exception as error:
        if any(word in argv for word in _VERBOSE):
            traceback.print_exc()
        known = error if isinstance(error, ExportError) else _unexpected(error)
        say(f"error: {_printable(' '.join(str(known).split()))}")
        return int(known.code)
    return 0


def _unexpected(error: Exception) -> ExportError:
    """A library failed where nothing foresaw it."""
    if isinstance(error, ModuleNotFoundError) and error.name not in (None, "export"):
        return ExportError(
            ExitCode.INTERNAL,
            f"this Python has no {error.name}; run scripts/setup, then .venv/bin/python scripts/export_model.py",
        )
    if isinstance(error, MemoryError) or "can't allocate memory" in str(error):
        return ExportError(ExitCode.INTERNAL, "there is not enough memory for this model; see models/README.md")
    first = str(error).strip().partition("\n")[0] or "no more is known"
    return ExportError(
        ExitCode.INTERNAL,
        f"{type(error).__name__}: {first}; nothing was left behind, please report it with what -v shows",
    )


if __name__ == "__main__":
    sys.exit(main())
