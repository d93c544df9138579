"""What is left of a run whose system calls fail."""

import errno

import pytest
from cli_program import Program
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


def test_every_call_that_fails_is_an_error_and_leaves_no_half_file(faults: Faults) -> None:
    calls = faults.calls(*PICTURES)
    whole = tree(faults.folder)
    assert len(whole) == 2
    verbs = {call.split()[0] for call in calls}
    assert {"open", "write", "fsync", "close", "rename"} <= verbs
    for number, call in enumerate(calls, start=1):
        if call.startswith("unlink"):
            continue
        clear(faults)
        error = ERRORS[number % len(ERRORS)]
        result = faults.fail(number, error, *PICTURES)
        where = f"{error_name(error)} at call {number}, {call}"
        assert result.code == 74, f"{where}: {result.err}"
        assert result.err.splitlines()[-1].startswith("txt2img: error: cannot write out"), where
        left = tree(faults.folder)
        assert left.items() <= whole.items(), where
        drawn = [record["path"] for record in result.records if record["status"] == "done"]
        assert sorted(drawn) == sorted(f"out/{name}" for name in left), where
