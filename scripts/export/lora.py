"""LoRA files merged into a model's weights: kohya's names, those of diffusers old and new."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from .errors import ExitCode, ExportError, bad_data
from .ldm_names import unet_module_name
from .safetensors_header import read_metadata, read_tensor, refuse_pickle
from .source import ChangedSource, Source
from .weights import Delta, Piece, Weights, pieces_of

_ROLES = {
    ".lora_down.weight": "down",
    ".lora_up.weight": "up",
    ".lora_mid.weight": "core",
    ".lora_A.weight": "down",
    ".lora_B.weight": "up",
    ".lora.down.weight": "down",
    ".lora.up.weight": "up",
    "_lora.down.weight": "down",
    "_lora.up.weight": "up",
    ".lora_linear_layer.down.weight": "down",
    ".lora_linear_layer.up.weight": "up",
    ".alpha": "alpha",
}
_KOHYA_STARTS = {
    "unet": ("lora_unet_",),
    "text_encoder": ("lora_te_", "lora_te1_"),
    "text_encoder_2": ("lora_te2_",),
}
_METADATA = "lora_adapter_metadata"  # where diffusers keeps PEFT's configuration


@dataclass
class _Pair:
    """The tensors that change one weight."""

    roles: dict[str, Piece] = field(default_factory=dict)
    is_used: bool = False

    @property
    def any(self) -> Piece:
        return next(iter(self.roles.values()))


class MergedLora(ChangedSource):
    """Another source with weight * alpha / rank * up @ down added to its weights, in float32."""

    def __init__(self, original: Source, path: Path, weight: float) -> None:
        super().__init__(original)
        refuse_pickle(path)
        if not path.is_file():
            raise ExportError(ExitCode.NO_INPUT, f"there is no LoRA file {path}; --lora takes FILE or FILE:WEIGHT")
        self._path = path
        self._weight = weight
        self._pairs = _pairs(path)
        self._alphas = _peft_alphas(path)

    def weights(self, part: str, names: Iterable[str]) -> Weights:
        names = list(names)
        weights = self.original.weights(part, names)
        for name in names:
            module, _, kind = name.rpartition(".")
            if kind == "weight" and name in weights:
                deltas = tuple(self._deltas(part, module, weights[name]))
                weights[name] = replace(weights[name], deltas=weights[name].deltas + deltas)
        return weights

    def weight_files(self) -> list[Path]:
        return [*self.original.weight_files(), self._path]

    def leftovers(self) -> list[str]:
        unused = [pair.any for pair in self._pairs.values() if not pair.is_used]
        return super().leftovers() + [f"{p} has no place in this model; is the LoRA made for another?" for p in unused]

    def _deltas(self, part: str, module: str, target: Piece) -> Iterator[Delta]:
        for stem in dict.fromkeys(_stems(part, module, self.original.config("unet"))):
            if (pair := self._pairs.get(stem)) is not None:
                pair.is_used = True
                yield self._delta(stem, pair.roles, target)

    def _delta(self, stem: str, roles: dict[str, Piece], target: Piece) -> Delta:
        for role in ("down", "up"):
            if role not in roles:
                raise bad_data(f"{next(iter(roles.values()))} has no {role} weight beside it")
        up, down, core = roles["up"], roles["down"], roles.get("core")
        _check_shapes(up, down, core, target)
        rank = down.shape[0]
        return Delta(up, down, core, self._weight * self._alpha(stem, roles, rank) / rank)

    def _alpha(self, stem: str, roles: dict[str, Piece], rank: int) -> float:
        if "alpha" not in roles:
            return self._alphas.of(stem, rank)
        piece = roles["alpha"]
        if piece.entry.numel != 1:
            raise bad_data(f"{piece} has shape {piece.shape} where a number is due")
        return float(read_tensor(piece.path, piece.name, piece.entry).float())


def _pairs(path: Path) -> dict[str, _Pair]:
    """The file's tensors by the module that they change."""
    pairs: dict[str, _Pair] = {}
    for name, piece in pieces_of([path]).items():
        ending = next((ending for ending in _ROLES if name.endswith(ending)), None)
        if ending is None:
            raise bad_data(f"{piece} is not part of a plain LoRA (with up, down and alpha), which alone is supported")
        pairs.setdefault(name.removesuffix(ending), _Pair()).roles[_ROLES[ending]] = piece
    if not pairs:
        raise bad_data(f"{path} holds no tensors, so it is no LoRA")
    return pairs


