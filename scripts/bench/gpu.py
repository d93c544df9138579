"""What scripts/bench/gpu.sh does once the program is built: CUDA tests and measurements, the most valuable first.

TXT2IMG_BINARY=PROGRAM python scripts/bench/gpu.py OUTPUT [--seconds N] [--quick]
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness import Clock, Helper, Results

ROOT = Path(__file__).parents[2]
PROGRAM = Path(os.environ.get("TXT2IMG_BINARY", ROOT / "build" / "release" / "txt2img"))
ALL = "channels_last,graph"
FUSED = f"{ALL},group_norm"  # not on unless it is listed
# Plain first, each one alone, all together.
LEVERS = ("none", "channels_last", "graph", ALL, FUSED)
PEERS = ("jit", "jit channels_last", "diffusers")
COMPILED = ("diffusers, torch.compile",)  # max-autotune: minutes of compiling
STEPS = 20


def start(command: list[Any], log: Path, **more: Any) -> subprocess.Popen[str]:
    with log.open("a") as file:
        return subprocess.Popen(
            list(map(str, command)), stdout=file, stderr=file, text=True, start_new_session=True, **more
        )


def wait(process: subprocess.Popen[str], seconds: float) -> int | None:
    """The exit code, or nothing where it had to be ended."""
    try:
        return process.wait(max(seconds, 1))
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return None


def seconds_text(start_time: float) -> str:
    return f"{time.monotonic() - start_time:.0f} s"


class Memory:
    """The largest amount of the device's memory in use while it is open, in MiB."""

    def __enter__(self) -> "Memory":
        self.peak, self.is_open = 0, True
        self.thread = threading.Thread(target=self.watch, daemon=True)
        self.thread.start()
        return self

    def watch(self) -> None:
        try:
            import pynvml

            pynvml.nvmlInit()
            device = pynvml.nvmlDeviceGetHandleByIndex(0)
            self.before = pynvml.nvmlDeviceGetMemoryInfo(device).used >> 20
            while self.is_open:
                self.peak = max(self.peak, pynvml.nvmlDeviceGetMemoryInfo(device).used >> 20)
                time.sleep(0.01)
        except Exception as error:  # noqa: BLE001  a figure less
            print(f"no memory figures: {error}", file=sys.stderr)

    def __exit__(self, *_: object) -> None:
        self.is_open = False
        self.thread.join(1)


def run_program(arguments: list[Any], levers: str, seconds: float, device: str) -> dict[str, Any]:
    """Draws with --json: wall time, records, stderr."""
    environment = {**os.environ, "TXT2IMG_CUDA_LEVERS": levers, "TXT2IMG_DEVICE": device}
    begin = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [str(PROGRAM), *map(str, arguments), "--json", "--progress", "none", "-o", f"{folder}/"],
            capture_output=True,
            text=True,
            env=environment,
            timeout=max(seconds, 1),
        )
    wall = time.perf_counter() - begin
    if done.returncode != 0:
        raise RuntimeError(f"exit {done.returncode}: {done.stderr[-400:]}")
    records = [json.loads(line) for line in done.stdout.splitlines()]
    return {"wall": wall, "records": records, "stderr": done.stderr}


def start_peer(bundle: Path, log: Path, family: str, side: int) -> Helper:
    """scripts/bench/gpu_peer.py, which keeps its models loaded between the measurements."""
    script = ROOT / "scripts" / "bench" / "gpu_peer.py"
    return Helper([sys.executable, script, bundle, "--family", family, "--side", side], log)


