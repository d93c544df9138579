"""scripts/bench/cpu.py: what it computes of its measurements, what it refuses, and that a quick run gives its rows.

No test looks at how long anything takes.
"""

import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cpu_contenders
import cpu_tables
import pytest
from cli_program import BINARY, ROOT
from harness import Helper, Results, spread, table

SCRIPT = ROOT / "scripts" / "bench" / "cpu.py"


def run_script(*arguments: object, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "TXT2IMG_BINARY": str(BINARY), **variables}
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=200)


def setting(folder: Path, **more: Any) -> cpu_contenders.Setting:
    plain: dict[str, Any] = {"program": BINARY, "model": cpu_contenders.STICKERS, "diffusers": None, "sd_cpp": None}
    plain |= {"sd_cpp_model": None, "width": 64, "height": 64, "steps": 4, "dtype": "float32", "threads": 1}
    return cpu_contenders.Setting(**(plain | {"work": folder, "log": folder / "log"} | more))


# --- figures ---
def test_a_spread_has_the_median_and_both_ends() -> None:
    assert spread([3.0, 1.0, 2.0, 10.0]) == {"median": 2.5, "min": 1.0, "max": 10.0, "values": [3.0, 1.0, 2.0, 10.0]}


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.012345, "0.0123"), (1.005, "1.00"), (12.34, "12.3"), (183.4, "183"), (1234.5, "1234"), (0.0, "0")],
)
def test_a_number_has_three_digits_and_no_exponent(value: float, text: str) -> None:
    assert cpu_tables.number(value) == text


def test_a_table_has_a_rule_below_its_head() -> None:
    assert table(["a", "b"], [["1", "2"]]) == ["| a | b |", "|---|---|", "| 1 | 2 |"]


def round_of(name: str, group: int, turn: int, seconds: float) -> dict[str, Any]:
    row = {"name": name, "group": group, "round": turn, "s_per_step": seconds}
    return row | {"decode": 2 * seconds, "peak_gib": seconds}


def test_a_peer_is_compared_with_the_txt2img_of_its_own_round() -> None:
    # The machine is half as fast in the second group, and three times slower in its second round.
    rounds = [round_of("txt2img", 0, 0, 1.0), round_of("txt2img", 1, 0, 2.0), round_of("slow", 1, 0, 4.0)]
    rounds += [round_of("txt2img", 1, 1, 6.0), round_of("slow", 1, 1, 12.0)]
    starts = [{"name": name, "load": 1.0, "warm_up": 2.0} for name in ("txt2img", "txt2img", "slow")]
    ours, slow = cpu_tables.step_rows(rounds, starts, flop=16e9, gemm=32.0)
    assert (ours["times_txt2img"], slow["times_txt2img"]) == (1.0, 2.0)
    assert ours["s_per_step"] == spread([1.0, 2.0, 6.0])
    assert (slow["gflops"], slow["of_gemm"]) == (2.0, 2.0 / 32)  # 16 GFLOP in 8 s
    assert (slow["decode"]["median"], slow["peak_gib"]) == (16.0, 12.0)
    text = cpu_tables.step_table([ours, slow], spread([32.0]), 4096)
    assert "| slow | 8.00 | 4.00 - 12.0 | 2.00 | 2.00 | 6% | 16.0 | 1.00 | 2.00 | 12.0 |" in text


def test_a_run_that_does_not_tell_a_stage_has_an_empty_cell() -> None:
    run = {"name": "txt2img", "group": 0, "round": 0, "steps": 4, "wall": 2.0, "start": 0.5, "encode": 0.1}
    rows = cpu_tables.one_liner_rows([run | {"s_per_step": 0.3, "decode": 0.2, "peak_gib": 1.5}])
    line = "| txt2img | 4 | 2.00 | 2.00 - 2.00 | 1.00 | 0.500 | 0.100 | 0.300 | 0.200 |  | 1.50 |"
    assert line in cpu_tables.one_liner_table(rows)


def test_throughput_is_set_against_the_smallest_batch() -> None:
    rows = cpu_tables.throughput_rows({4: [3.0, 5.0], 1: [2.0]})
    assert [(row["batch_size"], row["times_least"]) for row in rows] == [(4, 2.0), (1, 1.0)]
    assert cpu_tables.throughput_rows({}) == []


def test_results_are_on_file_after_each_addition(tmp_path: Path) -> None:
    results = Results(tmp_path, "cpu")
    results.put("steps", {"name": "a"})
    results.put("steps", {"name": "b"})
    results.say("| a |")
    assert json.loads((tmp_path / "cpu.json").read_text()) == {"steps": [{"name": "a"}, {"name": "b"}]}
    assert (tmp_path / "cpu.md").read_text() == "| a |\n"


# --- processes ---
def test_a_run_tells_its_memory_and_its_output(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "x = bytearray(1 << 30); print(len(x))"]
    done = cpu_contenders.run(command, dict(os.environ), 60)
    assert done.out == f"{1 << 30}\n"
    assert 1 < done.peak_gib < 1.25
    assert done.wall > 0


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ([sys.executable, "-c", "import sys; sys.exit('no\\nroom in /a/b/c.txt')"], "room in c.txt"),
        ([sys.executable, "-c", "import sys; sys.exit(3)"], "exit 3"),
        (["/no/such/program"], "No such file"),
        (["sleep", "60"], "no time is left for it"),
    ],
)
def test_a_run_that_fails_says_why_in_one_line_without_folders(command: list[str], why: str) -> None:
    with pytest.raises(cpu_contenders.Failed) as failed:
        cpu_contenders.run(command, dict(os.environ), 1)
    assert why in str(failed.value)
    assert "/" not in str(failed.value) and "\n" not in str(failed.value)


