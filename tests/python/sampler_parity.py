"""The program's samplers against diffusers' schedulers on closed-form networks.

A case is a scheduler configuration, a number of steps, a network and a seed. Both sides run the loop
of a pipeline: noise from one CPU generator, the network on the scaled input, the unscaled latent to
`step`, further noise from the same generator. `python tests/python/sampler_parity.py` prints how far
they are apart, as Markdown.
"""

import hashlib
import inspect
import itertools
import json
import math
import os
import subprocess
import sys
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import torch

ROOT = Path(__file__).parents[2]
BINARY = Path(os.environ.get("TXT2IMG_BINARY", ROOT / "build" / "release" / "txt2img"))
PROGRAM = BINARY.parent / "run_samplers"

SHAPE = (1, 2, 4, 4)
TOLERANCE = 1e-4
STEPS = (1, 2, 3, 5, 10, 20, 50)
STEPS_OF_VARIANTS = 20
NETWORKS = ("tanh", "sine")
SPACINGS = ("linspace", "leading", "trailing")
PREDICTIONS = ("epsilon", "v_prediction", "sample")
SD = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012}
# Keys of our model.json that a scheduler class does not take are left out for it, and the other way round.
DEFAULTS = {
    "num_train_timesteps": 1000,
    "prediction_type": "epsilon",
    "timestep_spacing": "leading",
    "steps_offset": 1,
    "set_alpha_to_one": False,
    "rescale_betas_zero_snr": False,
    "clip_sample": False,
    "thresholding": False,
    "final_sigmas_type": "zero",
    **SD,
}
OUR_KEYS = (
    *DEFAULTS,
    "trained_betas",
    "clip_sample_range",
    "dynamic_thresholding_ratio",
    "sample_max_value",
    "sigma_data",
    "sigma_min",
    "sigma_max",
    "rho",
    "shift",
    "original_inference_steps",
    "timestep_scaling",
)


@dataclass(frozen=True)
class Case:
    """One run, as both sides are told it."""

    scheduler: str  # class of diffusers
    sampler: str
    config: dict[str, Any]  # what differs from DEFAULTS, by the names of diffusers
    steps: int
    network: str
    schedule: str = "model"
    options: dict[str, str] = field(default_factory=dict)  # ours
    flags: dict[str, Any] = field(default_factory=dict)  # constructor arguments of diffusers only
    step_arguments: dict[str, Any] = field(default_factory=dict)  # of diffusers' step()
    timesteps: tuple[int, ...] = ()  # explicit lists
    sigmas: tuple[float, ...] = ()
    levels: bool = False  # give the program diffusers' own levels instead of a schedule
    seed: int = 7

    def name(self) -> str:
        parts = [self.scheduler, self.schedule, f"{self.steps} steps", self.network]
        parts += [f"{k}={v}" for k, v in {**self.config, **self.options}.items()]
        return " ".join(parts)


def network(name: str, x: torch.Tensor, t: float) -> torch.Tensor:
    """The same functions as in tests/programs/run_samplers.cpp."""
    if name == "tanh":
        return (0.6 * x + 0.3 * math.sin(0.01 * t)).tanh()
    return 0.5 * x + 0.25 * (2 * x + 0.003 * t).sin()


def our_scheduler(case: Case) -> dict[str, Any]:
    """The `scheduler` object of model.json."""
    facts = {**DEFAULTS, **{k: v for k, v in case.config.items() if k in OUR_KEYS}}
    if "trained_betas" in facts:
        facts = {k: v for k, v in facts.items() if not k.startswith("beta_")}
    return facts


@cache
def scheduler_parameters(name: str) -> frozenset[str]:
    return frozenset(inspect.signature(getattr(diffusers, name).__init__).parameters)


