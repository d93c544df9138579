"""Turns vector art and coded shapes into recoloured RGBA cut-outs.

The art is the "flat" set of the npm package @iconify-json/fluent-emoji-flat 1.2.6 (MIT). Its fills are
plain colours, so an object is recoloured exactly, before rasterising: the main fill becomes the
wanted colour and its shades keep their lightness difference to it (OKLab, Ottosson 2020).
"""

from __future__ import annotations

import functools
import io
import json
import math
import re
import subprocess
import tarfile
from pathlib import Path

import numpy as np
import resvg_py
from concepts import COLOURS, NATURAL, Concept
from oklab import from_oklab, oklab
from PIL import Image

PACKAGE = "@iconify-json/fluent-emoji-flat@1.2.6"
CANVAS = 256  # px, rasterised edge before trimming
SHADING = 0.5  # share of a shade's lightness difference that survives the recolouring
HUE_WINDOW = 45.0  # degrees around the main fill's hue that count as its shades

# Fills that are changed in the art itself: None removes scenery that is not the object; the boat's
# white mast would vanish on white and leave two pieces; the bus gets a body of one colour.
REPAIRED: dict[str, dict[str, str | None]] = {
    "sailboat": {"#00a6ed": None, "#fff": "#8c5543"},
    "house": {"#00f397": None},
    "bus": {"#e6e6e6": "#ffb02e"},
}
# Objects whose main fill is not the one with the largest area.
MAIN_FILL: dict[str, str] = {"butterfly": "#ff6723"}
# Extra fills to recolour along with the main one.
ALSO: dict[str, tuple[str, ...]] = {
    "airplane": ("#0084ce",),
    "butterfly": ("#533566",),
    "frog": ("#fcd53f",),
    "guitar": ("#f4f4f4",),
    "rocket": ("#ca0b4a",),
    "sailboat": ("#fcd53f", "#ff8257", "#ff9f2e"),
}
# Colour of a shape when the prompt names none.
SHAPE_NATURAL = {
    "circle": "blue",
    "square": "orange",
    "triangle": "green",
    "star": "yellow",
    "heart": "red",
    "diamond": "purple",
    "ring": "pink",
    "plus": "grey",
}


def fetch_icons(cache: Path) -> dict[str, dict]:
    """Return slug -> icon of the art package, downloaded once with npm into `cache`."""
    target = cache / "icons.json"
    if not target.exists():
        cache.mkdir(parents=True, exist_ok=True)
        name = (
            subprocess.run(["npm", "pack", "--silent", PACKAGE], cwd=cache, check=True, capture_output=True, text=True)
            .stdout.strip()
            .splitlines()[-1]
        )
        with tarfile.open(cache / name) as archive:
            data = archive.extractfile("package/icons.json").read()
        target.write_bytes(data)
    return json.loads(target.read_text(encoding="utf-8"))["icons"]


def _parse(fill: str) -> tuple[int, int, int]:
    digits = fill[1:]
    if len(digits) == 3:
        digits = "".join(2 * d for d in digits)
    return tuple(int(digits[i : i + 2], 16) for i in (0, 2, 4))


def _hex(rgb: tuple[int, int, int]) -> str:
    return "#" + "".join(f"{v:02x}" for v in rgb)


def _rasterise(body: str, edge: int = CANVAS) -> np.ndarray:
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">{body}</svg>'
    png = bytes(resvg_py.svg_to_bytes(svg_string=svg, width=edge, height=edge))
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGBA"))


@functools.cache
def fill_areas(body: str) -> dict[str, int]:
    """Visible area of each fill in pixels of the canvas, largest first."""
    image = _rasterise(body)
    codes = image[..., 0].astype(np.int64) << 16 | image[..., 1].astype(np.int64) << 8 | image[..., 2]
    codes = codes[image[..., 3] == 255]
    areas = {}
    for fill in set(re.findall(r"#[0-9a-fA-F]{3,6}\b", body)):
        r, g, b = _parse(fill)
        areas[fill] = int((codes == (r << 16 | g << 8 | b)).sum())
    return dict(sorted(areas.items(), key=lambda item: -item[1]))


