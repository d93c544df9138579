"""The runs in which the samplers are compared, by family of samplers."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from sampler_runs import Case

STEPS = (1, 2, 3, 5, 10, 20, 50)
STEPS_OF_VARIANTS = 20
NETWORKS = ("tanh", "sine")
SPACINGS = ("linspace", "leading", "trailing")
PREDICTIONS = ("epsilon", "v_prediction", "sample")

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