@cache
def make_scheduler(name: str, arguments: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return getattr(diffusers, name)(**json.loads(arguments))


def their_scheduler(case: Case) -> Any:
    known = scheduler_parameters(case.scheduler)
    arguments = {k: v for k, v in {**DEFAULTS, **case.config}.items() if k in known}
    return make_scheduler(case.scheduler, json.dumps({**arguments, **case.flags}))


class Draws:
    """Stands in for diffusers' randn_tensor: the same draws, remembered."""

    def __init__(self, seed: int, dtype: torch.dtype = torch.float32) -> None:
        self.generator = torch.Generator("cpu").manual_seed(seed)
        self.dtype = dtype
        self.tensors: list[torch.Tensor] = []

    def __call__(self, shape: tuple[int, ...] = SHAPE, **_: Any) -> torch.Tensor:
        self.tensors.append(torch.randn(tuple(shape), generator=self.generator))
        return self.tensors[-1].to(self.dtype)

    def sha256(self) -> str:
        return hashlib.sha256(torch.cat(self.tensors).numpy().astype("<f4").tobytes()).hexdigest()


class BrownianPath:
    """Stands in for the Brownian tree of DPMSolverSDEScheduler: the same path law from the run's draws.

    Called with (from, mid) and then with (from, to) in each step; sigma is the path's time.
    """

    def __init__(self, draws: Draws, shape: tuple[int, ...] = SHAPE) -> None:
        self.draws = draws
        self.shape = shape
        self.early: tuple[float, torch.Tensor] | None = None

    def __call__(self, start: torch.Tensor, end: torch.Tensor) -> torch.Tensor:
        if self.early is None:
            self.early = (float(end), self.draws(self.shape))
            return self.early[1]
        middle, first = self.early
        self.early = None
        before, after = float(start) - middle, middle - float(end)
        whole = math.sqrt(before) * first + math.sqrt(after) * self.draws(self.shape)
        return whole / math.sqrt(before + after)


@dataclass
class Run:
    timesteps: list[float]
    draws: int
    noise_sha256: str
    latent: np.ndarray  # flat float32


def run_theirs(case: Case, dtype: torch.dtype = torch.float32) -> Run:
    """diffusers' loop; in float64 its own levels, stored in float32, are taken as they are."""
    return run_scheduler(their_scheduler(case), case, dtype)


@torch.no_grad()
def run_scheduler(scheduler: Any, case: Case, dtype: torch.dtype = torch.float32) -> Run:
    """The same with a scheduler of one's own making."""
    if case.sigmas:
        scheduler.set_timesteps(sigmas=list(case.sigmas))
    elif case.timesteps:
        scheduler.set_timesteps(timesteps=list(case.timesteps))
    else:
        scheduler.set_timesteps(case.steps)
    if hasattr(scheduler, "set_begin_index"):
        scheduler.set_begin_index(0)  # as the SDXL pipeline does; else a timestep that comes twice misleads some
    if dtype == torch.float64 and isinstance(getattr(scheduler, "sigmas", None), torch.Tensor):
        scheduler.sigmas = scheduler.sigmas.double()
    draws = Draws(case.seed, dtype)
    arguments = dict(case.step_arguments)
    module = sys.modules[type(scheduler).__module__]
    original = getattr(module, "randn_tensor", None)
    if original is not None:
        module.randn_tensor = draws
    if case.scheduler == "DPMSolverSDEScheduler":
        scheduler.noise_sampler = BrownianPath(draws)
    try:
        x = draws() * getattr(scheduler, "init_noise_sigma", 1.0)
        seen = []
        for t in scheduler.timesteps:
            scaled = scheduler.scale_model_input(x, t) if hasattr(scheduler, "scale_model_input") else x
            seen.append(float(t))
            x = scheduler.step(network(case.network, scaled, float(t)), t, x, **arguments, return_dict=False)[0]
    finally:
        if original is not None:
            module.randn_tensor = original
    return Run(seen, len(draws.tensors), draws.sha256(), x.float().flatten().numpy())


def levels_of(case: Case) -> list[list[float]]:
    """(alpha, sigma, timestep) of IPNDMScheduler, whose own grid no bundle asks for."""
    scheduler = their_scheduler(case)
    scheduler.set_timesteps(case.steps)
    told = [*scheduler.timesteps.tolist(), 0.0]
    return [list(level) for level in zip(scheduler.alphas.tolist(), scheduler.betas.tolist(), told, strict=True)]


def line_of(case: Case) -> str:
    """What the program is told."""
    line = {
        "scheduler": our_scheduler(case),
        "sampler": case.sampler,
        "schedule": case.schedule,
        "steps": case.steps,
        "options": case.options,
        "sigmas": case.sigmas,
        "timesteps": case.timesteps,
        "network": case.network,
        "seed": case.seed,
        "shape": SHAPE,
    }
    if case.levels:
        line["levels"] = levels_of(case)
    return json.dumps(line)


def answers(lines: list[str]) -> list[dict[str, Any]]:
    """What the program says to each line, in one process."""
    text = "".join(line + "\n" for line in lines)
    done = subprocess.run([str(PROGRAM)], input=text, capture_output=True, text=True, timeout=600, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def run_ours(cases: list[Case]) -> list[Run]:
    """All at once, in one process."""
    runs = []
    for case, answer in zip(cases, answers([line_of(case) for case in cases]), strict=True):
        if "error" in answer:
            raise AssertionError(f"{case.name()}: {answer['error']}")
        del answer["seconds"]
        latent = np.array([math.nan if v is None else v for v in answer.pop("latent")], dtype=np.float32)
        runs.append(Run(**answer, latent=latent))
    return runs


def relative_error(ours: np.ndarray, theirs: np.ndarray) -> float:
    scale = float(np.linalg.norm(theirs.astype(np.float64)))
    return float(np.linalg.norm(ours.astype(np.float64) - theirs.astype(np.float64))) / max(scale, 1e-12)


# --- the grid -------------------------------------------------------------------------------------

SIGMA_FLAGS = {
    "model": {},
    "karras": {"use_karras_sigmas": True},
    "exponential": {"use_exponential_sigmas": True},
    "beta": {"use_beta_sigmas": True},
}
LU = {"lu": {"use_lu_lambdas": True}}


def grid(
    scheduler: str,
    sampler: str,
    configs: list[dict[str, Any]],
    schedules: dict[str, dict[str, Any]] | None = None,
    variants: list[tuple[dict[str, str], dict[str, Any], dict[str, Any]]] | None = None,
    steps: tuple[int, ...] = STEPS,
) -> Iterator[Case]:
    """The product, without the longest runs of variants.

    A variant is (our options, constructor arguments, arguments of step).
    """
    for config, (schedule, flags), (options, more, arguments), n, name in itertools.product(
        configs, (schedules or {"model": {}}).items(), variants or [({}, {}, {})], steps, NETWORKS
    ):
        if n <= STEPS_OF_VARIANTS or not options:
            yield Case(scheduler, sampler, config, n, name, schedule, options, {**flags, **more}, arguments)


def configs_of(
    predictions: tuple[str, ...] = PREDICTIONS, spacings: tuple[str, ...] = SPACINGS, **more: Any
) -> list[dict[str, Any]]:
    return [
        {"prediction_type": prediction, "timestep_spacing": spacing, **more}
        for prediction, spacing in itertools.product(predictions, spacings)
    ]


EPS_V = ("epsilon", "v_prediction")


def solver_grid(
    scheduler: str,
    sampler: str,
    predictions: tuple[str, ...] = PREDICTIONS,
    schedules: dict[str, dict[str, Any]] = SIGMA_FLAGS,
    **more: Any,
) -> Iterator[Case]:
    """Every spacing, and the schedules in sigma, which do not look at the spacing in these classes."""
    yield from grid(scheduler, sampler, configs_of(predictions), **more)
    flagged = {name: flags for name, flags in schedules.items() if flags}
    yield from grid(scheduler, sampler, configs_of(predictions, ("linspace",)), flagged, **more)


def diffusion_cases() -> Iterator[Case]:
    variances = [({}, {}, {})]
    variances += [({"solver_type": v}, {"variance_type": v}, {}) for v in ("fixed_small_log", "fixed_large")]
    yield from grid("DDPMScheduler", "ddpm", configs_of(), variants=variances)
    for extra in (
        {"clip_sample": True, "clip_sample_range": 0.7},
        {"thresholding": True, "sample_max_value": 1.5, "dynamic_thresholding_ratio": 0.9},
        {"beta_schedule": "linear", "beta_start": 0.0001, "beta_end": 0.02},
        {"beta_schedule": "squaredcos_cap_v2"},
        {"beta_schedule": "sigmoid", "beta_start": 0.0001, "beta_end": 0.02},
        {"trained_betas": np.linspace(0.0002, 0.015, 1000).tolist()},
    ):
        yield from grid("DDPMScheduler", "ddpm", configs_of(("epsilon",), ("leading",), **extra))
    yield from grid("DDPMScheduler", "ddpm", configs_of(("v_prediction",), ("trailing",), rescale_betas_zero_snr=True))
    for timesteps in ((999, 500, 20), (900, 899, 300, 1, 0)):
        yield Case("DDPMScheduler", "ddpm", {}, len(timesteps), "tanh", timesteps=timesteps)
    etas = [({"eta": str(eta)} if eta else {}, {}, {"eta": eta}) for eta in (0.0, 0.4, 1.0)]
    yield from grid("DDIMScheduler", "ddim", configs_of(), variants=etas)
    for extra in (
        {"clip_sample": True},
        {"thresholding": True, "sample_max_value": 2.0},
        {"set_alpha_to_one": True},
        {"steps_offset": 0},
    ):
        yield from grid("DDIMScheduler", "ddim", configs_of(EPS_V, ("leading",), **extra), variants=etas[:2])
    zero_snr = configs_of(("v_prediction", "sample"), ("trailing",), rescale_betas_zero_snr=True)
    yield from grid("DDIMScheduler", "ddim", zero_snr, variants=etas)


def pndm_cases() -> Iterator[Case]:
    plms = [({}, {"skip_prk_steps": True}, {})]
    yield from grid("PNDMScheduler", "pndm", configs_of(EPS_V), variants=plms)
    yield from grid("PNDMScheduler", "pndm", configs_of(EPS_V, ("leading",), set_alpha_to_one=True), variants=plms)
    prk = [({"solver_type": "prk"}, {"skip_prk_steps": False}, {})]
    yield from grid("PNDMScheduler", "pndm", configs_of(EPS_V), variants=prk, steps=(4, 5, 10, 20, 50))
    for n, name in itertools.product(STEPS, NETWORKS):
        yield Case("IPNDMScheduler", "ipndm", {"prediction_type": "v_prediction"}, n, name, levels=True)


def sigma_cases() -> Iterator[Case]:
    for scheduler, sampler, predictions in (
        ("LMSDiscreteScheduler", "lms", PREDICTIONS),
        ("EulerDiscreteScheduler", "euler", PREDICTIONS),
        ("HeunDiscreteScheduler", "heun", PREDICTIONS),
        ("KDPM2DiscreteScheduler", "dpm2", EPS_V),
        ("KDPM2AncestralDiscreteScheduler", "dpm2_a", EPS_V),
        ("DPMSolverSDEScheduler", "dpmpp_sde", EPS_V),
    ):
        yield from grid(scheduler, sampler, configs_of(predictions), SIGMA_FLAGS)
    yield from grid("EulerAncestralDiscreteScheduler", "euler_a", configs_of(EPS_V))
    for order in (1, 2, 3):
        yield from grid(
            "LMSDiscreteScheduler",
            "lms",
            configs_of(("epsilon",)),
            variants=[({"solver_order": str(order)}, {}, {"order": order})],
        )
    clipped = configs_of(EPS_V, ("linspace",), clip_sample=True, clip_sample_range=0.6)
    yield from grid("HeunDiscreteScheduler", "heun", clipped)
    cosine = configs_of(EPS_V, ("linspace", "trailing"), beta_schedule="squaredcos_cap_v2")
    yield from grid("HeunDiscreteScheduler", "heun", configs_of(("epsilon",), ("linspace",), beta_schedule="exp"))
    yield from grid("EulerDiscreteScheduler", "euler", cosine, SIGMA_FLAGS)
    yield from grid(
        "DPMSolverSDEScheduler",
        "dpmpp_sde",
        configs_of(("epsilon",), ("trailing",)),
        variants=[({"s_noise": "0.8"}, {}, {"s_noise": 0.8})],
    )


def euler_cases() -> Iterator[Case]:
    churns = [
        ({"s_churn": "5"}, {}, {"s_churn": 5.0}),
        ({"s_churn": "40", "s_noise": "1.01"}, {}, {"s_churn": 40.0, "s_noise": 1.01}),
        (
            {"s_churn": "10", "s_tmin": "0.5", "s_tmax": "8"},
            {},
            {"s_churn": 10.0, "s_tmin": 0.5, "s_tmax": 8.0},
        ),
    ]
    yield from grid("EulerDiscreteScheduler", "euler", configs_of(), variants=churns)
    ending = configs_of(EPS_V, ("linspace", "leading"), final_sigmas_type="sigma_min")
    yield from grid("EulerDiscreteScheduler", "euler", ending, SIGMA_FLAGS)
    zero_snr = configs_of(("v_prediction", "sample"), ("trailing",), rescale_betas_zero_snr=True)
    yield from grid("EulerDiscreteScheduler", "euler", zero_snr, SIGMA_FLAGS)
    yield from grid(
        "EulerAncestralDiscreteScheduler",
        "euler_a",
        configs_of(("v_prediction",), ("trailing",), rescale_betas_zero_snr=True),
    )
    ends = configs_of(("epsilon",), ("linspace",), sigma_min=0.05, sigma_max=10.0)
    yield from grid("EulerDiscreteScheduler", "euler", ends, {k: v for k, v in SIGMA_FLAGS.items() if v})
    for sigmas in ((14.0, 3.0, 0.5, 0.0), (9.5, 1.25, 0.2)):
        for prediction in PREDICTIONS:
            config = {"prediction_type": prediction, "timestep_spacing": "linspace"}
            yield Case("EulerDiscreteScheduler", "euler", config, len(sigmas) - 1, "tanh", sigmas=sigmas)
    for scheduler, sampler in (("EulerDiscreteScheduler", "euler"), ("HeunDiscreteScheduler", "heun")):
        config = {"timestep_spacing": "linspace"}
        yield Case(scheduler, sampler, config, 4, "sine", timesteps=(999, 700, 300, 10))


def solver_variants(orders: tuple[int, ...]) -> list[tuple[dict[str, str], dict[str, Any], dict[str, Any]]]:
    return [
        ({"solver_order": str(order), "solver_type": kind}, {"solver_order": order, "solver_type": kind}, {})
        for order, kind in itertools.product(orders, ("midpoint", "heun"))
    ]


def dpm_cases() -> Iterator[Case]:
    multistep = "DPMSolverMultistepScheduler"
    schedules = {**SIGMA_FLAGS, **LU}
    yield from solver_grid(multistep, "dpmpp_2m", PREDICTIONS, schedules)
    third = [({}, {"solver_order": 3}, {})]
    yield from solver_grid(multistep, "dpmpp_3m", ("epsilon",), schedules, variants=third)
    yield from grid(multistep, "dpmpp_2m", configs_of(EPS_V, ("linspace",)), variants=solver_variants((1, 2, 3)))
    ending = configs_of(EPS_V, ("linspace",), final_sigmas_type="sigma_min")
    yield from grid(multistep, "dpmpp_2m", ending[:1], schedules, variants=solver_variants((2, 3)))
    plain = [
        ({**ours, "solver_prediction": "epsilon"}, {**theirs, "algorithm_type": "dpmsolver"}, {})
        for ours, theirs, _ in solver_variants((1, 2, 3))
    ]
    yield from grid(multistep, "dpmpp_2m", ending, variants=plain)
    for ours, theirs in (
        ({"euler_at_final": "true"}, {"euler_at_final": True}),
        ({"lower_order_final": "false"}, {"lower_order_final": False}),
    ):
        yield from grid(multistep, "dpmpp_3m", ending, variants=[(ours, {**theirs, "solver_order": 3}, {})])
    sde = [
        (ours, {**theirs, "algorithm_type": "sde-dpmsolver++"}, {}) for ours, theirs, _ in solver_variants((1, 2, 3))
    ]
    yield from solver_grid(multistep, "dpmpp_2m_sde", EPS_V, variants=sde[2:4])
    yield from grid(multistep, "dpmpp_2m_sde", ending, variants=sde)
    plain_sde = [
        ({**ours, "solver_prediction": "epsilon"}, {**theirs, "algorithm_type": "sde-dpmsolver"}, {})
        for ours, theirs, _ in solver_variants((1, 2))
    ]
    yield from grid(multistep, "dpmpp_2m_sde", ending, variants=plain_sde)
    for extra in (
        {"thresholding": True, "sample_max_value": 1.4},
        {"beta_schedule": "squaredcos_cap_v2"},
        {"rescale_betas_zero_snr": True},
    ):
        yield from grid(
            multistep, "dpmpp_2m", configs_of(("v_prediction",), ("linspace", "trailing"), **extra), schedules
        )
    yield Case(multistep, "dpmpp_2m", {}, 4, "tanh", timesteps=(999, 700, 300, 10))
    single = "DPMSolverSinglestepScheduler"
    spacing = ("linspace",)  # it has no other
    yield from grid(single, "dpmpp_2s", configs_of(spacings=spacing), SIGMA_FLAGS, variants=solver_variants((2, 3)))
    yield from grid(
        single,
        "dpmpp_2s",
        configs_of(EPS_V, spacing, final_sigmas_type="sigma_min"),
        variants=[(ours, {**theirs, "lower_order_final": True}, {}) for ours, theirs, _ in solver_variants((1, 2, 3))],
    )
    yield from grid(
        single,
        "dpmpp_2s",
        configs_of(EPS_V, spacing, final_sigmas_type="sigma_min"),
        variants=[
            (
                {**ours, "solver_prediction": "epsilon"},
                {**theirs, "lower_order_final": True, "algorithm_type": "dpmsolver"},
                {},
            )
            for ours, theirs, _ in solver_variants((2, 3))
        ],
    )


def multistep_cases() -> Iterator[Case]:
    deis = [({"solver_order": str(order)}, {"solver_order": order}, {}) for order in (1, 2, 3)]
    yield from solver_grid("DEISMultistepScheduler", "deis", variants=deis[1:])
    yield from grid("DEISMultistepScheduler", "deis", configs_of(("epsilon",)), variants=deis[:1])
    yield from grid("DEISMultistepScheduler", "deis", configs_of(("epsilon",), ("leading",), thresholding=True))
    unipc = [
        ({"solver_order": str(order), "solver_type": kind}, {"solver_order": order, "solver_type": kind}, {})
        for order, kind in itertools.product((1, 2, 3), ("bh1", "bh2"))
    ]
    yield from solver_grid("UniPCMultistepScheduler", "unipc")
    # bh1 of the reference ends in NaN at zero noise.
    yield from grid("UniPCMultistepScheduler", "unipc", configs_of(("epsilon",), ("linspace",)), variants=unipc[1::2])
    ending = configs_of(EPS_V, ("linspace", "leading"), final_sigmas_type="sigma_min")
    yield from grid("UniPCMultistepScheduler", "unipc", ending, variants=unipc)
    eps = [({**ours, "solver_prediction": "epsilon"}, {**theirs, "predict_x0": False}, {}) for ours, theirs, _ in unipc]
    yield from grid("UniPCMultistepScheduler", "unipc", ending, variants=eps)
    open_end = [({"lower_order_final": "false"}, {"lower_order_final": False}, {})]
    yield from grid("UniPCMultistepScheduler", "unipc", ending, variants=open_end)
    yield from grid(
        "UniPCMultistepScheduler", "unipc", configs_of(("v_prediction",), ("trailing",), rescale_betas_zero_snr=True)
    )
    sa = [
        ({"solver_order": str(order)}, {"predictor_order": order, "corrector_order": order}, {}) for order in (1, 2, 3)
    ]
    yield from solver_grid("SASolverScheduler", "sa_solver", variants=sa[1:2])
    yield from grid("SASolverScheduler", "sa_solver", configs_of(EPS_V, ("linspace",)), variants=sa)
    noise = [
        ({**ours, "solver_prediction": "epsilon"}, {**theirs, "algorithm_type": "noise_prediction"}, {})
        for ours, theirs, _ in sa[:2]
    ]
    yield from grid("SASolverScheduler", "sa_solver", configs_of(EPS_V, ("linspace",)), variants=noise)


def distilled_cases() -> Iterator[Case]:
    yield from grid("LCMScheduler", "lcm", configs_of(spacings=("leading",)))
    for extra in ({"clip_sample": True}, {"thresholding": True}, {"timestep_scaling": 0.1}):
        yield from grid("LCMScheduler", "lcm", configs_of(("epsilon",), ("leading",), **extra))
    yield from grid("LCMScheduler", "lcm", configs_of(("epsilon",), ("leading",), original_inference_steps=100))
    etas = [({"eta": str(eta)} if eta else {}, {}, {"eta": eta}) for eta in (0.0, 0.3, 1.0)]
    yield from grid("TCDScheduler", "tcd", configs_of(spacings=("leading",)), variants=etas)
    yield Case("LCMScheduler", "lcm", {}, 3, "tanh", timesteps=(999, 500, 100))


def edm_cases() -> Iterator[Case]:
    edm = [
        {
            "prediction_type": prediction,
            "sigma_data": data,
            "sigma_min": 0.002,
            "sigma_max": top,
            "final_sigmas_type": end,
        }
        for prediction, (data, top), end in itertools.product(EPS_V, ((0.5, 80.0), (1.0, 10.0)), ("zero", "sigma_min"))
    ]
    churn = [({}, {}, {}), ({"s_churn": "8"}, {}, {"s_churn": 8.0})]
    for scheduler, sampler, variants in (
        ("EDMEulerScheduler", "edm_euler", churn),
        ("EDMDPMSolverMultistepScheduler", "edm_dpmpp_2m", solver_variants((2, 3))),
    ):
        yield from grid(scheduler, sampler, edm, {"karras": {"sigma_schedule": "karras"}}, variants)
        # A single step of its exponential schedule begins at sigma_min in the reference.
        exponential = {"exponential": {"sigma_schedule": "exponential"}}
        yield from grid(scheduler, sampler, edm[::2], exponential, variants, STEPS[1:])


def flow_cases() -> Iterator[Case]:
    for shift, (schedule, flags) in itertools.product((1.0, 3.0), SIGMA_FLAGS.items()):
        config = {"prediction_type": "flow_prediction", "shift": shift}
        yield from grid("FlowMatchEulerDiscreteScheduler", "euler", [config], {schedule: flags})
        if schedule == "model":
            yield from grid("FlowMatchHeunDiscreteScheduler", "heun", [config])
    for scheduler, sampler, more in (
        ("DPMSolverMultistepScheduler", "dpmpp_2m", {}),
        ("DPMSolverMultistepScheduler", "dpmpp_3m", {"solver_order": 3}),
        ("DPMSolverSinglestepScheduler", "dpmpp_2s", {}),
        ("DEISMultistepScheduler", "deis", {}),
        ("UniPCMultistepScheduler", "unipc", {}),
        ("SASolverScheduler", "sa_solver", {}),
    ):
        for shift in (1.0, 3.0):
            config = {"prediction_type": "flow_prediction", "shift": shift}
            flags = {"use_flow_sigmas": True, "flow_shift": shift, **more}
            yield from grid(scheduler, sampler, [config], variants=[({}, flags, {})])


FAMILIES: dict[str, Callable[[], Iterator[Case]]] = {
    "diffusion": diffusion_cases,
    "pndm": pndm_cases,
    "sigma": sigma_cases,
    "euler": euler_cases,
    "dpm": dpm_cases,
    "multistep": multistep_cases,
    "distilled": distilled_cases,
    "edm": edm_cases,
    "flow": flow_cases,
}


@dataclass
class Comparison:
    case: Case
    ours: Run
    theirs: Run

    @cached_property
    def error(self) -> float:
        return relative_error(self.ours.latent, self.theirs.latent)

    @cached_property
    def error_to_float64(self) -> float:
        """To the same formulas of diffusers in float64: what its own rounding to float32 has no part in."""
        return relative_error(self.ours.latent, run_theirs(self.case, torch.float64).latent)

    @property
    def is_finite(self) -> bool:
        """Some of diffusers' combinations end in NaN; the program's end with an error, or well."""
        return bool(np.isfinite(self.theirs.latent).all())

    @property
    def rounding(self) -> float:
        """What float32 does to a latent as large as diffusers' largest sigma, relative to the result.

        Its classes of k-diffusion carry sigma times the noise, 4096 and more at zero terminal SNR, in
        float32 whatever they are given; the program carries a latent of unit size.
        """
        scheduler = their_scheduler(self.case)
        sigmas = getattr(scheduler, "sigmas", None)
        top = float(sigmas.max()) if isinstance(sigmas, torch.Tensor) else 1.0
        # Its dpm2_a forms the lower level of a step by a difference of squares that are nearly equal.
        is_cancelled = self.case.sampler == "dpm2_a" and self.case.steps == 2
        return 4 * top * 2.0**-24 + (TOLERANCE if is_cancelled else 0)

    @property
    def is_close(self) -> bool:
        return (
            min(self.error, self.error_to_float64 if self.error > TOLERANCE else self.error)
            <= TOLERANCE + self.rounding
        )

    @property
    def timestep_error(self) -> float:
        """Largest difference of a timestep; infinite if the numbers of calls differ."""
        if len(self.ours.timesteps) != len(self.theirs.timesteps):
            return math.inf
        return max(abs(a - b) for a, b in zip(self.ours.timesteps, self.theirs.timesteps, strict=True))

    @property
    def has_equal_noise(self) -> bool:
        return (self.ours.draws, self.ours.noise_sha256) == (self.theirs.draws, self.theirs.noise_sha256)


def compare(cases: list[Case]) -> list[Comparison]:
    torch.set_num_threads(1)
    ours = run_ours(cases)
    return [Comparison(case, run, run_theirs(case)) for case, run in zip(cases, ours, strict=True)]


def report(comparisons: list[Comparison]) -> str:
    """Distribution and the worst ten, as Markdown."""
    by_class = defaultdict(list)
    for comparison in comparisons:
        if comparison.is_finite:
            by_class[comparison.case.scheduler].append(comparison)
    lines = ["| class | cases | median | 99 % | largest | timesteps | noise |", "|---|---|---|---|---|---|---|"]
    for name, group in by_class.items():
        errors = [c.error for c in group]
        lines.append(
            f"| {name} | {len(group)} | {np.median(errors):.1e} | {np.quantile(errors, 0.99):.1e} "
            f"| {max(errors):.1e} | {max(c.timestep_error for c in group):.1e} "
            f"| {'equal' if all(c.has_equal_noise for c in group) else 'DIFFERS'} |"
        )
    finite = [c for group in by_class.values() for c in group]
    above = [c for c in finite if c.error > TOLERANCE]
    lines += [
        "",
        f"{len(finite)} cases, {len(above)} above {TOLERANCE:.0e}, {sum(not c.is_close for c in finite)} of them not "
        f"by diffusers' own rounding; {len(comparisons) - len(finite)} more where diffusers ends in NaN.",
        "The worst ten, with the distance to diffusers in float64:",
        "",
    ]
    worst = sorted(finite, key=lambda c: -c.error)[:10]
    lines += [f"* {c.error:.1e}, {c.error_to_float64:.1e}: {c.case.name()}" for c in worst]
    return "\n".join(lines)


def main() -> None:
    names = sys.argv[1:] or list(FAMILIES)
    print(report(compare([case for name in names for case in FAMILIES[name]()])))


if __name__ == "__main__":
    main()