class Bench:
    def __init__(self, results: Results, clock: Clock, work: Path, device: str) -> None:
        self.results, self.clock, self.work, self.device = results, clock, work, device
        self.side = 512 if device == "cuda" else 64
        self.log = results.folder / "bench.log"

    def stage(self, name: str, work: Callable[[], None], needs: float) -> None:
        """A stage that fails, or that there is no time for, is told and left."""
        if self.clock.left < needs:
            self.results.say(f"\n({name}: left out, {self.clock.left:.0f} s are left)")
            return
        begin = time.monotonic()
        try:
            work()
        except Exception as error:  # noqa: BLE001  the next stage may still work
            self.results.say(f"\n({name} failed after {seconds_text(begin)}: {type(error).__name__}: {error})")
        with self.log.open("a") as log:
            print(f"--- {name}: {seconds_text(begin)}, {self.clock.left:.0f} s left", file=log)

    # --- tests, while the bundle with random weights is made ---
    def tests_and_bundle(self, given: Path | None) -> None:
        self.bundle = given or self.make_bundle("sd1", self.device)
        begin = time.monotonic()
        tests = start(
            self.pytest(), self.results.folder / "tests.log", env=os.environ | {"CUDA_MODULE_LOADING": "LAZY"}
        )
        engine = PROGRAM.parent / "engine_tests"
        unit = None
        if engine.exists():
            unit = start([engine, "--gtest_filter=*Cuda*:*Graphed*"], self.results.folder / "tests.log")
        code = wait(tests, min(100, self.clock.left - 20))
        self.results.put("pytest", {"exit": code, "seconds": time.monotonic() - begin})
        lines = (self.results.folder / "tests.log").read_text().splitlines()
        told = [line for line in lines if line.startswith(("FAILED", "ERROR"))] + lines[-1:]
        self.results.say(f"\n## Tests (pytest exit {code}, {seconds_text(begin)})\n")
        for line in told:
            self.results.say(f"    {line[:300]}")
        if unit is not None:
            self.results.say(f"\nengine_tests of CUDA: exit {wait(unit, 30)}")
        if given is None:
            code = wait(self.maker, min(60, self.clock.left))
            if code != 0:
                self.bundle = self.make_bundle("sd1", "cpu")
                code = f"{code}, then on the CPU {wait(self.maker, min(60, self.clock.left))}"
            self.results.say(f"\nbundle with random weights: exit {code}")

    def pytest(self) -> list[Any]:
        command = [sys.executable, "-m", "pytest", "-q", "-rA", "-p", "no:cacheprovider", "--timeout", "90"]
        parallel = ["-n", "6"] if has_module("xdist") else []
        if not has_module("pytest_timeout"):
            command = command[:-2]
        return [*command, *parallel, ROOT / "tests" / "python" / "gpu" / "test_cuda.py"]

    def make_bundle(self, family: str, device: str = "cuda") -> Path:
        folder = self.work / f"{family}-{device}"
        script = ROOT / "scripts" / "bench" / "random_bundle.py"
        self.maker = start([sys.executable, script, family, "--output", folder, "--device", device], self.log)
        return folder

    # --- milliseconds a step ---
    def steps(
        self,
        family: str,
        side: int,
        pictures: int,
        rounds: int,
        levers: tuple[str, ...],
        peers: tuple[str, ...] = PEERS,
    ) -> None:
        """The table compares with the last one of the peers."""
        peer = start_peer(self.bundle, self.log, family, side)
        measured: dict[str, list[float]] = {}
        facts: dict[str, dict[str, Any]] = {}

        def note(name: str, values: list[float], more: dict[str, Any] | None = None) -> None:
            measured.setdefault(name, []).extend(values)
            self.results.put(f"{family} ms a step", {"name": name, "values": values, **(more or {})})

        try:
            machine = peer.ask("machine", min(60, self.clock.left))
            self.results.put("machine", machine)
            self.results.say(f"\n{machine}")
            for turn in range(rounds):
                for lever in levers:
                    if turn > 0 and self.clock.left < 40:
                        break
                    run = self.sample(lever, side, pictures)
                    note(f"txt2img, {lever}", run.pop("ms"), run)
                    facts[lever] = run
                for name in peers:
                    if turn > 0 and self.clock.left < 25:
                        break
                    answer = peer.ask(name, min(400 if peers is COMPILED else 60, self.clock.left))
                    note(name, answer.pop("ms_per_step", []), answer)
            self.table(f"{family}, {side}x{side}", peers[-1], measured, facts)
            if rounds > 1 and peers is PEERS:
                self.extras(peer, family)
        finally:
            peer.end()

    def sample(self, lever: str, side: int, pictures: int) -> dict[str, Any]:
        run: dict[str, Any] = {"ms": []}
        try:
            with Memory() as memory:
                drawn = run_program(
                    [
                        "a lighthouse",
                        "-m",
                        self.bundle,
                        "-s",
                        1,
                        "-n",
                        pictures,
                        "--steps",
                        STEPS,
                        "--size",
                        f"{side}x{side}",
                    ],
                    lever,
                    min(60, self.clock.left),
                    self.device,
                )
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            return run | {"error": str(error)[-500:]}
        seconds = [record["seconds"] for record in drawn["records"]]
        later = seconds[1:] or seconds
        return {
            "ms": [1000 * s["sample"] / STEPS for s in later],
            "first_picture_ms_a_step": 1000 * seconds[0]["sample"] / STEPS,
            "load_s": seconds[0]["load"],
            "decode_ms": statistics.median(1000 * s["decode"] for s in later),
            "write_ms": statistics.median(1000 * s["write"] for s in later),
            "wall_s": drawn["wall"],
            "peak_MiB": memory.peak - getattr(memory, "before", 0),
            "stderr": drawn["stderr"][-300:],
        }

    def table(
        self, what: str, reference: str, measured: dict[str, list[float]], facts: dict[str, dict[str, Any]]
    ) -> None:
        say = self.results.say
        say(f"\n## {what}, float16, guidance, {STEPS} steps: milliseconds a step\n")
        say(f"| what | median | least and most | runs | x {reference} |\n|---|---|---|---|---|")
        compared = statistics.median(measured.get(reference) or [float("nan")])
        for name, values in measured.items():
            if not values:
                say(f"| {name} | failed | | | |")
                continue
            median = statistics.median(values)
            ends = f"{min(values):.2f} to {max(values):.2f}"
            say(f"| {name} | {median:.2f} | {ends} | {len(values)} | {compared / median:.2f} |")
        say("\n| txt2img | load s | first picture ms a step | decode ms | PNG ms | wall s | MiB above idle |")
        say("|---|---|---|---|---|---|---|")
        for lever, run in facts.items():
            if "load_s" not in run:
                say(f"| {lever} | {run.get('error', '')[:200]} | | | | | |")
                continue
            say(
                f"| {lever} | {run['load_s']:.2f} | {run['first_picture_ms_a_step']:.2f} | {run['decode_ms']:.1f} "
                f"| {run['write_ms']:.1f} | {run['wall_s']:.2f} | {run['peak_MiB']} |"
            )
            if "warning" in run["stderr"]:
                say(f"\n{lever} says: {run['stderr']}")

    def extras(self, peer: Helper, family: str) -> None:
        for name in ("kernels", "diffusers vae", "jit channels_last, cudnn.benchmark"):
            if self.clock.left < 15:
                return
            answer = peer.ask(name, min(45, self.clock.left))
            self.results.put(f"{family} {name}", answer)
            listed = answer.pop("kernels", None)
            self.results.say(f"\n{name}: {answer}")
            for line in (listed or [])[:25]:
                self.results.say(f"    {line}")

    # --- others ---
    def one_liners(self) -> None:
        say = self.results.say
        say("\n## Bundled model, one picture: seconds from start to exit\n\n| device | each run |\n|---|---|")
        model = ROOT / "models" / "stickers"
        for device, levers in ((self.device, ALL), (self.device, "none"), ("cpu", ALL)):
            walls = []
            for _ in range(3):
                walls.append(run_program(["a blue cat", "-m", model, "-s", 1], levers, 60, device)["wall"])
            self.results.put("one-liner", {"device": device, "levers": levers, "walls": walls})
            say(f"| {device}, {levers} | {', '.join(f'{wall:.2f}' for wall in walls)} |")

    def batches(self) -> None:
        say = self.results.say
        say("\n## SD 1.5 shapes, 512x512, 20 steps: pictures a second\n\n| batch | pictures/s |\n|---|---|")
        for batch in (1, 4, 8):
            more = [
                "-s",
                1,
                "-n",
                3 * batch,
                "--batch-size",
                batch,
                "--steps",
                STEPS,
                "--size",
                f"{self.side}x{self.side}",
            ]
            drawn = run_program(["a lighthouse", "-m", self.bundle, *more], ALL, min(60, self.clock.left), self.device)
            seconds = [r["seconds"]["sample"] + r["seconds"]["decode"] for r in drawn["records"]][batch:]
            rate = len(seconds) / sum(seconds)
            self.results.put("batch", {"batch": batch, "pictures_per_s": rate})
            say(f"| {batch} | {rate:.2f} |")

    def other_decoders(self) -> None:
        self.results.say("\n## Decoder, 512x512\n\n| dtype | ms |\n|---|---|")
        for dtype in ("float32", "bfloat16", "float16"):
            command = [
                "a lighthouse",
                "-m",
                self.bundle,
                "-s",
                1,
                "-n",
                4,
                "--steps",
                2,
                "--size",
                f"{self.side}x{self.side}",
            ]
            drawn = run_program([*command, "--vae-dtype", dtype], ALL, min(60, self.clock.left), self.device)
            ms = [1000 * record["seconds"]["decode"] for record in drawn["records"]][1:]
            self.results.put("decode ms", {"dtype": dtype, "values": ms})
            self.results.say(f"| {dtype} | {statistics.median(ms):.1f} |")

    def large(self) -> None:
        self.bundle = self.make_bundle("sdxl")
        self.results.say(f"\nSDXL bundle: exit {wait(self.maker, min(150, self.clock.left - 60))}")
        self.steps("sdxl", 1024, 3, 1, ("none", ALL, FUSED))


