#!/usr/bin/env python3
"""Turns a Stable Diffusion model into a txt2img bundle.

    scripts/export_model.py stable-diffusion-v1-5 --output models/sd15
    scripts/export_model.py dreamshaper.safetensors --output models/dream --lora ink.safetensors:0.7

SD 1.x, SD 2.x, SDXL, its refiner, and what was made of them: fine-tunes, Turbo, LCM, inpainting.
Nothing of the source is executed: weights are read from safetensors files only. Every module is
compared with diffusers before the bundle appears under its name.
"""

import argparse
import signal
import sys
from pathlib import Path
from typing import Any, NoReturn

from export.errors import ExitCode, ExportError

_DTYPES = ("float16", "bfloat16", "float32")
_PREDICTIONS = ("epsilon", "v_prediction", "sample")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ExportError(ExitCode.USAGE, f"{message}; see --help")


def _file_and_more(text: str) -> tuple[Path, str | None]:
    """`FILE:MORE`, or `FILE` alone; a file may have colons in its name if it is there."""
    path, colon, more = text.rpartition(":")
    if not colon or Path(text).exists():
        return Path(text), None
    return Path(path), more


def _lora(text: str) -> tuple[Path, float]:
    path, weight = _file_and_more(text)
    try:
        return path, 1.0 if weight is None else float(weight)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"'{weight}' is no weight") from error


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
        help="diffusers folder, .safetensors file in the original layout, or org/name in the local cache of the "
        "Hugging Face hub",
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
    add("--name", help="name in model.json (default: the name of DIR)")
    add("--force", action="store_true", help="replace DIR if it is a bundle")
    return parser.parse_args(argv)


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
    )
    return Options(request, args.output, args.dtype, args.vae_dtype, args.name, args.force)


def say(line: str) -> None:
    """Progress for people."""
    print(f"export_model: {line}", file=sys.stderr, flush=True)


def run(argv: list[str]) -> None:
    """Exports what the command line asks for and prints the bundle's path."""
    args = parse(argv)
    options = options_of(args)
    from export.convert import export

    try:
        print(export(options, say))
    except OSError as error:
        raise ExportError(
            ExitCode.IO, f"{error.filename or args.output}: {error.strerror or error}"
        ) from error


def main(argv: list[str] | None = None) -> int:
    """Returns the exit code; every failure is one line on stderr."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        run(sys.argv[1:] if argv is None else argv)
    except ExportError as error:
        say(f"error: {' '.join(str(error).split())}")
        return int(error.code)
    except KeyboardInterrupt:
        say("interrupted, nothing left behind")
        return 128 + signal.SIGINT
    return 0


if __name__ == "__main__":
    sys.exit(main())
