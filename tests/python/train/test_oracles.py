"""The oracles of scripts/train read pictures whose content is known by construction."""

import random

import captions
import concepts
import numpy as np
import oracles
import pytest
from scenes import Scene

CORNERS = ((6, 6), (6, 38), (38, 6), (38, 38))


def squares(colour: str, count: int, background: str) -> np.ndarray:
    """Up to four squares of 20 px on a background, (64, 64, 3) uint8."""
    picture = np.empty((64, 64, 3), np.uint8)
    top = 0
    for lower, rgb in concepts.BACKGROUNDS[background].bands:
        picture[top : round(lower * 64)] = rgb
        top = round(lower * 64)
    for y, x in CORNERS[:count]:
        picture[y : y + 20, x : x + 20] = concepts.COLOURS[colour]
    return picture


@pytest.mark.parametrize("background", concepts.BACKGROUNDS)
def test_every_background_is_told_from_the_others(background: str) -> None:
    assert oracles.background(squares("pink" if background != "pink" else "black", 2, background)) == background


@pytest.mark.parametrize("colour", concepts.COLOURS)
def test_every_object_colour_is_named(colour: str) -> None:
    background = "white" if colour != "white" else "blue"
    assert oracles.object_colour(squares(colour, 3, background)) == colour


@pytest.mark.parametrize("count", range(5))
def test_objects_are_counted(count: int) -> None:
    assert oracles.count(squares("red", count, "grass")) == count


def test_noise_does_not_change_a_reading() -> None:
    clean = squares("purple", 4, "yellow")
    noisy = np.clip(clean + np.random.default_rng(0).normal(0, 6, clean.shape), 0, 255).astype(np.uint8)
    assert oracles.read(noisy) == oracles.Reading("yellow", "purple", 4, "small")


def test_an_empty_picture_has_no_object() -> None:
    empty = squares("red", 0, "night")
    assert oracles.read(empty) == oracles.Reading("night", None, 0, None)
    assert len(oracles.crops(empty)) == 0


def test_crops_show_each_object_alone() -> None:
    crops = oracles.crops(squares("green", 2, "white"))
    assert crops.shape == (2, 32, 32, 4)
    assert np.allclose(crops[:, 16, 16, :3] * 255, concepts.COLOURS["green"], atol=1)
    assert (crops[:, 0, 0] == 0).all()


def test_a_caption_of_a_test_split_always_determines_its_scene() -> None:
    known = concepts.load_concepts()
    scene = Scene("apple", "red", 2, "yellow", style="cartoon")
    english, chinese = captions.captions(scene, known, "white", random.Random(0), drop_other=0.0, count=200)
    assert all("yellow" in c and "red" in c and ("two" in c or "2" in c) and "cartoon" in c for c in english)
    assert all("黄" in c and "红" in c and ("两" in c or "2" in c) and "卡通" in c for c in chinese)


def test_a_caption_of_two_things_says_which_is_where() -> None:
    known = concepts.load_concepts()
    scene = Scene("apple", "red", 1, "white", relation="above", concept2="cat", colour2="blue")
    english, chinese = captions.captions(scene, known, "white", random.Random(0), count=200)
    for caption in english:
        apple, place, cat = (
            max(caption.find(word) for word in words)
            for words in (("apple",), (" above ", " over "), ("blue cat", "blue kitty"))
        )
        assert -1 < apple < place < cat, caption
    assert all(("上面" in c or "上方" in c) and "苹果" in c and "猫" in c for c in chinese)


@pytest.mark.parametrize(("edge", "size"), [(20, "small"), (36, "medium"), (54, "big")])
def test_the_size_of_a_lone_object_is_read(edge: int, size: str) -> None:
    picture = squares("red", 0, "white")
    picture[4 : 4 + edge, 4 : 4 + edge] = concepts.COLOURS["red"]
    assert oracles.size(picture) == size


def test_about_one_pair_in_ten_is_held_out() -> None:
    pairs = [(c, colour) for c in concepts.load_concepts() for colour in concepts.COLOURS]
    assert 0.07 < np.mean([concepts.is_held_out(*pair) for pair in pairs]) < 0.13
