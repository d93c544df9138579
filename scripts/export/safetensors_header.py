"""Reads .safetensors files: names, shapes and sizes from the header alone, tensors one at a time."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .errors import ExitCode, ExportError, bad_data
from .foreign_file import what_binary_is

SUFFIXES = (".safetensors", ".sft")  # usual ones; what a file is, its bytes tell
PICKLES = (".bin", ".ckpt", ".pt", ".pth", ".pkl", ".msgpack", ".h5")
_START_BYTES = 200  # what tells a foreign file
_MAX_HEADER_BYTES = 100 * 1024 * 1024  # the limit of the safetensors library itself
_PICKLE_STARTS = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")  # torch.save's zip, plain pickles
_DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
}
READABLE = tuple(_DTYPES)

_WHOLE_BYTES = {"I64": 8, "I32": 4, "I16": 2, "I8": 1, "U64": 8, "U32": 4, "U16": 2, "U8": 1}


@dataclass(frozen=True)
class TensorEntry:
    """One tensor of a file, as its header announces it."""

    dtype: str  # "F16", "F32", ...
    shape: tuple[int, ...]
    begin: int  # of its data, from the start of the file
    end: int

    @property
    def numel(self) -> int:
        return math.prod(self.shape)


def refuse_pickle(path: Path) -> None:
    """A pickle is refused by its name, before a byte of it is read."""
    if path.suffix.lower() in PICKLES:
        raise pickle_error(path)


def pickle_error(path: Path) -> ExportError:
    """What people with a pickle can do about it."""
    return bad_data(
        f"{path} is a pickle, which can run code when read; get the .safetensors file, or convert it where you "
        "trust it: StableDiffusionPipeline.from_pretrained(OLD) or .from_single_file(OLD), then "
        ".save_pretrained(NEW, safe_serialization=True)"
    )


def read_header(path: Path) -> dict[str, TensorEntry]:
    """Name -> entry of every tensor; a truncated or foreign file is an error that names it."""
    header, start = _read_json(path)
    header.pop("__metadata__", None)
    entries = {name: _entry(path, name, value, start) for name, value in header.items()}
    end, size = max((entry.end for entry in entries.values()), default=start), path.stat().st_size
    if size != end:
        raise bad_data(f"{path} has {size} bytes where its header announces {end}; fetch it again")
    _check_places(path, entries, start)
    return entries


def read_metadata(path: Path) -> dict[str, str]:
    """The free texts that the writer of the file left in its header."""
    metadata = _read_json(path)[0].get("__metadata__") or {}
    if not isinstance(metadata, dict):
        raise _damaged(path)
    return {str(key): str(value) for key, value in metadata.items()}


def read_tensor(path: Path, name: str, entry: TensorEntry) -> Tensor:
    """A copy of one tensor, in the file's precision; 8 bits come as float16, which holds each of their values.

    Read, not mapped: the pages of a mapped file would count as this program's memory.
    """
    if entry.dtype not in _DTYPES:
        raise bad_data(f"{path}: tensor '{name}' holds {entry.dtype}; supported are {', '.join(READABLE)}")
    dtype = _DTYPES[entry.dtype]
    if entry.numel == 0:
        return torch.empty(entry.shape, dtype=dtype)
    buffer = bytearray(entry.end - entry.begin)
    with path.open("rb") as file:
        file.seek(entry.begin)
        if file.readinto(buffer) != len(buffer):
            raise ExportError(ExitCode.IO, f"{path} ends within tensor '{name}'; fetch it again")
    tensor = torch.frombuffer(buffer, dtype=dtype).reshape(entry.shape)
    return tensor.half() if dtype.itemsize == 1 else tensor


def read_number(path: Path, name: str, entry: TensorEntry) -> float:
    """The one value of a tensor, which may be a whole number."""
    if entry.dtype not in _WHOLE_BYTES:
        return float(read_tensor(path, name, entry).float())
    if entry.end - entry.begin != _WHOLE_BYTES[entry.dtype]:
        raise _damaged(path, name)
    with path.open("rb") as file:
        file.seek(entry.begin)
        return float(int.from_bytes(file.read(entry.end - entry.begin), "little", signed=entry.dtype[0] == "I"))


def _read_json(path: Path) -> tuple[dict, int]:
    """The header's JSON object, and where the data starts."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(8)
        length = int.from_bytes(head, "little")
        if head.startswith(_PICKLE_STARTS):
            raise pickle_error(path)
        if size < 8 or length > min(_MAX_HEADER_BYTES, size - 8):
            raise _not_safetensors(path, head + file.read(_START_BYTES))
        raw = file.read(length)
    try:
        header = json.loads(raw, object_pairs_hook=lambda pairs: _without_twins(path, pairs))
    except (ValueError, RecursionError) as error:
        raise _damaged(path) from error
    if not isinstance(header, dict):
        raise _damaged(path)
    return header, 8 + length


def _without_twins(path: Path, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """JSON objects keep the last of two values with one name, and the other would be lost."""
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twin = next(name for name in names if names.count(name) > 1)
        raise bad_data(f"{path} has a damaged safetensors header: it names '{twin}' twice; fetch it again")
    return found


def _not_safetensors(path: Path, start: bytes) -> ExportError:
    """A file that ends too early, or another kind of file."""
    if (foreign := what_binary_is(start)) is not None:
        return bad_data(f"{path} is not a whole safetensors file but {foreign}")
    return bad_data(f"{path} is not a whole safetensors file; fetch it again")


def _entry(path: Path, name: str, value: Any, start: int) -> TensorEntry:
    """What the header says of a tensor, if it makes sense."""
    try:
        dtype, shape, (begin, end) = value["dtype"], value["shape"], value["data_offsets"]
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged(path, name) from error
    if not isinstance(dtype, str) or not isinstance(shape, list):
        raise _damaged(path, name)
    if any(type(number) is not int or number < 0 for number in (*shape, begin, end)) or end < begin:
        raise _damaged(path, name)
    entry = TensorEntry(dtype, tuple(shape), start + begin, start + end)
    if dtype in _DTYPES and entry.numel * _DTYPES[dtype].itemsize != end - begin:
        raise bad_data(
            f"{path}: tensor '{name}' has {end - begin} bytes, which is not what its shape {entry.shape} of {dtype} "
            "asks for; fetch the file again"
        )
    return entry


def _check_places(path: Path, entries: dict[str, TensorEntry], start: int) -> None:
    """Tensors follow each other without gaps; a header that says otherwise lies about one of them."""
    place = start
    for name, entry in sorted(entries.items(), key=lambda item: (item[1].begin, item[1].end)):
        if entry.begin != place:
            raise bad_data(f"{path}: tensor '{name}' does not begin where the one before it ends; fetch the file again")
        place = entry.end


def _damaged(path: Path, name: str | None = None) -> ExportError:
    where = "" if name is None else f" (tensor '{name}')"
    return bad_data(f"{path} has a damaged safetensors header{where}; fetch it again")
