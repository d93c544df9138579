"""A diffusers scheduler's configuration as the `scheduler` and `defaults` keys of model.json."""

from typing import Any

import diffusers

from .errors import bad_data, describing

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
# Optional keys of the bundle format with their default there; left out where the scheduler has that value.
_OPTIONAL_KEYS: dict[str, Any] = {
    "clip_sample_range": 1.0,
    "dynamic_thresholding_ratio": 0.995,
    "sample_max_value": 1.0,
    "sigma_data": None,
    "sigma_min": None,
    "sigma_max": None,
    "rho": 7.0,
    "shift": 1.0,
    "original_inference_steps": 50,
    "timestep_scaling": 10.0,
}
KNOWN_KEYS = (*_KEYS, *_OPTIONAL_KEYS, "trained_betas")

# Class name -> the program's sampler.
_SAMPLERS = {
    "DDIMScheduler": "ddim",
    "DDPMScheduler": "ddpm",
    "DEISMultistepScheduler": "deis",
    "DPMSolverMultistepScheduler": "dpmpp_2m",
    "DPMSolverSDEScheduler": "dpmpp_sde",
    "DPMSolverSinglestepScheduler": "dpmpp_2s",
    "EDMDPMSolverMultistepScheduler": "edm_dpmpp_2m",
    "EDMEulerScheduler": "edm_euler",
    "EulerAncestralDiscreteScheduler": "euler_a",
    "EulerDiscreteScheduler": "euler",
    "FlowMatchEulerDiscreteScheduler": "euler",
    "FlowMatchHeunDiscreteScheduler": "heun",
    "HeunDiscreteScheduler": "heun",
    "KDPM2AncestralDiscreteScheduler": "dpm2_a",
    "KDPM2DiscreteScheduler": "dpm2",
    "LCMScheduler": "lcm",
    "LMSDiscreteScheduler": "lms",
    "PNDMScheduler": "pndm",
    "SASolverScheduler": "sa_solver",
    "TCDScheduler": "tcd",
    "UniPCMultistepScheduler": "unipc",
}
_SCHEDULES = {
    "use_karras_sigmas": "karras",
    "use_exponential_sigmas": "exponential",
    "use_beta_sigmas": "beta",
    "use_lu_lambdas": "lu",
}

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
        with describing(where):
            self._full = {**getattr(diffusers, self.class_name).from_config(config).config}

    def facts(self, pipeline_class: str) -> dict[str, Any]:
        """The `scheduler` object: the file's values, then the class defaults, then `_KEYS`."""
        facts = {key: self._file.get(key, self._full.get(key, _KEYS[key])) for key in _KEYS}
        if pipeline_class == "StableDiffusionPipeline":
            # What that pipeline's constructor does to every scheduler it is given.
            facts |= {"steps_offset": 1, "clip_sample": False}
        if self.class_name.startswith("FlowMatch"):
            facts["prediction_type"] = "flow_prediction"
        facts |= self._optional_facts()
        if (betas := self._full.get("trained_betas")) is not None:
            facts = {k: v for k, v in facts.items() if k not in _BETA_KEYS}
            facts["trained_betas"] = [float(beta) for beta in betas]
        return facts

    def _optional_facts(self) -> dict[str, Any]:
        """Keys of `_OPTIONAL_KEYS` that this scheduler has, where they are not at the format's default."""
        values = {**self._full, "shift": self._full.get("shift", self._full.get("flow_shift", 1.0))}
        found = {key: values[key] for key in _OPTIONAL_KEYS if values.get(key) is not None}
        return {key: value for key, value in found.items() if value != _OPTIONAL_KEYS[key]}

    def sampler(self) -> str:
        """The program's sampler for this class of diffusers."""
        name = _SAMPLERS[self.class_name]
        if self.class_name != "DPMSolverMultistepScheduler":
            return name
        if "sde" in str(self._full.get("algorithm_type")):
            return "dpmpp_2m_sde"
        return "dpmpp_3m" if self._full.get("solver_order") == 3 else name

    def schedule(self) -> str:
        """The program's schedule: the class's switch, or the spacing in `facts()`."""
        if self._full.get("sigma_schedule") == "exponential":
            return "exponential"
        return next((name for switch, name in _SCHEDULES.items() if self._full.get(switch)), "model")
