"""What a bundle tells the program to use where the user says nothing, by the kind of model."""

from typing import Any, NamedTuple


class Defaults(NamedTuple):
    """Steps and guidance scale."""

    steps: int
    guidance: float


_PLAIN = Defaults(25, 7.5)
_XL = Defaults(25, 5.0)
_TURBO = Defaults(1, 1.0)  # trained to draw without guidance
_CONSISTENCY = Defaults(4, 1.0)
_GUIDED_CONSISTENCY = Defaults(4, 8.5)  # the scale is an input of the UNet


def default_steps(scheduler: dict[str, Any], inputs: tuple[str, ...], is_xl: bool) -> Defaults:
    """From the published scheduler's configuration and the UNet's inputs."""
    if "guidance" in inputs:
        return _GUIDED_CONSISTENCY
    kind = scheduler.get("_class_name")
    if kind in ("LCMScheduler", "TCDScheduler"):
        return _CONSISTENCY
    if _is_adversarial(scheduler):
        return _TURBO
    return _XL if is_xl else _PLAIN


def _is_adversarial(scheduler: dict[str, Any]) -> bool:
    """SD-Turbo and SDXL-Turbo are published with an Euler scheduler that starts at the very last timestep."""
    return (
        scheduler.get("_class_name") in ("EulerDiscreteScheduler", "EulerAncestralDiscreteScheduler")
        and scheduler.get("timestep_spacing") == "trailing"
        and scheduler.get("prediction_type", "epsilon") == "epsilon"
        and not scheduler.get("rescale_betas_zero_snr")
    )
