"""A bundle folder comes into being whole: built beside its final place, then renamed."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256 as new_sha256
from pathlib import Path
from typing import Any

from .errors import ExitCode, ExportError

MANIFEST = "model.json"
FORMAT = "txt2img-bundle"


def check_target(target: Path, force: bool) -> None:
    """Refuses what must not be replaced: anything but an empty folder or, with force, a bundle."""
    if not target.exists() and not target.is_symlink():
        return
    if not target.is_dir():
        raise ExportError(ExitCode.CANNOT_CREATE, f"{target} exists and is not a folder")
    if not any(target.iterdir()):
        return
    if not _is_bundle(target):
        raise ExportError(
            ExitCode.CANNOT_CREATE,
            f"{target} exists and is not a bundle; give --output a new folder",
        )
    if not force:
        raise ExportError(ExitCode.CANNOT_CREATE, f"{target} is a bundle already; --force replaces it")


def check_space(target: Path, needed: int) -> None:
    """Refuses to start what would not fit; `needed` in bytes."""
    free = shutil.disk_usage(_existing_parent(target)).free
    if free < needed:
        raise ExportError(
            ExitCode.CANNOT_CREATE,
            f"{target} needs {needed / 1e9:.1f} GB and its disk has {free / 1e9:.1f} GB free; "
            "make room or choose another --output",
        )


@contextmanager
def building(target: Path) -> Iterator[Path]:
    """Yields a temporary sibling of `target`, which becomes `target` if the block succeeds and
    disappears if it does not."""
    work = target.parent / f".{target.name}.export-{os.getpid()}.tmp"
    made = [folder for folder in target.parents if not folder.exists()]
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        work.mkdir()
    except OSError as error:
        _remove_empty(made)
        raise ExportError(ExitCode.CANNOT_CREATE, f"{work} cannot be created ({error.strerror})") from error
    try:
        yield work
        _replace(target, work)
    finally:
        shutil.rmtree(work, ignore_errors=True)
        _remove_empty(made)


def _remove_empty(folders: list[Path]) -> None:
    """Innermost first; one that holds anything, the new bundle for instance, stays with those around it."""
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()


def write_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    """Writes model.json, the last file of a bundle, after all others have reached the disk."""
    for path in sorted(folder.rglob("*")):
        _sync(path)
    path = folder / MANIFEST
    path.write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    _sync(path)
    _sync(folder)


def describe_files(folder: Path, names: list[str]) -> dict[str, dict[str, Any]]:
    """Size and SHA-256 of the bundle's files, as model.json lists them."""
    return {name: {"bytes": (folder / name).stat().st_size, "sha256": sha256(folder / name)} for name in sorted(names)}


def sha256(path: Path) -> str:
    """SHA-256 of a file in hexadecimal."""
    digest = new_sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def _is_bundle(folder: Path) -> bool:
    with suppress(OSError, ValueError, AttributeError):
        return json.loads((folder / MANIFEST).read_text("utf-8")).get("format") == FORMAT
    return False


def _existing_parent(path: Path) -> Path:
    return next(parent for parent in path.absolute().parents if parent.exists())


def _replace(target: Path, work: Path) -> None:
    """Puts `work` in the place of `target`; the old bundle goes only after the new one is there."""
    old = work.with_suffix(".old")
    if target.exists():
        os.rename(target, old)
    try:
        os.rename(work, target)
    except OSError:
        if old.exists():
            os.rename(old, target)
        raise
    _sync(target.parent)
    shutil.rmtree(old, ignore_errors=True)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