def _recoloured_fill(fill: str, main: str, colour: str) -> str:
    """Main fill -> the colour itself; shades keep their lightness difference to the main fill."""
    target = oklab(np.array(COLOURS[colour]))
    delta = float(oklab(np.array(_parse(fill)))[0] - oklab(np.array(_parse(main)))[0])
    if colour == "black":
        delta = abs(delta)
    elif colour == "white":
        delta = -abs(delta)
    target[0] = np.clip(target[0] + SHADING * delta, 0.08, 1.0)
    return _hex(from_oklab(target))


def recolour(slug: str, body: str, colour: str) -> str:
    """Body of the SVG with the object's main fill and its shades in another colour."""
    areas = fill_areas(body)
    main = MAIN_FILL.get(slug, next(iter(areas)))
    lab_main = oklab(np.array(_parse(main)))
    chroma_main = math.hypot(lab_main[1], lab_main[2])
    replaced = {}
    for fill in areas:
        lab = oklab(np.array(_parse(fill)))
        chroma = math.hypot(lab[1], lab[2])
        turn = math.degrees(math.atan2(lab[2], lab[1]) - math.atan2(lab_main[2], lab_main[1]))
        near = abs((turn + 180) % 360 - 180) <= HUE_WINDOW
        grey = chroma < 0.04
        is_shade = (grey and lab[0] > 0.5) if chroma_main < 0.04 else (near and not grey)
        if is_shade or fill == main or fill in ALSO.get(slug, ()):
            replaced[fill] = _recoloured_fill(fill, main, colour)
    return re.sub(r"#[0-9a-fA-F]{3,6}\b", lambda m: replaced.get(m[0], m[0]), body)


def _shape_body(shape: str, colour: str) -> str:
    fill = _hex(COLOURS[SHAPE_NATURAL[shape] if colour == NATURAL else colour])

    def star(points: int, inner: float) -> str:
        ring = [(15 if i % 2 == 0 else inner, math.pi * i / points) for i in range(2 * points)]
        return " ".join(f"{16 + r * math.sin(t):.3f},{16 - r * math.cos(t):.3f}" for r, t in ring)

    return {
        "circle": f'<circle cx="16" cy="16" r="14" fill="{fill}"/>',
        "square": f'<rect x="3" y="3" width="26" height="26" rx="1" fill="{fill}"/>',
        "triangle": f'<polygon points="16,3 30,28 2,28" fill="{fill}"/>',
        "star": f'<polygon points="{star(5, 6.3)}" fill="{fill}"/>',
        "heart": f'<path d="M16 29C2 19 1 13 2 9c2-6 11-7 14 0c3-7 12-6 14 0c1 4 0 10-14 20" fill="{fill}"/>',
        "diamond": f'<polygon points="16,1 28,16 16,31 4,16" fill="{fill}"/>',
        "ring": f'<circle cx="16" cy="16" r="10.5" fill="none" stroke="{fill}" stroke-width="6"/>',
        "plus": f'<path d="M11 2h10v9h9v10h-9v9H11v-9H2V11h9z" fill="{fill}"/>',
    }[shape]


def _art_body(slug: str, icons: dict[str, dict]) -> str:
    body = icons[slug]["body"]
    for fill, other in REPAIRED.get(slug, {}).items():
        if other is None:
            body = re.sub(rf'<(path|circle|ellipse|rect)[^>]*fill="{fill}"[^>]*/>', "", body)
        else:
            body = body.replace(f'"{fill}"', f'"{other}"')
    return body


def main_colour(concept: Concept, colour: str, icons: dict[str, dict]) -> tuple[int, int, int]:
    """sRGB of the main fill of a concept in a colour, natural included."""
    if colour != NATURAL:
        return COLOURS[colour]
    if concept.is_shape:
        return COLOURS[SHAPE_NATURAL[concept.source.removeprefix("shape:")]]
    body = _art_body(concept.source, icons)
    return _parse(MAIN_FILL.get(concept.source, next(iter(fill_areas(body)))))


def cut_out(concept: Concept, colour: str, icons: dict[str, dict]) -> np.ndarray:
    """Trimmed RGBA cut-out (h, w, 4) uint8 of a concept in a colour, longest edge up to CANVAS."""
    if concept.is_shape:
        body = _shape_body(concept.source.removeprefix("shape:"), colour)
    else:
        body = _art_body(concept.source, icons)
        if colour != NATURAL:
            body = recolour(concept.source, body, colour)
    image = _rasterise(body)
    ys, xs = np.nonzero(image[..., 3] > 8)
    return image[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1]
