"""Writes TorchScript archives without the exporter's own traces in them."""

from pathlib import Path

import torch

_DEBUG_SUFFIX = ".debug_pkl"
# Records that the writer makes itself. Operators newer than format 5 move the version.
_VERSIONS = (".data/version", "version")
_WRITTEN_AT_END = (
    *_VERSIONS,
    ".data/serialization_id",
    ".format_version",
    ".storage_alignment",
)


def save(module: torch.jit.ScriptModule, path: Path) -> None:
    """Saves a module without debug records: those hold the source lines and paths of the machine
    that traced it, and are half of the archive's entries."""
    raw = path.with_suffix(".raw")
    module.save(str(raw))
    reader = torch._C.PyTorchFileReader(str(raw))
    writer = torch._C.PyTorchFileWriter(str(path))
    version = next(name for name in _VERSIONS if reader.has_record(name))
    writer.set_min_version(int(reader.get_record(version)))
    for name in reader.get_all_records():
        if not name.endswith(_DEBUG_SUFFIX) and name not in _WRITTEN_AT_END:
            record = reader.get_record(name)
            writer.write_record(name, record, len(record))
    writer.write_end_of_file()
    raw.unlink()
