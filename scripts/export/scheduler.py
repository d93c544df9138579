"""A diffusers scheduler's configuration as the `scheduler` and `defaults` keys of model.json."""

import inspect
from collections.abc import Iterator
from typing import Any

import diffusers

from .bundle_format import check_section, is_allowed
from .choices import classes
from .errors import bad_data, describing
from .solver_words import IDLE, SILENT, WORDS, ours

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
# What the program does with whatever sampler. Of a class without them diffusers does not do it, whatever the file says.
_OF_THE_CLASS = ("rescale_betas_zero_snr", "sigma_data", "rho", "shift")
# Keys that say nothing at all unless the other one is true.
_ONLY_WITH = {
    "clip_sample_range": "clip_sample",
    "dynamic_thresholding_ratio": "thresholding",
    "sample_max_value": "thresholding",
}

_ENDS = ("sigma_min", "sigma_max")

# Class name -> the program's sampler. No published text-to-image model has one of those that are left out.
_LEFT_OUT = ("IPNDMScheduler", "ScoreSdeVeScheduler")
_SAMPLERS = {name: sampler for name, sampler in classes().items() if name not in _LEFT_OUT}
# In the order in which diffusers looks at them.
_SCHEDULES = {
    "use_karras_sigmas": "karras",
    "use_lu_lambdas": "lu",
    "use_exponential_sigmas": "exponential",
    "use_beta_sigmas": "beta",
}
_SWITCHES = (*_SCHEDULES, "use_flow_sigmas")
# What published models of every scheduler have since they had PNDM's.
_LEFT_BEHIND = ("skip_prk_steps",)
_WITHOUT_SPACING = "DPMSolverSinglestepScheduler"  # it spreads its timesteps over the whole table
# What the pipelines' constructors do to every scheduler they are given.
_PLAIN_PIPELINE = {"steps_offset": 1, "clip_sample": False}
_CHANGES: dict[str, dict[str, Any]] = {
    "StableDiffusionPipeline": _PLAIN_PIPELINE,
    "StableDiffusionImg2ImgPipeline": _PLAIN_PIPELINE,
    "StableDiffusionInpaintPipeline": {"steps_offset": 1, "skip_prk_steps": True},
}
_SA_TIMESTEPS = 1000  # from the 200th to the 800th it adds noise, however many there are; ours goes by their share
_LEAST_SIGMA_MAX = 100  # from which on diffusers' two ways to scale the first noise are equal to four digits


