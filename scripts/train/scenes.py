"""Composes scenes: one kind of object, its colour, its count, a background -> a picture with known truth."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import art
import numpy as np
import oracles
from concepts import BACKGROUNDS, COLOURS, NATURAL, Background, is_held_out, load_concepts
from oklab import distance
from PIL import Image

# All lengths are for a 64 px picture and scale with it.
BASE = 64
MARGIN = 2  # from the border to any object
GAP = 4  # between two objects, so that counting is well defined
LOOSE = 7  # an object wanders at most this far from the middle of its cell
SIZES = {1: (30, 50), 2: (22, 28), 3: (21, 27), 4: (21, 27)}  # longest edge of an object

COUNT_WEIGHTS = (0.40, 0.22, 0.20, 0.18)  # for 1, 2, 3, 4
NATURAL_SHARE = 0.2
CONTRAST = 0.13  # OKLab distance
DEFAULT_BACKGROUND_SHARE = 0.35  # of scenes: the one that is drawn when the prompt names none


@dataclass(frozen=True)
class Scene:
    """The truth about one picture."""

    concept: str
    colour: str
    count: int
    background: str

    @property
    def held_out(self) -> bool:
        return is_held_out(self.concept, self.colour)


class Studio:
    """All cut-outs of the concepts, ready to be placed; `size` is the picture's edge in px."""

    def __init__(self, cache: Path, size: int = BASE) -> None:
        icons = art.fetch_icons(cache)
        self.size = size
        self.concepts = load_concepts()
        self.colours = (*COLOURS, NATURAL)
        self._large = {
            (name, colour): art.cut_out(concept, colour, icons)
            for name, concept in self.concepts.items()
            for colour in self.colours
        }
        self._scaled: dict[tuple[str, str, int], np.ndarray] = {}
        main = {pair: art.main_colour(self.concepts[pair[0]], pair[1], icons) for pair in self._large}
        self._natural = {n: oracles.nearest_colour(main[n, NATURAL]) for n in self.concepts}
        self._contrast = {
            (*pair, b.name): min(distance(rgb, band) for _, band in b.bands)
            for pair, rgb in main.items()
            for b in BACKGROUNDS.values()
        }
        pairs = [(name, colour) for name in self.concepts for colour in self.colours]
        # A held-out pair that looks like the natural colour would not be a test: left out altogether.
        self.pairs = {
            False: [p for p in pairs if not is_held_out(*p)],
            True: [p for p in pairs if is_held_out(*p) and p[1] != self._natural[p[0]]],
        }

    def seen_colour(self, concept: str, colour: str) -> str:
        """The colour name one would say: a natural colour is resolved to the art's main one."""
        return self._natural[concept] if colour == NATURAL else colour

    def stands_out(self, concept: str, colour: str, background: str) -> bool:
        """Whether the object differs enough from every band of the background."""
        clash = self.seen_colour(concept, colour) in BACKGROUNDS[background].clashes
        return not clash and self._contrast[concept, colour, background] >= CONTRAST

    def default_background(self, concept: str, colour: str) -> str:
        """What is drawn when the prompt names no background."""
        return "white" if self.stands_out(concept, colour, "white") else "blue"

    def random_scene(self, rng: np.random.Generator, held_out: bool) -> Scene:
        natural = not held_out and rng.random() < NATURAL_SHARE
        while True:
            choices = self.pairs[held_out]
            concept, colour = choices[rng.integers(len(choices))]
            if natural or colour != NATURAL:
                break
        colour = NATURAL if natural else colour
        count = 1 + int(rng.choice(4, p=COUNT_WEIGHTS))
        if rng.random() < DEFAULT_BACKGROUND_SHARE:
            background = self.default_background(concept, colour)
        else:
            allowed = [b for b in BACKGROUNDS if self.stands_out(concept, colour, b)]
            background = allowed[rng.integers(len(allowed))]
        return Scene(concept, colour, count, background)

    def draw(self, scene: Scene, rng: np.random.Generator) -> np.ndarray:
        """Picture (size, size, 3) uint8 of the scene; sizes, places and mirroring are random."""
        unit = self.size / BASE
        picture = paint_background(BACKGROUNDS[scene.background], self.size, rng)
        low, high = SIZES[scene.count]
        base = rng.integers(low, high + 1)
        mirrored = rng.random() < 0.5
        for x0, y0, x1, y1 in _cells(scene.count, rng):
            edge = int(np.clip(base + rng.integers(-1, 2), low, high))
            piece = self._piece(scene.concept, scene.colour, round(edge * unit))
            piece = piece[:, ::-1] if mirrored else piece
            h, w = piece.shape[:2]
            left = _place(x0 * unit, x1 * unit, w, LOOSE * unit, rng)
            top = _place(y0 * unit, y1 * unit, h, LOOSE * unit, rng)
            area = picture[top : top + h, left : left + w]
            area *= 1.0 - piece[..., 3:]
            area += piece[..., :3]
        return np.rint(picture).astype(np.uint8)

    def _piece(self, concept: str, colour: str, edge: int) -> np.ndarray:
        """Cut-out scaled to a longest edge in px: float32 (h, w, 4), RGB premultiplied 0..255, alpha 0..1."""
        key = (concept, colour, edge)
        if key not in self._scaled:
            image = Image.fromarray(self._large[concept, colour])
            scale = edge / max(image.size)
            shape = tuple(max(1, round(v * scale)) for v in image.size)
            small = np.asarray(image.resize(shape, Image.Resampling.HAMMING), np.float32)
            alpha = small[..., 3:] / 255.0
            self._scaled[key] = np.concatenate((small[..., :3] * alpha, alpha), axis=2)
        return self._scaled[key]


