"""Several devices at once: here the CPU counts as two."""

import json
import signal
from pathlib import Path

import pytest
from cli_program import ROOT, TIMEOUT, Program
from faults import tree

TWO = ("--devices", "cpu,cpu")


def drawn(folder: Path) -> dict[str, bytes]:
    """Its files; the lines of a manifest sorted, for they are in the order of finishing."""
    found = tree(folder)
    for name in (name for name in found if name.endswith(".jsonl")):
        found[name] = b"".join(sorted(found[name].splitlines(keepends=True)))
    return found


def prompts(program: Program, count: int) -> Path:
    file = program.folder / "p.txt"
    file.write_text("".join(f"prompt {i}\n" for i in range(count)))
    return file


def test_pictures_are_those_of_one_device(program: Program) -> None:
    file = prompts(program, 9)
    for name, more in (("one", ()), ("two", TWO), ("batches", (*TWO, "--batch-size", 3))):
        result = program.run("-f", file, "-n", 2, "-s", 5, "-o", f"{name}/", *more)
        assert result.code == 0, result.err
        assert len(result.paths) == 18
    assert drawn(program.folder / "one") == drawn(program.folder / "two") == drawn(program.folder / "batches")


def test_the_bundled_model_draws_as_on_one_device_with_its_threads(tmp_path: Path) -> None:
    program = Program(tmp_path, {"TXT2IMG_MODELS": str(ROOT / "models"), "OMP_NUM_THREADS": "2"})
    for name, more in (("one", ("--threads", 1)), ("two", (*TWO, "--threads", 2))):
        result = program.run("a red apple", "-n", 3, "-s", 1, "--steps", 3, "-o", f"{name}/{{index}}.png", *more)
        assert result.code == 0, result.err
    assert tree(tmp_path / "one") == tree(tmp_path / "two")


def test_both_devices_draw_at_the_same_time(program: Program, toy) -> None:
    program.variables["TXT2IMG_MODEL"] = str(toy("slow"))
    result = program.run("x", "-n", 4, "--steps", 30, "-o", "{index}.png", "--progress", "json", *TWO)
    assert result.code == 0, result.err
    told = [json.loads(line) for line in result.err.splitlines()]
    kinds = [event["event"] for event in told]
    assert kinds[: kinds.index("done")].count("start") >= 2
    assert sorted(event["first"] for event in told if event["event"] == "start") == [1, 2, 3, 4]
    for picture in range(1, 5):
        steps = [event["step"] for event in told if event["event"] == "step" and event["first"] == picture]
        assert steps == list(range(31))
    assert (kinds[-1], told[-1]["done"]) == ("end", 4)


def test_a_run_on_one_device_goes_on_with_two(program: Program) -> None:
    file = prompts(program, 6)
    first = program.run("-f", file, "-s", 5, "-o", "out/", "--shard", "0/2")
    assert first.code == 0, first.err
    rest = program.run("-f", file, "-s", 5, "-o", "out/", "--resume", "--json", *TWO)
    assert rest.code == 0, rest.err
    assert sorted(record["status"] for record in rest.records) == ["done"] * 3 + ["skipped"] * 3


def test_a_signal_stops_all_of_them(program: Program, toy) -> None:
    program.variables["TXT2IMG_MODEL"] = str(toy("slow"))
    process = program.start("x", "-n", 9, "--steps", 1000, "-o", "{index}.png", "--progress", "json", *TWO)
    assert process.stderr is not None
    seen: set[int] = set()
    while len(seen) < 2:
        event = json.loads(process.stderr.readline())
        if event["event"] == "step" and event["step"] > 2:
            seen.add(event["first"])
    process.send_signal(signal.SIGINT)
    rest = process.stderr.read().decode().splitlines()
    assert process.wait(TIMEOUT) == 130
    assert rest[-1] == "txt2img: interrupted before a picture was finished"
    assert program.files() == []


@pytest.mark.parametrize(("more", "code", "least"), [(("--keep-going",), 1, 4), (("--fail-fast",), 70, 1)])
def test_pictures_that_fail_are_told_of_each(program: Program, toy, more: tuple, code: int, least: int) -> None:
    program.variables["TXT2IMG_MODEL"] = str(toy("nan"))
    result = program.run("-f", prompts(program, 4), "-s", 1, "-o", "out/", "--json", *TWO, *more)
    assert result.code == code
    failed = [record for record in result.records if record["status"] == "failed"]
    assert least <= len(failed) <= 4
    assert all("NaN" in record["error"] for record in failed)
    assert not list((program.folder / "out").glob("*.png"))


def test_the_last_choice_of_devices_counts(program: Program) -> None:
    result = program.run("x", "-o", "x.png", "-v", *TWO, "--device", "cpu")
    assert result.err.count(" on cpu (") == 1
    result = program.run("x", "-o", "x.png", "-v", "--device", "cpu", *TWO, "--threads", 4)
    assert result.err.count(" on cpu (2 threads") == 2, result.err


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("cpu,auto", "auto"),
        ("cpu,cuda:0", "one kind"),
        ("cuda,cuda:0", "cuda:0 is there twice"),
        ("cpu,", "''"),
        ("", "''"),
        ("gpu", "'gpu'"),
    ],
)
def test_a_wrong_list_is_a_usage_error(program: Program, text: str, why: str) -> None:
    result = program.run("x", "--devices", text)
    assert result.code == 64
    assert "--devices" in result.error and why in result.error


def test_all_needs_a_cuda_device(program: Program) -> None:
    result = program.run("x", "--devices", "all", "-o", "x.png", env={"CUDA_VISIBLE_DEVICES": ""})
    assert (result.code, "--list devices" in result.error) == (69, True)
