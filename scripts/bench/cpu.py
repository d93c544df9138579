#!/usr/bin/env python3
"""Measures txt2img on a CPU beside other ways to run the same model, and writes OUTPUT/cpu.json and OUTPUT/cpu.md.

    python scripts/bench/cpu.py OUTPUT --quick
    python scripts/bench/cpu.py OUTPUT --model BUNDLE --diffusers FOLDER [--sd-cpp BINARY --sd-cpp-model FILE]

BUNDLE is what scripts/export_model.py made of FOLDER, so that the weights are the same; without them the bundled model
draws, and what needs diffusers' modules is left out. Size, steps, precision and threads are the same for all; every
decoder computes in float32; guidance is on (two rows a step).

Steps: each contender is a process that has loaded and warmed up, and draws when it is its turn: txt2img A B, txt2img
A B, ... As many are alive at once as memory allows, in groups that all have txt2img in them, so that each is compared
with the txt2img of its own round. Whole runs, from start to exit, take turns in the same way. Figures are medians of
the rounds, with the least and the most. A contender that cannot run is named with the reason.
"""

import argparse
import importlib.util
import json
import math
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from cpu_contenders import (
    PROMPT,
    ROOT,
    STICKERS,
    Contender,
    Failed,
    OneLiner,
    Setting,
    diffusers_one_liner,
    peer_contender,
    program_contender,
    program_one_liner,
    run,
    sd_cpp_one_liner,
)
from cpu_tables import (
    header,
    one_liner_rows,
    one_liner_table,
    step_rows,
    step_table,
    throughput_rows,
    throughput_table,
)
from harness import Clock, Helper, Results, spread

PEERS = {
    "jit": "torch.jit in Python, frozen",
    "diffusers": "diffusers",
    "channels_last": "diffusers, channels_last",
    "compile": "diffusers, channels_last, torch.compile",
    "openvino": "OpenVINO",
    "sd_cpp": "stable-diffusion.cpp",
}
NEED_DIFFUSERS = ("diffusers", "channels_last", "compile")
LEVERS = ("winograd", "packed", "attention")
DTYPES = {"float32": "f32", "bfloat16": "bf16"}  # as stable-diffusion.cpp calls them
THROUGHPUT_SECONDS = 3  # that a run of small pictures takes at least


