"""Composes scenes: one kind of object, or two with a relation, on a background -> a picture with known truth."""

from __future__ import annotations

import multiprocessing
import os
import pickle
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import oracles
from art import RECOLOURABLE, Art, fetch_art
from concepts import BACKGROUNDS, COLOURS, NATURAL, RELATIONS, STYLES, Background, is_held_out, load_concepts
from oklab import distance
from PIL import Image

# All lengths are for a 64 px picture and scale with it.
BASE = 64
MARGIN = 2  # from the border to any object
GAP = 4  # between two objects, so that counting is well defined
LOOSE = 7  # an object wanders at most this far from the middle of its cell
SIZES = {"small": (15, 21), "medium": (31, 42), "big": (51, 58)}  # longest edge of a lone object
SEVERAL = (22, 27)  # longest edge of one of several

COUNT_WEIGHTS = (0.46, 0.20, 0.18, 0.16)  # for 1, 2, 3, 4
SIZE_WEIGHTS = {"small": 0.15, "medium": 0.7, "big": 0.15}
STYLE_WEIGHTS = (0.44, 0.28, 0.28)
NATURAL_SHARE = 0.25
PAIR_SHARE = 0.3  # of scenes: two different objects
CONTRAST = 0.13  # OKLab distance
DEFAULT_BACKGROUND_SHARE = 0.35  # of scenes: the one that is drawn when the prompt names none
NONE = "none"


@dataclass(frozen=True)
class Scene:
    """The truth about one picture; `relation` says where the first object is, seen from the second."""

    concept: str
    colour: str
    count: int
    background: str
    size: str = "medium"
    style: str = STYLES[0]
    relation: str = NONE
    concept2: str = NONE
    colour2: str = NONE

    @property
    def held_out(self) -> bool:
        return is_held_out(self.concept, self.colour)

    @property
    def things(self) -> list[tuple[str, str]]:
        """(concept, colour) of every kind of object."""
        return [(self.concept, self.colour)] + [(self.concept2, self.colour2)] * (self.relation != NONE)


_art: Art  # per process, made before the fork


def _cut(job: tuple) -> np.ndarray:
    concept, style, colour = job
    return _art.cut_out(concept, style, colour)


def _main(job: tuple) -> tuple:
    return _art.main_colour(*job)


