"""Defaults of a bundle: those that scripts/export_model.py is told, against what the program makes of them."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import export_model
import pytest
from cli_program import ROOT, Program
from export.choices import OPTIONS, SAMPLERS, SCHEDULES, SOLVER_TYPES, obstacles
from export.manifest import Facts
from export.open_source import open_source
from exported import edit_json, exported, manifest, refused
from family_pictures import PROMPT, Case, assert_equal_pictures, drawn_by_diffusers, drawn_with, load_pipeline
from ldm_file import write_ldm_file

Folder = Callable[[str], Path]

MODELS: dict[str, dict[str, Any]] = {
    "epsilon": {},
    "sample": {"prediction_type": "sample"},
    "edm": {"sigma_data": 0.5, "sigma_min": 0.002, "sigma_max": 80.0},
    "flow": {"prediction_type": "flow_prediction"},
}


def facts(folder: Path, *options: str) -> dict[str, Any]:
    """`defaults` of the model.json that these options would make."""
    args = export_model.parse([str(folder), "--output", "bundle", *options])
    return Facts(open_source(export_model.options_of(args).request)).defaults


@pytest.mark.parametrize("what", ["samplers", "schedules"])
def test_the_exporter_reads_what_the_program_prints(what: str, program: Program) -> None:
    listed = program.run("--list", what, "--json").out
    remedy = f"txt2img --list {what} --json >share/{what}.jsonl"
    assert (ROOT / "share" / f"{what}.jsonl").read_bytes() == listed, remedy


def pairs(model: str) -> list[tuple[str, str]]:
    """Every sampler, and every schedule with the samplers whose choice of them differs."""
    choosy = ("ddpm", "ddim", "pndm", "lcm", "tcd", "euler", "unipc") if model == "epsilon" else ("euler",)
    alone = [(sampler, "model") for sampler in SAMPLERS]
    return alone + [(sampler, schedule) for sampler in choosy for schedule in SCHEDULES]


LISTED = 50  # errors of a prompt file, at most


def refused_lines(program: Program, bundle: Path, requests: list[dict[str, Any]]) -> set[int]:
    """Which of these requests the program refuses, counted from 0: lines of prompt files that are drawn dry."""
    refused = set()
    for begin in range(0, len(requests), LISTED):
        lines = (json.dumps({"prompt": "x", **request}) + "\n" for request in requests[begin : begin + LISTED])
        (program.folder / "p.jsonl").write_text("".join(lines))
        errors = program.run("-m", bundle, "-f", "p.jsonl", "-o", "out/", "--dry-run").err
        refused |= {begin + int(line) - 1 for line in re.findall(r"^txt2img: error: p\.jsonl:(\d+): ", errors, re.M)}
    return refused


@pytest.mark.parametrize("model", MODELS)
def test_what_goes_together_is_what_the_program_takes(model: str, toy: Folder, program: Program) -> None:
    bundle = Path(shutil.copytree(toy("noise"), program.folder / "bundle"))
    scheduler = manifest(bundle)["scheduler"] | {"prediction_type": "epsilon"} | MODELS[model]
    edit_json(bundle / "model.json", scheduler=scheduler)
    wanted = [{"sampler": sampler, "schedule": schedule} for sampler, schedule in pairs(model)]
    refused = refused_lines(program, bundle, wanted)
    for number, line in enumerate(wanted):
        is_impossible = bool(list(obstacles({"steps": 5, "guidance": 5.0, **line}, scheduler)))
        assert (number in refused) == is_impossible, line


def parameters() -> list[tuple[str, dict[str, Any]]]:
    """Every sampler with every parameter, every solver type, and what the ends of a run rule out."""
    values = {"lower_order_final": False, "euler_at_final": True, "solver_prediction": "epsilon"}
    values |= {"final_sigmas_type": "sigma_min", "solver_order": 3, "corrector_steps": 2, "original_steps": 100}
    chosen = [{name: values.get(name, 0.5)} for name in OPTIONS if name != "solver_type"]
    chosen += [{"solver_type": kind} for kind in sorted({kind for kinds in SOLVER_TYPES.values() for kind in kinds})]
    ending = {"solver_prediction": "epsilon", "final_sigmas_type": "sigma_min"}
    chosen += [{"solver_order": 4}, {"s_tmin": 3, "s_tmax": 2}, ending, {"solver_order": 3, **ending}]
    return [(sampler, options) for sampler in SAMPLERS for options in chosen]


def test_which_sampler_has_which_parameters_is_what_the_program_says(toy: Folder, program: Program) -> None:
    bundle = Path(shutil.copytree(toy("noise"), program.folder / "bundle"))
    whole = manifest(bundle)
    scheduler = whole["scheduler"] | {"prediction_type": "epsilon", "timestep_spacing": "trailing"}
    edit_json(bundle / "model.json", scheduler=scheduler)
    wanted = [{"sampler": sampler, "schedule": "model", **options} for sampler, options in parameters()]
    refused = refused_lines(program, bundle, wanted)
    for number, (sampler, options) in enumerate(parameters()):
        defaults = whole["defaults"] | {"sampler": sampler, "schedule": "model", "sampler_options": options}
        is_edm = sampler.startswith("edm")  # refused for the model, whatever its parameters
        assert (number in refused) == (bool(list(obstacles(defaults, scheduler))) or is_edm), (sampler, options)


def test_the_program_reads_parameters_among_the_defaults_of_a_bundle_by_the_same_rules(
    toy: Folder, program: Program
) -> None:
    bundle = Path(shutil.copytree(toy("noise"), program.folder / "bundle"))
    whole = manifest(bundle)
    for options, code in (({"solver_order": 3}, 0), ({"solver_order": 4}, 65), ({"eta": 0.5}, 65)):
        defaults = whole["defaults"] | {"sampler": "dpmpp_2m", "schedule": "model", "sampler_options": options}
        edit_json(bundle / "model.json", defaults=defaults)
        assert program.run("x", "-m", bundle, "--dry-run").code == code, options


def test_what_is_asked_for_wins_over_the_model_and_its_maker(sd1: Path, copy: Path) -> None:
    assert facts(sd1)["sampler"] == "pndm"
    asked = ("--steps", "4", "--guidance", "1", "--sampler", "lcm")
    edit_json(copy / "txt2img.json", defaults={"steps": 9, "guidance": 3.5, "negative": "blurry"})
    assert {**facts(sd1), **facts(copy)} == facts(sd1) | {"steps": 9, "guidance": 3.5, "negative": "blurry"}
    expected = {"steps": 4, "guidance": 1.0, "sampler": "lcm", "schedule": "model", "negative": "blurry"}
    assert facts(copy, *asked) == facts(sd1) | expected
    assert facts(sd1, "--sampler", "euler", "--schedule", "karras")["schedule"] == "karras"


def test_a_schedule_of_the_model_yields_to_a_sampler_that_has_it_not(copy: Path) -> None:
    edit_json(copy / "model_index.json", scheduler=["diffusers", "DPMSolverMultistepScheduler"])
    edit_json(copy / "scheduler/scheduler_config.json", use_karras_sigmas=True)
    assert facts(copy)["schedule"] == "karras"
    assert facts(copy, "--sampler", "euler")["schedule"] == "karras"
    assert facts(copy, "--sampler", "lcm")["schedule"] == "model"


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--steps", "0"], 64, ["--steps", "'0'", "1 to 10000"]),
        (["--steps", "2.5"], 64, ["--steps", "'2.5'"]),
        (["--guidance", "nan"], 64, ["--guidance", "'nan'", "0 to 1000"]),
        (["--guidance", "-1"], 64, ["--guidance"]),
        (["--sampler", "eulr"], 64, ["--sampler", "'eulr'", "euler_a"]),
        (["--schedule", "karas"], 64, ["--schedule", "'karas'", "karras"]),
        (["--steps", "1001"], 65, ["steps 1001", "1 to 1000"]),
        (["--sampler", "edm_euler"], 65, ["edm_euler", "does not go with this model"]),
        (["--sampler", "lcm", "--schedule", "karras"], 65, ["lcm has no karras schedule"]),
        (["--schedule", "simple"], 65, ["pndm has no simple schedule"]),
    ],
)
def test_refuses_defaults_that_the_program_would_refuse(
    options: list[str], code: int, words: list[str], sd1: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    actual, line = refused(capsys, sd1, "--output", tmp_path / "bundle", *options)
    assert actual == code
    for word in words:
        assert word in line
    assert list(tmp_path.iterdir()) == []


def test_a_single_file_of_sdxl_turbo_draws_without_an_option(family_folder: Folder, tmp_path: Path) -> None:
    folder = family_folder("sdxl-turbo")
    file = write_ldm_file(folder, tmp_path / "turbo.safetensors", "sdxl")
    # SDXL's own configuration, for its file tells no more: the tiny widths, and the scheduler of SDXL.
    plain = family_folder("sdxl")
    options = ("--config", str(plain), "--vae", str(folder / "vae"), "--dtype", "float32")
    turbo = ("--steps", "1", "--guidance", "1", "--sampler", "euler_a", "--schedule", "trailing")
    bundle = exported(file, tmp_path / "bundle", *options, *turbo)
    case = Case("sdxl-turbo", "sdxl-turbo", 1, {"guidance_scale": 0.0})
    theirs = drawn_by_diffusers(load_pipeline(folder, case), case, (64, 64))
    assert_equal_pictures(drawn_with(bundle, tmp_path, PROMPT, ()), theirs)
