"""One .safetensors file in the original layout: everything but configurations and tokenizers is in it."""

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from .errors import ExitCode, ExportError, bad_data
from .json_file import read_json
from .ldm_facts import FACTS, FileFacts, check_noise_levels, read_facts, said_prediction, scaling_factor
from .ldm_layout import TextPlace, makers_names, text_places
from .ldm_names import (
    UNET_PREFIX,
    VAE_PREFIX,
    LdmName,
    open_clip_name,
    unet_name,
    unet_numberings,
    vae_names,
)
from .ldm_strangers import refuse_stranger, refuse_without_text
from .safetensors_header import read_header, read_metadata
from .source import TEXT_PARTS, Source, TokenizerSource
from .weights import Piece, Weights

CONFIGS = Path(__file__).parent / "configs"
# Where scripts/fetch_clip_vocab.py puts CLIP's vocabulary, which all these models share.
CLIP_VOCABULARY = Path(__file__).parents[2] / ".deps" / "share" / "clip-vocab"

# What else these files hold: nothing that draws.
_IDLE = re.compile(
    r"first_stage_model\.(loss|model_ema)\..*"  # of the VAE's training
    r"|(.*\.)?(position_ids|attn_mask)"  # 0, 1, 2, ..., and causality: both are computed
    r"|(.*\.)?(logit_scale|text_projection(\.weight)?)"  # CLIP's comparison with pictures; where it is used it is taken
    r"|(cond_stage_model|conditioner)\..*\.visual\..*"  # the other half of CLIP
    r"|(betas|alphas|sqrt|log|posterior)_?\w*|logvar|lvlb_weights|denoiser\.sigmas"  # of the noise levels
    r"|model_ema\.(decay|num_updates)"
)
_AVERAGES = "model_ema."
_SGM_SLOT = "conditioner.embedders.0."
_NAMING = Callable[[str], tuple[LdmName, ...]]


