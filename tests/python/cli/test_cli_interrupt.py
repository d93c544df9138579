"""Signals and progress, on pipes and on a terminal. No test sleeps: each reads what it waits for."""

import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
from collections.abc import Iterator
from fcntl import ioctl
from typing import Any

import pytest
from cli_program import TIMEOUT, Program

STEPS = 1000  # of the slow model, milliseconds each: a run that no test waits to end


@pytest.fixture
def slow(program: Program, toy) -> Program:
    program.variables["TXT2IMG_MODEL"] = str(toy("slow"))
    return program


def events(process: subprocess.Popen[bytes]) -> Iterator[dict[str, Any]]:
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith(b"{"):
            yield json.loads(line)
        else:
            yield {"event": "line", "text": line.decode()}


def wait_for(stream: Iterator[dict[str, Any]], event: str, step: int = 0) -> dict[str, Any]:
    return next(e for e in stream if e["event"] == event and e.get("step", 0) >= step)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_first_signal_stops_within_a_step_and_leaves_no_half_picture(slow: Program, number: int, code: int) -> None:
    process = slow.start("x", "-n", 3, "--steps", STEPS, "--progress", "json", "-o", "{index}.png")
    stream = events(process)
    wait_for(stream, "step", 3)
    process.send_signal(number)
    rest = list(stream)
    assert process.wait(TIMEOUT) == code
    assert len([e for e in rest if e["event"] == "step"]) < STEPS // 2
    assert [e["text"] for e in rest if e["event"] == "line"] == ["txt2img: interrupted before a picture was finished\n"]
    assert slow.files() == []


def test_pictures_that_were_finished_before_a_signal_stay(slow: Program) -> None:
    process = slow.start("x", "-n", 1000, "-s", 5, "--steps", 20, "--progress", "json", "-o", "{index}.png")
    stream = events(process)
    wait_for(stream, "done")
    process.send_signal(signal.SIGINT)
    rest = list(stream)
    assert process.wait(TIMEOUT) == 130
    assert process.stdout is not None
    paths = process.stdout.read().decode().split()
    assert slow.files() == sorted(paths)
    assert 1 <= len(paths) < 1000
    assert rest[-1]["text"].startswith(f"txt2img: interrupted; {len(paths)} of 1000 pictures w")


def test_the_second_signal_ends_the_program_at_once(program: Program, toy) -> None:
    # A step of this model takes minutes: only the second signal can end it.
    from toy_bundle import UNETS, manifest, write_manifest, write_module

    folder = program.folder.parent / "endless"
    folder.mkdir()
    for path in toy("slow").iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    write_module(folder / "unet.pt", UNETS["slow"].replace("range(20)", "range(100000000)"))
    write_manifest(folder, manifest("endless"))
    process = program.start("x", "-m", folder, "--progress", "json", "-o", "x.png")
    stream = events(process)
    wait_for(stream, "step")
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGINT)
    assert process.wait(TIMEOUT) in (130, 143)
    assert program.files() == []


def test_a_signal_before_the_first_picture_ends_the_program_at_once(program: Program) -> None:
    process = program.start("-", stdin=subprocess.PIPE)
    assert process.stdin is not None
    # More than a pipe holds: once it is written, the program is reading its prompt.
    process.stdin.write(b"x" * (1 << 17))
    process.stdin.flush()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 130
    assert err == b"txt2img: interrupted; nothing was written\n"


def test_json_progress_tells_each_step(program: Program) -> None:
    result = program.run("x", "-n", 2, "-s", 5, "--steps", 3, "--progress", "json", "-o", "{index}.png")
    told = [json.loads(line) for line in result.err.splitlines()]
    # A picture is written while the next one is drawn.
    assert [e["event"] for e in told if e["event"] != "done"] == ["load", *["start", *["step"] * 4] * 2, "end"]
    assert [e["step"] for e in told if e["event"] == "step"] == [0, 1, 2, 3] * 2
    assert told.index(next(e for e in told if e["event"] == "done")) > 5
    assert [(e["path"], e["seed"]) for e in told if e["event"] == "done"] == [("1.png", 5), ("2.png", 6)]


