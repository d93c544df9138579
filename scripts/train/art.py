"""Turns packaged art and coded shapes into recoloured RGBA cut-outs.

Three styles of the same things: "flat" and "cartoon" are vector art, "3d" is pictures. What is needed of the
packages is kept in one small archive, art.zip, with which everything else works without a network.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import io
import json
import math
import re
import subprocess
import tarfile
import zipfile
from pathlib import Path

import numpy as np
from concepts import COLOURS, NATURAL, STYLES, Concept
from oklab import from_oklab, oklab
from PIL import Image

# style -> npm package, version, SHA-512 of its archive as npm publishes it
PACKAGES = {
    "flat": (
        "@iconify-json/fluent-emoji-flat@1.2.6",
        "RY47RgPb47fYUiyrA64sIOL0+UU02s29sXpNBbIQRBUlPlfNFTKUmZDERGuxDs/7yNGWqQYvuaSYM1M4fRXlUw==",
    ),
    "cartoon": (
        "@iconify-json/noto@1.2.9",
        "DQiuXENbun41ch+XPSV55H9FaWKpHTyz46YIKtSaKYD4fIDDzL1tR6H4np/T38jfrTAeI3rcKF0mqHYeZVAuaw==",
    ),
    "3d": (
        "@lobehub/fluent-emoji-3d@1.1.0",
        "Wlq2lVStTnr8BDpIJ0pEnTKO4LuDxxqTEhTvRtD1DLRF0me7ogeRQjKoehDHXuVJ2Qaecgl5wRBv60lUAG3h7g==",
    ),
}
VIEW = {"flat": 32, "cartoon": 128}  # edge of the vector art's coordinates
CANVAS = 192  # px, rasterised edge before trimming
EDGE = 112  # px, longest edge of a cut-out
SHADING = 0.5  # share of a shade's lightness difference that survives the recolouring of flat art
HUE_WINDOW = 45.0  # degrees around the main hue that count as its shades
GREY = 0.04  # OKLab chroma below which a colour has no hue
RECOLOURABLE = 0.45  # share of the opaque area that has to change for a thing to be called by the colour

# Fills that are changed in the art itself: None removes scenery that is not the object; the boat's
# white mast would vanish on white and leave two pieces; the bus gets a body of one colour.
REPAIRED: dict[str, dict[str, str | None]] = {
    "boat": {"#00a6ed": None, "#fff": "#8c5543"},
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
    "boat": ("#fcd53f", "#ff8257", "#ff9f2e"),
}
# (name, style) of what would be recoloured in the wrong part: drawn in its own colours only.
OWN_COLOURS = {
    ("airplane", "cartoon"),
    ("banjo", "flat"),
    ("floppy disk", "cartoon"),
    ("ladybug", "flat"),
    ("magnifying glass", "cartoon"),
    ("pill", "cartoon"),
    ("video camera", "flat"),
    ("window", "flat"),
    ("zebra", "cartoon"),
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


def _download(style: str, cache: Path) -> tarfile.TarFile:
    """The style's package; SystemExit if it is not the one that was published."""
    name, integrity = PACKAGES[style]
    pack = subprocess.run(["npm", "pack", "--silent", name], cwd=cache, check=True, capture_output=True, text=True)
    archive = cache / pack.stdout.strip().splitlines()[-1]
    found = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if found != integrity:
        raise SystemExit(f"{archive} is not {name} as it was published: SHA-512 {found}, not {integrity}")
    return tarfile.open(archive)


def _vector_art(archive: tarfile.TarFile, codes: set[str]) -> dict[str, bytes]:
    """Code point -> inside of the SVG."""
    icons = json.load(archive.extractfile("package/icons.json"))["icons"]
    characters = json.load(archive.extractfile("package/chars.json"))
    slugs = {code.replace("-fe0f", ""): slug for code, slug in characters.items() if slug in icons}
    return {code: icons[slugs[code]]["body"].encode() for code in codes}


def _pictures(archive: tarfile.TarFile, codes: set[str]) -> dict[str, bytes]:
    """Code point -> WebP file."""
    files = {Path(name).stem.replace("-fe0f", ""): name for name in archive.getnames() if name.endswith(".webp")}
    return {code: archive.extractfile(files[code]).read() for code in codes}


