"""Reads names, shapes and sizes from the header of a .safetensors file, without its data."""

import json
import math
from dataclasses import dataclass
from pathlib import Path

from .errors import bad_data

_MAX_HEADER_BYTES = 100 * 1024 * 1024  # the limit of the safetensors library itself


@dataclass(frozen=True)
class TensorEntry:
    """One tensor of a file, as its header announces it."""

    dtype: str  # "F16", "F32", ...
    shape: tuple[int, ...]

    @property
    def numel(self) -> int:
        return math.prod(self.shape)


def read_header(path: Path) -> dict[str, TensorEntry]:
    """Name -> entry of every tensor; a truncated or foreign file is an error that names it."""
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or length > min(_MAX_HEADER_BYTES, size - 8):
            raise bad_data(f"{path} is not a whole safetensors file; fetch it again")
        raw = file.read(length)
    try:
        header = json.loads(raw)
        header.pop("__metadata__", None)
        entries = {
            name: TensorEntry(entry["dtype"], tuple(entry["shape"]))
            for name, entry in header.items()
        }
        end = max((entry["data_offsets"][1] for entry in header.values()), default=0)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise bad_data(f"{path} has a damaged safetensors header; fetch it again") from error
    if size != 8 + length + end:
        raise bad_data(
            f"{path} has {size} bytes where its header announces {8 + length + end}; fetch it again"
        )
    return entries
