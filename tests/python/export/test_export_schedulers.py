"""Schedulers of diffusers' folders: every setting is followed as diffusers does, refused, or named."""

import json
import math
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
from cli_program import Program
from export.choices import obstacles, scheduler_obstacles
from export.errors import ExportError, bad_data, describing
from export.manifest import Facts
from export.open_source import Request, open_source
from export.scheduler import Scheduler
from exported import edit_json, exported, manifest
from family_pictures import PROMPT, Case, assert_equal_pictures, drawn_by_diffusers, drawn_with, load_pipeline
from sampler_runs import SHAPE, TOLERANCE, answers, relative_error, run_scheduler
from sampler_runs import Case as Steps

STEPS = 10
SD = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "num_train_timesteps": 1000}
EDM = {"sigma_min": 0.002, "sigma_max": 80.0, "sigma_data": 0.5}
CONTINUOUS = {
    "timestep_type": "continuous",
    "prediction_type": "v_prediction",
    "use_karras_sigmas": True,
    "sigma_min": 0.002,
    "sigma_max": 120.0,
}
ENDING = {"final_sigmas_type": "sigma_min"}
# Class, without its ending -> configurations, each of which is followed to the last digit.
FOLLOWED: dict[str, list[dict[str, Any]]] = {
    "DDIM": [{}, {"clip_sample": None}, {"thresholding": None}, {"rescale_betas_zero_snr": None}],
    "DDIMParallel": [{}],
    "DDPM": [{}, {"variance_type": "fixed_large"}, {"variance_type": "fixed_small_log"}],
    "DEISMultistep": [{}, {"solver_order": 3}, {"algorithm_type": "dpmsolver++", "solver_type": "midpoint"}],
    "DPMSolverMultistep": [
        *({}, {"solver_order": 1}, {"solver_order": 3}, {"solver_type": "heun"}, {"solver_type": "bh2"}),
        *({"euler_at_final": True}, {"use_lu_lambdas": True}, {"lambda_min_clipped": -1e9}),
        *({"algorithm_type": "dpmsolver"} | ENDING, {"algorithm_type": "sde-dpmsolver"} | ENDING),
        *({"algorithm_type": "sde-dpmsolver++", "solver_type": "heun"}, {"lower_order_final": False} | ENDING),
        {"algorithm_type": "sde-dpmsolver++", "solver_order": 3},
        # A key of another class, which this one reads all the same.
        {"use_karras_sigmas": True, "sigma_min": 0.05, "sigma_max": 10.0},
        {"use_flow_sigmas": True, "prediction_type": "flow_prediction", "flow_shift": 3.0},
    ],
    "DPMSolverSinglestep": [
        *({}, {"solver_order": 3}, {"solver_type": "heun"}, {"algorithm_type": "dpmsolver"} | ENDING),
        *({"lower_order_final": False} | ENDING, {"lower_order_final": True} | ENDING),
        {"timestep_spacing": "leading"},  # a key that it has not
    ],
    "EDMDPMSolverMultistep": [
        *(EDM, EDM | {"solver_order": 3}, EDM | {"solver_type": "heun"}, EDM | {"sigma_schedule": "exponential"}),
        *(EDM | {"algorithm_type": "sde-dpmsolver++"}, EDM | {"euler_at_final": True}),
    ],
    "EDMEuler": [EDM, {"sigma_data": 1.0, "prediction_type": "v_prediction", "sigma_schedule": "exponential"}],
    "EulerAncestralDiscrete": [{}, {"use_karras_sigmas": True}, {"sigma_data": 0.5}],
    "EulerDiscrete": [
        *({}, ENDING, {"use_karras_sigmas": True, "sigma_min": 0.03, "sigma_max": 10.0}),
        *(CONTINUOUS, CONTINUOUS | {"timestep_spacing": "leading", "sigma_max": 20.0}),
        {"timestep_type": "continuous"},  # of a model that predicts epsilon, where it does nothing
    ],
    "FlowMatchEulerDiscrete": [{"shift": 3.0}, {"use_beta_sigmas": True}],
    "HeunDiscrete": [{}, {"rescale_betas_zero_snr": True}],  # a key that it has not
    "LCM": [{}, {"original_inference_steps": 100}, {"timestep_scaling": 5.0}],
    "LMSDiscrete": [{}],
    "PNDM": [{}, {"skip_prk_steps": True}, {"set_alpha_to_one": True}],
    "SASolver": [{}, {"predictor_order": 3, "corrector_order": 3}, {"algorithm_type": "noise_prediction"}],
    "TCD": [{}],
    "UniPCMultistep": [
        *({}, {"solver_order": 3}, {"solver_type": "heun"}, {"solver_type": "bh1"} | ENDING),
        *({"predict_x0": False} | ENDING, {"lower_order_final": False} | ENDING, {"rescale_betas_zero_snr": True}),
    ],
}
# The same -> what cannot be followed, and a word of the sentence on it.
REFUSED: dict[str, list[tuple[dict[str, Any], str]]] = {
    "DDPM": [({"variance_type": "learned_range"}, "variance_type 'learned_range'")],
    "DPMSolverMultistep": [
        ({"lambda_min_clipped": -2.0}, "lambda_min_clipped -2.0"),
        ({"variance_type": "learned"}, "variance_type 'learned'"),
        ({"use_flow_sigmas": True}, "go together only"),
        ({"prediction_type": "flow_prediction"}, "go together only"),
        ({"use_dynamic_shifting": True}, "use_dynamic_shifting True"),
        ({"final_sigmas_type": 0}, "final_sigmas_type is 0"),
        ({"solver_order": 4}, "solver_order 4"),
        ({"use_lu_lambdas": "yes"}, "use_lu_lambdas is 'yes'"),
        ({"use_exponential_sigmas": True, "sigma_min": 100.0}, "no ends"),
        ({"steps_offset": 900, "timestep_spacing": "leading"}, "do not fit"),
    ],
    "DPMSolverSinglestep": [({"algorithm_type": "sde-dpmsolver++"}, "algorithm_type")],
    "EulerDiscrete": [
        ({"interpolation_type": "log_linear"}, "interpolation_type 'log_linear'"),
        (CONTINUOUS | {"use_karras_sigmas": False}, "'continuous' needs"),
        (CONTINUOUS | {"sigma_max": 20.0}, "leading"),
        (CONTINUOUS | ENDING, "'zero' only"),
        ({"sigma_min": 9.0, "sigma_max": 3.0}, "not below"),
        ({"num_train_timesteps": "1000"}, "can be built"),
        ({"beta_start": 0.5}, "greater than"),
        ({"steps_offset": -1}, "steps_offset is -1"),
    ],
    "FlowMatchEulerDiscrete": [
        ({"invert_sigmas": True}, "invert_sigmas"),
        ({"shift_terminal": 0.1}, "shift_terminal"),
        ({"stochastic_sampling": True}, "stochastic_sampling"),
    ],
    "LCM": [({"original_inference_steps": None}, "original_inference_steps"), ({"timestep_scaling": 0}, "more than 0")],
    "SASolver": [({"corrector_order": 1}, "differ"), ({"num_train_timesteps": 500}, "1000 timesteps")],
    "UniPCMultistep": [
        ({"disable_corrector": [0, 1]}, "disable_corrector [0, 1]"),
        ({"predict_x0": False}, "'sigma_min'"),
        ({"lower_order_final": False}, "'sigma_min'"),
    ],
}
HOSTILE = (None, True, 0, -1, 1.5, 1e300, math.inf, math.nan, "x", [], [0.5], {})