def fetch_art(cache: Path, concepts: dict[str, Concept]) -> Path:
    """art.zip in `cache` with the art of all concepts in all styles: made once, from packages of npm."""
    target = cache / "art.zip"
    codes = {concept.source for concept in concepts.values() if not concept.is_shape}
    if target.exists():
        with zipfile.ZipFile(target) as stored:
            if {f"{style}/{code}" for style in STYLES for code in codes} <= set(stored.namelist()):
                return target
    cache.mkdir(parents=True, exist_ok=True)
    part = target.with_suffix(".part")
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as out:
        for style in STYLES:
            with _download(style, cache) as archive:
                art = (_pictures if style == "3d" else _vector_art)(archive, codes)
            for code, data in sorted(art.items()):
                out.writestr(zipfile.ZipInfo(f"{style}/{code}"), data, zipfile.ZIP_DEFLATED)
    part.replace(target)
    return target


def _parse(fill: str) -> tuple[int, int, int]:
    digits = fill[1:]
    if len(digits) == 3:
        digits = "".join(2 * d for d in digits)
    return tuple(int(digits[i : i + 2], 16) for i in (0, 2, 4))


def _hex(rgb: tuple[int, int, int]) -> str:
    return "#" + "".join(f"{v:02x}" for v in rgb)


def _rasterise(body: str, view: int = 32) -> np.ndarray:
    import resvg_py  # only here: with a full cache of cut-outs nobody needs it

    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {view} {view}">{body}</svg>'
    png = bytes(resvg_py.svg_to_bytes(svg_string=svg, width=CANVAS, height=CANVAS))
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGBA"))


@functools.cache
def fill_areas(body: str) -> dict[str, int]:
    """Visible area of each fill of flat art in pixels of the canvas, largest first."""
    image = _rasterise(body)
    codes = image[..., 0].astype(np.int64) << 16 | image[..., 1].astype(np.int64) << 8 | image[..., 2]
    codes = codes[image[..., 3] == 255]
    areas = {}
    for fill in set(re.findall(r"#[0-9a-fA-F]{3,6}\b", body)):
        r, g, b = _parse(fill)
        areas[fill] = int((codes == (r << 16 | g << 8 | b)).sum())
    return dict(sorted(areas.items(), key=lambda item: -item[1]))