class Scheduler:
    """The scheduler a model was published with, as its pipeline uses it."""

    def __init__(self, config: dict[str, Any], where: str, pipeline_class: str = "") -> None:
        self.class_name = str(config.get("_class_name"))
        if self.class_name not in _SAMPLERS:
            raise bad_data(
                f"{where}: {self.class_name} is not supported; replace its scheduler_config.json "
                "with that of a DDIM, Euler or DPMSolverMultistep scheduler"
            )
        self._where = where
        kind = getattr(diffusers, self.class_name)
        self.parameters = _parameters(kind)  # what the class takes, with the defaults
        with describing(where):
            self._instance = kind.from_config(config)
        self._given = {key: value for key, value in config.items() if not key.startswith("_")}
        self._full = {**self._instance.config} | _CHANGES.get(pipeline_class, {})
        self._check_switches()

    def facts(self) -> dict[str, Any]:
        """The `scheduler` object: what the class takes from the file or by default; of other keys what the file says
        that another class would take; then `_KEYS`."""
        facts = {key: self._value(key, otherwise) for key, otherwise in _KEYS.items()}
        if self.class_name == _WITHOUT_SPACING:
            facts["timestep_spacing"] = "linspace"
        if self.class_name.startswith("FlowMatch"):
            facts["prediction_type"] = "flow_prediction"
        facts |= self._optional_facts(facts)
        if (betas := self._own("trained_betas")) is not None:
            facts = {k: v for k, v in facts.items() if k not in _BETA_KEYS}
            with describing(self._where):
                facts["trained_betas"] = [float(beta) for beta in betas]
        check_section("scheduler", facts, self._where)
        return facts

    def sampler(self) -> str:
        """The program's sampler for this class of diffusers."""
        if self.class_name.endswith("DPMSolverMultistepScheduler"):
            if "sde" in str(self._full.get("algorithm_type")):
                return "dpmpp_2m_sde"
            if self.class_name == "DPMSolverMultistepScheduler" and self._full.get("solver_order") == 3:
                return "dpmpp_3m"
        return _SAMPLERS[self.class_name]

    def schedule(self) -> str:
        """The program's schedule: the class's switch, or the spacing in `facts()`."""
        if self._own("sigma_schedule") == "exponential":
            return "exponential"
        return next((name for switch, name in _SCHEDULES.items() if self._own(switch)), "model")

    def options(self) -> dict[str, Any]:
        """`sampler_options`: what its solver does that our sampler does not do by itself."""
        options = {}
        for key, word in WORDS.get(self.class_name, {}).items():
            _, value = ours(word, self._own(key))
            if value is not None:
                options[word[0]] = value
        if self.sampler() == "dpmpp_3m":
            del options["solver_order"]  # its own
        return options

    def obstacles(self) -> Iterator[str]:
        """A sentence on each setting that changes pictures and cannot be followed."""
        for key, default in self.parameters.items():
            value = self._own(key)
            if not self._is_followed(key, value, default):
                yield f"{self._where}: {key} {value!r} of {self.class_name} cannot be followed"
        yield from self._flow_obstacles()
        yield from self._end_obstacles()
        if self._is_continuous:
            yield from self._continuous_obstacles()
        if self._own("corrector_order") != self._own("predictor_order"):
            yield f"{self._where}: predictor_order and corrector_order of {self.class_name} differ"
        if self.sampler() == "sa_solver" and self._own("num_train_timesteps") != _SA_TIMESTEPS:
            yield f"{self._where}: {self.class_name} of other than {_SA_TIMESTEPS} timesteps cannot be followed"

    def notes(self) -> Iterator[str]:
        """A sentence on each setting that diffusers does not look at, where somebody may think that it does."""
        for key, value in self._given.items():
            if key in self.parameters or key in KNOWN_KEYS or key in _LEFT_BEHIND or not value:
                continue
            if value not in _defaults_elsewhere(key):
                yield f"{self._where}: {key} {value!r} is nothing to {self.class_name} and is not used, as in diffusers"

    def _own(self, key: str) -> Any:
        """The value of a key that the class takes."""
        return self._full.get(key) if key in self.parameters else None

    def _value(self, key: str, otherwise: Any) -> Any:
        value = self._full.get(key, otherwise)
        if key not in self.parameters and (key in _OF_THE_CLASS or not is_allowed("scheduler", key, value)):
            return otherwise
        if value is None and isinstance(otherwise, bool):
            return False
        is_whole = isinstance(otherwise, int) and isinstance(value, float) and value.is_integer()
        return int(value) if is_whole else value

    def _optional_facts(self, facts: dict[str, Any]) -> dict[str, Any]:
        """Keys of `_OPTIONAL_KEYS` that this scheduler has, where they are not at the format's default."""
        found = {key: self._value(key, otherwise) for key, otherwise in _OPTIONAL_KEYS.items()}
        if self._own("use_flow_sigmas"):
            found["shift"] = self._own("flow_shift")
        if self._is_continuous:
            found["sigma_data"] = 1.0
        for key, switch in _ONLY_WITH.items():
            if not facts[switch] and not is_allowed("scheduler", key, found[key]):
                del found[key]
        if self.schedule() == "lu":  # which has no ends
            found |= {"sigma_min": None, "sigma_max": None}
        return {key: value for key, value in found.items() if value != _OPTIONAL_KEYS[key]}

    def _is_followed(self, key: str, value: Any, default: Any) -> bool:
        if key in (word := WORDS.get(self.class_name, {})):
            return ours(word[key], value)[0]
        if key == "lambda_min_clipped" and isinstance(value, float):
            return value < float(self._instance.lambda_t.min())
        if key == "timestep_type" and value == "continuous":
            return True  # of v-prediction, see _is_continuous; it is nothing to the others
        if key in IDLE:
            return any(type(idle) is type(value) and idle == value for idle in IDLE[key])
        is_known = key in KNOWN_KEYS or key in _SWITCHES or key in SILENT or key in ("flow_shift", "sigma_schedule")
        return is_known or value == default

    def _check_switches(self) -> None:
        for switch in _SWITCHES:
            if self._own(switch) not in (True, False, None):
                raise bad_data(f"{self._where}: {switch} is {self._own(switch)!r}; it must be true or false")

    def _flow_obstacles(self) -> Iterator[str]:
        """Flow matching as solvers of noise levels do it."""
        if "use_flow_sigmas" not in self.parameters:
            return
        is_flow = self._own("prediction_type") == "flow_prediction"
        if bool(self._own("use_flow_sigmas")) != is_flow:
            yield f"{self._where}: use_flow_sigmas and prediction_type 'flow_prediction' go together only"
        elif is_flow and self.schedule() != "model":
            yield f"{self._where}: use_flow_sigmas does not go with the {self.schedule()} schedule"
        elif is_flow and self._own("final_sigmas_type") == "sigma_min":
            yield f"{self._where}: final_sigmas_type 'sigma_min' cannot be followed with use_flow_sigmas"

    def _end_obstacles(self) -> Iterator[str]:
        """An end of a schedule in sigma beyond the model's own other end."""
        levels, low, high = getattr(self._instance, "alphas_cumprod", None), *map(self._full.get, _ENDS)
        if levels is None or self.schedule() in ("model", "lu"):
            return
        least, most = (float(((1 - alpha) / alpha) ** 0.5) for alpha in (levels[0], levels[-1]))
        if (least if low is None else low) >= (most if high is None else high):
            yield f"{self._where}: sigma_min {low}, sigma_max {high} are no ends of levels from {least:g} to {most:g}"

    @property
    def _is_continuous(self) -> bool:
        """v-prediction told 0.25 log sigma: what EDM's preconditioning is for data of standard deviation 1."""
        return self._own("timestep_type") == "continuous" and self._own("prediction_type") == "v_prediction"

    def _continuous_obstacles(self) -> Iterator[str]:
        ends = tuple(map(self._own, _ENDS))
        if self.schedule() == "model" or None in ends:
            yield f"{self._where}: timestep_type 'continuous' needs use_karras_sigmas, sigma_min and sigma_max"
        elif self._own("final_sigmas_type") != "zero":
            yield f"{self._where}: timestep_type 'continuous' ends at final_sigmas_type 'zero' only"
        elif self._own("timestep_spacing") != "leading" and not ends[1] >= _LEAST_SIGMA_MAX:
            yield f"{self._where}: timestep_type 'continuous' below sigma_max {_LEAST_SIGMA_MAX} needs leading spacing"


def _parameters(kind: type) -> dict[str, Any]:
    """What the class takes, with the defaults."""
    parameters = inspect.signature(kind.__init__).parameters
    return {name: parameter.default for name, parameter in parameters.items() if name != "self"}


def _defaults_elsewhere(key: str) -> list[Any]:
    """The defaults of a key among the other classes."""
    known = (_parameters(getattr(diffusers, name)) for name in _SAMPLERS)
    return [parameters[key] for parameters in known if key in parameters]
