"""A run of a sampler on a closed-form network, by the program and by diffusers' scheduler.

A case is a scheduler configuration, a number of steps, a network and a seed. Both sides run the loop
of a pipeline: noise from one CPU generator, the network on the scaled input, the unscaled latent to
`step`, further noise from the same generator.
"""

import hashlib
import inspect
import json
import math
import os
import subprocess
import sys
import warnings
from dataclasses import dataclass, field
from functools import cache
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