def _turn(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Degrees between the hues of two OKLab colours."""
    turn = np.degrees(np.arctan2(one[..., 2], one[..., 1]) - np.arctan2(other[..., 2], other[..., 1]))
    return np.abs((turn + 180) % 360 - 180)


def _recoloured_fill(fill: str, main: str, colour: str) -> str:
    """Main fill -> the colour itself; shades keep their lightness difference to the main fill."""
    target = oklab(np.array(COLOURS[colour]))
    delta = float(oklab(np.array(_parse(fill)))[0] - oklab(np.array(_parse(main)))[0])
    if colour == "black":
        delta = abs(delta)
    elif colour == "white":
        delta = -abs(delta)
    target[0] = np.clip(target[0] + SHADING * delta, 0.08, 1.0)
    return _hex(tuple(from_oklab(target)))


def _fills_to_change(name: str, body: str) -> tuple[str, list[str]]:
    """The main fill and all that change colour with it."""
    areas = fill_areas(body)
    main = MAIN_FILL.get(name, next(iter(areas)))
    lab_main = oklab(np.array(_parse(main)))
    is_grey = math.hypot(lab_main[1], lab_main[2]) < GREY
    changed = []
    for fill in areas:
        lab = oklab(np.array(_parse(fill)))
        grey = math.hypot(lab[1], lab[2]) < GREY
        is_shade = (grey and lab[0] > 0.5) if is_grey else (not grey and _turn(lab, lab_main) <= HUE_WINDOW)
        if is_shade or fill == main or fill in ALSO.get(name, ()):
            changed.append(fill)
    return main, changed


def _recolour_fills(name: str, body: str, colour: str) -> str:
    main, changed = _fills_to_change(name, body)
    replaced = {fill: _recoloured_fill(fill, main, colour) for fill in changed}
    return re.sub(r"#[0-9a-fA-F]{3,6}\b", lambda m: replaced.get(m[0], m[0]), body)


def _shades(image: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """OKLab (h, w, 3), mask (h, w) of the main colour's pixels and shades, and that colour (3,)."""
    lab, solid = oklab(image[..., :3]), image[..., 3] > 128
    chroma = np.hypot(lab[..., 1], lab[..., 2])
    coloured = solid & (chroma >= GREY)
    hue = np.degrees(np.arctan2(lab[..., 2], lab[..., 1])) % 360
    votes = np.bincount((hue[coloured] / 10).astype(int) % 36, chroma[coloured], 36)
    around = votes + np.roll(votes, 1) + np.roll(votes, -1)
    peak = np.radians(10 * int(around.argmax()) + 5)
    direction = np.array([0, np.cos(peak), np.sin(peak)])
    near = coloured & (_turn(lab, direction) <= HUE_WINDOW)
    greys = solid & (chroma < GREY) & (lab[..., 0] > 0.45)
    mask = near if near.sum() >= greys.sum() else greys
    main = np.median(lab[mask], axis=0) if mask.any() else np.zeros(3)
    return lab, mask, main


def _recolour_pixels(image: np.ndarray, colour: str) -> np.ndarray:
    """Shaded art with its main colour's pixels in another colour; differences of lightness stay."""
    lab, mask, main = _shades(image)
    target = oklab(np.array(COLOURS[colour]))
    delta = lab[..., 0] - main[0]
    if colour == "black":
        delta = np.abs(delta) * 0.7
    elif colour == "white":
        delta = -np.abs(delta) * 0.7
    chroma_main = max(float(np.hypot(*main[1:])), GREY)
    share = np.clip(np.hypot(lab[..., 1], lab[..., 2]) / chroma_main, 0.6, 1.1)[..., None]
    changed = np.empty_like(lab)
    changed[..., 0] = np.clip(target[0] + 0.75 * delta, 0.08, 1.0)
    changed[..., 1:] = target[1:] * (share if np.hypot(*main[1:]) >= GREY else 1.0)
    result = image.copy()
    result[mask, :3] = from_oklab(changed[mask])
    return result


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


class Art:
    """The archive's drawings of all concepts."""

    def __init__(self, archive: Path) -> None:
        with zipfile.ZipFile(archive) as stored:
            self._data = {name: stored.read(name) for name in stored.namelist()}

    def _body(self, concept: Concept) -> str:
        """Flat art with its repairs."""
        body = self._data[f"flat/{concept.source}"].decode()
        for fill, other in REPAIRED.get(concept.name, {}).items():
            if other is None:
                body = re.sub(rf'<(path|circle|ellipse|rect)[^>]*fill="{fill}"[^>]*/>', "", body)
            else:
                body = body.replace(f'"{fill}"', f'"{other}"')
        return body

    def _image(self, concept: Concept, style: str) -> np.ndarray:
        """RGBA in the art's own colours."""
        if concept.is_shape:
            return _rasterise(_shape_body(concept.source.removeprefix("shape:"), NATURAL))
        if style == "flat":
            return _rasterise(self._body(concept))
        data = self._data[f"{style}/{concept.source}"]
        if style == "cartoon":
            return _rasterise(data.decode(), VIEW[style])
        return np.asarray(Image.open(io.BytesIO(data)).convert("RGBA").resize((CANVAS, CANVAS)))

    def _coloured(self, concept: Concept, style: str, colour: str) -> np.ndarray:
        if colour == NATURAL:
            return self._image(concept, style)
        if concept.is_shape:
            return _rasterise(_shape_body(concept.source.removeprefix("shape:"), colour))
        if style == "flat":
            return _rasterise(_recolour_fills(concept.name, self._body(concept), colour))
        return _recolour_pixels(self._image(concept, style), colour)

    def cut_out(self, concept: Concept, style: str, colour: str) -> np.ndarray:
        """Trimmed RGBA (h, w, 4) uint8 of a concept, longest edge EDGE."""
        image = self._coloured(concept, style, colour)
        ys, xs = np.nonzero(image[..., 3] > 40)
        image = Image.fromarray(image[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1])
        scale = EDGE / max(image.size)
        shape = tuple(max(1, round(v * scale)) for v in image.size)
        return np.asarray(image.resize(shape, Image.Resampling.HAMMING))

    def main_colour(self, concept: Concept, style: str) -> tuple[tuple[int, int, int], float]:
        """sRGB of the art's main colour, and the share of the opaque area that would be recoloured."""
        if concept.is_shape:
            return COLOURS[SHAPE_NATURAL[concept.source.removeprefix("shape:")]], 1.0
        if style == "flat":
            body = self._body(concept)
            areas = fill_areas(body)
            main, changed = _fills_to_change(concept.name, body)
            share = sum(areas[fill] for fill in changed) / max(1, sum(areas.values()))
            return _parse(main), share * ((concept.name, style) not in OWN_COLOURS)
        image = self._image(concept, style)
        _, mask, main = _shades(image)
        share = float(mask.sum() / (image[..., 3] > 128).sum())
        return tuple(from_oklab(main)), share * ((concept.name, style) not in OWN_COLOURS)
