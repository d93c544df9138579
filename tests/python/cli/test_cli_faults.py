"""What is left of a run whose system calls fail."""

import errno
import json
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cli_program import Program, Result
from faults import Faults, error_name, tree

PICTURES = ("a", "-n", "2", "-s", "3", "--steps", "1", "-o", "out/", "--json")
ERRORS = (errno.ENOSPC, errno.EIO, errno.EDQUOT)


@pytest.fixture
def faults(program: Program) -> Faults:
    (program.folder / "out").mkdir()
    return Faults(program, program.folder / "out")


def clear(faults: Faults) -> None:
    for file in faults.folder.iterdir():
        file.unlink()


def failures(faults: Faults, calls: list[str], *run: object) -> Iterator[tuple[int, str, Result]]:
    """Runs in the empty folder, each time with another call that fails: its number, where it is, what came of it."""
    for number, call in enumerate(calls, start=1):
        if call.startswith("unlink"):
            continue
        clear(faults)
        error = ERRORS[number % len(ERRORS)]
        result = faults.fail(number, error, *run)
        where = f"{error_name(error)} at call {number}, {call}"
        assert result.code == 74, f"{where}: {result.err}"
        yield number, where, result


def test_every_call_that_fails_is_an_error_and_leaves_no_half_file(faults: Faults) -> None:
    calls = faults.calls(*PICTURES)
    whole = tree(faults.folder)
    assert len(whole) == 2
    verbs = {call.split()[0] for call in calls}
    assert {"open", "write", "fsync", "close", "rename"} <= verbs
    for _, where, result in failures(faults, calls, *PICTURES):
        assert result.err.splitlines()[-1].startswith("txt2img: error: cannot write out"), where
        left = tree(faults.folder)
        assert left.items() <= whole.items(), where
        drawn = [record["path"] for record in result.records if record["status"] == "done"]
        assert sorted(drawn) == sorted(f"out/{name}" for name in left), where


def test_every_call_of_a_run_of_a_prompt_file_that_fails_is_an_error_and_can_be_mended(faults: Faults) -> None:
    lines = ({"prompt": f"picture {i}", "count": 1 + i % 2, "steps": 1} for i in range(3))
    (faults.program.folder / "p.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    run = ("-f", "p.jsonl", "-s", "7", "-o", "out/", "--json")
    calls = faults.calls(*run)
    whole = tree(faults.folder)
    listed = whole.pop("manifest.jsonl")
    pictures = dict(whole)
    for number, where, result in failures(faults, calls, *run):
        left = tree(faults.folder)
        manifest = left.pop("manifest.jsonl", b"")
        assert left.items() <= pictures.items(), where
        assert listed.startswith(manifest) and (not manifest or manifest.endswith(b"\n")), where
        assert {json.loads(line)["path"] for line in manifest.splitlines()} <= left.keys(), where
        drawn = {record["path"] for record in result.records if record["status"] == "done"}
        assert drawn <= {f"out/{name}" for name in left}, where
        assert result.records[-1]["status"] == "failed", where
        if number % 5 == 0:
            assert faults.program.run(*run, "--resume").code == 0, where
            assert tree(faults.folder) == {**pictures, "manifest.jsonl": listed}, where


def test_a_folder_that_turns_read_only_ends_the_run(faults: Faults) -> None:
    calls = faults.calls(*PICTURES)
    for number, call in enumerate(calls, start=1):
        if call.startswith(("open", "rename")):
            clear(faults)
            result = faults.fail(number, errno.EROFS, *PICTURES)
            assert result.code == 73, f"call {number}, {call}: {result.err}"
            assert not any(name.startswith(".") for name in tree(faults.folder))


@pytest.mark.parametrize("more", [(), ("--json",), ("--batch-size", "4"), ("--devices", "cpu,cpu")])
def test_a_line_that_standard_output_does_not_take_ends_the_run_and_blames_no_picture(
    program: Program, more: tuple[str, ...]
) -> None:
    (program.folder / "p.txt").write_text("".join(f"picture {i}\n" for i in range(8)))
    faults = Faults(program, program.folder / "all")  # the results go into a file there
    faults.folder.mkdir()
    run = ("-f", "p.txt", "-s", "7", "-o", "all/out/", *more)
    told = faults.folder / "told"

    def start(perform: Callable[..., Any], *arguments: object) -> Any:
        shutil.rmtree(faults.folder / "out", ignore_errors=True)
        with told.open("wb") as stream:
            return perform(*arguments, *run, stdout=stream)

    calls = start(faults.calls)
    whole = tree(faults.folder / "out")
    lines = [number for number, call in enumerate(calls, start=1) if call == "write told"]
    assert len(lines) == 8
    for number in lines:
        result = start(faults.fail, number, errno.ENOSPC)
        assert result.code == 74, f"call {number}: {result.err}"
        assert "cannot write to standard output" in result.err.splitlines()[-1]
        assert "fail" not in result.err
        left = tree(faults.folder / "out")
        listed = left.pop("manifest.jsonl").splitlines()
        assert left.items() <= whole.items()
        assert sorted(json.loads(line)["path"] for line in listed) == sorted(left)
        assert len(told.read_text().splitlines()) < len(left)
        assert "failed" not in told.read_text()
