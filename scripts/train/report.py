"""Turns evaluate.py's figures into the tables of the model card."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

COLUMNS = ("object", "colour", "background", "size", "count", "count 1", "count 2", "count 3", "count 4", "all",
           "relation", "pair")


def _cell(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def markdown(figures: dict) -> str:
    """Markdown tables of one evaluation."""
    lines = [
        f"{figures['pictures']} scenes of each split, {figures['steps']} DDIM steps, "
        f"guidance {figures['guidance']:g}, seeds from {figures['seed']}.",
        "",
        "| | " + " | ".join(COLUMNS) + " |",
        "|---" * (len(COLUMNS) + 1) + "|",
    ]
    for name, scores in figures["scores"].items():
        lines.append(f"| {name} | " + " | ".join(_cell(scores.get(c)) for c in COLUMNS) + " |")
    lines += [
        "",
        "VAE round trip of unseen scenes: "
        + ", ".join(f"{split} {value:.1f} dB" for split, value in figures["psnr"].items())
        + ".",
    ]
    if "memorisation" in figures:
        m = figures["memorisation"]
        lines += [
            "",
            f"Distance to the nearest of {m['library']} training pictures (16x16 thumbnails, root mean square, "
            f"median): generated held-out pictures {m['generated']:.4f}, fresh renders of the same "
            f"scenes {m['renders']:.4f}, ratio {m['ratio']:.2f}; {100 * m['copies']:.1f} % of the "
            "generated ones are nearer than the nearest 1 % of the renders.",
        ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("figures", type=Path, help="evaluation.json")
    print(markdown(json.loads(parser.parse_args().figures.read_text())), end="")


if __name__ == "__main__":
    main()
