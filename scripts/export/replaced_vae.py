"""A model with another model's VAE."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .diffusers_folder import named_pieces, weight_files_of
from .errors import ExitCode, ExportError, bad_data
from .json_file import read_json
from .ldm_names import VAE_PREFIX, vae_name
from .safetensors_header import refuse_pickle
from .source import ChangedSource, Source
from .weights import Piece, Weights, pieces_of

_STARTS = (VAE_PREFIX, "vae.", "")


class ReplacedVae(ChangedSource):
    """`place` is a folder that diffusers saved a VAE to, or a whole model with one in `vae/`, or one file in the
    original or diffusers' names. A file has no configuration: that of the model's own VAE holds for it."""

    def __init__(self, original: Source, place: Path) -> None:
        super().__init__(original)
        self._place = place
        self._folder = _vae_folder(place) if place.is_dir() else None
        self._files = [place] if self._folder is None else weight_files_of(self._folder)
        for file in self._files:
            refuse_pickle(file)
            if not file.exists():
                raise ExportError(ExitCode.NO_INPUT, f"there is no {file}; give --vae a folder or a .safetensors file")

    def config(self, part: str) -> dict[str, Any]:
        if part != "vae" or self._folder is None:
            return self.original.config(part)
        return read_json(self._folder / "config.json")

    def where(self, part: str) -> str:
        return str(self._place) if part == "vae" else self.original.where(part)

    def weights(self, part: str, names: Iterable[str]) -> Weights:
        if part != "vae":
            return self.original.weights(part, names)
        names = list(names)
        pieces = pieces_of(self._files)
        config = self.config("vae")
        for start in _STARTS:
            found = {start + vae_name(name, config).name: name for name in names}
            if f"{start}decoder.mid.block_1.conv1.weight" in pieces:
                return _translated(pieces, start, found)
        if "decoder.mid_block.resnets.0.conv1.weight" not in pieces:
            raise bad_data(f"{self._place} holds no VAE: it has no tensor 'decoder.mid...conv1.weight'")
        return named_pieces("vae", self._files, names)

    def weight_files(self) -> list[Path]:
        return [*(f for f in self.original.weight_files() if f.parent.name != "vae"), *self._files]


def _translated(pieces: dict[str, Piece], start: str, names: dict[str, str]) -> Weights:
    """A whole model may surround the VAE, and its training may have left things beside it."""
    idle = tuple(start + name for name in ("loss.", "model_ema."))
    mine = {name: piece for name, piece in pieces.items() if name.startswith(start) and not name.startswith(idle)}
    return {names.get(name, name): piece for name, piece in mine.items()}


def _vae_folder(place: Path) -> Path:
    return place / "vae" if (place / "vae" / "config.json").exists() else place