def band_edges(background: Background, size: int) -> list[tuple[int, int]]:
    """Rows [from, to) of each band of a background."""
    edges = [0, *(round(lower * size) for lower, _ in background.bands)]
    return list(zip(edges[:-1], edges[1:], strict=True))


def paint_background(background: Background, size: int, rng: np.random.Generator) -> np.ndarray:
    """Float32 (size, size, 3) in 0..255; every tone but plain white varies a little."""
    picture = np.empty((size, size, 3), np.float32)
    for (top, bottom), (_, rgb) in zip(band_edges(background, size), background.bands, strict=True):
        wobble = 0.0 if background.name == "white" else rng.uniform(-5, 5, 3)
        picture[top:bottom] = np.clip(np.array(rgb) + wobble, 0, 255)
    return picture


def _cells(count: int, rng: np.random.Generator) -> list[tuple[float, float, float, float]]:
    """Boxes (left, top, right, bottom) at base size, at least GAP apart."""
    lo, hi = MARGIN, BASE - MARGIN
    a, b = (BASE - GAP) // 2, (BASE + GAP) // 2
    left, right, top, bottom = (lo, a), (b, hi), (lo, a), (b, hi)
    middle = (BASE / 2 - 15, BASE / 2 + 15)
    full = (lo, hi)
    if count == 1:
        grid = [(full, full)]
    elif count == 2:
        diagonal = rng.random()
        if diagonal < 0.7:
            grid = [(left, full), (right, full)]
        elif diagonal < 0.85:
            grid = [(left, top), (right, bottom)]
        else:
            grid = [(left, bottom), (right, top)]
    elif count == 3:
        grid = (
            [(left, top), (right, top), (middle, bottom)]
            if rng.random() < 0.5
            else [(middle, top), (left, bottom), (right, bottom)]
        )
    else:
        grid = [(left, top), (right, top), (left, bottom), (right, bottom)]
    return [(x[0], y[0], x[1], y[1]) for x, y in grid]


def _place(low: float, high: float, length: int, loose: float, rng: np.random.Generator) -> int:
    """First px of an object of this length near the middle of [low, high)."""
    slack = max(high - low - length, 0.0) / 2
    return int(np.floor(low + slack + rng.uniform(-1, 1) * min(slack, loose) + 0.5))