Folder = Callable[[str], Path]


def rows(table: dict[str, list[Any]]) -> list[Any]:
    return [(f"{name}Scheduler", entry) for name, entries in table.items() for entry in entries]


def full(kind: str, changes: dict[str, Any]) -> dict[str, Any]:
    """A scheduler_config.json."""
    return {"_class_name": kind, **({} if kind.startswith(("EDM", "Flow")) else SD), **changes}


def line_of(config: dict[str, Any], steps: int = STEPS) -> str:
    """The exporter's reading as run_samplers takes it."""
    scheduler = Scheduler(config, "scheduler_config.json")
    facts, options = scheduler.facts(), scheduler.options()
    sampler, schedule = scheduler.sampler(), scheduler.schedule()
    defaults = {"steps": steps, "guidance": 5.0, "sampler": sampler, "schedule": schedule, "sampler_options": options}
    with describing("here"):  # as all facts of a source are found
        for obstacle in (*scheduler_obstacles(facts), *scheduler.obstacles(), *obstacles(defaults, facts)):
            raise bad_data(obstacle)
    texts = {key: str(value).lower() for key, value in options.items()}
    line = {"scheduler": facts, "sampler": sampler, "schedule": schedule, "steps": steps, "options": texts}
    return json.dumps(line | {"sigmas": [], "timesteps": [], "network": "tanh", "seed": 7, "shape": SHAPE})


