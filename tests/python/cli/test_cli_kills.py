"""A run of a prompt file that is killed at a system call, and resumed, leaves what an undisturbed run leaves.

The suite tries every fourth call; TXT2IMG_ALL_KILLS=1 tries 300 and more, as a release should:

    TXT2IMG_ALL_KILLS=1 python -m pytest tests/python/cli/test_cli_kills.py
"""

import json
import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from cli_program import Program
from faults import Faults, tree

STRIDE = 1 if os.environ.get("TXT2IMG_ALL_KILLS") else 4


@dataclass
class Kill:
    number: int  # of the call
    call: str
    how: str
    first: int = 0  # a kill before, of the run that is then resumed


@dataclass
class Lab:
    program: Program  # its folder has one for each kill

    def faults(self, name: str) -> Faults:
        folder = self.program.folder / name
        (folder / "work/out").mkdir(parents=True)
        lines = ({"prompt": f"picture {i}", "count": 1 + (i % 4 == 3), "steps": 1} for i in range(10))
        (folder / "work/p.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        return Faults(Program(folder / "work", self.program.variables), folder / "work/out")


@pytest.fixture
def lab(program: Program) -> Lab:
    return Lab(program)


def age_leftovers(folder: Path) -> None:
    """A shard removes temporary files only when they are older than a minute."""
    old = time.time() - 3600
    for file in folder.rglob(".txt2img-*"):
        os.utime(file, (old, old))


def check(kills: list[Kill], try_kill: Callable[[Kill], str]) -> None:
    with ThreadPoolExecutor(2) as pool:
        faults = [fault for fault in pool.map(try_kill, kills) if fault]
    assert not faults, f"{len(faults)} of {len(kills)} kills: " + "\n".join(faults)
    print(f"{len(kills)} of {len(kills)} kills left no trace")


def listed(calls: list[str], first: int = 0) -> list[Kill]:
    """At each call, and in each write."""
    kills = [Kill(i, call, "kill", first) for i, call in enumerate(calls, start=1)]
    return kills + [Kill(i, call, "torn", first) for i, call in enumerate(calls, start=1) if call.startswith("write")]


def difference(left: dict[str, bytes], whole: dict[str, bytes]) -> str:
    return ", ".join(sorted(name for name in {*left, *whole} if left.get(name) != whole.get(name)))


@pytest.mark.parametrize(
    ("options", "pictures"),
    [((), 12), (("--layout", "geneval"), 12), (("--shard", "1/2"), 7), (("--batch-size", "4", "--no-metadata"), 12)],
    ids=["plain", "geneval", "shard", "batch"],
)
def test_a_run_that_is_killed_at_any_call_goes_on_to_the_same_tree(
    lab: Lab, options: tuple[str, ...], pictures: int
) -> None:
    run = ("-f", "p.jsonl", "-s", 7, "-o", "out/", "-q", *options)
    undisturbed = lab.faults("whole")
    calls = undisturbed.calls(*run)
    whole = tree(undisturbed.folder)
    assert len([name for name in whole if name.endswith(".png")]) == pictures

    def try_kill(kill: Kill) -> str:
        where = f"{kill.how} {kill.number} {kill.call}"
        faults = lab.faults(where.replace(" ", "-").replace("/", "-"))
        result = faults.kill(kill.number, *run, how=kill.how)
        if result.code != -signal.SIGKILL:
            return f"{where}: not killed"
        age_leftovers(faults.folder)
        result = faults.program.run(*run, "--resume")
        left = tree(faults.folder)
        return "" if result.code == 0 and left == whole else f"{where}: {result.err}{difference(left, whole)}"

    check(listed(calls)[:: STRIDE if STRIDE == 1 or not options else 4 * STRIDE], try_kill)


def test_a_resumed_run_that_is_killed_too_goes_on_to_the_same_tree(lab: Lab) -> None:
    run = ("-f", "p.jsonl", "-s", 7, "-o", "out/", "-q")
    undisturbed = lab.faults("whole")
    calls = undisturbed.calls(*run)
    whole = tree(undisturbed.folder)
    # After the name, before its line in the manifest: the resumed run has to repair both.
    first = 1 + next(i for i, call in enumerate(calls) if call == "write manifest.jsonl" and i > len(calls) // 2)
    broken = lab.faults("broken")
    broken.kill(first, *run, how="torn")
    kills = listed(broken.calls(*run, "--resume"), first)

    def try_kill(kill: Kill) -> str:
        where = f"resumed, {kill.how} {kill.number} {kill.call}"
        faults = lab.faults(where.replace(" ", "-"))
        faults.kill(kill.first, *run, how="torn")
        if faults.kill(kill.number, *run, "--resume", how=kill.how).code != -signal.SIGKILL:
            return f"{where}: not killed"
        result = faults.program.run(*run, "--resume")
        left = tree(faults.folder)
        return "" if result.code == 0 and left == whole else f"{where}: {result.err}{difference(left, whole)}"

    check(kills[::STRIDE], try_kill)


@pytest.mark.parametrize(
    ("options", "change"),
    [
        (("-o", "out/{index}.png"), "front"),
        (("-o", "out/{index}.png"), "reversed"),
        (("-o", "out/", "--layout", "geneval"), "front"),
        (("-o", "out/{index}.png", "--no-metadata"), "reversed"),
    ],
    ids=["front", "reversed", "geneval", "no-metadata"],
)
def test_renaming_that_is_killed_at_any_call_loses_no_picture(lab: Lab, options: tuple[str, ...], change: str) -> None:
    run = ("-f", "p.jsonl", "-s", 7, "-q", *options)

    def changed(name: str) -> Faults:
        faults = lab.faults(name)
        assert faults.program.run(*run).code == 0
        file = faults.program.folder / "p.jsonl"
        lines = file.read_text().splitlines(keepends=True)
        file.write_text("".join(lines[::-1] if change == "reversed" else [NEW_LINE, *lines]))
        return faults

    undisturbed = changed("whole")
    calls = undisturbed.calls(*run, "--resume")
    whole = pictures_and_list(undisturbed.folder)
    assert [call for call in calls if call.startswith("rename")]

    def try_kill(kill: Kill) -> str:
        where = f"{kill.how} {kill.number} {kill.call}"
        faults = changed(where.replace(" ", "-").replace("/", "-"))
        before = {data for name, data in tree(faults.folder).items() if name.endswith(".png")}
        if faults.kill(kill.number, *run, "--resume", how=kill.how).code != -signal.SIGKILL:
            return f"{where}: not killed"
        if not before <= set(tree(faults.folder).values()):
            return f"{where}: a picture is lost"
        result = faults.program.run(*run, "--resume")
        left = pictures_and_list(faults.folder)
        return "" if result.code == 0 and left == whole else f"{where}: {result.err}{difference(left, whole)}"

    check(listed(calls)[:: STRIDE if STRIDE == 1 else 3 * STRIDE], try_kill)


NEW_LINE = '{"prompt": "new", "steps": 1}\n'


def pictures_and_list(folder: Path) -> dict[str, bytes]:
    """All files; the lines of the manifest sorted, for they are in the order of finishing."""
    found = tree(folder)
    found["manifest.jsonl"] = b"".join(sorted(set(found["manifest.jsonl"].splitlines(keepends=True))))
    return found
