"""What scripts/bench/cpu.py compares: processes that draw on request, and whole runs from start to exit."""

import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import Helper

ROOT = Path(__file__).parents[2]
PEER = Path(__file__).with_name("cpu_peer.py")
STICKERS = ROOT / "models" / "stickers"
PROMPT = "a lighthouse at dusk"
GUIDANCE = 7.5
STAGES = ("encode", "sample", "decode", "write")
# Of stable-diffusion.cpp's log; text in ms or s, by version.
SD_CPP_STAGES = {
    "encode": r"get_learned_condition completed, taking (\d+(?:\.\d+)?) ?(m?s)",
    "sample": r"sampling completed, taking (\d+(?:\.\d+)?) ?(m?s)",
    "decode": r"decode_first_stage completed, taking (\d+(?:\.\d+)?) ?(m?s)",
}


class Failed(Exception):
    """A contender that gives no figure, and why, in one line without folders."""

    def __init__(self, reason: str) -> None:
        super().__init__(without_folders(" ".join(reason.split()))[:300] or "it gave no reason")


def without_folders(text: str) -> str:
    """Paths are cut down to their last name: results are to be shown to others."""
    return re.sub(r"(?<![\w.])/(?:[^\s/:'\"]+/)+", "", text)


@dataclass(frozen=True)
class Setting:
    """What all contenders have in common. Sizes in pixels, `work` is a folder for what they write."""

    program: Path
    model: Path
    diffusers: Path | None
    sd_cpp: Path | None
    sd_cpp_model: Path | None
    width: int
    height: int
    steps: int
    dtype: str
    threads: int
    work: Path
    log: Path

    def environment(self, levers: str | None = None) -> dict[str, str]:
        """The caller's, without what would make contenders differ."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TXT2IMG_")}
        kept |= {"OMP_NUM_THREADS": str(self.threads), "MKL_NUM_THREADS": str(self.threads)}
        kept |= {"CUDA_VISIBLE_DEVICES": "", "XDG_CONFIG_HOME": str(self.work), "PYTHONWARNINGS": "ignore"}
        return kept if levers is None else kept | {"TXT2IMG_CPU_LEVERS": levers}

    def program_command(self, *more: Any) -> list[Any]:
        """txt2img with --json; the model's own negative prompt, DDIM, which calls the UNet once a step."""
        shared = ["-m", self.model, "-W", self.width, "-H", self.height, "--sampler", "ddim", "-g", GUIDANCE]
        machine = ["--device", "cpu", "--dtype", self.dtype, "--threads", self.threads]
        quiet = ["--json", "--progress", "none", "-s", 1, "-o", f"{self.work}/", "--on-exists", "overwrite"]
        return [self.program, *shared, *machine, *quiet, *more]

    def peer_command(self, kind: str) -> list[Any]:
        folder = [] if self.diffusers is None else ["--diffusers", self.diffusers]
        size = ["--width", self.width, "--height", self.height]
        same = ["--model", self.model, "--dtype", self.dtype, "--threads", self.threads]
        return [sys.executable, PEER, kind, *same, *size, *folder]

    def sd_cpp_command(self, weights: str) -> list[Any]:
        """stable-diffusion.cpp's command line with its weights kept as f32, f16 or bf16."""
        sampling = ["--sampling-method", "euler", "--steps", self.steps, "--cfg-scale", GUIDANCE, "-s", 1]
        size = ["-W", self.width, "-H", self.height, "-t", self.threads, "--type", weights]
        names = ["-m", self.sd_cpp_model, "-p", PROMPT, "-o", self.work / "sd_cpp.png"]
        return [self.sd_cpp, *names, *sampling, *size]


class Contender:
    """A process that keeps its weights and draws when it is asked to."""

    def __init__(self, name: str, setting: Setting, start: Callable[[], Helper], line: Callable[[int], str]) -> None:
        self.name, self.setting = name, setting
        self._start, self._line = start, line
        self._helper: Helper | None = None

    def start(self, seconds: float) -> dict[str, float]:
        """Loads and warms up with two pictures of one step; seconds of both. Raises Failed."""
        begin = time.perf_counter()
        self._helper = self._start()
        first = self.draw(1, seconds)
        wall = time.perf_counter() - begin
        second = self.draw(1, seconds - wall)
        return {"load": wall - sum(first.values()), "warm_up": sum(first.values()) + sum(second.values())}

    def draw(self, steps: int, seconds: float) -> dict[str, float]:
        """Seconds of each stage, at least `sample` and `decode`. Raises Failed."""
        assert self._helper is not None
        answer = self._helper.ask(self._line(steps), seconds)
        if answer.get("error"):
            raise Failed(f"{answer['error']}{self._last_words()}")
        stages = answer.get("seconds", answer)
        return {name: stages[name] for name in STAGES if name in stages}

    def _last_words(self) -> str:
        """What an ended process said last, which is in the log."""
        if self._helper is None or self._helper.process.poll() is None:
            return ""
        said = self.setting.log.read_text(errors="replace").strip().splitlines()
        return f": {said[-1]}" if said else ""

    def peak_gib(self) -> float:
        """The most memory that the process has had so far."""
        assert self._helper is not None
        rows = Path(f"/proc/{self._helper.process.pid}/status").read_text().splitlines()
        return next(int(row.split()[1]) / 2**20 for row in rows if row.startswith("VmHWM:"))

    def end(self) -> None:
        if self._helper is not None:
            self._helper.end()
            self._helper = None


