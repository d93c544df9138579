"""From what the user names to a model: its layout, and the changes that the user wants made to it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .diffusers_folder import DiffusersFolder
from .embedding import AddedEmbedding, read_embedding
from .errors import ExitCode, ExportError
from .hub_cache import find_snapshot, is_hub_name
from .lora import MergedLora
from .replaced_vae import ReplacedVae
from .safetensors_header import SUFFIXES, refuse_pickle
from .single_file import SingleFile
from .source import ChangedSource, Source, TokenizerSource


@dataclass(frozen=True)
class Request:
    """What to read, and what to change in it."""

    source: str
    config: Path | None = None
    tokenizer: Path | None = None
    prediction_type: str | None = None
    vae: str | None = None
    loras: tuple[tuple[Path, float], ...] = ()
    embeddings: tuple[tuple[Path, str | None], ...] = ()
    defaults: dict[str, Any] = field(default_factory=dict)  # of the bundle


def open_source(request: Request) -> Source:
    """The model; nothing but headers and configurations is read."""
    source = _open_layout(request)
    if request.prediction_type is not None:
        source = _Predicting(source, request.prediction_type)
    if request.vae is not None:
        source = ReplacedVae(source, _place(request.vae))
    for path, weight in request.loras:
        source = lora = MergedLora(source, path, weight)
        for token, pieces in lora.embeddings.items():
            source = AddedEmbedding(source, path, token, pieces)
    for path, token in request.embeddings:
        source = AddedEmbedding(source, path, token, read_embedding(path))
    return _WithDefaults(source, request.defaults) if request.defaults else source


def _open_layout(request: Request) -> Source:
    path = _place(request.source)
    if path.is_dir():
        folder = DiffusersFolder(path)
        return folder if request.tokenizer is None else _WithTokenizers(folder, request.tokenizer)
    refuse_pickle(path)
    return SingleFile(path, request.config, request.tokenizer, request.prediction_type)


def _place(text: str) -> Path:
    """A file or folder as named, or the snapshot of `org/name`."""
    path = Path(text)
    if path.exists():
        return path
    refuse_pickle(path)
    if path.suffix.lower() not in SUFFIXES and is_hub_name(text):
        return find_snapshot(text)
    raise ExportError(
        ExitCode.NO_INPUT,
        f"there is no file or folder {path}; a model is a diffusers folder, one .safetensors file, or org/name in the "
        "hub cache",
    )


class _Predicting(ChangedSource):
    """Another source whose UNet predicts what the user says."""

    def __init__(self, original: Source, prediction_type: str) -> None:
        super().__init__(original)
        self._prediction_type = prediction_type

    def config(self, part: str) -> dict[str, Any]:
        config = self.original.config(part)
        return config | {"prediction_type": self._prediction_type} if part == "scheduler" else config


class _WithDefaults(ChangedSource):
    """Another source with the user's defaults."""

    def __init__(self, original: Source, defaults: dict[str, Any]) -> None:
        super().__init__(original)
        self._defaults = defaults

    def overrides(self) -> dict[str, Any]:
        overrides = self.original.overrides()
        theirs = overrides.get("defaults", {})
        return overrides | {"defaults": theirs | self._defaults} if isinstance(theirs, dict) else overrides


class _WithTokenizers(ChangedSource):
    """Another source with the user's tokenizer folders."""

    def __init__(self, original: Source, folder: Path) -> None:
        super().__init__(original)
        self._folder = folder

    def tokenizer(self, part: str) -> TokenizerSource:
        inner = self._folder / part.replace("text_encoder", "tokenizer")
        return TokenizerSource(inner if inner.is_dir() else self._folder)
