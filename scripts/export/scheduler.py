"""A diffusers scheduler's configuration as the `scheduler` and `defaults` keys of model.json."""

from typing import Any

import diffusers

from .errors import bad_data

# All keys of the bundle format, with the values of keys that a scheduler class does not have.
_KEYS: dict[str, Any] = {
    "num_train_timesteps": 1000,
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "prediction_type": "epsilon",
    "timestep_spacing": "leading",
    "steps_offset": 0,
    "set_alpha_to_one": False,
    "rescale_betas_zero_snr": False,
    "clip_sample": False,
    "thresholding": False,
    "final_sigmas_type": "zero",
}
_BETA_KEYS = ("beta_schedule", "beta_start", "beta_end")
KNOWN_KEYS = (*_KEYS, "trained_betas")

# Class name -> the program's sampler.
_SAMPLERS = {
    "DDIMScheduler": "ddim",
    "DDPMScheduler": "ddpm",
    "DEISMultistepScheduler": "deis",
    "DPMSolverMultistepScheduler": "dpmpp_2m",
    "DPMSolverSDEScheduler": "dpmpp_sde",
    "DPMSolverSinglestepScheduler": "dpmpp_2s",
    "EulerAncestralDiscreteScheduler": "euler_a",
    "EulerDiscreteScheduler": "euler",
    "HeunDiscreteScheduler": "heun",
    "KDPM2AncestralDiscreteScheduler": "dpm2_a",
    "KDPM2DiscreteScheduler": "dpm2",
    "LCMScheduler": "lcm",
    "LMSDiscreteScheduler": "lms",
    "PNDMScheduler": "pndm",
    "TCDScheduler": "tcd",
    "UniPCMultistepScheduler": "unipc",
}
_SCHEDULES = {
    "use_karras_sigmas": "karras",
    "use_exponential_sigmas": "exponential",
    "use_beta_sigmas": "beta",
    "use_lu_lambdas": "lu",
}

# What this release of the program draws with, and what stands in for the rest until it has them.
# PNDM is the usual scheduler of SD 1.x; DDIM is its first-order relative.
_SAMPLERS_OF_THE_PROGRAM = ("ddim", "euler", "euler_a", "dpmpp_2m")
_STAND_INS = {
    "pndm": "ddim",
    "ddpm": "euler_a",
    "lms": "euler",
    "heun": "euler",
    "dpm2_a": "euler_a",
}
_SCHEDULES_OF_THE_PROGRAM = ("model",)


class Scheduler:
    """The scheduler a model was published with."""

    def __init__(self, config: dict[str, Any], where: str) -> None:
        self.class_name = str(config.get("_class_name"))
        if self.class_name not in _SAMPLERS:
            raise bad_data(
                f"{where}: {self.class_name} is not supported; replace its scheduler_config.json "
                "with that of a DDIM, Euler or DPMSolverMultistep scheduler"
            )
        self._file = config
        self._full = {**getattr(diffusers, self.class_name).from_config(config).config}

    def facts(self, pipeline_class: str) -> dict[str, Any]:
        """The `scheduler` object: the file's values, then the class defaults, then `_KEYS`."""
        facts = {key: self._file.get(key, self._full.get(key, _KEYS[key])) for key in _KEYS}
        if pipeline_class == "StableDiffusionPipeline":
            # What that pipeline's constructor does to every scheduler it is given.
            facts |= {"steps_offset": 1, "clip_sample": False}
        if (betas := self._full.get("trained_betas")) is not None:
            facts = {k: v for k, v in facts.items() if k not in _BETA_KEYS}
            facts["trained_betas"] = [float(beta) for beta in betas]
        return facts

    def sampler(self) -> tuple[str, str | None]:
        """The program's sampler, and a note if it only stands in for the published one."""
        name = _SAMPLERS[self.class_name]
        if self.class_name == "DPMSolverMultistepScheduler":
            sde = "sde" in str(self._full.get("algorithm_type"))
            name = "dpmpp_3m" if self._full.get("solver_order") == 3 else name
            name = "dpmpp_2m_sde" if sde else name
        if name in _SAMPLERS_OF_THE_PROGRAM:
            return name, None
        stand_in = _STAND_INS.get(name, "dpmpp_2m")
        return stand_in, f"default sampler {stand_in}: the program has no {name} yet"

    def schedule(self) -> tuple[str, str | None]:
        """The program's schedule, and a note if it only stands in for the published one."""
        name = next((v for k, v in _SCHEDULES.items() if self._full.get(k)), "model")
        if name in _SCHEDULES_OF_THE_PROGRAM:
            return name, None
        return "model", f"default schedule model: the program has no {name} yet"