@pytest.mark.parametrize(("kind", "changes"), rows(FOLLOWED))
def test_a_scheduler_steps_as_its_configuration_says(kind: str, changes: dict[str, Any]) -> None:
    config = full(kind, changes)
    (ours,) = answers([line_of(config)])
    assert "error" not in ours
    arguments = {"eta": 0.0} if kind == "TCDScheduler" else {}  # as the pipelines ask for
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scheduler = getattr(diffusers, kind).from_config(config)
    theirs = run_scheduler(scheduler, Steps(kind, "", {}, STEPS, "tanh", step_arguments=arguments))
    assert ours["noise_sha256"] == theirs.noise_sha256
    # What float32 does to a latent as large as diffusers' largest sigma comes on top of the tolerance.
    assert relative_error(np.array(ours["latent"], dtype=np.float32), theirs.latent) <= 3 * TOLERANCE


@pytest.mark.parametrize(("kind", "entry"), rows(REFUSED))
def test_what_cannot_be_followed_is_refused_by_name(kind: str, entry: tuple[dict[str, Any], str]) -> None:
    changes, word = entry
    with pytest.raises(ExportError) as error:
        line_of(full(kind, changes))
    assert word in str(error.value)


def hostile_configs() -> Iterator[dict[str, Any]]:
    """Every key of some classes with every kind of nonsense."""
    for name in ("DDIM", "DPMSolverMultistep", "EDMEuler", "EulerDiscrete", "FlowMatchEulerDiscrete", "LCM", "PNDM"):
        scheduler = Scheduler({"_class_name": f"{name}Scheduler"}, "here")
        for key in scheduler.parameters:
            yield from (full(f"{name}Scheduler", {key: value}) for value in HOSTILE)


def test_no_value_is_written_that_the_program_refuses() -> None:
    written = []
    for config in hostile_configs():
        try:
            written.append((config, line_of(config)))
        except ExportError:
            continue
    assert len(written) > 200
    for (config, _), answer in zip(written, answers([line for _, line in written]), strict=True):
        assert "NaN" in answer.get("error", "NaN"), config  # a wild schedule may lead anywhere, but it is read


def test_a_key_of_another_class_is_named_where_it_would_do_something() -> None:
    others = {"use_karras_sigmas": True, "solver_order": 2, "skip_prk_steps": True, "colour": "red"}
    config = full("EulerAncestralDiscreteScheduler", others)
    notes = list(Scheduler(config, "here").notes())
    assert len(notes) == 2
    assert "use_karras_sigmas True is nothing to EulerAncestralDiscreteScheduler" in notes[0]
    assert "colour 'red'" in notes[1]


def facts_of(folder: Path, **request: Any) -> Facts:
    return Facts(open_source(Request(str(folder), **request)))


def test_the_class_is_the_one_that_the_index_names(copy: Path) -> None:
    edit_json(copy / "model_index.json", scheduler=["diffusers", "DPMSolverMultistepScheduler"])
    facts = facts_of(copy)
    assert facts.defaults["sampler"] == "dpmpp_2m"
    assert any("names PNDMScheduler, model_index.json DPMSolverMultistepScheduler" in note for note in facts.notes())
    edit_json(copy / "scheduler/scheduler_config.json", _class_name=None)
    assert facts_of(copy).defaults["sampler"] == "dpmpp_2m"


