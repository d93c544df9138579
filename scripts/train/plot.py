"""Draws the training logs ROOT/log/*.csv as curves.

python scripts/train/plot.py --root build/train --output build/train/curves.png
"""

from __future__ import annotations

import argparse
import csv
import math
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT, EDGE = 420, 240, 36  # px of one panel; EDGE is for the axes' numbers
NOT_CURVES = ("step", "seconds", "samples")


def read(path: Path) -> dict[str, list[float]]:
    """Column name -> values of one log."""
    with path.open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    return {name: [float(row[name]) for row in rows] for name in (rows[0] if rows else {})}


def panel(title: str, x: list[float], y: list[float]) -> Image.Image:
    """One curve over seconds, with the range of both axes."""
    picture = Image.new("RGB", (WIDTH, HEIGHT), "white")
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(11)
    left, top, right, bottom = EDGE, EDGE, WIDTH - 12, HEIGHT - EDGE
    low, high = min(y), max(y)
    draw.rectangle((left, top, right, bottom), outline="#808080")
    points = [
        (
            left + (right - left) * (a - x[0]) / max(x[-1] - x[0], 1e-9),
            bottom - (bottom - top) * (b - low) / max(high - low, 1e-9),
        )
        for a, b in zip(x, y, strict=True)
    ]
    draw.line(points, fill="#1f5fbf", width=2)
    draw.text((left, 8), f"{title}: {y[-1]:.4g} after {x[-1]:.0f} s", fill="black", font=font)
    draw.text((left, bottom + 4), f"{x[0]:.0f} to {x[-1]:.0f} s, {low:.4g} to {high:.4g}", fill="#606060", font=font)
    return picture


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, default=Path("build/train"))
    parser.add_argument("--output", type=Path, default=Path("build/train/curves.png"))
    args = parser.parse_args()
    logs = {path.stem: read(path) for path in sorted((args.root / "log").glob("*.csv"))}
    panels = [
        panel(f"{stem} {name}", log["seconds"], values)
        for stem, log in logs.items()
        for name, values in log.items()
        if name not in NOT_CURVES and len(values) > 1
    ]
    if not panels:
        raise SystemExit(f"{args.root / 'log'}: no log with two lines yet")
    columns = math.ceil(len(panels) ** 0.5)
    sheet = Image.new("RGB", (columns * WIDTH, math.ceil(len(panels) / columns) * HEIGHT), "white")
    for k, one in enumerate(panels):
        sheet.paste(one, (k % columns * WIDTH, k // columns * HEIGHT))
    sheet.save(args.output)
    print(args.output)


if __name__ == "__main__":
    main()
