"""What the schedulers of diffusers call the parameters of their solvers, in the words of model.json.

For each class: a key of its configuration -> the word of `defaults.sampler_options`, and for each value that can be
followed ours, or None where it is what our sampler does anyway. Values that are not listed cannot be followed. The
published meanings: arXiv 2206.00927, 2211.01095 (DPM-Solver), 2302.04867 (UniPC), 2202.09778 (PNDM), 2309.05019 (SA).
"""

import math
from typing import Any

Word = tuple[str, dict[Any, Any]]

_ORDER: Word = ("solver_order", {1: 1, 2: None, 3: 3})
_LOWER_ORDER_FINAL: Word = ("lower_order_final", {True: None, False: False})
_EULER_AT_FINAL: Word = ("euler_at_final", {False: None, True: True})
_MIDPOINT_OR_HEUN: Word = ("solver_type", {"midpoint": None, "heun": "heun"})

_VARIANCE: Word = (
    "solver_type",
    {"fixed_small": None, "fixed_small_log": "fixed_small_log", "fixed_large": "fixed_large"},
)

WORDS: dict[str, dict[str, Word]] = {
    "DDPMParallelScheduler": {"variance_type": _VARIANCE},
    "DDPMScheduler": {"variance_type": _VARIANCE},
    "DEISMultistepScheduler": {"solver_order": _ORDER, "lower_order_final": _LOWER_ORDER_FINAL},
    "DPMSolverMultistepScheduler": {
        "solver_order": _ORDER,
        "solver_type": _MIDPOINT_OR_HEUN,
        "lower_order_final": _LOWER_ORDER_FINAL,
        "euler_at_final": _EULER_AT_FINAL,
        "algorithm_type": (
            "solver_prediction",
            {"dpmsolver++": None, "sde-dpmsolver++": None, "dpmsolver": "epsilon", "sde-dpmsolver": "epsilon"},
        ),
    },
    "DPMSolverSinglestepScheduler": {
        "solver_order": _ORDER,
        "solver_type": _MIDPOINT_OR_HEUN,
        "lower_order_final": _LOWER_ORDER_FINAL,
        "algorithm_type": ("solver_prediction", {"dpmsolver++": None, "dpmsolver": "epsilon"}),
    },
    "EDMDPMSolverMultistepScheduler": {
        "solver_order": _ORDER,
        "solver_type": _MIDPOINT_OR_HEUN,
        "lower_order_final": _LOWER_ORDER_FINAL,
        "euler_at_final": _EULER_AT_FINAL,
        "algorithm_type": ("solver_prediction", {"dpmsolver++": None, "sde-dpmsolver++": None}),
    },
    "PNDMScheduler": {"skip_prk_steps": ("solver_type", {True: None, False: "prk"})},
    "SASolverScheduler": {
        "predictor_order": _ORDER,
        "lower_order_final": _LOWER_ORDER_FINAL,
        "algorithm_type": ("solver_prediction", {"data_prediction": None, "noise_prediction": "epsilon"}),
    },
    "UniPCMultistepScheduler": {
        "solver_order": _ORDER,
        "solver_type": ("solver_type", {"bh2": None, "bh1": "bh1"}),
        "lower_order_final": _LOWER_ORDER_FINAL,
        "predict_x0": ("solver_prediction", {True: None, False: "epsilon"}),
    },
}

# Keys that model.json has no word for, with the values at which they do nothing.
IDLE: dict[str, tuple[Any, ...]] = {
    "disable_corrector": ([], None),
    "interpolation_type": ("linear",),
    "invert_sigmas": (False, None),
    "lambda_min_clipped": (-math.inf,),
    "noise_sampler_seed": (None,),
    "shift_terminal": (None,),
    "solver_p": (None,),
    "stochastic_sampling": (False, None),
    "tau_func": (None,),
    "timestep_type": ("discrete",),
    "use_dynamic_shifting": (False, None),
    "variance_type": (None,),
}
# Keys that only say more about one of these, or about what diffusers makes the same of at every value.
SILENT = (
    *("base_image_seq_len", "base_shift", "max_image_seq_len", "max_shift", "time_shift_type"),
    *("algorithm_type", "solver_type", "corrector_order"),
)


def ours(word: Word, value: Any) -> tuple[bool, Any]:
    """Whether the value can be followed, and what it is in our words; null is false where true and false are known."""
    values = word[1]
    if value is None and False in values:
        value = False
    for theirs, mine in values.items():
        if type(theirs) is type(value) and theirs == value:
            return True, mine
    return False, None
