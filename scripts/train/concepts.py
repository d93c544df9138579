"""What the model can draw, as tables: concepts, colours, backgrounds, and who holds out what."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

TABLE = Path(__file__).with_name("concepts.tsv")

NATURAL = "natural"  # the art's own colours: what is drawn when the prompt names no colour

# name -> sRGB 0..255 of the object's main area when recoloured
COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (222, 34, 40),
    "orange": (255, 138, 16),
    "yellow": (255, 216, 36),
    "green": (38, 166, 66),
    "blue": (34, 98, 228),
    "purple": (134, 56, 190),
    "pink": (255, 128, 182),
    "brown": (124, 74, 40),
    "black": (30, 30, 34),
    "white": (250, 250, 250),
    "grey": (144, 147, 152),
}

COLOUR_WORDS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "red": (("red",), ("红色", "红")),
    "orange": (("orange",), ("橙色", "橘色", "橘黄色")),
    "yellow": (("yellow",), ("黄色", "黄")),
    "green": (("green",), ("绿色", "绿")),
    "blue": (("blue",), ("蓝色", "蓝")),
    "purple": (("purple", "violet"), ("紫色", "紫")),
    "pink": (("pink",), ("粉色", "粉红色")),
    "brown": (("brown",), ("棕色", "褐色")),
    "black": (("black",), ("黑色", "黑")),
    "white": (("white",), ("白色", "白")),
    "grey": (("grey", "gray"), ("灰色", "灰")),
}


STYLES = ("flat", "cartoon", "3d")  # the first is drawn when the prompt names none

# size of a lone object: the words for it; none is said of a medium one
SIZE_WORDS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "small": (("small", "tiny", "little"), ("很小的", "小小的")),
    "big": (("big", "large", "huge"), ("很大的", "巨大的", "大大的")),
}

# where the first object is, seen from the second: English between them, Chinese words for the place
RELATIONS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "left": (("to the left of", "on the left of", "left of"), ("左边", "左侧")),
    "right": (("to the right of", "on the right of", "right of"), ("右边", "右侧")),
    "above": (("above", "over"), ("上面", "上方")),
    "below": (("below", "under"), ("下面", "下方")),
}


@dataclass(frozen=True)
class Concept:
    """One drawable thing and the words for it."""

    name: str
    source: str  # code point of the art, or "shape:NAME" for a shape drawn by code
    english: tuple[tuple[str, str], ...]  # (singular, plural), most usual first
    chinese: tuple[str, ...]
    measure: str  # Chinese measure word

    @property
    def is_shape(self) -> bool:
        return self.source.startswith("shape:")


@dataclass(frozen=True)
class Background:
    """Horizontal bands from top to bottom; a plain colour has one."""

    name: str
    bands: tuple[tuple[float, tuple[int, int, int]], ...]  # (lower edge as a share of the height, sRGB)
    english: tuple[str, ...]  # phrases that follow the object: "on a red background"
    chinese: tuple[str, ...]  # phrases for place: "红色背景上"
    clashes: tuple[str, ...]  # object colours that would not stand out

    @property
    def is_plain(self) -> bool:
        return len(self.bands) == 1


def _plain(name: str, rgb: tuple[int, int, int], *also: str) -> Background:
    return Background(name, ((1.0, rgb),), (), (), (name, *also))


BACKGROUNDS: dict[str, Background] = {
    b.name: b
    for b in (
        _plain("white", (255, 255, 255)),
        _plain("red", (226, 62, 62)),
        _plain("orange", (255, 154, 52)),
        _plain("yellow", (255, 224, 84)),
        _plain("green", (84, 186, 92)),
        _plain("blue", (62, 134, 240)),
        _plain("purple", (150, 92, 208)),
        _plain("pink", (255, 166, 204)),
        _plain("brown", (142, 94, 60)),
        _plain("black", (18, 18, 20)),
        _plain("grey", (158, 161, 166)),
        Background(
            "grass",
            ((0.5, (150, 212, 250)), (1.0, (104, 190, 76))),
            ("on the grass", "in a meadow"),
            ("草地上", "草地里"),
            ("green", "blue"),
        ),
        Background(
            "night",
            ((0.72, (22, 28, 74)), (1.0, (40, 50, 60))),
            ("at night", "in the night"),
            ("夜晚", "夜里"),
            ("black", "blue", "purple", "brown"),
        ),
        Background(
            "beach",
            ((0.34, (150, 212, 250)), (0.56, (30, 130, 210)), (1.0, (244, 220, 160))),
            ("on the beach", "at the beach"),
            ("沙滩上", "海滩上"),
            ("blue", "yellow", "white"),
        ),
        Background(
            "sea",
            ((0.42, (164, 216, 250)), (1.0, (24, 112, 190))),
            ("on the sea", "at sea"),
            ("海上", "海面上"),
            ("blue", "purple"),
        ),
        Background(
            "snow",
            ((0.45, (176, 206, 232)), (1.0, (246, 250, 255))),
            ("in the snow", "on the snow"),
            ("雪地里", "雪地上"),
            ("white", "blue", "grey"),
        ),
    )
}


def load_concepts(table: Path = TABLE) -> dict[str, Concept]:
    """Read the table; the order of its lines is the order of the class numbers."""
    concepts = {}
    for line in table.read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        name, source, english, chinese, measure = line.split("\t")
        pairs = tuple(tuple(p.split("/")) for p in english.split(","))
        concepts[name] = Concept(name, source, pairs, tuple(chinese.split(",")), measure)
    return concepts


def is_held_out(concept: str, colour: str) -> bool:
    """About one (object, colour) pair in ten is never trained on; natural colours always are."""
    if colour == NATURAL:
        return False
    return hashlib.sha256(f"{concept}/{colour}".encode()).digest()[0] < 26