class Studio:
    """All cut-outs of the concepts, ready to be placed; `size` is the picture's edge in px."""

    def __init__(self, cache: Path, size: int = 2 * BASE, jobs: int = 2) -> None:
        global _art
        self.size, self.concepts, self.colours = size, load_concepts(), (*COLOURS, NATURAL)
        _art = Art(fetch_art(cache, self.concepts))
        with multiprocessing.get_context("fork").Pool(jobs) as pool:
            self._learn_colours(pool)
            self._large = self._cut_out(pool, cache / "cut-outs.pickle")
        self.pairs = [(n, c) for n in self.concepts for c in self.colours if self._styles_of(n, c)]
        # A held-out pair that looks like the natural colour would not be a test: left out altogether.
        self._held_out = [p for p in self.pairs if is_held_out(*p) and not self._looks_natural(*p)]
        self._trained = {
            is_natural: [p for p in self.pairs if not is_held_out(*p) and (p[1] == NATURAL) == is_natural]
            for is_natural in (True, False)
        }

    def _cut_out(self, pool: multiprocessing.pool.Pool, store: Path) -> dict[tuple[str, str, str], np.ndarray]:
        """(concept, style, colour) -> RGBA; kept in a file, for it takes a minute and a half on two cores."""
        keys = [(n, s, c) for n in self.concepts for s in STYLES for c in self.colours if self.has(n, s, c)]
        if store.exists():
            stored = pickle.loads(store.read_bytes())
            if list(stored) == keys:
                return stored
        made = pool.map(_cut, [(self.concepts[n], s, c) for n, s, c in keys], chunksize=40)
        part = store.with_suffix(f".{os.getpid()}")
        part.write_bytes(pickle.dumps(dict(zip(keys, made, strict=True))))
        part.replace(store)
        return dict(zip(keys, made, strict=True))

    def _learn_colours(self, pool: multiprocessing.pool.Pool) -> None:
        keys = [(name, style) for name in self.concepts for style in STYLES]
        found = pool.map(_main, [(self.concepts[name], style) for name, style in keys], chunksize=20)
        self._recolourable = {key: share >= RECOLOURABLE for key, (_, share) in zip(keys, found, strict=True)}
        natural = {key: rgb for key, (rgb, _) in zip(keys, found, strict=True)}
        self._natural = {key: oracles.nearest_colour(rgb) for key, rgb in natural.items()}
        main = {(*key, NATURAL): rgb for key, rgb in natural.items()}
        main |= {(*key, colour): rgb for key in keys for colour, rgb in COLOURS.items()}
        contrast = {
            (rgb, b.name): min(distance(rgb, band) for _, band in b.bands)
            for rgb in set(main.values())
            for b in BACKGROUNDS.values()
        }
        self._contrast = {(*key, b): contrast[rgb, b] for key, rgb in main.items() for b in BACKGROUNDS}

    def has(self, concept: str, style: str, colour: str) -> bool:
        """Whether a thing can be drawn so: what has no main colour comes in its own colours only."""
        return colour == NATURAL or self._recolourable[concept, style]

    def _styles_of(self, concept: str, colour: str) -> list[str]:
        return [style for style in STYLES if self.has(concept, style, colour)]

    def _looks_natural(self, concept: str, colour: str) -> bool:
        return any(self._natural[concept, style] == colour for style in STYLES)

    def seen_colour(self, concept: str, style: str, colour: str) -> str:
        """The colour name one would say: a natural colour is resolved to the art's main one."""
        return self._natural[concept, style] if colour == NATURAL else colour

    def stands_out(self, concept: str, style: str, colour: str, background: str) -> bool:
        """Whether the object differs enough from every band of the background."""
        clash = self.seen_colour(concept, style, colour) in BACKGROUNDS[background].clashes
        return not clash and self._contrast[concept, style, colour, background] >= CONTRAST

    def default_background(self, things: list[tuple[str, str]], style: str) -> str:
        """What is drawn when the prompt names no background; "" where that would not do."""
        for background in ("white", "blue", "grey"):
            if all(self.stands_out(name, style, colour, background) for name, colour in things):
                return background
        return ""

    def _random_thing(self, rng: np.random.Generator, held_out: bool) -> tuple[str, str]:
        choices = self._held_out if held_out else self._trained[rng.random() < NATURAL_SHARE]
        return choices[rng.integers(len(choices))]

    def random_scene(self, rng: np.random.Generator, held_out: bool) -> Scene:
        while True:
            scene = self._try_scene(rng, held_out)
            if scene is not None:
                return scene

    def _try_scene(self, rng: np.random.Generator, held_out: bool) -> Scene | None:
        things = [self._random_thing(rng, held_out)]
        relation = NONE
        if rng.random() < PAIR_SHARE:
            things.append(self._random_thing(rng, held_out=False))
            relation = list(RELATIONS)[rng.integers(len(RELATIONS))]
        style = STYLES[int(rng.choice(len(STYLES), p=STYLE_WEIGHTS))]
        if not all(self.has(name, style, colour) for name, colour in things):
            return None
        if relation != NONE and things[0][0] == things[1][0]:
            return None
        allowed = [b for b in BACKGROUNDS if all(self.stands_out(n, style, c, b) for n, c in things)]
        if not allowed:
            return None
        background = self.default_background(things, style)
        if not background or rng.random() >= DEFAULT_BACKGROUND_SHARE:
            background = allowed[rng.integers(len(allowed))]
        count = 1 if relation != NONE else 1 + int(rng.choice(4, p=COUNT_WEIGHTS))
        size = "medium"
        if relation == NONE and count == 1:
            size = str(rng.choice(list(SIZE_WEIGHTS), p=list(SIZE_WEIGHTS.values())))
        second = things[1] if relation != NONE else (NONE, NONE)
        return Scene(*things[0], count, background, size, style, relation, *second)

    def draw(self, scene: Scene, rng: np.random.Generator) -> np.ndarray:
        """Picture (size, size, 3) uint8 of the scene; sizes, places and mirroring are random."""
        unit = self.size / BASE
        picture = paint_background(BACKGROUNDS[scene.background], self.size, rng)
        is_alone = scene.count == 1 and scene.relation == NONE
        low, high = SIZES[scene.size] if is_alone else SEVERAL
        base = rng.integers(low, high + 1)
        mirrored = rng.random() < 0.5
        for place, (x0, y0, x1, y1) in enumerate(_cells(scene, rng)):
            edge = int(np.clip(base + rng.integers(-1, 2), low, high))
            thing = scene.things[place if scene.relation != NONE else 0]
            piece = self._piece(*thing, scene.style, round(edge * unit))
            piece = piece[:, ::-1] if mirrored else piece
            h, w = piece.shape[:2]
            left = _place(x0 * unit, x1 * unit, w, LOOSE * unit, rng)
            top = _place(y0 * unit, y1 * unit, h, LOOSE * unit, rng)
            area = picture[top : top + h, left : left + w]
            area *= 1.0 - piece[..., 3:]
            area += piece[..., :3]
        return np.rint(picture).astype(np.uint8)

    def _piece(self, concept: str, colour: str, style: str, edge: int) -> np.ndarray:
        """Cut-out scaled to a longest edge in px: float32 (h, w, 4), RGB premultiplied 0..255, alpha 0..1."""
        image = Image.fromarray(self._large[concept, style, colour])
        scale = edge / max(image.size)
        shape = tuple(max(1, round(v * scale)) for v in image.size)
        small = np.asarray(image.resize(shape, Image.Resampling.HAMMING), np.float32)
        alpha = small[..., 3:] / 255.0
        return np.concatenate((small[..., :3] * alpha, alpha), axis=2)


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


def _cells(scene: Scene, rng: np.random.Generator) -> list[tuple[float, float, float, float]]:
    """Boxes (left, top, right, bottom) at base size, at least GAP apart; of a pair, the first object's first."""
    lo, hi = MARGIN, BASE - MARGIN
    a, b = (BASE - GAP) // 2, (BASE + GAP) // 2
    left, right, top, bottom = (lo, a), (b, hi), (lo, a), (b, hi)
    middle = (BASE / 2 - 15, BASE / 2 + 15)
    full = (lo, hi)
    if scene.relation != NONE:
        grid = {
            "left": [(left, full), (right, full)],
            "right": [(right, full), (left, full)],
            "above": [(full, top), (full, bottom)],
            "below": [(full, bottom), (full, top)],
        }[scene.relation]
    elif scene.count == 1:
        grid = [(full, full)]
    elif scene.count == 2:
        diagonal = rng.random()
        if diagonal < 0.7:
            grid = [(left, full), (right, full)]
        elif diagonal < 0.85:
            grid = [(left, top), (right, bottom)]
        else:
            grid = [(left, bottom), (right, top)]
    elif scene.count == 3:
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