def program_contender(name: str, setting: Setting, levers: str | None = None) -> Contender:
    """txt2img that reads its jobs from standard input."""

    def start() -> Helper:
        command = setting.program_command("--file", "-", "--format", "jsonl", "--stream")
        return Helper(command, setting.log, setting.environment(levers), prefix="")

    return Contender(name, setting, start, lambda steps: json.dumps({"prompt": PROMPT, "steps": steps}))


def peer_contender(name: str, setting: Setting, kind: str) -> Contender:
    def start() -> Helper:
        return Helper(setting.peer_command(kind), setting.log, setting.environment())

    return Contender(name, setting, start, str)


# --- whole runs ---
@dataclass(frozen=True)
class Run:
    """A process from start to exit: seconds, GiB at its peak, and what it wrote."""

    wall: float
    peak_gib: float
    out: str
    err: str


def run(command: Sequence[Any], environment: dict[str, str], seconds: float) -> Run:
    """Raises Failed where it does not succeed within `seconds`."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        begin = time.perf_counter()
        try:
            process = subprocess.Popen(list(map(str, command)), stdout=out, stderr=err, env=environment)
        except OSError as error:
            raise Failed(str(error)) from error
        guard = threading.Timer(max(seconds, 1), process.kill)
        guard.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            raise
        finally:
            guard.cancel()
        wall = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        texts = [file.read() for file in (out, err) if file.seek(0) == 0]
    if process.returncode != 0:
        last = (texts[1].strip().splitlines() or [""])[-1]
        raise Failed("no time is left for it" if process.returncode == -9 else last or f"exit {process.returncode}")
    return Run(wall, usage.ru_maxrss / 2**20, *texts)


def seconds_from_log(text: str) -> dict[str, float]:
    """By stage, of stable-diffusion.cpp's log; only those that it has."""
    found = {stage: re.search(pattern, text) for stage, pattern in SD_CPP_STAGES.items()}
    return {stage: float(m[1]) / (1000 if m[2] == "ms" else 1) for stage, m in found.items() if m}


def seconds_from_record(text: str) -> dict[str, float]:
    """By stage, of a record of txt2img --json or an answer of cpu_peer.py, the last line of `text`."""
    record = json.loads(text.strip().splitlines()[-1].removeprefix("ANSWER "))
    stages = record.get("seconds", record)
    return {stage: stages[stage] for stage in STAGES}


@dataclass(frozen=True)
class OneLiner:
    """A command that draws one picture, and how it tells the seconds of its stages."""

    name: str
    command: list[Any]
    environment: dict[str, str]
    seconds_of: Callable[[Run], dict[str, float]]
    steps: int

    def draw(self, seconds: float) -> dict[str, float]:
        """Seconds: wall, start (all that is no stage) and the stages; peak_gib. Raises Failed."""
        done = run(self.command, self.environment, seconds)
        stages = self.seconds_of(done)
        return {"wall": done.wall, "start": done.wall - sum(stages.values()), "peak_gib": done.peak_gib, **stages}


def program_one_liner(name: str, setting: Setting, *more: Any) -> OneLiner:
    command = setting.program_command(PROMPT, "--steps", setting.steps, *more)
    environment = setting.environment()
    return OneLiner(name, command, environment, lambda done: seconds_from_record(done.out), setting.steps)


def diffusers_one_liner(name: str, setting: Setting) -> OneLiner:
    command = setting.peer_command("diffusers")
    command += ["--picture", setting.work / "diffusers.png", "--steps", setting.steps]
    environment = setting.environment()
    return OneLiner(name, command, environment, lambda done: seconds_from_record(done.out), setting.steps)


def sd_cpp_one_liner(name: str, setting: Setting, weights: str) -> OneLiner:
    def seconds_of(done: Run) -> dict[str, float]:
        return seconds_from_log(done.out + done.err)

    return OneLiner(name, setting.sd_cpp_command(weights), setting.environment(), seconds_of, setting.steps)