def has_module(name: str) -> bool:
    import importlib.util

    return importlib.util.find_spec(name) is not None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output", type=Path)
    parser.add_argument("--seconds", type=float, default=570)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--compile", action="store_true", help="torch.compile too, whose warm-up takes minutes")
    parser.add_argument("--bundle", type=Path, help="of SD 1.5 shapes, instead of one that is made")
    parser.add_argument("--rehearse", action="store_true", help="on the CPU, of tiny pictures: does the harness work?")
    options = parser.parse_args()
    results = Results(options.output)
    with tempfile.TemporaryDirectory() as name:
        bench = Bench(results, Clock(options.seconds), Path(name), "cpu" if options.rehearse else "cuda")
        bench.stage("tests and bundle", lambda: bench.tests_and_bundle(options.bundle), 20)
        bench.stage("steps", lambda: bench.steps("sd1", bench.side, 5, 2, LEVERS), 20)
        if options.compile:
            bench.stage("torch.compile", lambda: bench.steps("sd1", bench.side, 5, 2, (ALL, FUSED), COMPILED), 120)
        bench.stage("one-liners", bench.one_liners, 15)
        bench.stage("decoders", bench.other_decoders, 15)
        bench.stage("batches", bench.batches, 20)
        if not options.quick:
            bench.stage("SDXL", bench.large, 120)
    results.say(f"\n{bench.clock.left:.0f} s were left.")


if __name__ == "__main__":
    main()
