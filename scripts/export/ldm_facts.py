"""What a file in the original layout says of itself beside the weights: tensors that are flags or numbers, and the
free texts of its header. Each is followed, or known to be idle, or named in a note."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import diffusers
import torch

from .errors import bad_data, describing
from .ldm_layout import Tensors
from .safetensors_header import READABLE, read_tensor

# Scheduler of Playground 2.5, and its VAE's factor, as its makers published them for diffusers.
_EDM = {
    "_class_name": "EDMDPMSolverMultistepScheduler",
    "num_train_timesteps": 1000,
    "prediction_type": "epsilon",
    "sigma_data": 0.5,
    "sigma_max": 80.0,
    "sigma_min": 0.002,
}
_EDM_SCALING = 0.5
# Of CosXL.
_EDM_VELOCITY = {
    "_class_name": "EDMEulerScheduler",
    "num_train_timesteps": 1000,
    "prediction_type": "v_prediction",
    "sigma_data": 1.0,
    "sigma_schedule": "exponential",
}
_EDM_SIGMA_MIN = 0.002

_STATISTICS = ("edm_mean", "edm_std")
_SIGMAS = ("edm_vpred.sigma_min", "edm_vpred.sigma_max")
_NOISE_LEVELS = "alphas_cumprod"
_SCALE = "scale_factor"
_SCALE_TOLERANCE = 2e-3  # half precision rounds 0.18215
FACTS = (*_STATISTICS, *_SIGMAS, "v_pred", "ztsnr", _NOISE_LEVELS, _SCALE)

# Entries of the metadata that say what the UNet predicts: of Stability's specification, and of ComfyUI.
_PREDICTION_KEYS = ("modelspec.prediction_type", "modelspec.predict_key")
_PREDICTIONS = {
    **dict.fromkeys(("epsilon", "eps"), "epsilon"),
    **dict.fromkeys(("v", "v_prediction", "v-prediction", "velocity"), "v_prediction"),
    **dict.fromkeys(("sample", "x0"), "sample"),
}
_ARCHITECTURE = "modelspec.architecture"
# Start of an architecture's name -> family, and what such a model predicts where that tells it from its kin.
_ARCHITECTURES = (
    ("stable-diffusion-xl-v1-refiner", "sdxl_refiner", None),
    ("stable-diffusion-xl", "sdxl", None),
    ("stable-diffusion-v2-512", "sd2", "epsilon"),
    ("stable-diffusion-v2-768", "sd2", "v_prediction"),
    ("stable-diffusion-v2", "sd2", None),
    ("stable-diffusion-v1", "sd1", None),
)
_RESOLUTION, _CLIP_SKIP = "modelspec.resolution", "modelspec.encoder_layer"
_SIZE = re.compile(r"(\d{2,4})x(\d{2,4})")
_SIZES = range(64, 4097, 8)
# Nothing that draws: who made the file of what and when, logs of trainers and mergers, ComfyUI's graph.
_IDLE = re.compile(
    r"format|prompt|workflow|(sshs|ss|ot|sd_merge)_.*|modelspec\.(sai_model_spec|implementation|title|author|description|"
    r"date|hash_sha256|license|usage_hint|thumbnail|tags|merged_from|trigger_phrase|preprocessor)"
)
_USUAL = {"modelspec.timestep_range": "0,1000"}  # idle where they have this value
_NAMES_SHOWN = 5


class Statement(NamedTuple):
    """What the UNet predicts, and where the file says so."""

    prediction: str
    place: str


@dataclass
class FileFacts:
    """For the configurations of scheduler, VAE and UNet."""

    statements: list[Statement] = field(default_factory=list)
    scheduler: dict[str, Any] = field(default_factory=dict)  # a whole one, of models with EDM preconditioning
    vae: dict[str, Any] = field(default_factory=dict)
    size: tuple[int, int] | None = None  # width and height in pixels that the model was made for
    has_zero_snr: bool = False
    notes: list[str] = field(default_factory=list)

    @property
    def said_by(self) -> str:
        """Where the file says what the UNet predicts."""
        return self.statements[0].place if self.statements else "nothing"


def read_facts(path: Path, tensors: Tensors, metadata: dict[str, str], family: str) -> FileFacts:
    """All but the tables, which mean something beside a configuration only."""
    facts = FileFacts(has_zero_snr="ztsnr" in tensors)
    facts.statements += _tensor_statements(tensors)
    _read_edm(path, tensors, facts)
    _read_metadata(path, metadata, family, facts)
    return facts


def _tensor_statements(tensors: Tensors) -> Iterator[Statement]:
    if any(name in tensors for name in _STATISTICS):
        yield Statement("epsilon", "tensors edm_mean and edm_std")
    for name in (_SIGMAS[1], "v_pred"):
        if name in tensors:
            yield Statement("v_prediction", f"tensor {name}")


def _read_edm(path: Path, tensors: Tensors, facts: FileFacts) -> None:
    for name, other in (_STATISTICS, _STATISTICS[::-1], _SIGMAS):
        if name in tensors and other not in tensors:
            raise bad_data(f"{path} has tensor '{name}' but no '{other}', which belongs to it; fetch the file again")
    if _STATISTICS[0] in tensors:
        mean, std = (_numbers(path, tensors, name) for name in _STATISTICS)
        if len(mean) != len(std) or min(std) <= 0:
            raise bad_data(f"{path}: tensors 'edm_mean' and 'edm_std' are no mean and deviation; fetch the file again")
        facts.scheduler = dict(_EDM)
        facts.vae = {"latents_mean": mean, "latents_std": std, "scaling_factor": _EDM_SCALING}
    elif _SIGMAS[1] in tensors:
        least = _number(path, tensors, _SIGMAS[0]) if _SIGMAS[0] in tensors else _EDM_SIGMA_MIN
        most = _number(path, tensors, _SIGMAS[1])
        if not 0 < least < most:
            raise bad_data(f"{path}: edm_vpred.sigma_min {least:g} is not between 0 and .sigma_max {most:g}")
        facts.scheduler = {**_EDM_VELOCITY, "sigma_min": least, "sigma_max": most}


def _numbers(path: Path, tensors: Tensors, name: str) -> list[float]:
    tensor = tensors[name]
    values = [float(f"{v:.7g}") for v in read_tensor(path, tensor.name, tensor.entry).flatten().tolist()]
    if not values or not all(map(math.isfinite, values)):
        raise bad_data(f"{path}: tensor '{tensor.name}' holds no numbers that can be used; fetch the file again")
    return values


def _number(path: Path, tensors: Tensors, name: str) -> float:
    values = _numbers(path, tensors, name)
    if len(values) != 1:
        raise bad_data(f"{path}: tensor '{tensors[name].name}' holds {len(values)} numbers instead of one")
    return values[0]


def _read_metadata(path: Path, metadata: dict[str, str], family: str, facts: FileFacts) -> None:
    followed = (*_PREDICTION_KEYS, _ARCHITECTURE, _RESOLUTION, _CLIP_SKIP)
    for key in _PREDICTION_KEYS:
        if value := metadata.get(key, "").strip():
            if value.lower() not in _PREDICTIONS:
                facts.notes.append(f"{path}: '{key}' of its metadata, '{value}', is not known and not followed")
            else:
                facts.statements.append(Statement(_PREDICTIONS[value.lower()], f"'{key}' of the metadata"))
    _read_architecture(path, metadata.get(_ARCHITECTURE, ""), family, facts)
    _read_size(path, metadata.get(_RESOLUTION, ""), facts)
    if (skip := metadata.get(_CLIP_SKIP, "").strip()) not in ("", "1"):
        facts.notes.append(f"{path}: its metadata asks for clip skip {skip}; draw with --clip-skip {skip}")
    if unknown := [key for key, value in metadata.items() if key not in followed and not _is_idle(key, value)]:
        names = ", ".join(f"'{key}'" for key in unknown[:_NAMES_SHOWN])
        more = f" and {len(unknown) - _NAMES_SHOWN} more" if len(unknown) > _NAMES_SHOWN else ""
        facts.notes.append(f"{path}: entries of its metadata that are not known and not followed: {names}{more}")


def _is_idle(key: str, value: str) -> bool:
    return _IDLE.fullmatch(key) is not None or _USUAL.get(key) == value.replace(" ", "")


def _read_architecture(path: Path, name: str, family: str, facts: FileFacts) -> None:
    for start, kind, prediction in _ARCHITECTURES:
        if not name.lower().startswith(start):
            continue
        if kind != family:
            facts.notes.append(f"{path}: its metadata calls it {name}; its tensors are those of {family}")
        elif prediction is not None:
            facts.statements.append(Statement(prediction, f"'{_ARCHITECTURE}' of the metadata"))
        return
    if name:
        facts.notes.append(f"{path}: its metadata calls it {name}, which is not known; taken as {family}")


def _read_size(path: Path, text: str, facts: FileFacts) -> None:
    found = _SIZE.fullmatch(text.strip())
    size = (int(found[1]), int(found[2])) if found else None
    if size and all(side in _SIZES for side in size):
        facts.size = size
    elif text.strip():
        facts.notes.append(f"{path}: '{_RESOLUTION}' of its metadata, '{text}', is no size that can be drawn")


def said_prediction(path: Path, statements: list[Statement], wanted: str | None) -> tuple[str | None, list[str]]:
    """What the file says the UNet predicts, and notes; `wanted` is the user's word, which counts more."""
    others = [s for s in statements if s.prediction != (wanted or statements[0].prediction)]
    if wanted is None and others:
        raise bad_data(
            f"{path} contradicts itself: {statements[0].place} says {statements[0].prediction}, {others[0].place} says "
            f"{others[0].prediction}; tell with --prediction-type"
        )
    if wanted is not None and others:
        place = others[0].place
        return wanted, [f"{path}: {place} says {others[0].prediction}; {wanted} is taken, as --prediction-type says"]
    return statements[0].prediction if statements else wanted, []


