"""A model with another model's VAE."""

import json
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

from .diffusers_folder import named_pieces, weight_files_of
from .errors import ExitCode, ExportError, bad_data
from .json_file import read_json
from .ldm_names import VAE_PREFIX, vae_names
from .safetensors_header import refuse_pickle
from .source import ChangedSource, Source
from .tiny_vae_names import tiny_vae_config, tiny_vae_names
from .vae import is_tiny
from .weights import Weights, pieces_of

_CONFIGS = Path(__file__).parent / "configs"
_STARTS = (VAE_PREFIX, f"state_dict.{VAE_PREFIX}", "vae.", "")
_MAKERS_TENSOR, _DIFFUSERS_TENSOR = "decoder.mid.block_1.conv1.weight", "decoder.mid_block.resnets.0.conv1.weight"
# How latents are scaled, with diffusers' defaults.
_SCALING = {"scaling_factor": 0.18215, "shift_factor": None, "latents_mean": None, "latents_std": None}


class ReplacedVae(ChangedSource):
    """`place` is a folder that diffusers saved a VAE to, or a whole model with one in `vae/`, or one file in the
    original, diffusers' or TAESD's names. A file has no configuration: that of the model's own VAE holds for it; of a
    tiny one its tensors tell."""

    def __init__(self, original: Source, place: Path) -> None:
        super().__init__(original)
        self._place = place
        self._folder = _vae_folder(place) if place.is_dir() else None
        self._files = [place] if self._folder is None else weight_files_of(self._folder)
        for file in self._files:
            refuse_pickle(file)
            if not file.exists():
                raise ExportError(ExitCode.NO_INPUT, f"there is no {file}; give --vae a folder or a .safetensors file")
        self.notes = (*self.notes, *self._notes())

    @cached_property
    def _pieces(self) -> Weights:
        return pieces_of(self._files)

    @cached_property
    def _tiny(self) -> dict[str, str]:
        """Of a file with a tiny VAE: its names -> diffusers'."""
        return tiny_vae_names(self._pieces) if self._folder is None else {}

    @cached_property
    def _config(self) -> dict[str, Any]:
        if self._folder is not None:
            return read_json(self._folder / "config.json")
        if self._tiny:
            return tiny_vae_config({new: self._pieces[old].shape for old, new in self._tiny.items()})
        own = self.original.config("vae")
        return _usual_config(self.original.is_xl) if is_tiny(own) else own

    def _notes(self) -> list[str]:
        if self._tiny:
            return [f"{self._place} is a tiny VAE; its file cannot tell whether it was made for this kind of model"]
        if self._folder is None or is_tiny(self._config):
            return []
        own, theirs = (_SCALING | config for config in (self.original.config("vae"), self._config))
        changed = [f"{key} {theirs[key]} (was {own[key]})" for key in _SCALING if own[key] != theirs[key]]
        if not changed or is_tiny(own):
            return []
        where = self._folder / "config.json"
        return [f"{where} scales latents in another way than the model's own VAE: {', '.join(changed)}"]

    def config(self, part: str) -> dict[str, Any]:
        return self._config if part == "vae" else self.original.config(part)

    def where(self, part: str) -> str:
        return str(self._place) if part == "vae" else self.original.where(part)

    def weights(self, part: str, names: Iterable[str]) -> Weights:
        if part != "vae":
            return self.original.weights(part, names)
        names = list(names)
        if self._tiny:
            return {new: self._pieces[old] for old, new in self._tiny.items()}
        if self._folder is not None and is_tiny(self._config):
            return self._pieces
        for start in _STARTS:
            if start + _MAKERS_TENSOR in self._pieces:
                return self._translated(start, names)
        if _DIFFUSERS_TENSOR not in self._pieces:
            raise bad_data(f"{self._place} holds no VAE: it has no tensor 'decoder.mid...conv1.weight'")
        return named_pieces("vae", self._files, names)

    def _translated(self, start: str, names: list[str]) -> Weights:
        """A whole model may surround the VAE, and its training may have left things beside it."""
        idle = tuple(start + name for name in ("loss.", "model_ema."))
        found = {start + spelling.name: name for name in names for spelling in vae_names(name, self._config)}
        mine = {n: piece for n, piece in self._pieces.items() if n.startswith(start) and not n.startswith(idle)}
        return {found.get(name, name): piece for name, piece in mine.items()}

    def weight_files(self) -> list[Path]:
        return [*(f for f in self.original.weight_files() if f.parent.name != "vae"), *self._files]


def _usual_config(is_xl: bool) -> dict[str, Any]:
    """Of the makers' VAE, for a file that replaces one of another kind."""
    name = "sdxl.json" if is_xl else "sd1.json"
    return json.loads((_CONFIGS / name).read_text(encoding="utf-8"))["vae"]


def _vae_folder(place: Path) -> Path:
    return place / "vae" if (place / "vae" / "config.json").exists() else place
