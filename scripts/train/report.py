"""Turns evaluate.py's figures into the tables of the model card."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

COLUMNS = (
    "object",
    "colour",
    "background",
    "size",
    "count",
    "count 1",
    "count 2",
    "count 3",
    "count 4",
    "all",
    "relation",
    "pair",
)

SWEPT = ("object", "colour", "background", "count", "all", "relation")


def _cell(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def table(columns: tuple[str, ...], rows: dict[str, dict]) -> list[str]:
    """Lines of a Markdown table of shares."""
    cells = {name: " | ".join(_cell(row.get(column)) for column in columns) for name, row in rows.items()}
    return [
        "| | " + " | ".join(columns) + " |",
        "|---" * (len(columns) + 1) + "|",
        *(f"| {name} | {text} |" for name, text in cells.items()),
    ]


def remarks(figures: dict) -> list[str]:
    """What is said beneath the first table."""
    counted = "; ".join(f"{split} " + "/".join(map(str, scenes)) for split, scenes in figures["counted"].items())
    ratios = "; ".join(
        f"{split} {p['mean']:.1f} dB ({p['pooled']:.1f} dB from the pooled error)"
        for split, p in figures["psnr"].items()
    )
    lines = [
        f"Scenes with 1/2/3/4 things of one kind: {counted}. A share p of n scenes has a standard error of "
        "sqrt(p (1 - p) / n).",
        "",
        f"VAE round trip of unseen scenes, mean PSNR of a picture: {ratios}.",
    ]
    if (m := figures.get("memorisation")) is not None:
        lines += [
            "",
            f"Distance to the nearest of {m['library']} training pictures (16x16 thumbnails, root mean "
            f"square, median): generated held-out pictures {m['generated']:.4f}, fresh renders of the same "
            f"scenes {m['renders']:.4f}, ratio {m['ratio']:.2f}; {100 * m['copies']:.1f} % of the "
            "generated ones are nearer than the nearest 1 % of the renders.",
        ]
    return lines


def markdown(figures: dict) -> str:
    """Markdown tables of one evaluation."""
    lines = [
        f"{figures['pictures']} scenes of each split, {figures['steps']} DDIM steps, "
        f"guidance {figures['guidance']:g}, seeds from {figures['seed']}.",
        "",
        *table(COLUMNS, figures["scores"]),
        "",
        *remarks(figures),
        "",
        f"The first {figures['sweep']['pictures']} scenes of val in English with other settings, all else as above:",
        "",
        *table(SWEPT, figures["sweep"]["scores"]),
        "",
        "Negative prompts: the share of pictures with what is not wanted.",
        "",
        *table(("without", "with"), figures["negatives"]),
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("figures", type=Path, help="evaluation.json")
    print(markdown(json.loads(parser.parse_args().figures.read_text())), end="")


if __name__ == "__main__":
    main()
