"""What PEFT's configuration says about a LoRA: its scale at each module, and whether it is a plain LoRA at all."""

import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from .errors import bad_data
from .json_file import read_json
from .safetensors_header import read_metadata
from .source import TEXT_PARTS

METADATA = "lora_adapter_metadata"  # where diffusers keeps the configuration in a file's header
_PARTS = ("unet", *TEXT_PARTS)
_ALPHA = 8  # PEFT's default of a configuration without lora_alpha

_USED = ("peft_type", "r", "lora_alpha", "rank_pattern", "alpha_pattern", "use_rslora", "init_lora_weights")
# What does not change a picture, though it may be set.
_IDLE = {
    "which modules have tensors says the file itself": (
        *("target_modules", "exclude_modules", "layers_to_transform", "layers_pattern", "ensure_weight_tying"),
        *("modules_to_tie", "target_modules_to_tie"),
    ),
    "of the training": (
        *("lora_dropout", "inference_mode", "task_type", "auto_mapping", "peft_version", "runtime_config"),
        *("base_model_name_or_path", "revision", "megatron_config", "megatron_core", "velora_config"),
    ),
    "of a beginning that is refused, or leaves the base as it is": (
        *("loftq_config", "eva_config", "corda_config", "lora_ga_config", "qalora_group_size"),
    ),
    "PEFT itself turns it off for the layers of these models": ("fan_in_fan_out",),
}
_IDLE_KEYS = frozenset(key for keys in _IDLE.values() for key in keys)
_REFUSED = {
    "use_dora": "DoRA",
    "use_qalora": "QALoRA",
    "use_bdlora": "BD-LoRA",
    "lora_bias": "trained biases",
    "bias": "trained biases",
    "modules_to_save": "whole modules beside the LoRA",
    "trainable_token_indices": "trained token embeddings",
    "target_parameters": "a LoRA of parameters that are no layers",
    "layer_replication": "repeated layers",
    "alora_invocation_tokens": "aLoRA",
    "arrow_config": "Arrow",
    "kasa_config": "KaSA",
    "monteclora_config": "MonteCLoRA",
}
_OFF = (None, False, "none", 0, "", [], {})
# How the training began: the last five take from the base what they put into the LoRA, so that base + LoRA is not what
# was trained.
_INITS = (None, True, False, "gaussian", "eva", "orthogonal", "mica")
_INITS_OF_THE_BASE = ("pissa", "corda", "olora", "loftq", "lora_ga")


@dataclass(frozen=True)
class PeftConfig:
    """The settings of each part, checked."""

    where: str  # for messages
    parts: dict[str, dict[str, Any]] = field(default_factory=dict)  # "" is for all parts that have none of their own
    notes: tuple[str, ...] = ()

    def scale(self, part: str, names: tuple[str, ...], rank: int, alpha: float | None) -> float:
        """alpha / rank of a module, which has one of `names` in its part; `alpha` is the file's own tensor."""
        settings = self.parts.get(part) or self.parts.get("")
        if not settings:
            return (rank if alpha is None else alpha) / rank
        self._check_rank(settings, names, rank)
        theirs = _of(settings.get("alpha_pattern"), names, settings.get("lora_alpha", _ALPHA))
        if alpha is not None and not math.isclose(alpha, theirs, rel_tol=1e-3):
            raise bad_data(f"{self.where} has alpha {theirs:g} for {names[0]}, whose tensor 'alpha' is {alpha:g}")
        return theirs / (math.sqrt(rank) if settings.get("use_rslora") else rank)

    def _check_rank(self, settings: dict[str, Any], names: tuple[str, ...], rank: int) -> None:
        theirs = _of(settings.get("rank_pattern"), names, settings.get("r", rank))
        if theirs != rank:
            raise bad_data(f"{self.where} has rank {theirs:g} for {names[0]}, whose tensors have {rank}; parts of two?")


