"""Puts together model.json, version 1 of the bundle format."""

import math
import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from .bundle_folder import FORMAT, sha256
from .errors import bad_data
from .scheduler import KNOWN_KEYS, Scheduler
from .source import DiffusersFolder
from .unet import INPUTS, build_unet
from .vae import build_vae, vae_factor

_FAMILIES = {768: "sd1", 1024: "sd2"}  # cross-attention width -> family of StableDiffusionPipeline
_OVERRIDABLE = ("name", "family", "licence", "source", "defaults", "scheduler")
_SIZES = ("width", "height", "size_multiple")
_DEFAULTS = (*_SIZES, "steps", "guidance", "sampler", "schedule", "negative")


class Facts:
    """What model.json says about a source, apart from the files of the bundle."""

    def __init__(self, source: DiffusersFolder) -> None:
        self._source = source
        # Built without weights: it fills in the class defaults and refuses what is unsupported.
        self.unet = build_unet(source.config("unet"), str(source.path / "unet/config.json")).config
        self.vae = build_vae(source.config("vae"), str(source.path / "vae/config.json")).config
        self.text_encoder = source.config("text_encoder")
        where = str(source.path / "scheduler/scheduler_config.json")
        self.scheduler = Scheduler(source.config("scheduler"), where)
        self.overrides = _checked_overrides(source)
        self._check_widths()

    def _check_widths(self) -> None:
        path = self._source.path
        if self.unet.cross_attention_dim != self.text_encoder["hidden_size"]:
            raise bad_data(
                f"{path}: the UNet takes contexts {self.unet.cross_attention_dim} wide, the text "
                f"encoder makes them {self.text_encoder['hidden_size']} wide; parts of two models?"
            )
        if self.unet.in_channels != self.vae.latent_channels:
            raise bad_data(
                f"{path}: the UNet takes {self.unet.in_channels} channels, the VAE has "
                f"{self.vae.latent_channels}; inpainting models are not supported yet"
            )

    def notes(self) -> list[str]:
        """Where the bundle departs from the published model, for people."""
        notes = [self.scheduler.sampler()[1], self.scheduler.schedule()[1]]
        defaults = self.overrides.get("defaults", {})
        keys = ("sampler", "schedule")
        return [n for n, key in zip(notes, keys, strict=True) if n and key not in defaults]

    def manifest(
        self,
        name: str,
        dtype: torch.dtype,
        vae_dtype: torch.dtype,
        tokenizers: list[dict[str, Any]],
        files: dict[str, dict[str, Any]],
    ) -> dict[str, Any]:
        """The whole of model.json."""
        stored, vae_stored = (str(d).removeprefix("torch.") for d in (dtype, vae_dtype))
        family = _FAMILIES.get(self.unet.cross_attention_dim, "custom")
        return {
            "format": FORMAT,
            "version": 1,
            "name": name,
            "family": self.overrides.get("family", family),
            "licence": self.overrides.get("licence", _licence(self._source.path)),
            "source": self.overrides.get("source", {}) | self._provenance(),
            "exporter": {
                "txt2img": program_version(),
                **{package: version(package) for package in ("torch", "diffusers", "transformers")},
            },
            "files": files,
            "tokenizers": tokenizers,
            "text_encoder": {
                "file": "text_encoder.pt",
                "dtype": stored,
                "clip_skips": self.text_encoder["num_hidden_layers"],
                "context_width": self.text_encoder["hidden_size"],
                "pooled_width": 0,
                "zero_empty_negative": False,
            },
            "unet": {
                "file": "unet.pt",
                "dtype": stored,
                "inputs": list(INPUTS),
                "in_channels": self.unet.in_channels,
                "out_channels": self.unet.out_channels,
            },
            "vae": {
                "decoder": "vae_decoder.pt",
                "encoder": "vae_encoder.pt",
                "dtype": vae_stored,
                "factor": vae_factor(self.vae),
                "latent_channels": self.vae.latent_channels,
                "scaling_factor": self.vae.scaling_factor,
                "shift_factor": self.vae.shift_factor or 0.0,
            },
            "scheduler": self.scheduler.facts(self._source.pipeline_class)
            | self.overrides.get("scheduler", {}),
            "defaults": self._defaults() | self.overrides.get("defaults", {}),
        }

    def _defaults(self) -> dict[str, Any]:
        factor = vae_factor(self.vae)
        size = self.unet.sample_size or 64
        height, width = size if isinstance(size, (list, tuple)) else (size, size)
        multiple = math.lcm(8, factor)
        return {
            "width": math.ceil(width * factor / multiple) * multiple,
            "height": math.ceil(height * factor / multiple) * multiple,
            "steps": 25,
            "guidance": 7.5,
            "sampler": self.scheduler.sampler()[0],
            "schedule": self.scheduler.schedule()[0],
            "size_multiple": multiple,
        }

    def _provenance(self) -> dict[str, Any]:
        parts = ("text_encoder", "unet", "vae")
        files = [file for part in parts for file in self._source.weight_files(part)]
        return {
            "pipeline": self._source.pipeline_class,
            "scheduler": self.scheduler.class_name,
            "weights": {str(f.relative_to(self._source.path)): sha256(f) for f in files},
        }


def program_version() -> str:
    """The version that CMakeLists.txt gives the program; "unknown" outside the repository."""
    cmake = Path(__file__).parents[2] / "CMakeLists.txt"
    found = cmake.exists() and re.search(
        r"project\(\s*txt2img\s+VERSION\s+([0-9.]+)", cmake.read_text(encoding="utf-8")
    )
    return found[1] if found else "unknown"


def _checked_overrides(source: DiffusersFolder) -> dict[str, Any]:
    overrides = source.overrides()
    where = source.path / "txt2img.json"
    _refuse_unknown(where, overrides, _OVERRIDABLE)
    for key in ("source", "defaults", "scheduler"):
        if not isinstance(overrides.get(key, {}), dict):
            raise bad_data(f"{where}: '{key}' must be an object")
    _refuse_unknown(where, overrides.get("defaults", {}), _DEFAULTS)
    _refuse_unknown(where, overrides.get("scheduler", {}), KNOWN_KEYS)
    return overrides


def _refuse_unknown(where: Path, values: dict[str, Any], known: tuple[str, ...]) -> None:
    for key in values:
        if key not in known:
            raise bad_data(f"{where}: unknown key '{key}'; known are {', '.join(known)}")


def _licence(folder: Path) -> str:
    """The `license:` line of a model card's front matter."""
    card = folder / "README.md"
    if card.exists():
        front = card.read_text(encoding="utf-8", errors="replace").split("\n---", 1)[0]
        if front.startswith("---") and (found := re.search(r"^license:\s*(\S.*)$", front, re.M)):
            return found[1].strip()
    return "unknown; see the source of the model"