class Bench:
    """The stages, in the order in which they are worth most."""

    def __init__(self, options: argparse.Namespace, setting: Setting, results: Results) -> None:
        self.options, self.setting, self.results = options, setting, results
        self.clock = Clock(options.seconds)
        self.machine = Helper(setting.peer_command("machine"), setting.log, setting.environment())

    def measure(self) -> None:
        """Raises Failed where there is nothing to compare with: txt2img or the machine fails."""
        setting = self.setting
        facts = self.ask_machine("facts")
        size = {"width": setting.width, "height": setting.height, "steps": setting.steps, "dtype": setting.dtype}
        self.results.put("machine", facts | size | {"threads": setting.threads, "model": setting.model.resolve().name})
        self.say(header(self.results.values["machine"][0]))
        self.steps()
        self.one_liners()
        self.throughput()
        self.say([f"\n{row['name']}: left out, {row['why']}" for row in self.results.values.get("left_out", [])])

    def say(self, lines: Sequence[str]) -> None:
        for line in lines:
            self.results.say(line)

    def note(self, line: str) -> None:
        print(f"cpu: {line}", file=sys.stderr, flush=True)

    def leave_out(self, name: str, why: str) -> None:
        self.results.put("left_out", {"name": name, "why": why})
        self.note(f"{name}: left out, {why}")

    def ask_machine(self, what: str) -> dict[str, Any]:
        answer = self.machine.ask(what, self.clock.left)
        if answer.get("error"):
            raise Failed(str(answer["error"]))
        return answer

    # --- seconds a step ---
    def steps(self) -> None:
        others = self.contenders()
        size, took = max(1, alive_at_once(self.setting) - 1), 0.0
        for number, first in enumerate(range(0, max(len(others), 1), size)):
            members, begin = others[first : first + size], self.clock.left
            if number > 0 and begin < took:
                self.leave_out(", ".join(member.name for member in members), "no time is left")
                continue
            self.group(number, members)
            took = begin - self.clock.left
        values = self.results.values
        gemm = spread([row["gflops"] for row in values["gemm"]])
        flop = values["machine"][0]["flop_per_step"]
        for row in step_rows(values["rounds"], values["starts"], flop, gemm["median"]):
            self.results.put("steps", row)
        self.say(step_table(values["steps"], gemm, values["gemm"][0]["side"]))

    def contenders(self) -> list[Contender]:
        """Those beside txt2img that can be tried."""
        levers = [] if self.options.levers is None else ["none", *(self.options.levers or LEVERS)]
        listed = [program_contender(f"txt2img, {name}", self.setting, name) for name in levers]
        for kind in self.options.peers:
            if (why := hindrance(kind, self.setting)) is not None:
                self.leave_out(PEERS[kind], why)
            elif kind != "sd_cpp":
                listed.append(peer_contender(PEERS[kind], self.setting, kind))
        return listed

    def group(self, number: int, others: list[Contender]) -> None:
        """Loads txt2img and these, lets them take turns, ends them."""
        ours = program_contender("txt2img", self.setting)
        try:
            self.start(ours)
            alive = [member for member in others if self.works(member, self.start)]
            for turn in range(self.options.rounds):
                begin = self.clock.left
                self.results.put("gemm", self.ask_machine("rate"))
                self.draw(ours, number, turn)
                alive = [member for member in alive if self.works(member, self.draw, number, turn)]
                if self.clock.left < begin - self.clock.left:
                    break
        finally:
            for member in (ours, *others):
                member.end()

    def works(self, member: Contender, work: Callable[..., None], *more: int) -> bool:
        try:
            work(member, *more)
        except Failed as error:
            member.end()
            self.leave_out(member.name, str(error))
            return False
        return True

    def start(self, member: Contender) -> None:
        begun = member.start(self.clock.left)
        self.results.put("starts", {"name": member.name, **begun})
        self.note(f"{member.name}: loaded in {begun['load']:.2f} s, warm in {begun['warm_up']:.2f} s")

    def draw(self, member: Contender, group: int, turn: int) -> None:
        seconds = member.draw(self.setting.steps, self.clock.left)
        step = seconds["sample"] / self.setting.steps
        row = {"name": member.name, "group": group, "round": turn, "s_per_step": step, "decode": seconds["decode"]}
        self.results.put("rounds", row | {"peak_gib": member.peak_gib()})
        self.note(f"{member.name}: {step:.3f} s a step")

    # --- whole runs ---
    def one_liners(self) -> None:
        listed = self.one_liner_list()
        took = dict.fromkeys((liner.name for liner in listed), 0.0)
        for turn in range(self.options.rounds):
            for liner in list(listed):
                if self.clock.left < 1.2 * took[liner.name]:
                    continue
                try:
                    figures = liner.draw(self.clock.left)
                except Failed as error:
                    self.leave_out(f"{liner.name}, whole run", str(error))
                    listed.remove(liner)
                    continue
                took[liner.name] = figures["wall"]
                self.put_one_liner(liner, turn, figures)
        for row in one_liner_rows(self.results.values.get("runs", [])):
            self.results.put("one_liners", row)
        self.say(one_liner_table(self.results.values.get("one_liners", [])))

    def put_one_liner(self, liner: OneLiner, turn: int, figures: dict[str, float]) -> None:
        step = figures.pop("sample") / liner.steps
        row = {"name": liner.name, "group": 0, "round": turn, "steps": liner.steps, "s_per_step": step}
        self.results.put("runs", row | figures)
        self.note(f"{liner.name}: {figures['wall']:.2f} s from start to exit, {figures['peak_gib']:.2f} GiB")

    def one_liner_list(self) -> list[OneLiner]:
        setting, peers = self.setting, self.options.peers
        small = replace(setting, model=STICKERS, width=64, height=64, steps=12)
        listed = [
            program_one_liner("txt2img", setting),
            program_one_liner("txt2img --low-memory", setting, "--low-memory"),
            program_one_liner("txt2img, bundled model, 64x64", small),
        ]
        if setting.diffusers is not None and set(NEED_DIFFUSERS) & set(peers):
            listed.append(diffusers_one_liner("diffusers", setting))
        if setting.sd_cpp is not None and "sd_cpp" in peers:
            for weights in ("f16", DTYPES[setting.dtype]):
                listed.append(sd_cpp_one_liner(f"stable-diffusion.cpp, {weights}", setting, weights))
        return listed

    # --- pictures a second ---
    def throughput(self) -> None:
        ours = next(row for row in self.results.values["steps"] if row["name"] == "txt2img")
        picture = self.setting.steps * ours["s_per_step"]["median"] + ours["decode"]["median"]
        rates: dict[int, list[float]] = {}
        sizes = list(self.options.batch_sizes)
        for _ in range(self.options.rounds):
            for size in list(sizes):
                count = size * math.ceil(THROUGHPUT_SECONDS / (size * picture))
                try:
                    rates.setdefault(size, []).append(self.rate(size, count, picture))
                except Failed as error:
                    self.leave_out(f"txt2img --batch-size {size}", str(error))
                    sizes.remove(size)
        for row in throughput_rows({size: values for size, values in rates.items() if values}):
            self.results.put("throughput", row)
        self.say(throughput_table(self.results.values.get("throughput", [])))

    def rate(self, batch_size: int, count: int, picture: float) -> float:
        """Pictures a second of a run of `count`, of which one alone takes `picture` seconds. Raises Failed."""
        if self.clock.left < 1.2 * count * picture:
            raise Failed(f"its {count} pictures would take {count * picture:.0f} s")
        more = ("-n", count, "--batch-size", batch_size, "--steps", self.setting.steps)
        done = run(self.setting.program_command(PROMPT, *more), self.setting.environment(), self.clock.left)
        load = sum(json.loads(line)["seconds"]["load"] for line in done.out.splitlines())
        self.note(f"--batch-size {batch_size}: {count} pictures in {done.wall - load:.2f} s")
        return count / (done.wall - load)


