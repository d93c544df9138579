#!/usr/bin/env python3
"""Turns a diffusers model into a txt2img bundle.

    scripts/export_model.py models-hf/stable-diffusion-v1-5 --output models/sd15

Nothing of the source is executed: weights are read from safetensors files only. Every module is
compared with diffusers before the bundle appears under its name.
"""

import argparse
import signal
import sys
from pathlib import Path
from typing import NoReturn

from export.errors import ExitCode, ExportError

_DTYPES = ("float16", "bfloat16", "float32")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ExportError(ExitCode.USAGE, f"{message}; see --help")


def parse(argv: list[str]) -> argparse.Namespace:
    """The command line; its help is the documentation."""
    parser = _Parser(
        prog="export_model",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("source", metavar="SOURCE", type=Path, help="diffusers folder")
    parser.add_argument(
        "--output", metavar="DIR", type=Path, required=True, help="bundle folder to create"
    )
    parser.add_argument(
        "--dtype",
        choices=_DTYPES,
        default="float16",
        help="precision to store the text encoder and UNet in (default: %(default)s; "
        "float32 loads fastest for use on a CPU)",
    )
    parser.add_argument(
        "--vae-dtype",
        choices=_DTYPES,
        default="float32",
        help="precision to store the VAE in (default: %(default)s)",
    )
    parser.add_argument("--name", help="name in model.json (default: the name of DIR)")
    parser.add_argument("--force", action="store_true", help="replace DIR if it is a bundle")
    return parser.parse_args(argv)


def say(line: str) -> None:
    """Progress for people."""
    print(f"export_model: {line}", file=sys.stderr, flush=True)


def run(argv: list[str]) -> None:
    """Exports what the command line asks for and prints the bundle's path."""
    args = parse(argv)
    from export.convert import Options, export  # torch and diffusers take seconds to import

    try:
        print(export(Options(**vars(args)), say))
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