def _stems(part: str, module: str, unet_config: dict) -> Iterator[str]:
    """What LoRA files call a module."""
    text = module if module.startswith(("text_model.", "text_projection")) else f"text_model.{module}"
    full = module if part == "unet" else text
    spellings = [full]
    if part == "unet":
        spellings.append(unet_module_name(module, unet_config))
    for start in _KOHYA_STARTS.get(part, ()):
        yield from (start + spelling.replace(".", "_") for spelling in spellings)
    starts = [f"{part}.", *([""] if part == "unet" else [])]
    for start in starts:
        yield start + full
        if (old := _processor_name(full)) is not None:
            yield start + old


def _processor_name(module: str) -> str | None:
    """Once, diffusers kept LoRA weights in the attention's processor: attn1.to_out.0 -> attn1.processor.to_out."""
    if found := re.fullmatch(r"(.*\.attn[12])\.to_(q|k|v|out)(?:\.0)?", module):
        return f"{found[1]}.processor.to_{found[2]}"
    if found := re.fullmatch(r"(.*\.self_attn)\.(q|k|v|out)_proj", module):
        return f"{found[1]}.to_{found[2]}"
    return None


def _check_shapes(up: Piece, down: Piece, core: Piece | None, target: Piece) -> None:
    """Refuses what cannot be multiplied to the target's shape."""
    rank = down.shape[0] if core is None else core.shape[1]
    wanted = _numel(target.shape)
    made = up.shape[0] * _numel(down.shape[1:]) * (1 if core is None else _numel(core.shape[2:]))
    fits = len(up.shape) > 1 and len(down.shape) > 1 and down.shape[0] == rank and up.shape[0] == target.shape[0]
    fits = fits and _numel(up.shape[1:]) == (rank if core is None else core.shape[0]) and made == wanted
    if not fits:
        raise bad_data(
            f"{up} {up.shape} and '{down.name}' {down.shape} do not make a change of '{target.name}' {target.shape}; "
            "is the LoRA made for another family?"
        )


def _numel(shape: tuple[int, ...]) -> int:
    count = 1
    for size in shape:
        count *= size
    return count


@dataclass(frozen=True)
class _PeftAlphas:
    """What PEFT's configuration in the file's header says about alpha; without one it is the rank."""

    settings: dict

    def of(self, stem: str, rank: int) -> float:
        part, _, module = stem.partition(".")
        if f"{part}.lora_alpha" not in self.settings:
            return float(rank)
        pattern = self.settings.get(f"{part}.alpha_pattern") or {}
        return float(pattern.get(module, self.settings[f"{part}.lora_alpha"]))


def _peft_alphas(path: Path) -> _PeftAlphas:
    where = f"{path}: its header's '{_METADATA}'"
    try:
        settings = json.loads(read_metadata(path).get(_METADATA, "{}"))
    except (ValueError, RecursionError) as error:
        raise bad_data(f"{where} is no JSON; fetch it again") from error
    if not isinstance(settings, dict):
        raise bad_data(f"{where} is no JSON object; fetch it again")
    for key, value in settings.items():
        if value and key.endswith((".use_dora", ".use_rslora")):
            raise bad_data(f"{path}: {key} is not supported, a plain LoRA is")
        if not all(type(alpha) in (int, float) for alpha in _alphas(key, value)):
            raise bad_data(f"{where} has a {key} that is no number; fetch it again")
    return _PeftAlphas(settings)


def _alphas(key: str, value: Any) -> list[Any]:
    """What a setting says about alpha."""
    if key.endswith(".lora_alpha"):
        return [value]
    if key.endswith(".alpha_pattern") and value:
        return list(value.values()) if isinstance(value, dict) else [value]
    return []