class SingleFile(Source):
    """SD 1.x, SD 2.x, SDXL or its refiner; which one, its tensors tell."""

    def __init__(
        self,
        path: Path,
        config_folder: Path | None = None,
        tokenizer_folder: Path | None = None,
        prediction_type: str | None = None,
    ) -> None:
        self.path = path
        self._tensors = makers_names(read_header(path), path)
        self._tokenizer_folder = tokenizer_folder or config_folder
        self._family, self._texts = self._find_texts()
        file = read_json(CONFIGS / f"{self._family}.json")
        self.index: dict[str, Any] = file["model_index"]
        self.text_parts = tuple(part for part in TEXT_PARTS if part in self._texts)
        self._tokenizers: dict[str, Any] = file["tokenizers"]
        self._configs = {part: file[part] for part in (*self.text_parts, "unet", "vae", "scheduler")}
        self._config_where = f"built-in configuration {self._family}.json"
        self._defaults: dict[str, Any] = {}
        facts = read_facts(path, self._tensors, read_metadata(path), self._family)
        self.notes = tuple(facts.notes)
        if config_folder is not None:
            self._take_configs(config_folder)
            self._compare(facts, config_folder, prediction_type)
        else:
            self._take_variants(file.get("variants", {}), facts, prediction_type)
        self._configs["unet"] = self._configs["unet"] | self._unet_facts()
        self._note_rest()

    def _find_texts(self) -> tuple[str, dict[str, TextPlace]]:
        names = self._tensors
        if f"{UNET_PREFIX}input_blocks.0.0.weight" not in names:
            refuse_stranger(self.path, names)
        family, places = text_places(names)
        if family is None:
            refuse_without_text(self.path, names, UNET_PREFIX, VAE_PREFIX)
        return str(family), places

    def _note(self, *notes: str) -> None:
        self.notes = (*self.notes, *notes)

    def _take_configs(self, folder: Path) -> None:
        """The user's own configurations instead of the built-in ones."""
        for part in self._configs:
            name = "scheduler_config.json" if part == "scheduler" else "config.json"
            self._configs[part] = read_json(folder / part / name)
        if (folder / "model_index.json").exists():
            self.index = read_json(folder / "model_index.json")
        self._config_where = str(folder)

    def _compare(self, facts: FileFacts, folder: Path, wanted: str | None) -> None:
        """The user's configurations hold, as in diffusers; what the file says against them is told."""
        scheduler, vae = self._configs["scheduler"], self._configs["vae"]
        configured = scheduler.get("prediction_type") or "epsilon"
        said, notes = said_prediction(self.path, facts.statements, wanted)
        self._note(*notes)
        if wanted is None and said not in (None, configured):
            place = facts.statements[0].place
            self._note(f"{self.path}: {place} says {said}; {configured} is taken, as {folder} says")
        if facts.scheduler and not scheduler.get("sigma_data"):
            self._note(f"{self.path} is a model with EDM preconditioning; it is drawn without, as {folder} says")
        if facts.vae and vae.get("latents_mean") is None:
            self._note(f"{self.path} has statistics of its latents (edm_mean); they are not used, as {folder} has none")
        if facts.has_zero_snr and not scheduler.get("rescale_betas_zero_snr"):
            self._note(f"{self.path}: tensor ztsnr asks for zero terminal SNR; it is drawn without, as {folder} says")
        is_zero, notes = check_noise_levels(self.path, self._tensors, scheduler)
        self._note(*notes)
        if is_zero and not facts.has_zero_snr:
            self._note(f"{self.path} was trained with zero terminal SNR; it is drawn without, as {folder} says")
        assumed = float(vae.get("scaling_factor", 0.18215))
        if (own := scaling_factor(self.path, self._tensors, assumed)) != assumed:
            self._note(f"{self.path}: its scale_factor {own:g} is not used: {assumed:g} of {folder} is")

    def _take_variants(self, variants: dict[str, Any], facts: FileFacts, wanted: str | None) -> None:
        """What the file says, and what it cannot tell is assumed, as diffusers does, and said."""
        said, notes = said_prediction(self.path, facts.statements, wanted)
        self._note(*notes)
        is_turbo = said is None and "turbo" in variants and self._texts["text_encoder"].slot == _SGM_SLOT
        for name in (said or "", "turbo" if is_turbo else "", "inpainting" if self._is_inpainting else ""):
            for part, values in variants.get(name, {}).items():
                self._take(part, values)
        if said is not None:
            self._take("scheduler", {"prediction_type": said})
        elif is_turbo:
            self._note(
                "taken as SD-Turbo, to which these names belong, as the file cannot tell; for others see "
                "--prediction-type, --steps, --guidance, --sampler and --schedule"
            )
        elif "epsilon" in variants and not self._is_inpainting:
            self._note(
                "taken as a v-prediction model for 768 pixels: the file cannot tell; for SD 2 base and its kin "
                "add --prediction-type epsilon"
            )
        self._take_facts(facts)

    def _take(self, part: str, values: dict[str, Any]) -> None:
        if part == "defaults":
            self._defaults |= values
        else:
            self._configs[part] = self._configs[part] | values

    def _take_facts(self, facts: FileFacts) -> None:
        if facts.scheduler:
            predicted = self._configs["scheduler"]["prediction_type"]
            self._configs["scheduler"] = facts.scheduler | {"prediction_type": predicted}
        channels = self._configs["vae"].get("latent_channels", 4)
        if facts.vae and len(facts.vae["latents_mean"]) != channels:
            raise bad_data(
                f"{self.path}: tensor 'edm_mean' has {len(facts.vae['latents_mean'])} numbers for {channels} channels"
            )
        self._take("vae", facts.vae)
        if facts.size is not None:
            self._take("unet", {"sample_size": [side // 8 for side in reversed(facts.size)]})
        self._take_noise_levels(facts.has_zero_snr)
        if not facts.vae:
            assumed = float(self._configs["vae"].get("scaling_factor", 0.18215))
            if (own := scaling_factor(self.path, self._tensors, assumed)) != assumed:
                self._take("vae", {"scaling_factor": own})
                self._note(f"{self.path}: latents are scaled by its own scale_factor, {own:g}")

    def _take_noise_levels(self, is_flagged: bool) -> None:
        scheduler = self._configs["scheduler"]
        is_zero, notes = check_noise_levels(self.path, self._tensors, scheduler)
        self._note(*notes)
        if not (is_zero or is_flagged):
            return
        if scheduler["prediction_type"] != "v_prediction" or "sigma_data" in scheduler:
            self._note(f"{self.path}: tensor ztsnr is not followed: zero terminal SNR goes with v-prediction")
            return
        kind = scheduler["_class_name"]
        has_key = kind != "PNDMScheduler"
        self._take("scheduler", {"rescale_betas_zero_snr": True, "_class_name": kind if has_key else "DDIMScheduler"})

    @property
    def _is_inpainting(self) -> bool:
        return self._in_channels == 9

    @property
    def _in_channels(self) -> int:
        tensor = self._tensors[f"{UNET_PREFIX}input_blocks.0.0.weight"]
        return tensor.entry.shape[1] if len(tensor.entry.shape) == 4 else 4

    def _unet_facts(self) -> dict[str, Any]:
        """What the tensors themselves tell."""
        facts: dict[str, Any] = {"in_channels": self._in_channels}
        guidance = self._tensors.get(f"{UNET_PREFIX}time_embed.cond_proj.weight")
        if guidance is not None and len(guidance.entry.shape) == 2:
            facts["time_cond_proj_dim"] = guidance.entry.shape[1]
        return facts

    def _note_rest(self) -> None:
        """Tensors that belong to no part of the model; those within a part are its weights' affair."""
        parts = (UNET_PREFIX, VAE_PREFIX, *(place.start for place in self._texts.values()))
        rest = [n for n in self._tensors if not n.startswith(parts) and n not in FACTS and not _IDLE.fullmatch(n)]
        averages = [name for name in rest if name.startswith(_AVERAGES)]
        if averages:
            self._note(
                f"{self.path}: its averaged weights ({len(averages)} tensors {_AVERAGES}...) are not used, but "
                "the others, as in diffusers"
            )
        if others := [self._tensors[name].name for name in rest if not name.startswith(_AVERAGES)]:
            more = f" (and {len(others) - 1} more)" if len(others) > 1 else ""
            self._note(f"{self.path}: tensor '{others[0]}'{more} belongs to no part of the model and is not used")

    def config(self, part: str) -> dict[str, Any]:
        return self._configs[part]

    def where(self, part: str) -> str:
        return f"{self._config_where} ({part})"

    def overrides(self) -> dict[str, Any]:
        return {"defaults": self._defaults} if self._defaults else {}

    def weight_files(self) -> list[Path]:
        return [self.path]

    def tokenizer(self, part: str) -> TokenizerSource:
        tokenizer = part.replace("text_encoder", "tokenizer")
        folder = self._tokenizer_folder or CLIP_VOCABULARY
        for inner in (folder / tokenizer, folder / "tokenizer"):
            if inner.is_dir():
                folder = inner
                break
        if not folder.is_dir():
            raise ExportError(
                ExitCode.NO_INPUT,
                f"{self.path} holds no tokenizer and {folder} is not there; run scripts/fetch_clip_vocab.py once, or "
                "give --tokenizer a folder with CLIP's vocab.json and merges.txt",
            )
        return TokenizerSource(folder, self._tokenizers[part])

    def weights(self, part: str, names: Iterable[str]) -> Weights:
        names, start = list(names), self._start(part)
        if not any(name.startswith(start) for name in self._tensors):
            raise bad_data(f"{self.path} has no {part} (no tensor '{start}...')" + _remedy(part))
        naming = self._naming(part, names)
        weights, used = {}, set()
        for name in names:
            spellings = naming(name)
            found = next((s for s in spellings if start + s.name in self._tensors), spellings[0])
            if (tensor := self._tensors.get(start + found.name)) is None:
                raise bad_data(
                    f"{self.path}: tensor '{start}{found.name}' is missing ({self.where(part)} asks for it); fetch the "
                    "file again, or describe another architecture with --config"
                )
            weights[name] = Piece(self.path, tensor.name, tensor.entry, found.third, found.is_transposed)
            used.add(start + found.name)
        strays = [n for n in self._tensors if n.startswith(start) and n not in used and not self._is_idle(part, n)]
        return weights | {name: Piece(self.path, *self._tensors[name]) for name in strays}

    def _is_idle(self, part: str, name: str) -> bool:
        """SD 2 skips the last layer of its text encoder, which is in the file all the same."""
        layers = self.config(part).get("num_hidden_layers")
        skipped = (f".resblocks.{layers}.", f".layers.{layers}.")
        return _IDLE.fullmatch(name) is not None or (self._family == "sd2" and any(text in name for text in skipped))

    def _start(self, part: str) -> str:
        """Of the part's tensors."""
        return {"unet": UNET_PREFIX, "vae": VAE_PREFIX}.get(part) or self._texts[part].start

    def _naming(self, part: str, names: list[str]) -> _NAMING:
        """The rest of the tensors' names by those of the module, the usual spelling first."""
        config = self.config(part)
        if part == "unet":
            numbering = self._numbering(names, config)
            return lambda name: (unet_name(name, numbering),)
        if part == "vae":
            return lambda name: vae_names(name, config)
        if self._texts[part].is_open_clip:
            return lambda name: (open_clip_name(name.removeprefix("text_model.")),)
        return lambda name: (LdmName(name.removeprefix("text_model.")),)

    def _numbering(self, names: list[str], config: dict[str, Any]) -> dict[str, Any]:
        """The numbers of the blocks that the file has; the usual ones if it has none."""
        for numbering in (numberings := unet_numberings(config)):
            if all(UNET_PREFIX + unet_name(name, numbering).name in self._tensors for name in names):
                return numbering
        return numberings[0]


def _remedy(part: str) -> str:
    return "; give one with --vae" if part == "vae" else "; SOURCE must be a whole model"