def test_plain_progress_is_a_line_for_each_picture(program: Program) -> None:
    result = program.run("a\x1b[31m red apple", "-n", 2, "-s", 5, "-o", "{index}.png")
    lines = result.err.splitlines()
    assert [line.split(" (seed")[0] for line in lines] == [
        "1/2 a\\x1b[31m red apple: 1.png",
        "2/2 a\\x1b[31m red apple: 2.png",
    ]


def test_no_progress_is_silence(program: Program) -> None:
    assert program.run("x", "--progress", "none").err == ""


class Terminal:
    """The program on a terminal of so many columns, all that it says read to the end."""

    def __init__(self, program: Program, columns: int, *arguments: object, env: dict[str, str] | None = None) -> None:
        master, slave = pty.openpty()
        ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        process = program.start(*arguments, stdout=slave, stderr=slave, env={"TERM": "xterm", **(env or {})})
        os.close(slave)
        self.text = self.read(master).decode()
        os.close(master)
        self.code = process.wait(TIMEOUT)

    @staticmethod
    def read(master: int) -> bytes:
        text = b""
        while select.select([master], [], [], TIMEOUT)[0]:
            try:
                piece = os.read(master, 65536)
            except OSError:  # the other side is closed
                break
            if not piece:
                break
            text += piece
        return text

    @property
    def bars(self) -> list[str]:
        return [part for part in re.split(r"\r\x1b\[K|\r\n", self.text) if "%" in part]


def test_the_bar_on_a_terminal_looks_like_tqdm_and_goes_away(program: Program) -> None:
    terminal = Terminal(program, 80, "a red apple", "-s", 7, "--steps", 6)
    assert terminal.code == 0
    assert re.fullmatch(r"1/1 a red apple:   0%\| +\| 0/6 \[00:00<\?, \?it/s\]", terminal.bars[0])
    rate = r"\d\d:\d\d<00:00, \d+\.\d\d(it/s|s/it)"
    assert re.fullmatch(rf"1/1 a red apple: 100%\|█+\| 6/6 \[{rate}\]", terminal.bars[-1])
    # What is left when the bars are erased: the path, and a summary with the seed.
    left = [line for line in (part.split("\r\x1b[K")[-1] for part in terminal.text.split("\r\n")) if line]
    assert left[0] == "a-red-apple-7.png"
    assert re.fullmatch(r"txt2img: 1 picture, seed 7, \d+\.\d s", left[1])
    assert len(left) == 2


@pytest.mark.parametrize("columns", [20, 40, 60, 200])
@pytest.mark.parametrize("prompt", ["a very long prompt " * 9, "蓝色的鱼在水里" * 10, "\x1b[2J\u202e" * 9])
def test_the_bar_fits_the_terminal(program: Program, columns: int, prompt: str) -> None:
    from unicodedata import combining, east_asian_width

    terminal = Terminal(program, columns, prompt, "-o", "x.png")
    assert terminal.code == 0
    assert terminal.bars
    for bar in terminal.bars:
        assert sum(0 if combining(c) else 1 + (east_asian_width(c) in "WF") for c in bar) < columns
        assert all(c.isprintable() for c in bar)


def test_the_bar_is_ascii_where_the_locale_is(program: Program) -> None:
    terminal = Terminal(program, 80, "x", env={"LC_ALL": "C"})
    assert "100%|####" in terminal.bars[-1]


def test_errors_are_coloured_on_a_terminal_unless_that_is_not_wanted(program: Program) -> None:
    assert "\x1b[1;31merror: \x1b[0m" in Terminal(program, 80, "x", "--steps", "0").text
    assert "\x1b" not in Terminal(program, 80, "x", "--steps", "0", "--no-color").text
    assert "\x1b" not in Terminal(program, 80, "x", "--steps", "0", env={"NO_COLOR": "1"}).text
    assert "\x1b" not in Terminal(program, 80, "x", "--steps", "0", env={"TERM": "dumb"}).text


def test_a_dumb_terminal_gets_lines(program: Program) -> None:
    terminal = Terminal(program, 80, "x", "-s", 7, env={"TERM": "dumb"})
    assert "\x1b" not in terminal.text
    assert "1/1 x: x-7.png (seed 7, " in terminal.text


def test_png_bytes_do_not_go_to_a_terminal(program: Program) -> None:
    terminal = Terminal(program, 80, "x", "-o", "-")
    assert terminal.code == 64
    assert "terminal" in terminal.text
    assert "PNG\r\n" not in terminal.text
