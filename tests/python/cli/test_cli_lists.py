"""--list: what there is to choose from, for people and for programs."""

import pytest
from cli_program import Program


def test_the_samplers_of_the_list_are_those_that_are_accepted(program: Program) -> None:
    names = [record["name"] for record in program.run("--list", "samplers", "--json").records]
    assert len(names) == 23
    # The toy model predicts x_0, and has no EDM preconditioning.
    for name in set(names) - {"pndm", "edm_euler", "edm_dpmpp_2m"}:
        assert program.dry_run("x", "--sampler", name)[0]["sampler"] == name


def test_the_list_of_samplers_says_what_a_step_costs(program: Program) -> None:
    rows = {row["name"]: row for row in program.run("--list", "samplers", "--json").records}
    facts = ("method", "order", "calls_per_step", "stochastic", "arxiv", "diffusers", "label")
    assert [rows["heun"][fact] for fact in facts] == [
        "two stages",
        2,
        2,
        False,
        "2206.00364",
        "HeunDiscreteScheduler",
        "Heun",
    ]
    assert "heun" in (text := program.run("--list", "samplers").out.decode())
    assert "two stages, order 2, 2 UNet calls a step, deterministic, arXiv 2206.00364" in text


def test_lists_are_tables_for_people(program: Program) -> None:
    assert "dpmpp_2m" in program.run("--list", "samplers").out.decode()
    assert "karras" in program.run("--list", "schedules").out.decode()


def test_a_list_of_schedules_shows_what_a_run_would_visit(program: Program) -> None:
    asked = ("--list", "schedules", "--steps", "4", "--sampler", "euler")
    rows = {row["name"]: row for row in program.run(*asked, "--json").records}
    assert rows["trailing"]["timesteps"] == [999, 749, 499, 249]
    assert rows["trailing"]["timesteps"] == rows["model"]["timesteps"]
    for row in rows.values():
        assert len(row["sigmas"]) == 5 and row["sigmas"][-1] == 0
        assert row["sigmas"] == sorted(row["sigmas"], reverse=True)
    only = program.run(*asked, "--schedule", "ays").out.decode()
    assert only.startswith("ays ") and "trailing" not in only
    assert "sigmas    14.615" in only
    listed = program.run("--list", "schedules", "--sampler", "euler", "--sigmas", "9,3,0", "--json").records
    assert [(row["name"], row["sigmas"][0]) for row in listed] == [("model", pytest.approx(9))]


def test_a_list_of_schedules_says_what_does_not_go_with_the_sampler(program: Program) -> None:
    rows = {row["name"]: row for row in program.run("--list", "schedules", "--sampler", "ddim", "--json").records}
    assert "ddim has no karras schedule" in rows["karras"]["error"]
    assert "error" not in rows["trailing"]


def test_a_label_can_name_a_schedule_and_a_variant(program: Program) -> None:
    record = program.dry_run("x", "--sampler", "DPM++ 2M SDE Heun Karras")[0]
    assert (record["sampler"], record["schedule"]) == ("dpmpp_2m_sde", "karras")
    assert record["solver_type"] == "heun"


def test_models_are_listed_with_what_is_wrong_with_them(program: Program, toy) -> None:
    models = program.folder / "models"
    models.mkdir()
    (models / "good").symlink_to(toy("noise"))
    (models / "bad").mkdir()
    (models / "bad" / "model.json").write_text("{")
    rows = {row["name"]: row for row in program.run("--list", "models", "--json").records}
    assert rows["good"]["model"] == "toy-noise"
    assert "not JSON" in rows["bad"]["error"]
    assert program.dry_run("x", "-m", "good")[0]["width"] == 16