def check_noise_levels(path: Path, tensors: Tensors, scheduler: dict[str, Any]) -> tuple[bool, list[str]]:
    """Whether the file's table of noise levels ends without signal where `scheduler` keeps some, and a note if the
    table is another than that of the scheduler."""
    tensor = tensors.get(_NOISE_LEVELS)
    if tensor is None or "sigma_data" in scheduler or tensor.entry.dtype.startswith("F8"):  # too coarse to tell
        return False, []
    if tensor.entry.dtype not in READABLE or tensor.entry.numel == 0:
        return False, [f"{path}: its table of noise levels, {tensor.name}, holds {tensor.entry.dtype} and is not used"]
    table = read_tensor(path, tensor.name, tensor.entry).flatten()
    tolerance = max(1e-4, 2 * torch.finfo(table.dtype).eps)
    if _is_close(table, scheduler, tolerance):
        return False, []
    if scheduler.get("prediction_type") == "v_prediction" and _is_close(
        table, scheduler | {"_class_name": "DDIMScheduler", "rescale_betas_zero_snr": True}, tolerance
    ):
        return True, []
    return False, [
        f"{path}: its table of noise levels, {tensor.name}, is not that of the scheduler it is drawn with, and "
        "not used; to use it, give --config a folder whose scheduler has it as trained_betas"
    ]


def _is_close(table: torch.Tensor, scheduler: dict[str, Any], tolerance: float) -> bool:
    with describing("the scheduler's configuration"):
        levels = getattr(diffusers, str(scheduler["_class_name"])).from_config(scheduler).alphas_cumprod
    return table.shape == levels.shape and torch.allclose(table.double(), levels.double(), rtol=0, atol=tolerance)


def scaling_factor(path: Path, tensors: Tensors, assumed: float) -> float:
    """The file's own, which differs where somebody trained from the beginning."""
    if _SCALE not in tensors:
        return assumed
    value = _number(path, tensors, _SCALE)
    return assumed if abs(value - assumed) <= _SCALE_TOLERANCE * assumed or value <= 0 else value
