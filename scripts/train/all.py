"""Trains everything within a fixed time: stages that do not depend on each other run side by side.

    python scripts/train/all.py --root /tmp/train --results out --seconds 480

Each stage is a program of this folder with its own log, ROOT/log/NAME.log. A first part of the data is made
for the VAE, which trains while the cores compose the rest. Whatever is trained lies in --results as soon
as it exists, and the UNet anew every minute (results.py), for the run may be cut at any time. A stage
that fails is tried once more in the plainest way; the others go on as far as they can.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from results import NAMES, pack_extras, pack_judge, pack_weights

HERE = Path(__file__).parent


@dataclass
class Stage:
    """One program to run."""

    name: str
    program: str
    options: list[str]
    after: tuple[str, ...] = ()  # stages that must have ended
    files: tuple[str, ...] = ()  # what must be there in the root then
    until: float | None = None  # seconds from the start of everything at which it ends
    least: float = 0.0  # seconds it may take even if that is later
    plainly: tuple[str, ...] | None = None  # options for a second try; None: there is none
    process: subprocess.Popen | None = field(default=None, repr=False)
    state: str = "waiting"  # waiting, running, done, failed, impossible

    @property
    def is_over(self) -> bool:
        return self.state in ("done", "failed", "impossible")


def data_options(root: Path, train: int, other: int, args: argparse.Namespace) -> list[str]:
    return [
        "--output",
        str(root),
        "--art",
        str(args.art or args.root / "art"),
        "--train",
        str(train),
        "--val",
        str(other),
        "--heldout",
        str(other),
        "--size",
        "128",
        "--jobs",
        str(args.jobs),
    ]


def batch(args: argparse.Namespace) -> list[str]:
    """Options for a CPU, which can only try whether everything runs."""
    return ["--batch", "4"] if args.smoke and args.device == "cpu" else []


def plan(args: argparse.Namespace) -> list[Stage]:
    """All stages; times are for 480 seconds and scale with --seconds."""
    root, first = args.root, args.root / "first"
    unit = args.seconds / 480
    device = ["--root", str(root), "--device", args.device, "--threads", str(args.threads)]
    train = [*device, *batch(args), "--log-every", "2" if args.device == "cpu" else "100"]
    compiled = ["--compile"] if args.compile and args.device == "cuda" else []
    other = 40 if args.smoke else 1000
    return [
        Stage("first", "data.py", data_options(first, args.first, other, args)),
        Stage("data", "data.py", data_options(root, args.scenes, 2 * other, args), ("first",)),
        Stage("vae", "vae.py", [*train, "--data", str(first / "data")], ("first",), (), 165 * unit, 5, ("--no-graph",)),
        Stage("clip", "clip.py", train, ("data",), ("tokenizer.model",), 185 * unit, 60 * unit, ("--no-graph",)),
        Stage(
            "judge",
            "classifier.py",
            [
                *train,
                "--output",
                str(root / "judge.safetensors"),
                "--jobs",
                str(args.jobs),
                "--scenes",
                str(args.first),
                "--minutes",
                str(45 * unit / 60),
            ],
            ("data",),
            (),
            None,
            0,
            ("--no-graph",),
        ),
        Stage("latents", "latents.py", device, ("vae", "data"), ("vae.pt",), None, 0, ()),
        Stage(
            "unet",
            "unet.py",
            [*train, *compiled, "--save-every", "50", "--after", str(root / "ready")],
            ("first",),
            (),
            440 * unit,
            5,
            ("--no-graph", "--no-compile"),
        ),
        Stage("samples", "sample.py", [*device, "--output", str(root / "grid.png")], ("unet",), ("unet.pt",)),
    ]


class Driver:
    """Starts what can start, notes what has ended, packs what is new."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args, self.root, self.began = args, args.root, time.time()
        self.stages = {stage.name: stage for stage in plan(args)}
        self._packed: dict[str, float] = {}
        (self.root / "log").mkdir(parents=True, exist_ok=True)
        args.results.mkdir(parents=True, exist_ok=True)

    def say(self, text: str) -> None:
        print(f"[{time.time() - self.began:5.0f} s] {text}", flush=True)

    def log(self, stage: Stage) -> Path:
        return self.root / "log" / f"{stage.name}.log"

    def tail(self, stage: Stage, lines: int) -> list[str]:
        if not self.log(stage).exists():
            return []
        text = self.log(stage).read_text(encoding="utf-8", errors="replace").replace("\r", "\n")
        return [line for line in text.splitlines() if line.strip()][-lines:]

    def start(self, stage: Stage, extra: tuple[str, ...] = ()) -> None:
        command = [sys.executable, str(HERE / stage.program), *stage.options, *extra]
        if stage.until is not None:
            deadline = max(self.began + stage.until, time.time() + stage.least)
            command += ["--deadline", f"{deadline:.1f}"]
        with self.log(stage).open("a", encoding="utf-8") as log:
            stage.process = subprocess.Popen(
                command, stdout=log, stderr=subprocess.STDOUT, env=os.environ | {"PYTHONUNBUFFERED": "1"}
            )
        stage.state = "running"
        self.say(f"{stage.name} begins")

    def may_start(self, stage: Stage) -> bool:
        return all(self.stages[name].is_over for name in stage.after)

    def end(self, stage: Stage, code: int) -> None:
        """Note the end of a process; a failed one is tried again if that may help."""
        lines = self.tail(stage, 2 if code == 0 else 12)
        self.say(f"{stage.name} {'is done' if code == 0 else f'FAILED with code {code}'}")
        print(*(f"    {line[:300]}" for line in lines), sep="\n", flush=True)
        if code != 0 and stage.plainly is not None:
            extra, stage.plainly = stage.plainly, None
            self.start(stage, extra)
            return
        stage.state = "done" if code == 0 else "failed"
        if stage.name == "data" and code != 0:
            self.use_first_part()

    def use_first_part(self) -> None:
        """Without the whole data the first part has to do."""
        first = self.root / "first"
        if (first / "tokenizer.model").exists() and not (self.root / "data" / "train" / "scenes.jsonl").exists():
            self.say("going on with the first part of the data")
            if (self.root / "data").exists():
                (self.root / "data").rename(self.root / "data.failed")
            (self.root / "data").symlink_to((first / "data").resolve())
            (self.root / "tokenizer.model").write_bytes((first / "tokenizer.model").read_bytes())

    def allow_unet(self) -> None:
        """The UNet program compiles early and waits for this file."""
        needed = [self.stages[name] for name in ("clip", "latents")]
        ready = self.root / "ready"
        if ready.exists() or not all(stage.is_over for stage in needed):
            return
        if all((self.root / f"{name}.pt").exists() for name in ("vae", "clip")):
            ready.touch()
        elif self.stages["unet"].state == "running":
            self.say("no VAE or no text encoder: the UNet cannot be trained")
            self.stages["unet"].plainly = None
            self.stages["unet"].process.terminate()

    def advance(self) -> None:
        for stage in self.stages.values():
            if stage.state == "running" and (code := stage.process.poll()) is not None:
                self.end(stage, code)
            elif stage.state == "waiting" and self.may_start(stage):
                if all((self.root / name).exists() for name in stage.files):
                    self.start(stage)
                else:
                    self.say(f"{stage.name} cannot run: {', '.join(stage.files)} is missing")
                    stage.state = "impossible"
        self.allow_unet()

    def pack(self) -> None:
        """Copy what changed since the last time to the results."""
        for name in (*NAMES, "judge"):
            path = self.root / (f"{name}.pt" if name in NAMES else "judge.safetensors")
            if not path.exists() or self._packed.get(name) == path.stat().st_mtime:
                continue
            try:
                changed = path.stat().st_mtime
                (pack_weights if name in NAMES else pack_judge)(path, self.args.results)
                self._packed[name] = changed
                pack_extras(self.root, self.args.results)
            except Exception as error:
                self.say(f"{name} not packed: {error!r}")

    def report(self) -> None:
        for stage in self.stages.values():
            if stage.state == "running":
                self.say(" ".join(self.tail(stage, 1))[:200] or f"{stage.name} runs")

    def go(self) -> int:
        reported = time.time()
        while not all(stage.is_over for stage in self.stages.values()):
            if time.time() - self.began > self.args.seconds and not self.args.smoke:
                break
            self.advance()
            self.pack()
            if time.time() - reported > self.args.report_every:
                self.report()
                reported = time.time()
            time.sleep(0.2)
        self.stop()
        self.pack()
        pack_extras(self.root, self.args.results)
        states = {name: stage.state for name, stage in self.stages.items()}
        self.say(", ".join(f"{name} {state}" for name, state in states.items()))
        return 0 if all(state == "done" for state in states.values()) else 1

    def stop(self) -> None:
        for stage in self.stages.values():
            if stage.state == "running":
                self.say(f"{stage.name} is stopped: the time is over")
                stage.process.kill()
                stage.process.wait()
                stage.state = "failed"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--root", type=Path, default=Path("build/train"), help="folder for everything")
    parser.add_argument("--results", type=Path, default=Path("build/train/results"), help="folder of what comes back")
    parser.add_argument("--art", type=Path, help="folder of the art (default: ROOT/art)")
    parser.add_argument("--seconds", type=float, default=480, help="for everything")
    parser.add_argument("--scenes", type=int, default=300_000)
    parser.add_argument("--first", type=int, default=40_000, help="scenes for the VAE and the judge")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes that compose scenes")
    parser.add_argument("--threads", type=int, default=2, help="of each other stage")
    parser.add_argument("--device", default="cuda", help="cpu or cuda")
    parser.add_argument(
        "--compile", action=argparse.BooleanOptionalAction, default=True, help="torch.compile for the UNet, on CUDA"
    )
    parser.add_argument("--report-every", type=float, default=20, help="seconds")
    parser.add_argument("--smoke", action="store_true", help="tiny amounts, to see whether everything runs")
    args = parser.parse_args()
    if args.smoke:
        args.seconds, args.scenes, args.first = 10, 1000, 600
    sys.exit(Driver(args).go())


if __name__ == "__main__":
    main()
