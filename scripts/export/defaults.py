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


def default_steps(scheduler: str, is_trailing: bool, inputs: tuple[str, ...], is_xl: bool, names: str) -> Defaults:
    """From the class of the published scheduler, `starts_at_the_end()`, the UNet's inputs and the model's names."""
    if "guidance" in inputs:
        return _GUIDED_CONSISTENCY
    if scheduler in ("LCMScheduler", "TCDScheduler"):
        return _CONSISTENCY
    if is_trailing and "turbo" in names.lower():
        return _TURBO
    return _XL if is_xl else _PLAIN


def starts_at_the_end(scheduler: str, facts: dict[str, Any]) -> bool:
    """SD-Turbo, SDXL-Turbo and SDXL-Lightning are published with an Euler scheduler that starts at the very last
    timestep; so are models that need all their steps. Nothing but their names tells them apart."""
    return (
        scheduler in ("EulerDiscreteScheduler", "EulerAncestralDiscreteScheduler")
        and facts["timestep_spacing"] == "trailing"
        and facts["prediction_type"] == "epsilon"
        and not facts["rescale_betas_zero_snr"]
    )
