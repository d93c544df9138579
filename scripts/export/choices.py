"""The program's samplers and schedules, and which of them go together.

The facts are the program's: share/samplers.jsonl and share/schedules.jsonl are what `txt2img --list samplers --json`
and `--list schedules --json` print, which a test holds them against. So no program has to be built to export a model.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

STEPS_MAX = 10000
GUIDANCE_MAX = 1000.0


def _rows(name: str) -> dict[str, dict[str, Any]]:
    text = (Path(__file__).parents[2] / "share" / f"{name}.jsonl").read_text(encoding="utf-8")
    return {row["name"]: row for row in map(json.loads, text.splitlines())}


_SAMPLERS = _rows("samplers")
_SCHEDULES = _rows("schedules")
SAMPLERS = tuple(_SAMPLERS)
SCHEDULES = tuple(_SCHEDULES)
# Parameter of samplers -> those that have it.
OPTIONS: dict[str, tuple[str, ...]] = {
    option: tuple(name for name, row in _SAMPLERS.items() if option in row["options"])
    for option in sorted({option for row in _SAMPLERS.values() for option in row["options"]})
}
SOLVER_TYPES: dict[str, tuple[str, ...]] = {
    name: tuple(row["solver_types"]) for name, row in _SAMPLERS.items() if row["solver_types"]
}
_PRK_STEPS = 4  # at least


def classes() -> dict[str, str]:
    """Class of diffusers -> the sampler; of several the first."""
    found: dict[str, str] = {}
    for name, row in _SAMPLERS.items():
        for label in (row["diffusers"], *row["aliases"]):
            if label.endswith("Scheduler"):
                found.setdefault(label, name)
    return found


def _model_kind(scheduler: dict[str, Any]) -> str:
    if scheduler.get("sigma_data"):
        return "edm"
    return "flow" if scheduler.get("prediction_type") == "flow_prediction" else "diffusion"


def samplers_of(scheduler: dict[str, Any]) -> tuple[str, ...]:
    """What goes with a model whose model.json has this `scheduler`."""
    kind, predicts_x0 = _model_kind(scheduler), scheduler.get("prediction_type") == "sample"
    fits = {name: row for name, row in _SAMPLERS.items() if kind in row["models"]}
    return tuple(name for name, row in fits.items() if not (predicts_x0 and row["family"] == "pndm"))


def schedules_of(sampler: str, scheduler: dict[str, Any]) -> tuple[str, ...]:
    """What goes with that sampler and model."""
    kind, row = _model_kind(scheduler), _SAMPLERS.get(str(sampler))
    own = row["schedules"] if row and kind == "diffusion" else SCHEDULES
    return tuple(name for name in own if kind in _SCHEDULES[name]["models"])


def _option_obstacles(defaults: dict[str, Any], scheduler: dict[str, Any]) -> Iterator[str]:
    """Of parameters of the sampler, which are of the format's types and ranges."""
    options, sampler = defaults.get("sampler_options", {}), defaults["sampler"]
    row = _SAMPLERS[sampler]
    for name in options:
        if name not in row["options"]:
            yield f"sampler {sampler} has no {name}"
    kind, order = options.get("solver_type", "auto"), options.get("solver_order", 0)
    if kind != "auto" and kind not in row["solver_types"]:
        yield f"sampler {sampler} has no solver_type {kind}"
    if kind == "prk" and defaults["steps"] < _PRK_STEPS:
        yield f"sampler pndm with solver_type prk needs at least {_PRK_STEPS} steps, not {defaults['steps']}"
    predicts_noise = options.get("solver_prediction") == "epsilon"
    if order > row["solver_order_max"] > 0:
        yield f"sampler {sampler} has no solver_order {order}"
    elif predicts_noise and order > row["solver_order_max_epsilon"] > 0:
        yield f"sampler {sampler} has no solver_order {order} that predicts epsilon"
    if options.get("s_tmin", 0) > options.get("s_tmax", float("inf")):
        yield "s_tmin is above s_tmax"
    ends_clean = options.get("final_sigmas_type", scheduler.get("final_sigmas_type", "zero")) == "zero"
    if ends_clean and predicts_noise and row["ends"] != "last":
        yield "a solver that predicts epsilon cannot end without noise; final_sigmas_type must be 'sigma_min'"
    if ends_clean and row["needs_lower_order_final"] and not options.get("lower_order_final", True):
        yield f"{sampler} without lower_order_final cannot end without noise; final_sigmas_type must be 'sigma_min'"


def _does_not_fit(defaults: dict[str, Any], scheduler: dict[str, Any]) -> bool:
    """Whether evenly spaced timesteps from the low end on would go beyond the last; solvers have one more."""
    family, schedule = _SAMPLERS[defaults["sampler"]]["family"], defaults["schedule"]
    is_leading = schedule == "leading" or (schedule == "model" and scheduler.get("timestep_spacing") == "leading")
    if not is_leading or _model_kind(scheduler) != "diffusion" or family == "distilled":
        return False
    points = defaults["steps"] + (family == "solver")
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
    if sampler in SAMPLERS:
        yield from _option_obstacles(defaults, scheduler)
