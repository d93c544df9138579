"""One .safetensors file in the original layout: everything but configurations and tokenizers is in it."""

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from .errors import ExitCode, ExportError, bad_data
from .json_file import read_json
from .ldm_names import UNET_PREFIX, VAE_PREFIX, LdmName, open_clip_name, unet_name, vae_name
from .safetensors_header import read_header
from .source import TEXT_PARTS, Source, TokenizerSource
from .weights import Piece, Weights

CONFIGS = Path(__file__).parent / "configs"
# Where scripts/fetch_clip_vocab.py puts CLIP's vocabulary, which all these models share.
CLIP_VOCABULARY = Path(__file__).parents[2] / ".deps" / "share" / "clip-vocab"

# Start of a text encoder's tensors, which it is, and whether in OpenCLIP's layout.
_TEXTS = (
    ("cond_stage_model.transformer.", "text_encoder", False),
    ("cond_stage_model.model.", "text_encoder", True),
    ("conditioner.embedders.0.transformer.", "text_encoder", False),
    ("conditioner.embedders.1.model.", "text_encoder_2", True),
    ("conditioner.embedders.0.model.", "text_encoder_2", True),
)
# The starts of all text encoders -> the family.
_FAMILIES = {
    ("cond_stage_model.transformer.",): "sd1",
    ("cond_stage_model.model.",): "sd2",
    ("conditioner.embedders.0.transformer.", "conditioner.embedders.1.model."): "sdxl",
    ("conditioner.embedders.0.model.",): "sdxl_refiner",
}
# What else these files hold: nothing that draws.
_IDLE = re.compile(
    r"first_stage_model\.(loss|model_ema)\..*|.*\.(position_ids|logit_scale|text_projection|attn_mask)"
)
# A tensor's name -> what a file with it is instead, and what to do.
_STRANGERS = (
    (r"lora_|.*\.lora", "a LoRA; give it with --lora beside the model it belongs to"),
    (r"emb_params|clip_[lg]", "an embedding; give it with --embedding beside the model it belongs to"),
    (r"(model\.diffusion_model\.)?joint_blocks\.", "a Stable Diffusion 3 model, which is not supported"),
    (r"(model\.diffusion_model\.)?double_blocks\.", "a Flux model, which is not supported"),
    (r"control_model\.|input_hint_block\.", "a ControlNet, which is not supported"),
    (r"(first_stage_model\.|vae\.)?(encoder|decoder)\.", "a VAE; give it with --vae beside the model it belongs to"),
    (
        r"(down_blocks|up_blocks|mid_block)\.",
        "a lone UNet of diffusers; SOURCE is the whole diffusers folder that it belongs to",
    ),
)


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
        self._header = read_header(path)
        self._tokenizer_folder = tokenizer_folder or config_folder
        starts = self._text_starts()
        self._starts = {part: (start, is_open) for start, part, is_open in starts}
        self._family = _FAMILIES.get(tuple(start for start, _, _ in starts))
        if self._family is None:
            raise bad_data(
                f"{path} has no text encoder that is known for its kind (found: "
                f"{', '.join(start for start, _, _ in starts) or 'none'}); SOURCE must be a whole model"
            )
        facts = read_json(CONFIGS / f"{self._family}.json")
        self.index: dict[str, Any] = facts["model_index"]
        self.text_parts = tuple(part for part in TEXT_PARTS if part in self._starts)
        self._tokenizers: dict[str, Any] = facts["tokenizers"]
        self._configs = {part: facts[part] for part in (*self.text_parts, "unet", "vae", "scheduler")}
        self._config_where = f"built-in configuration {self._family}.json"
        if config_folder is not None:
            self._take_configs(config_folder)
        else:
            self._take_variants(facts.get("variants", {}), prediction_type)
        self._configs["unet"] |= self._unet_facts()

    def _text_starts(self) -> list[tuple[str, str, bool]]:
        names = self._header
        if not any(name.startswith(f"{UNET_PREFIX}input_blocks.") for name in names):
            for pattern, what in _STRANGERS:
                if any(re.match(pattern, name) for name in names):
                    raise bad_data(f"{self.path} is {what}")
            first = next(iter(names), "none")
            raise bad_data(
                f"{self.path} is no Stable Diffusion model in the original layout: it has no tensor "
                f"'{UNET_PREFIX}input_blocks...' (its first tensor is '{first}')"
            )
        return [row for row in _TEXTS if any(name.startswith(row[0]) for name in names)]

    def _take_configs(self, folder: Path) -> None:
        """The user's own configurations instead of the built-in ones."""
        for part in self._configs:
            name = "scheduler_config.json" if part == "scheduler" else "config.json"
            self._configs[part] = read_json(folder / part / name)
        if (folder / "model_index.json").exists():
            self.index = read_json(folder / "model_index.json")
        self._config_where = str(folder)

    def _take_variants(self, variants: dict[str, Any], prediction_type: str | None) -> None:
        """What tensors cannot tell is assumed, as diffusers does, and said."""
        names = [prediction_type or "", "inpainting" if self._is_inpainting else ""]
        for name in names:
            for part, values in variants.get(name, {}).items():
                self._configs[part] = self._configs[part] | values
        scheduler = self._configs["scheduler"]
        if "v_pred" in self._header:  # a convention of those who publish such models
            self._configs["scheduler"] = scheduler | {
                "prediction_type": "v_prediction",
                "rescale_betas_zero_snr": "ztsnr" in self._header,
            }
        elif prediction_type is None and "epsilon" in variants and not self._is_inpainting:
            self.notes = (
                "taken as a v-prediction model for 768 pixels: the file cannot tell; for SD 2 base and its kin add "
                "--prediction-type epsilon",
            )

    @property
    def _is_inpainting(self) -> bool:
        return self._in_channels == 9

    @property
    def _in_channels(self) -> int:
        entry = self._header.get(f"{UNET_PREFIX}input_blocks.0.0.weight")
        return entry.shape[1] if entry is not None and len(entry.shape) == 4 else 4

    def _unet_facts(self) -> dict[str, Any]:
        """What the tensors themselves tell."""
        facts: dict[str, Any] = {"in_channels": self._in_channels}
        if entry := self._header.get(f"{UNET_PREFIX}time_embed.cond_proj.weight"):
            facts["time_cond_proj_dim"] = entry.shape[1]
        return facts

    def config(self, part: str) -> dict[str, Any]:
        return self._configs[part]

    def where(self, part: str) -> str:
        return f"{self._config_where} ({part})"

    def overrides(self) -> dict[str, Any]:
        return {}

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
        start, original = self._naming(part)
        if not any(name.startswith(start) for name in self._header):
            raise bad_data(f"{self.path} has no {part} (no tensor '{start}...')" + _remedy(part))
        weights, used = {}, set()
        for name in names:
            found = original(name)
            if (entry := self._header.get(start + found.name)) is None:
                raise bad_data(
                    f"{self.path}: tensor '{start}{found.name}' is missing ({self.where(part)} asks for it); fetch the "
                    "file again, or describe another architecture with --config"
                )
            weights[name] = Piece(self.path, start + found.name, entry, found.third, found.is_transposed)
            used.add(start + found.name)
        strays = [n for n in self._header if n.startswith(start) and n not in used and not self._is_idle(part, n)]
        return weights | {name: Piece(self.path, name, self._header[name]) for name in strays}

    def _is_idle(self, part: str, name: str) -> bool:
        """SD 2 skips the last layer of its text encoder, which is in the file all the same."""
        skipped = f".resblocks.{self.config(part).get('num_hidden_layers')}."
        return _IDLE.fullmatch(name) is not None or (self._family == "sd2" and skipped in name)

    def _naming(self, part: str) -> tuple[str, Callable[[str], LdmName]]:
        """The start of the part's tensors, and the rest of their names by those of the module."""
        config = self.config(part)
        if part == "unet":
            return UNET_PREFIX, lambda name: unet_name(name, config)
        if part == "vae":
            return VAE_PREFIX, lambda name: vae_name(name, config)
        start, is_open_clip = self._starts[part]
        if is_open_clip:
            return start, lambda name: open_clip_name(name.removeprefix("text_model."))
        inner = "text_model." if any(name.startswith(f"{start}text_model.") for name in self._header) else ""
        return start, lambda name: LdmName(inner + name.removeprefix("text_model."))


def _remedy(part: str) -> str:
    return "; give one with --vae" if part == "vae" else "; SOURCE must be a whole model"
