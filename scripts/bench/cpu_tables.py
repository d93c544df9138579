"""From the measurements of scripts/bench/cpu.py to rows of figures, and from these to Markdown."""

import math
import statistics
from collections.abc import Sequence
from typing import Any

from harness import spread, table

Row = dict[str, Any]


def number(value: float) -> str:
    """Three digits that say something: 0.0123, 1.23, 123, 1234."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    return f"{value:.{max(0, 2 - math.floor(math.log10(abs(value))))}f}"


def middle(figure: Row) -> str:
    return number(figure["median"])


def ends(figure: Row) -> str:
    return f"{number(figure['min'])} - {number(figure['max'])}"


def names_of(rows: Sequence[Row]) -> list[str]:
    """In the order of their first row."""
    return list(dict.fromkeys(row["name"] for row in rows))


def times_ours(rows: Sequence[Row], name: str, key: str) -> float:
    """Median of `key` of `name` over that of txt2img, both of the same group and round."""
    ours = {(row["group"], row["round"]): row[key] for row in rows if row["name"] == "txt2img"}
    return statistics.median(row[key] / ours[row["group"], row["round"]] for row in rows if row["name"] == name)


def header(machine: Row) -> list[str]:
    has = " with bfloat16" if machine["bfloat16"] else ""
    size = f"{machine['width']}x{machine['height']}"
    return [
        "# txt2img on a CPU",
        "",
        f"{machine['threads']} threads, {machine['capability']}{has}, PyTorch {machine['torch']}. Model "
        f"{machine['model']}, {size}, {machine['steps']} steps a run, {machine['dtype']},",
        f"the decoder in float32. A step with guidance (two rows) is {number(machine['flop_per_step'] / 1e9)} GFLOP.",
        "",
        "Medians of rounds in which all take turns; x txt2img: seconds over those of txt2img in the same round.",
    ]


# --- seconds a step ---
def step_rows(rounds: Sequence[Row], starts: Sequence[Row], flop: float, gemm: float) -> list[Row]:
    """A row for each contender; flop of a step, gemm in GFLOP/s."""
    rows = []
    for name in names_of(rounds):
        runs = [row for row in rounds if row["name"] == name]
        begun = [row for row in starts if row["name"] == name]
        step = spread([row["s_per_step"] for row in runs])
        rate = flop / step["median"] / 1e9
        row = {"name": name, "s_per_step": step, "times_txt2img": times_ours(rounds, name, "s_per_step")}
        row |= {"gflops": rate, "of_gemm": rate / gemm, "decode": spread([run["decode"] for run in runs])}
        row |= {key: spread([start[key] for start in begun]) for key in ("load", "warm_up")}
        rows.append(row | {"peak_gib": max(run["peak_gib"] for run in runs)})
    return rows


def step_table(rows: Sequence[Row], gemm: Row, side: int) -> list[str]:
    """gemm: of torch.mm of matrices of `side`, GFLOP/s."""
    head = ["", "s a step", "least - most", "x txt2img", "GFLOP/s", "of torch.mm"]
    head += ["decode s", "load s", "warm-up s", "peak GiB"]
    cells = [
        [row["name"], middle(row["s_per_step"]), ends(row["s_per_step"]), number(row["times_txt2img"])]
        + [number(row["gflops"]), f"{row['of_gemm']:.0%}"]
        + [middle(row[key]) for key in ("decode", "load", "warm_up")]
        + [number(row["peak_gib"])]
        for row in rows
    ]
    told = f"torch.mm of {side}x{side} in this precision: {middle(gemm)} GFLOP/s ({ends(gemm)})."
    warm = "Warm-up is two steps and two decodes, with what an implementation compiles when it is first called."
    return ["", "## Steps", "", *table(head, cells), "", told, warm]


# --- whole runs ---
def one_liner_rows(runs: Sequence[Row]) -> list[Row]:
    rows = []
    for name in names_of(runs):
        mine = [run for run in runs if run["name"] == name]
        keys = ("wall", "start", "encode", "s_per_step", "decode", "write", "peak_gib")
        figures = {key: spread([run[key] for run in mine]) for key in keys if key in mine[0]}
        rows.append(
            {"name": name, "steps": mine[0]["steps"], **figures, "times_txt2img": times_ours(runs, name, "wall")}
        )
    return rows


def one_liner_table(rows: Sequence[Row]) -> list[str]:
    head = ["", "steps", "whole s", "least - most", "x txt2img", "start and load s", "text s", "s a step", "decode s"]
    head += ["PNG ms", "peak GiB"]
    keys = ("start", "encode", "s_per_step", "decode")
    cells = [
        [row["name"], str(row["steps"]), middle(row["wall"]), ends(row["wall"]), number(row["times_txt2img"])]
        + [middle(row[key]) if key in row else "" for key in keys]
        + [number(1000 * row["write"]["median"]) if "write" in row else "", middle(row["peak_gib"])]
        for row in rows
    ]
    told = "One process a picture, from start to exit; start and load is all that is none of the stages."
    low = "With --low-memory the stages load their own weights."
    return ["", "## Whole runs", "", *table(head, cells), "", told, low]


# --- pictures a second ---
def throughput_rows(rates: dict[int, list[float]]) -> list[Row]:
    """By batch size; the rate against that of the smallest."""
    if not rates:
        return []
    least = statistics.median(rates[min(rates)])
    return [
        {"batch_size": size, "pictures_per_s": spread(values), "times_least": statistics.median(values) / least}
        for size, values in rates.items()
    ]


def throughput_table(rows: Sequence[Row]) -> list[str]:
    head = ["--batch-size", "pictures/s", "least - most", "x first row"]
    cells = [
        [str(row["batch_size"]), middle(row["pictures_per_s"]), ends(row["pictures_per_s"]), number(row["times_least"])]
        for row in rows
    ]
    return ["", "## Throughput", "", *table(head, cells), "", "Of a whole run without its loading."]