@pytest.fixture
def helper(tmp_path: Path) -> Iterator[Helper]:
    code = (
        "import sys\nfor line in sys.stdin:\n  assert line != 'end\\n'\n"
        "  print('noise\\nANSWER {\"n\": %s}' % line.strip())"
    )
    helper = Helper([sys.executable, "-u", "-c", code], tmp_path / "log")
    yield helper
    helper.end()


def test_a_helper_answers_until_it_ends(helper: Helper) -> None:
    assert helper.ask("1", 60) == {"n": 1}
    assert helper.ask("2", 60) == {"n": 2}
    assert "error" in helper.ask("end", 60)
    assert "error" in helper.ask("3", 60)


def test_a_helper_whose_output_ends_first_has_ended_when_it_is_given_up(tmp_path: Path) -> None:
    code = "import os, time\nos.close(1)\ntime.sleep(0.3)\nos.write(2, b'last words')\nos._exit(3)"
    helper = Helper([sys.executable, "-c", code], tmp_path / "log")
    assert "error" in helper.ask("1", 60)
    assert helper.process.poll() == 3
    assert (tmp_path / "log").read_text() == "last words"


def test_a_contender_that_cannot_start_tells_its_last_words(tmp_path: Path) -> None:
    broken = cpu_contenders.program_contender("txt2img", setting(tmp_path, model=tmp_path / "none"))
    with pytest.raises(cpu_contenders.Failed, match="txt2img: error: .*none"):
        broken.start(60)
    broken.end()


SD_CLI = """#!/bin/sh
case "$*" in *"--type f16"*) ;; *) exit 1;; esac
echo "[INFO ] stable-diffusion.cpp:1 - get_learned_condition completed, taking 250 ms"
echo "[INFO ] stable-diffusion.cpp:2 - sampling completed, taking 8.00s"
echo "[INFO ] stable-diffusion.cpp:3 - decode_first_stage completed, taking 1.50s" >&2
"""


def test_stages_of_stable_diffusion_cpp_are_read_from_its_log(tmp_path: Path) -> None:
    program = tmp_path / "sd-cli"
    program.write_text(SD_CLI)
    program.chmod(0o755)
    shared = setting(tmp_path, sd_cpp=program, sd_cpp_model=tmp_path / "model.safetensors")
    figures = cpu_contenders.sd_cpp_one_liner("sd", shared, "f16").draw(60)
    assert (figures["encode"], figures["sample"], figures["decode"]) == (0.25, 8.0, 1.5)


# --- the command line ---
@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ((), "OUTPUT"),
        (("out", "--width", "0"), "'0' is no positive whole number"),
        (("out", "--width", "63"), "multiple of 8"),
        (("out", "--model", "."), "no model.json"),
        (("out", "--diffusers", "."), "no model_index.json"),
        (("out", "--peers", "diffusers"), "needs --diffusers FOLDER"),
        (("out", "--peers", "others"), "invalid choice: 'others'"),
        (("out", "--sd-cpp", "/bin/sh"), "belong together"),
        (("/proc/none/out",), "cannot write"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_2(arguments: tuple[str, ...], why: str, tmp_path: Path) -> None:
    done = run_script(*(str(tmp_path / a) if a in ("out", ".") else a for a in arguments))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("cpu: error: ") and done.stderr.count("\n") == 1
    assert why in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_missing_program_is_told_with_the_way_out(tmp_path: Path) -> None:
    done = run_script(tmp_path / "out", "--quick", TXT2IMG_BINARY=str(tmp_path / "none"))
    assert done.returncode == 2
    assert "run scripts/build or set TXT2IMG_BINARY" in done.stderr and done.stderr.count("\n") == 1


def positive(figure: dict[str, Any]) -> bool:
    values = [figure["median"], figure["min"], figure["max"], *figure["values"]]
    return all(math.isfinite(value) and value > 0 for value in values)


def test_a_quick_run_has_its_rows_in_both_files(tmp_path: Path) -> None:
    size = ("--width", 64, "--height", 64, "--steps", 2, "--rounds", 1)
    done = run_script(tmp_path, "--quick", *size, "--levers")
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "cpu.json").read_text())
    levers = ["none", "winograd", "packed", "attention"]
    names = ["txt2img", *(f"txt2img, {lever}" for lever in levers), "torch.jit in Python, frozen"]
    assert [row["name"] for row in found["steps"]] == names, found.get("left_out")
    runs = ["txt2img", "txt2img --low-memory", "txt2img, bundled model, 64x64"]
    assert [row["name"] for row in found["one_liners"]] == runs
    assert [row["batch_size"] for row in found["throughput"]] == [1, 4]
    assert "left_out" not in found
    figures = [row[key] for row in found["steps"] for key in ("s_per_step", "decode", "load", "warm_up")]
    figures += [row[key] for row in found["one_liners"] for key in ("wall", "start", "s_per_step", "write", "peak_gib")]
    figures += [row["pictures_per_s"] for row in found["throughput"]]
    assert all(positive(figure) for figure in figures)
    assert found["machine"][0]["flop_per_step"] > 1e8
    text = (tmp_path / "cpu.md").read_text()
    assert text.startswith("# txt2img on a CPU\n")
    assert all(f"\n| {name} | " in text for name in (*names, *runs, "1", "4"))
    assert str(ROOT) not in text and os.uname().nodename not in text