def read_peft_config(path: Path, is_peft_folder: bool) -> PeftConfig:
    """The configuration in the header of a LoRA file, or in PEFT's own folder the one beside it."""
    beside = path.parent / "adapter_config.json"
    if METADATA in (metadata := read_metadata(path)):
        where = f"{path}: its header's '{METADATA}'"
        return _checked(where, _parsed(where, metadata[METADATA]))
    if is_peft_folder and beside.is_file():
        return _checked(str(beside), read_json(beside))
    if is_peft_folder:
        note = f"{path} has no adapter_config.json beside it, which would say its alpha; the rank is taken instead"
        return PeftConfig(str(path), notes=(note,))
    return PeftConfig(str(path))


def _parsed(where: str, text: str) -> dict[str, Any]:
    try:
        settings = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise bad_data(f"{where} is no JSON; fetch it again") from error
    if not isinstance(settings, dict):
        raise bad_data(f"{where} is no JSON object; fetch it again")
    return settings


def _checked(where: str, settings: dict[str, Any]) -> PeftConfig:
    parts: dict[str, dict[str, Any]] = {}
    unknown = []
    for key, value in settings.items():
        part, _, inner = key.partition(".")
        part, inner = (part, inner) if part in _PARTS else ("", key)
        parts.setdefault(part, {})[inner] = value
        _check_setting(where, key, inner, value)
        if inner not in _USED and inner not in _IDLE_KEYS and inner not in _REFUSED and value not in _OFF:
            unknown.append(key)
    notes = (f"{where} has settings that are not known and not followed: {', '.join(unknown)}",) if unknown else ()
    return PeftConfig(where, parts, notes)


def _check_setting(where: str, key: str, inner: str, value: Any) -> None:
    if inner in _REFUSED and value not in _OFF:
        raise bad_data(f"{where} has {key} = {_short(value)}: {_REFUSED[inner]} is not supported, a plain LoRA is")
    if inner == "peft_type" and value not in (None, "LORA"):
        raise bad_data(f"{where} has {key} = {_short(value)}, which is not supported; LORA is")
    if inner == "init_lora_weights":
        _check_init(where, key, value)
    if inner == "use_rslora" and not isinstance(value, bool | None):
        raise bad_data(f"{where} has a {key} that is neither true nor false; fetch it again")
    for number in _numbers(where, key, inner, value):
        if type(number) not in (int, float) or not _is_finite(number):
            raise bad_data(f"{where} has a {key} that is no number; fetch it again")


def _check_init(where: str, key: str, value: Any) -> None:
    if isinstance(value, str) and value.lower().startswith(_INITS_OF_THE_BASE):
        raise bad_data(
            f"{where} has {key} = {_short(value)}: its training changed the base model too, which the file does not "
            "hold; save it as a plain LoRA (PEFT: save_pretrained with path_initial_model_for_weight_conversion)"
        )
    if not isinstance(value, bool | str | None) or value not in _INITS:
        raise bad_data(f"{where} has {key} = {_short(value)}, which is not known and may change the base model too")


def _numbers(where: str, key: str, inner: str, value: Any) -> Iterable[Any]:
    """What a setting says about alphas and ranks."""
    if inner in ("r", "lora_alpha"):
        return [value]
    if inner not in ("rank_pattern", "alpha_pattern") or value is None:
        return []
    if not isinstance(value, dict):
        raise bad_data(f"{where} has a {key} that is no JSON object; fetch it again")
    for pattern in value:
        try:
            _compiled(pattern)
        except (re.error, RecursionError, OverflowError) as error:
            raise bad_data(f"{where} has a {key} with a pattern that is none: {_short(pattern)}") from error
    return value.values()


def _is_finite(number: float) -> bool:
    try:
        return math.isfinite(number)
    except OverflowError:  # an integer beyond all floats
        return False


def _of(patterns: dict[str, float] | None, names: tuple[str, ...], default: float) -> float:
    """PEFT's own rule: the first pattern that matches a whole name, or its end after a dot."""
    for pattern, value in (patterns or {}).items():
        if any(_compiled(pattern).match(name) for name in names):
            return value
    return default


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(.*\.)?({pattern})$")


def _short(value: Any) -> str:
    return json.dumps(value)[:80]
