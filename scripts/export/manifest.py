"""Puts together model.json, version 1 of the bundle format."""

import math
import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from .bundle_folder import FORMAT, sha256
from .bundle_format import check_manifest, check_section
from .choices import obstacles, scheduler_obstacles, schedules_of
from .defaults import Defaults, default_steps, starts_at_the_end
from .errors import bad_data
from .idle_keys import idle_notes
from .scheduler import KNOWN_KEYS, Scheduler
from .source import Source
from .text_encoder import text_config
from .unet import SIZES, build_unet, time_id_names, unet_inputs
from .vae import VAE_ENCODER, build_vae, is_tiny, vae_factor
from .xl_text_encoder import xl_clip_skips

_FAMILIES = {768: "sd1", 1024: "sd2"}  # cross-attention width -> family of StableDiffusionPipeline
_STATISTICS = ("latents_mean", "latents_std")
_OVERRIDABLE = ("name", "family", "licence", "source", "defaults", "scheduler")
_SIZES = ("width", "height", "size_multiple")
_DEFAULTS = (*_SIZES, "steps", "guidance", "sampler", "schedule", "negative", "sampler_options")


class Facts:
    """What model.json says about a source, apart from the files of the bundle."""

    def __init__(self, source: Source) -> None:
        self._source = source
        # Built without weights: it fills in the class defaults and refuses what is unsupported.
        self.unet = build_unet(source.config("unet"), source.where("unet")).config
        self.vae = build_vae(source.config("vae"), source.where("vae")).config
        self.text_encoders = [text_config(source.config(part), source.where(part)) for part in source.text_parts]
        self.scheduler = Scheduler(source.config("scheduler"), source.where("scheduler"), source.pipeline_class)
        self.overrides = _checked_overrides(source)
        self._check_widths()
        self._check_scheduler()
        check_section("vae", self._vae_facts("float32"), source.where("vae"))

    @property
    def context_width(self) -> int:
        """The joined width of all text encoders."""
        return sum(config.hidden_size for config in self.text_encoders)

    @property
    def pooled_width(self) -> int:
        return self.text_encoders[-1].projection_dim if self._source.is_xl else 0

    @property
    def clip_skips(self) -> int:
        layers = [config.num_hidden_layers for config in self.text_encoders]
        return xl_clip_skips(layers) if self._source.is_xl else layers[0]

    @property
    def family(self) -> str:
        """For people; nothing depends on it."""
        width = self.unet.cross_attention_dim
        if self._source.is_xl:
            return "sdxl" if len(self.text_encoders) == 2 else "sdxl-refiner"
        return _FAMILIES.get(width, "custom")

    def _check_widths(self) -> None:
        path, channels = self._source.path, self.vae.latent_channels
        if self.unet.cross_attention_dim != self.context_width:
            raise bad_data(
                f"{path}: the UNet takes contexts {self.unet.cross_attention_dim} wide, the text encoders make them "
                f"{self.context_width} wide; parts of two models?"
            )
        # An inpainting UNet sees the latent, a mask, and the latent of the picture without what the mask hides.
        if self.unet.in_channels not in (channels, 2 * channels + 1):
            raise bad_data(
                f"{path}: the UNet takes {self.unet.in_channels} channels, the VAE has {channels}; such models are "
                "not supported"
            )
        if ("pooled" in unet_inputs(self.unet)) != self._source.is_xl:
            raise bad_data(
                f"{path}: addition_embed_type = {self.unet.addition_embed_type!r} of the UNet does not fit "
                f"{self._source.pipeline_class}; parts of two models?"
            )

    def _check_scheduler(self) -> None:
        """Nothing of a scheduler is left out without a word: what cannot be followed is an error, unless the user
        chooses what to draw with."""
        path, facts, defaults = self._source.path, self.scheduler_facts, self.defaults
        check_section("scheduler", facts, f"{path}")
        check_section("defaults", defaults, f"{path}")
        for obstacle in (*scheduler_obstacles(facts), *obstacles(defaults, facts)):
            raise bad_data(f"{path}: {obstacle}")
        for obstacle in () if self._is_sampler_chosen else self.scheduler.obstacles():
            raise bad_data(f"{obstacle}; change it there, or choose another way to draw with --sampler")

    @property
    def _is_sampler_chosen(self) -> bool:
        return "sampler" in self.overrides.get("defaults", {})

    def notes(self) -> list[str]:
        """Where the bundle departs from the published model, for people."""
        passed_over = self.scheduler.obstacles() if self._is_sampler_chosen else ()
        scheduler = (*passed_over, *self.scheduler.notes(), *self._few_steps_note())
        return [*self._source.notes, *scheduler, *self._inpainting_note(), *idle_notes(self._source)]

    def _inpainting_note(self) -> list[str]:
        if self.unet.in_channels == self.vae.latent_channels:
            return []
        return ["an inpainting model, which draws into a picture: this version of txt2img cannot draw with it yet"]

    def _few_steps_note(self) -> list[str]:
        if not self._starts_at_the_end or self._published_steps.steps == 1:
            return []
        return [
            "its scheduler, Euler with trailing spacing, is that of models for few steps, such as SD-Turbo and "
            "SDXL-Lightning; if this is one, add --steps 1 --guidance 1, or what its makers say"
        ]

    @property
    def _starts_at_the_end(self) -> bool:
        return starts_at_the_end(self.scheduler.class_name, self.scheduler_facts)

    @property
    def _published_steps(self) -> Defaults:
        kind, names = self.scheduler.class_name, " ".join(self._source.names())
        return default_steps(kind, self._starts_at_the_end, unet_inputs(self.unet), self._source.is_xl, names)

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
        manifest = {
            "format": FORMAT,
            "version": 1,
            "name": name,
            "family": self.overrides.get("family", self.family),
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
                "clip_skips": self.clip_skips,
                "context_width": self.context_width,
                "pooled_width": self.pooled_width,
                "zero_empty_negative": self._zero_empty_negative,
            },
            "unet": {
                "file": "unet.pt",
                "dtype": stored,
                "inputs": list(unet_inputs(self.unet)),
                "in_channels": self.unet.in_channels,
                "out_channels": self.unet.out_channels,
                **self._time_ids(),
            },
            "vae": self._vae_facts(vae_stored, VAE_ENCODER in files),
            "scheduler": self.scheduler_facts,
            "defaults": self.defaults,
        }
        check_manifest(manifest, f"{self._source.path}")
        return manifest

    def _vae_facts(self, stored: str, has_encoder: bool = True) -> dict[str, Any]:
        return {
            "decoder": "vae_decoder.pt",
            "encoder": VAE_ENCODER if has_encoder else None,
            "dtype": stored,
            "factor": vae_factor(self.vae),
            "latent_channels": self.vae.latent_channels,
            "scaling_factor": self.vae.scaling_factor,
            "shift_factor": self.vae.shift_factor or 0.0,
            **{key: list(self.vae[key]) for key in _STATISTICS if self.vae.get(key) is not None},
            **({"posterior": False} if is_tiny(self.vae) else {}),
        }

    @property
    def scheduler_facts(self) -> dict[str, Any]:
        return self.scheduler.facts() | self.overrides.get("scheduler", {})

    @property
    def defaults(self) -> dict[str, Any]:
        """The derived ones, and those of the model's maker and of the user."""
        wanted = self.overrides.get("defaults", {})
        derived = self._derived_defaults()
        defaults = derived | wanted
        options = self.scheduler.options() if defaults["sampler"] == derived["sampler"] else {}
        options |= wanted.get("sampler_options", {})
        if options:
            defaults["sampler_options"] = options
        # The schedule of the published scheduler need not go with a sampler that was asked for.
        if "schedule" not in wanted and defaults["schedule"] not in schedules_of(
            defaults["sampler"], self.scheduler_facts
        ):
            defaults["schedule"] = "model"
        return defaults

    @property
    def _zero_empty_negative(self) -> bool:
        return self._source.is_xl and bool(self._source.index.get("force_zeros_for_empty_prompt", True))

    def _time_ids(self) -> dict[str, Any]:
        """Which numbers the UNet wants, unless they are the usual six."""
        if "time_ids" not in unet_inputs(self.unet):
            return {}
        names = time_id_names(self.unet, self.pooled_width, self._source.where("unet"))
        return {} if names == SIZES else {"time_ids": list(names)}

    def _derived_defaults(self) -> dict[str, Any]:
        factor = vae_factor(self.vae)
        steps = self._published_steps
        height, width = self._latent_size()
        multiple = math.lcm(8, factor)
        return {
            "width": math.ceil(width * factor / multiple) * multiple,
            "height": math.ceil(height * factor / multiple) * multiple,
            "steps": steps.steps,
            "guidance": steps.guidance,
            "sampler": self.scheduler.sampler(),
            "schedule": self.scheduler.schedule(),
            "size_multiple": multiple,
        }

    def _latent_size(self) -> tuple[int, int]:
        """Height and width that the UNet was trained at; the pipelines of SD 1 do not believe old ones below 64."""
        size = self.unet.sample_size or 64
        if isinstance(size, (list, tuple)):
            return size[0], size[1]
        return (64, 64) if size < 64 and not self._source.is_xl and self._is_older_than_0_9() else (size, size)

    def _is_older_than_0_9(self) -> bool:
        """The version of diffusers that saved the UNet."""
        numbers = re.findall(r"\d+", str(self._source.config("unet").get("_diffusers_version", "1")))[:2]
        return tuple(map(int, numbers)) < (0, 9) and bool(numbers)

    def _provenance(self) -> dict[str, Any]:
        return {
            "pipeline": self._source.pipeline_class,
            "scheduler": self.scheduler.class_name,
            "weights": self._hashes(),
        }

    def _hashes(self) -> dict[str, str]:
        """By the file's name; LoRA files of different folders often share theirs."""
        hashes: dict[str, str] = {}
        for file in dict.fromkeys(self._source.weight_files()):
            name = self._short(file)
            twins = sum(key == name or key.startswith(f"{name} (") for key in hashes)
            hashes[f"{name} ({twins + 1})" if twins else name] = sha256(file)
        return hashes

    def _short(self, file: Path) -> str:
        """The name within the source, or the last part of it: a bundle tells nothing about its maker's folders."""
        return str(file.relative_to(self._source.path)) if self._source.path in file.parents else file.name


def program_version() -> str:
    """The version that CMakeLists.txt gives the program; "unknown" outside the repository."""
    cmake = Path(__file__).parents[2] / "CMakeLists.txt"
    found = cmake.exists() and re.search(
        r"project\(\s*txt2img\s+VERSION\s+([0-9.]+)", cmake.read_text(encoding="utf-8")
    )
    return found[1] if found else "unknown"


def _checked_overrides(source: Source) -> dict[str, Any]:
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