def hindrance(kind: str, setting: Setting) -> str | None:
    """Why this peer cannot be measured."""
    if kind in NEED_DIFFUSERS and setting.diffusers is None:
        return "it needs --diffusers FOLDER"
    if kind == "openvino" and importlib.util.find_spec("openvino") is None:
        return "it is not installed (pip install 'openvino==2026.*')"
    if kind == "sd_cpp" and setting.sd_cpp is None:
        return "it needs --sd-cpp BINARY"
    return None


def alive_at_once(setting: Setting) -> int:
    """How many processes with these weights fit into memory; twice the weights and 1 GiB each."""
    model = json.loads((setting.model / "model.json").read_text())
    stored = sum((setting.model / name).stat().st_size for name in ("unet.pt", "vae_decoder.pt"))
    widened = stored * (2 if model["unet"]["dtype"] != "float32" and setting.dtype == "float32" else 1)
    rows = Path("/proc/meminfo").read_text().splitlines()
    available = next(int(row.split()[1]) for row in rows if row.startswith("MemAvailable:")) * 1024
    return int((available - 2**30) / (2 * widened + 2**30))


# --- the command line ---
class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"cpu: error: {message}; see --help\n")


def positive(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"'{text}' is no positive whole number")
    return int(text)


def make_parser() -> Parser:
    parser = Parser(prog="cpu", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("output", metavar="OUTPUT", type=Path, help="folder for cpu.json, cpu.md and cpu.log")
    add("--quick", action="store_true", help="the bundled model, torch.jit as the only peer, in a minute or two")
    add("--seconds", metavar="N", type=positive, help="when to stop; what does not fit is left out (5400; quick: 240)")
    add("--rounds", metavar="N", type=positive, help="turns of each contender (3; quick: 2)")
    what = parser.add_argument_group("what is drawn").add_argument
    what("--model", metavar="BUNDLE", type=Path, default=STICKERS, help="bundle folder (the bundled model)")
    what("--diffusers", metavar="FOLDER", type=Path, help="the diffusers folder that BUNDLE was made of")
    what("--width", metavar="N", type=positive, help="in pixels (the model's)")
    what("--height", metavar="N", type=positive, help="in pixels (the model's)")
    what("--steps", metavar="N", type=positive, default=4, help="steps of a run (%(default)s)")
    what("--dtype", choices=DTYPES, default="float32", help="of text encoder and UNet (%(default)s)")
    what("--threads", metavar="N", type=positive, default=len(os.sched_getaffinity(0)), help="(all: %(default)s)")
    what("--batch-sizes", metavar="N", type=positive, nargs="+", help="of the throughput (1 4 8 16; quick: 1 4)")
    whom = parser.add_argument_group("who else draws").add_argument
    told = "; ".join(f"{kind}: {name}" for kind, name in PEERS.items())
    whom("--peers", metavar="PEER", choices=PEERS, nargs="*", help=f"{told} (all that there is; quick: jit)")
    whom("--sd-cpp", metavar="BINARY", type=Path, help="stable-diffusion.cpp's sd-cli")
    whom("--sd-cpp-model", metavar="FILE", type=Path, help="the same weights in one file (tests/python/ldm_file.py)")
    whom(
        "--levers",
        metavar="NAME",
        nargs="*",
        help="txt2img too without levers (TXT2IMG_CPU_LEVERS) and with each of these alone "
        f"(without a NAME: {' '.join(LEVERS)})",
    )
    return parser


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The options with their defaults. Exits where they are wrong."""
    parser = make_parser()
    options = parser.parse_args(argv)
    program = Path(os.environ.get("TXT2IMG_BINARY", ROOT / "build" / "release" / "txt2img"))
    if (why := complaint(options, program)) is not None:
        parser.error(why)
    model = json.loads((options.model / "model.json").read_text())
    for name in ("width", "height"):
        setattr(options, name, getattr(options, name) or model["defaults"][name])
        if getattr(options, name) % model["defaults"]["size_multiple"]:
            parser.error(f"--{name} must be a multiple of {model['defaults']['size_multiple']} for this model")
    options.program = program.resolve()
    options.seconds = options.seconds or (240 if options.quick else 5400)
    options.rounds = options.rounds or (2 if options.quick else 3)
    options.batch_sizes = options.batch_sizes or ([1, 4] if options.quick else [1, 4, 8, 16])
    if options.peers is None:
        options.peers = ["jit"] if options.quick else list(PEERS)
    return options


def complaint(options: argparse.Namespace, program: Path) -> str | None:
    """What is wrong with the files that are named."""
    if not os.access(program, os.X_OK) or program.is_dir():
        return f"there is no program {program}; run scripts/build or set TXT2IMG_BINARY"
    if not (options.model / "model.json").is_file():
        return f"--model {options.model} is no bundle: it has no model.json"
    if options.diffusers is not None and not (options.diffusers / "model_index.json").is_file():
        return f"--diffusers {options.diffusers} is no diffusers folder: it has no model_index.json"
    if options.diffusers is None and (needs := [kind for kind in options.peers or () if kind in NEED_DIFFUSERS]):
        return f"--peers {needs[0]} needs --diffusers FOLDER"
    if (options.sd_cpp is None) != (options.sd_cpp_model is None):
        return "--sd-cpp and --sd-cpp-model belong together"
    if options.sd_cpp is not None and not os.access(options.sd_cpp, os.X_OK):
        return f"there is no program {options.sd_cpp}"
    if options.sd_cpp_model is not None and not options.sd_cpp_model.exists():
        return f"there is no file {options.sd_cpp_model}"
    return None


def main(argv: Sequence[str] | None = None) -> int:
    """0: all that was to be measured is there or left out with a reason; 1: txt2img failed; 2: usage."""
    options = parse(argv)
    try:
        options.output.mkdir(parents=True, exist_ok=True)
        log = options.output / "cpu.log"
        log.write_text("")
    except OSError as error:
        make_parser().error(f"cannot write {options.output}: {error.strerror}")
    names = ("program", "model", "diffusers", "sd_cpp", "sd_cpp_model", "width", "height", "steps", "dtype", "threads")
    with tempfile.TemporaryDirectory() as work:
        setting = Setting(**{name: getattr(options, name) for name in names}, work=Path(work), log=log)
        bench = Bench(options, setting, Results(options.output, "cpu"))
        try:
            bench.measure()
        except Failed as error:
            print(f"cpu: error: {error}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print("cpu: interrupted", file=sys.stderr)
            return 130
        finally:
            bench.machine.end()
    return 0


if __name__ == "__main__":
    sys.exit(main())
