"""Reads JSON objects from files."""

import json
from pathlib import Path
from typing import Any

from .errors import ExitCode, ExportError, bad_data
from .foreign_file import what_it_is


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file; anything else is an error that names the file."""
    try:
        raw = path.read_bytes()
        value = json.loads(raw.decode("utf-8"))
    except FileNotFoundError as error:
        raise ExportError(ExitCode.NO_INPUT, f"{path} is missing from the model") from error
    except OSError as error:
        raise bad_data(f"{path} cannot be read as JSON ({_first_line(error)})") from error
    except (ValueError, RecursionError) as error:
        foreign = what_it_is(raw)
        raise bad_data(f"{path} cannot be read as JSON ({foreign or _first_line(error)})") from error
    if not isinstance(value, dict):
        raise bad_data(f"{path} holds no JSON object")
    return value


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