def test_another_sampler_may_be_chosen_where_the_models_own_cannot_be_followed(copy: Path) -> None:
    edit_json(copy / "model_index.json", scheduler=["diffusers", "EulerDiscreteScheduler"])
    edit_json(copy / "scheduler/scheduler_config.json", interpolation_type="log_linear")
    with pytest.raises(ExportError, match="interpolation_type 'log_linear'.* --sampler"):
        facts_of(copy)
    facts = facts_of(copy, defaults={"sampler": "dpmpp_2m"})
    assert any("interpolation_type 'log_linear'" in note for note in facts.notes())


def test_parameters_go_with_the_sampler_that_has_them(copy: Path) -> None:
    edit_json(copy / "model_index.json", scheduler=["diffusers", "DPMSolverMultistepScheduler"])
    edit_json(copy / "scheduler/scheduler_config.json", solver_type="heun", solver_order=1)
    assert facts_of(copy).defaults["sampler_options"] == {"solver_order": 1, "solver_type": "heun"}
    assert "sampler_options" not in facts_of(copy, defaults={"sampler": "euler"}).defaults
    edit_json(copy / "txt2img.json", defaults={"sampler_options": {"euler_at_final": True}})
    assert facts_of(copy).defaults["sampler_options"]["euler_at_final"] is True
    with pytest.raises(ExportError, match="euler has no euler_at_final"):
        edit_json(copy / "txt2img.json", defaults={"sampler": "euler", "sampler_options": {"euler_at_final": True}})
        facts_of(copy)


def test_the_old_pipelines_take_over_what_they_are_given(copy: Path) -> None:
    """Inpainting skips the Runge-Kutta steps of PNDM whatever the file says; LCM's changes nothing."""
    path = copy / "scheduler/scheduler_config.json"
    edit_json(path, skip_prk_steps=False, steps_offset=0)
    assert facts_of(copy).defaults["sampler_options"] == {"solver_type": "prk"}
    config = json.loads(path.read_text())
    assert Scheduler(config, "here", "StableDiffusionInpaintPipeline").options() == {}
    assert Scheduler(config, "here", "LatentConsistencyModelPipeline").facts()["steps_offset"] == 0


def test_a_trailing_euler_alone_makes_no_turbo_model(copy: Path) -> None:
    edit_json(copy / "model_index.json", scheduler=["diffusers", "EulerDiscreteScheduler"])
    edit_json(copy / "scheduler/scheduler_config.json", timestep_spacing="trailing")
    facts = facts_of(copy)
    assert (facts.defaults["steps"], facts.defaults["guidance"]) == (25, 7.5)
    assert any("--steps 1 --guidance 1" in note for note in facts.notes())
    edit_json(copy / "unet/config.json", _name_or_path="stabilityai/sd-turbo")
    assert facts_of(copy).defaults["steps"] == 1
    assert not any("--steps 1" in note for note in facts_of(copy).notes())


def test_pictures_of_solvers_with_parameters_are_those_of_diffusers(copy: Path, tmp_path: Path) -> None:
    """What the bundle says counts where the user says nothing, and is in the record."""
    edit_json(copy / "model_index.json", scheduler=["diffusers", "DPMSolverMultistepScheduler"])
    words = {"solver_type": "heun", "lower_order_final": False, "final_sigmas_type": "sigma_min"}
    edit_json(copy / "scheduler/scheduler_config.json", **words)
    bundle = exported(copy, tmp_path / "bundle", "--dtype", "float32")
    assert manifest(bundle)["defaults"]["sampler_options"] == {"lower_order_final": False, "solver_type": "heun"}
    case = Case("parameters", "sd1", 5)
    theirs = drawn_by_diffusers(load_pipeline(copy, case), case, (64, 64))
    options = ("--steps", 5, "-g", 5)
    assert_equal_pictures(drawn_with(bundle, tmp_path, PROMPT, options), theirs)
    asked = drawn_with(bundle, tmp_path, PROMPT, (*options, "--lower-order-final", "true"))
    assert np.abs(asked.astype(int) - theirs.astype(int)).max() > 1
    record = Program(tmp_path).run("--verify", tmp_path / "21.png", "-m", bundle, "--device", "cpu", "--threads", 1)
    assert record.code == 0, record.err  # the default that was asked for is not in it, and counts all the same
