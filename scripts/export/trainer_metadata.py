"""The free texts in the headers of LoRA and embedding files: what trainers leave there, and what is not known."""

from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from .peft_config import METADATA
from .safetensors_header import read_metadata

# Known to say nothing that changes a picture, and why: whole keys, and starts of keys.
_IDLE = {
    "how it was trained; what came of it is in the tensors": ("ss_*", "ot_*", "training_info", "modelspec.*"),
    "checksums and names": ("sshs_*", "format", "name", "software", "version", "author", "description", "title"),
    "the graph of ComfyUI that saved it": ("prompt", "workflow"),
    "read elsewhere": (METADATA,),
}
_IDLE_KEYS = tuple(key for keys in _IDLE.values() for key in keys)
_PREDICTION = "modelspec.prediction_type"
_PREDICTIONS = {"epsilon": "epsilon", "v": "v_prediction", "v_prediction": "v_prediction"}
_SHOWN = 5


def notes_on(path: Path, scheduler: dict[str, Any]) -> tuple[str, ...]:
    """A line on each thing in the header that people should know of; `scheduler` is the model's configuration."""
    metadata = read_metadata(path)
    return (*_on_prediction(path, metadata, scheduler), *_on_unknown(path, metadata))


def _on_prediction(path: Path, metadata: dict[str, str], scheduler: dict[str, Any]) -> tuple[str, ...]:
    theirs = _PREDICTIONS.get(metadata.get(_PREDICTION, ""))
    ours = scheduler.get("prediction_type", "epsilon")
    return () if theirs in (None, ours) else (f"{path} was trained on a model of {theirs}; this one is of {ours}",)


def _on_unknown(path: Path, metadata: dict[str, str]) -> tuple[str, ...]:
    unknown = [key for key in metadata if not any(fnmatchcase(key, idle) for idle in _IDLE_KEYS)]
    if not unknown:
        return ()
    more = f" and {len(unknown) - _SHOWN} more" if len(unknown) > _SHOWN else ""
    return (f"{path}: its header's {', '.join(unknown[:_SHOWN])}{more} are not known and have no effect",)
