"""Whoever reads the results may leave, or be slow: the run ends or waits, and no picture is lost or blamed."""

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest
from cli_program import TIMEOUT, Program, Result
from faults import tree

PICTURES = 24  # more than wait for the writer at a time, in batches too
# Steps enough that a picture is written, and told, in the middle of the next one.
FILE = ("-f", "p.txt", "-s", 7, "--steps", 300, "-o", "out/")
PROMPT = ("a", "-n", PICTURES, "-s", 7, "--steps", 300, "-o", "out/{index}.png")
MODES = {
    "file": FILE,
    "count": (*PROMPT, "--keep-going"),
    "json": (*FILE, "--json"),
    "batch": (*FILE, "--batch-size", 4),
    "devices": (*FILE, "--devices", "cpu,cpu"),
    "fail-fast": (*FILE, "--fail-fast"),
    "shard": (*FILE, "--shard", "0/1"),
    "progress": (*FILE, "--progress", "json"),
}


@pytest.fixture
def batch(program: Program) -> Program:
    (program.folder / "p.txt").write_text("".join(f"picture {i}\n" for i in range(PICTURES)))
    return program


def run_for(listener: str, program: Program, *arguments: object, stdin: bytes = b"") -> Result:
    """With a standard output whose reader has left, or that is full."""
    if listener == "full":
        with Path("/dev/full").open("wb") as full:
            return program.run(*arguments, stdin=stdin, stdout=full)
    reader, writer = os.pipe()
    os.close(reader)
    try:
        return program.run(*arguments, stdin=stdin, stdout=writer)
    finally:
        os.close(writer)


@pytest.mark.parametrize("listener", ["gone", "full"])
@pytest.mark.parametrize("mode", MODES)
def test_a_run_that_nobody_hears_stops_and_blames_no_picture(batch: Program, mode: str, listener: str) -> None:
    result = run_for(listener, batch, *MODES[mode])
    assert result.code == 74, result.err
    assert "cannot write to standard output: " in result.err.splitlines()[-1]
    assert "fail" not in result.err
    assert "interrupted" not in result.err
    out = batch.folder / "out"
    drawn = tree(out)
    listed = [
        json.loads(line)["path"]
        for name in list(drawn)
        if name.endswith("l")
        for line in drawn.pop(name).split(b"\n")[:-1]
    ]
    assert 1 <= len(drawn) < PICTURES
    assert mode == "count" or sorted(listed) == sorted(drawn)
    out.rename(batch.folder / "broken")
    assert batch.run(*MODES[mode], "-q").code == 0
    assert drawn.items() <= tree(out).items()


def test_a_stream_that_nobody_hears_stops(program: Program) -> None:
    lines = b"a cat\na dog\na bird\n"
    result = run_for("gone", program, "-f", "-", "--format", "txt", "--stream", "-s", 1, "-o", "out/", stdin=lines)
    assert result.code == 74
    assert sorted(tree(program.folder / "out")) == ["00001-a-cat.png", "manifest.jsonl"]
    wrong = run_for("gone", program, "-f", "-", "--format", "jsonl", "--stream", stdin=b"nonsense\n" * 3)
    assert (wrong.code, wrong.err.count("standard input:")) == (74, 1)


@pytest.mark.parametrize("listener", ["gone", "full"])
@pytest.mark.parametrize(
    "arguments", [("--list", "samplers"), (*FILE, "--dry-run"), (*FILE, "--dry-run", "--json"), ("x", "-o", "-"),
                  ("--verify", "whole", "-f", "p.txt", "-s", 8), ("--show", "whole/00001-picture-0.png"), ("--check",),
                  (*FILE[:-1], "whole/", "--resume")]
)  # fmt: skip
def test_what_cannot_be_told_is_an_error_in_every_mode(batch: Program, arguments: tuple, listener: str) -> None:
    assert batch.run(*FILE[:-1], "whole/", "-q").code == 0
    before = tree(batch.folder / "whole")
    if "--resume" in arguments:
        (batch.folder / "whole/00001-picture-0.png").unlink()
    result = run_for(listener, batch, *arguments)
    assert result.code == 74, result.err
    assert result.err.splitlines()[-1].startswith("txt2img: error: cannot write to standard output: ")
    assert {
        name: tree(batch.folder / "whole")[name] for name in before if name.endswith("png")
    }.items() <= before.items()


@pytest.mark.parametrize("style", ["plain", "json"])
def test_nobody_need_read_standard_error(batch: Program, style: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    result = batch.run(*FILE, "--progress", style, stderr=writer)
    os.close(writer)
    assert (result.code, len(result.paths)) == (0, PICTURES)
    assert batch.shell('exec "$@" 2>&-', *FILE[:-1], "closed/", "--progress", style).code == 0


# --- a disk that hangs: a pipe that nobody reads ---------------------------------------------------

STEPS = 3


def start_into_pipe(program: Program, pictures: int, *arguments: object) -> subprocess.Popen[bytes]:
    os.mkfifo(program.folder / "pipe")
    return program.start(
        "x", "-n", pictures, "--steps", STEPS, "-o", "pipe", "--progress", "json", *arguments, stdin=subprocess.PIPE
    )  # fmt: skip


def wait_for_steps(process: subprocess.Popen[bytes], pictures: int) -> None:
    assert process.stderr is not None
    left = pictures * (STEPS + 1)
    while left > 0:
        left -= json.loads(process.stderr.readline())["event"] == "step"


def test_a_slow_disk_holds_up_no_step_of_another_device(program: Program) -> None:
    # One picture is being written, four wait, and one on each device waits to wait.
    process = start_into_pipe(program, 7, "--devices", "cpu,cpu")
    wait_for_steps(process, 7)
    assert (program.folder / "pipe").read_bytes().count(b"IEND") >= 1
    process.kill()
    process.communicate(timeout=TIMEOUT)


def test_a_signal_is_heard_while_the_disk_is_slow(program: Program) -> None:
    process = start_into_pipe(program, 12)
    wait_for_steps(process, 6)
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    said = iter(process.stderr.readline, b"")
    assert b"txt2img: interrupted; writes what is drawn, a second signal gives it up\n" in said
    process.send_signal(signal.SIGINT)
    assert process.wait(TIMEOUT) == 130
