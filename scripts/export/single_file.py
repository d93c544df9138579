"""One .safetensors file in the original layout: everything but configurations and tokenizers is in it."""

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from .errors import ExitCode, ExportError, bad_data
from .file_configs import FileConfigs
from .json_file import read_json
from .ldm_facts import FACTS, read_facts
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
from .ldm_strangers import refuse_picture_model, refuse_stranger, refuse_without_text
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
        self._config_where = f"built-in configuration {self._family}.json"
        facts = read_facts(path, self._tensors, read_metadata(path), self._family)
        built_in = {part: file[part] for part in (*self.text_parts, "unet", "vae", "scheduler")}
        configs = FileConfigs(path, self._tensors, facts, built_in)
        if config_folder is not None:
            configs.take_folder(config_folder, prediction_type)
            self._take_index(config_folder)
        else:
            is_sgm = any(place.slot == _SGM_SLOT for place in self._texts.values())
            configs.take_variants(file.get("variants", {}), prediction_type, self._in_channels == 9, is_sgm)
        self._defaults = configs.defaults
        self._configs = configs.configs | {"unet": configs.configs["unet"] | self._unet_facts()}
        self.notes = (*facts.notes, *configs.notes, *self._rest())

    def _take_index(self, folder: Path) -> None:
        if (folder / "model_index.json").exists():
            self.index = read_json(folder / "model_index.json")
        self._config_where = str(folder)

    def _find_texts(self) -> tuple[str, dict[str, TextPlace]]:
        names = self._tensors
        if f"{UNET_PREFIX}input_blocks.0.0.weight" not in names:
            refuse_stranger(self.path, names)
        family, places = text_places(names)
        if family is None:
            refuse_without_text(self.path, names, UNET_PREFIX, VAE_PREFIX)
        refuse_picture_model(self.path, self._in_channels)
        return str(family), places

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

    def _rest(self) -> Iterator[str]:
        """Tensors that belong to no part of the model; those within a part are its weights' affair."""
        parts = (UNET_PREFIX, VAE_PREFIX, *(place.start for place in self._texts.values()))
        rest = [n for n in self._tensors if not n.startswith(parts) and n not in FACTS and not _IDLE.fullmatch(n)]
        others = [self._tensors[name].name for name in rest if not name.startswith(_AVERAGES)]
        if count := len(rest) - len(others):
            yield (
                f"{self.path}: its averaged weights ({count} tensors {_AVERAGES}...) are not used, but the others, "
                "as in diffusers"
            )
        if others:
            more = f" (and {len(others) - 1} more)" if len(others) > 1 else ""
            yield f"{self.path}: tensor '{others[0]}'{more} belongs to no part of the model and is not used"

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
