"""The program's samplers and schedules, and which of them go together. The tests hold this against the program."""

from collections.abc import Iterator
from typing import Any

SAMPLERS = (
    *("ddpm", "ddim", "pndm", "lms", "euler", "euler_a", "heun", "dpm2", "dpm2_a", "dpmpp_2m", "dpmpp_2m_sde"),
    *("dpmpp_2s", "dpmpp_3m", "dpmpp_sde", "deis", "unipc", "ipndm", "lcm", "tcd", "edm_euler", "edm_dpmpp_2m"),
    *("sa_solver", "langevin"),
)
SCHEDULES = (
    *("model", "linspace", "leading", "trailing", "karras", "exponential", "beta", "lu", "sgm_uniform", "simple"),
    *("ays", "ays_xl"),
)
STEPS_MAX = 10000
GUIDANCE_MAX = 1000.0

_PLAIN = ("model", "linspace", "leading", "trailing")
_SPREAD = ("model", "karras", "exponential", "beta")
# Samplers that visit timesteps of training, or of distillation, and nothing between.
_SCHEDULES_OF = {
    "ddpm": (*_PLAIN, "simple"),
    "ddim": (*_PLAIN, "simple"),
    "pndm": _PLAIN,
    "lcm": ("model",),
    "tcd": ("model",),
}
_EDM_ONLY = ("edm_euler", "edm_dpmpp_2m")
_EDM = ("euler", "euler_a", "heun", "dpmpp_2m", "dpmpp_2m_sde", "dpmpp_3m", *_EDM_ONLY)
_FLOW = ("euler", "heun", "dpmpp_2m", "dpmpp_2m_sde", "dpmpp_2s", "dpmpp_3m", "deis", "unipc", "sa_solver")


def samplers_of(scheduler: dict[str, Any]) -> tuple[str, ...]:
    """What goes with a model whose model.json has this `scheduler`."""
    if scheduler.get("sigma_data"):
        return _EDM
    if scheduler.get("prediction_type") == "flow_prediction":
        return _FLOW
    without = (*_EDM_ONLY, *(["pndm"] if scheduler.get("prediction_type") == "sample" else []))
    return tuple(name for name in SAMPLERS if name not in without)


def schedules_of(sampler: str, scheduler: dict[str, Any]) -> tuple[str, ...]:
    """What goes with that sampler and model."""
    if scheduler.get("sigma_data") or scheduler.get("prediction_type") == "flow_prediction":
        return _SPREAD
    return _SCHEDULES_OF.get(str(sampler), SCHEDULES)


def obstacles(defaults: dict[str, Any], scheduler: dict[str, Any]) -> Iterator[str]:
    """A sentence on each of the steps, guidance, sampler and schedule that the program would refuse."""
    steps, guidance, sampler, schedule = (defaults[key] for key in ("steps", "guidance", "sampler", "schedule"))
    trained = scheduler["num_train_timesteps"]
    if type(trained) is not int or trained < 1:
        yield f"num_train_timesteps {trained}: must be a whole number from 1"
        return
    most = min(STEPS_MAX, trained)
    if type(steps) is not int or not 1 <= steps <= most:
        yield f"steps {steps}: must be 1 to {most}, the timesteps of this model"
    if type(guidance) not in (int, float) or not 0 <= guidance <= GUIDANCE_MAX:
        yield f"guidance {guidance}: must be 0 to {GUIDANCE_MAX:g}"
    if sampler not in samplers_of(scheduler):
        yield f"sampler {sampler} does not go with this model; {', '.join(samplers_of(scheduler))} do"
    elif schedule not in schedules_of(sampler, scheduler):
        yield f"sampler {sampler} has no {schedule} schedule; it has {', '.join(schedules_of(sampler, scheduler))}"
