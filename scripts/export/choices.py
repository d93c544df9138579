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


# Parameter of samplers -> those that have it; the rows of the program.
_MULTISTEP = ("dpmpp_2m", "dpmpp_2m_sde", "dpmpp_3m", "edm_dpmpp_2m")
_SOLVERS = (*_MULTISTEP, "dpmpp_2s", "deis", "unipc", "sa_solver")
_DPM = (*_MULTISTEP, "dpmpp_2s")
OPTIONS: dict[str, tuple[str, ...]] = {
    "eta": ("ddim", "tcd"),
    "s_churn": ("euler", "edm_euler"),
    "s_tmin": ("euler", "edm_euler"),
    "s_tmax": ("euler", "edm_euler"),
    "s_noise": ("euler", "edm_euler", "dpmpp_sde"),
    "solver_order": ("lms", *_SOLVERS),
    "solver_type": ("ddpm", "pndm", "unipc", "langevin", *_DPM),
    "solver_prediction": ("dpmpp_2m", "dpmpp_2m_sde", "dpmpp_2s", "dpmpp_3m", "unipc", "sa_solver"),
    "lower_order_final": _SOLVERS,
    "euler_at_final": _MULTISTEP,
    "final_sigmas_type": ("euler", "unipc", "edm_euler", *_DPM),
    "snr": ("langevin",),
    "corrector_steps": ("langevin",),
    "original_steps": ("lcm", "tcd"),
}
SOLVER_TYPES: dict[str, tuple[str, ...]] = {
    "ddpm": ("fixed_small", "fixed_small_log", "fixed_large"),
    "pndm": ("plms", "prk"),
    "unipc": ("bh1", "bh2"),
    "langevin": ("predictor_corrector", "corrector"),
    **dict.fromkeys(_DPM, ("midpoint", "heun")),
}
_PRK_STEPS = 4  # at least


def _option_obstacles(defaults: dict[str, Any], scheduler: dict[str, Any]) -> Iterator[str]:
    """Of parameters of the sampler, which are of the format's types and ranges."""
    options, sampler = defaults.get("sampler_options", {}), defaults["sampler"]
    for name in options:
        if sampler not in OPTIONS.get(name, ()):
            yield f"sampler {sampler} has no {name}"
    kind, order = options.get("solver_type", "auto"), options.get("solver_order", 1)
    if kind != "auto" and kind not in SOLVER_TYPES.get(sampler, ()):
        yield f"sampler {sampler} has no solver_type {kind}"
    if kind == "prk" and defaults["steps"] < _PRK_STEPS:
        yield f"sampler pndm with solver_type prk needs at least {_PRK_STEPS} steps, not {defaults['steps']}"
    if order > (4 if sampler == "lms" else 3):
        yield f"sampler {sampler} has no solver_order {order}"
    if options.get("s_tmin", 0) > options.get("s_tmax", float("inf")):
        yield "s_tmin is above s_tmax"
    predicts_noise = options.get("solver_prediction") == "epsilon"
    if predicts_noise and (sampler, order) == ("dpmpp_2m_sde", 3):
        yield "sampler dpmpp_2m_sde has no solver_order 3 that predicts epsilon"
    ends_clean = options.get("final_sigmas_type", scheduler.get("final_sigmas_type", "zero")) == "zero"
    if ends_clean and predicts_noise and sampler != "sa_solver":
        yield "a solver that predicts epsilon cannot end without noise; final_sigmas_type must be 'sigma_min'"
    if ends_clean and sampler == "unipc" and not options.get("lower_order_final", True):
        yield "unipc without lower_order_final cannot end without noise; final_sigmas_type must be 'sigma_min'"


def _does_not_fit(defaults: dict[str, Any], scheduler: dict[str, Any]) -> bool:
    """Whether evenly spaced timesteps from the low end on would go beyond the last; solvers have one more."""
    sampler, schedule = defaults["sampler"], defaults["schedule"]
    is_leading = schedule == "leading" or (schedule == "model" and scheduler.get("timestep_spacing") == "leading")
    is_elsewhere = scheduler.get("sigma_data") or scheduler.get("prediction_type") == "flow_prediction"
    if not is_leading or is_elsewhere or sampler in ("lcm", "tcd"):
        return False
    points = defaults["steps"] + (sampler in _SOLVERS)
    stride = scheduler["num_train_timesteps"] // points
    last = (points - 1) * stride + scheduler.get("steps_offset", 0)
    return stride < 1 or last >= scheduler["num_train_timesteps"]


def scheduler_obstacles(scheduler: dict[str, Any]) -> Iterator[str]:
    """A sentence on what does not go together in a `scheduler`, whose keys have the format's types and ranges."""
    trained = scheduler["num_train_timesteps"]
    if (betas := scheduler.get("trained_betas")) is not None and len(betas) != trained:
        yield f"trained_betas has {len(betas)} values for {trained} timesteps"
    if scheduler.get("beta_start", 0) > scheduler.get("beta_end", 1):
        yield f"beta_start {scheduler['beta_start']} is greater than beta_end {scheduler['beta_end']}"
    if scheduler["steps_offset"] >= trained:
        yield f"steps_offset {scheduler['steps_offset']} is not below num_train_timesteps {trained}"
    if scheduler.get("sigma_min", 0) >= scheduler.get("sigma_max", float("inf")):
        yield f"sigma_min {scheduler['sigma_min']} is not below sigma_max {scheduler['sigma_max']}"
    if scheduler.get("original_inference_steps", 1) > trained:
        yield f"original_inference_steps {scheduler['original_inference_steps']} are more than the {trained} timesteps"
    if scheduler.get("sigma_data") and scheduler["prediction_type"] not in ("epsilon", "v_prediction"):
        yield f"prediction_type {scheduler['prediction_type']} does not go with sigma_data"


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
    elif _does_not_fit(defaults, scheduler):
        yield f"{steps} steps do not fit into the {trained} timesteps with leading spacing; give fewer with --steps"
    yield from _option_obstacles(defaults, scheduler)
