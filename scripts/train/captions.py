"""Words for a scene: English and Chinese captions from templates, with aliases, orders and dropped slots."""

from __future__ import annotations

import random

from concepts import BACKGROUNDS, COLOUR_WORDS, NATURAL, Concept
from scenes import Scene

NUMBERS = {2: ("two", "2"), 3: ("three", "3"), 4: ("four", "4")}
CHINESE_NUMBERS = {1: ("一", "1"), 2: ("两", "2"), 3: ("三", "3"), 4: ("四", "4")}
ENGLISH_LEADS = ("a picture of ", "a drawing of ", "an image of ", "draw ", "there are ")
CHINESE_LEADS = ("画", "一张图，", "图中有", "请画")
DROP_BACKGROUND = 0.65  # of captions of scenes with the default background
DROP_OTHER = 0.03  # of captions of all other scenes


def _article(phrase: str) -> str:
    return f"an {phrase}" if phrase[0].lower() in "aeiou" else f"a {phrase}"


def _english_object(scene: Scene, concept: Concept, r: random.Random) -> str:
    first = r.random() < 0.7
    singular, plural = concept.english[0] if first else r.choice(concept.english)
    colour = "" if scene.colour == NATURAL else r.choice(COLOUR_WORDS[scene.colour][0]) + " "
    if scene.count > 1:
        usual, digit = NUMBERS[scene.count]
        return f"{usual if r.random() < 0.85 else digit} {colour}{plural}"
    return r.choices(
        (
            _article(colour + singular),
            f"one {colour}{singular}",
            f"{colour}{singular}",
            f"a single {colour}{singular}",
            f"1 {colour}{singular}",
        ),
        (6, 1.2, 2, 0.4, 0.4),
    )[0]


def _english(scene: Scene, concept: Concept, with_background: bool, r: random.Random) -> str:
    thing = _english_object(scene, concept, r)
    if not with_background:
        if scene.count > 1 or "a " in thing or "an " in thing or "one " in thing:
            lead = r.choice(ENGLISH_LEADS[:-1]) if r.random() < 0.12 else ""
        else:
            lead = ""
        return lead + thing
    background = BACKGROUNDS[scene.background]
    if not background.is_plain:
        place = r.choice(background.english)
        return r.choices((f"{thing} {place}", f"{place}, {thing}", f"{thing}, {place}"), (6, 1, 1))[0]
    paint = r.choice(COLOUR_WORDS[background.name][0])
    ground = _article(f"{paint} background")
    return r.choices(
        (
            f"{thing} on {ground}",
            f"{thing}, {paint} background",
            f"{thing} with {ground}",
            f"{thing} against {ground}",
            f"{ground} with {thing}",
            f"on {ground}, {thing}",
            f"{thing} on {paint}",
        ),
        (7, 2, 1.5, 1.5, 1, 1, 1),
    )[0]


def _chinese_object(scene: Scene, concept: Concept, r: random.Random) -> str:
    noun = concept.chinese[0] if r.random() < 0.7 else r.choice(concept.chinese)
    colour = ""
    if scene.colour != NATURAL:
        words = COLOUR_WORDS[scene.colour][1]
        word = words[0] if r.random() < 0.7 else r.choice(words)
        colour = word if len(word) == 1 else word + ("的" if r.random() < 0.75 else "")
    if scene.count == 1 and r.random() < 0.25:
        return colour + noun
    usual, digit = CHINESE_NUMBERS[scene.count]
    measure = concept.measure if r.random() < 0.93 else "个"
    return f"{usual if r.random() < 0.88 else digit}{measure}{colour}{noun}"


def _chinese(scene: Scene, concept: Concept, with_background: bool, r: random.Random) -> str:
    thing = _chinese_object(scene, concept, r)
    if not with_background:
        return (r.choice(CHINESE_LEADS) if r.random() < 0.1 else "") + thing
    background = BACKGROUNDS[scene.background]
    if not background.is_plain:
        place = r.choice(background.chinese)
        return r.choices(
            (f"{place}的{thing}", f"{place}有{thing}", f"{thing}，{place}", f"{thing}在{place}"), (5, 2, 1.5, 1)
        )[0]
    words = COLOUR_WORDS[background.name][1]
    paint = words[0] if r.random() < 0.7 else r.choice(words)
    ground = f"{paint}背景"
    return r.choices(
        (
            f"{ground}上的{thing}",
            f"{thing}，{ground}",
            f"{ground}，{thing}",
            f"{ground}上有{thing}",
            f"{ground}下的{thing}",
            f"{ground}里的{thing}",
            f"{thing}在{ground}上",
        ),
        (6, 3, 2, 1.5, 1, 0.7, 1),
    )[0]


def captions(
    scene: Scene, concept: Concept, default: str, r: random.Random, drop_other: float = DROP_OTHER, count: int = 4
) -> tuple[list[str], list[str]]:
    """`count` English and `count` Chinese captions.

    `default` is the background drawn when none is named: only then is it often left out. A missing
    number means one, a missing colour means the natural one. With `drop_other` 0 every caption
    determines its scene, which a test needs.
    """
    drop = DROP_BACKGROUND if scene.background == default else drop_other
    english = [_english(scene, concept, r.random() >= drop, r) for _ in range(count)]
    chinese = [_chinese(scene, concept, r.random() >= drop, r) for _ in range(count)]
    return english, chinese


def plain_caption(scene: Scene, concept: Concept, language: str) -> str:
    """The most usual full caption, e.g. for a contact sheet or a fixed test."""
    background = BACKGROUNDS[scene.background]
    if language == "en":
        singular, plural = concept.english[0]
        colour = "" if scene.colour == NATURAL else scene.colour + " "
        thing = _article(colour + singular) if scene.count == 1 else f"{NUMBERS[scene.count][0]} {colour}{plural}"
        ground = f"on {_article(background.name + ' background')}" if background.is_plain else background.english[0]
        return f"{thing} {ground}"
    colour = "" if scene.colour == NATURAL else COLOUR_WORDS[scene.colour][1][0] + "的"
    thing = f"{CHINESE_NUMBERS[scene.count][0]}{concept.measure}{colour}{concept.chinese[0]}"
    ground = f"{COLOUR_WORDS[background.name][1][0]}背景上" if background.is_plain else background.chinese[0]
    return f"{ground}的{thing}"


def word_list(concepts: dict[str, Concept]) -> tuple[list[str], str]:
    """Every English word and every Chinese character the templates can use, for the tokenizer.

    A regular plural is its singular and an s.
    """
    sentence = "a an one 1 single on with against background there are picture of drawing image draw the in at and"
    english = set(sentence.split())
    chinese = "背景的上下里有在个画一张图中请" + "".join(CHINESE_LEADS)
    english |= {w for words in NUMBERS.values() for w in words}
    chinese += "".join(word for words in CHINESE_NUMBERS.values() for word in words)
    for ours, theirs in COLOUR_WORDS.values():
        english |= set(ours)
        chinese += "".join(theirs)
    for background in BACKGROUNDS.values():
        english |= {w for phrase in background.english for w in phrase.split()}
        chinese += "".join(background.chinese)
    for concept in concepts.values():
        for pair in concept.english:
            singular, plural = ({*form.split()} for form in pair)
            english |= singular | {w for w in plural if w.removesuffix("s") not in singular}
        chinese += "".join(concept.chinese) + concept.measure
    return sorted(english), "".join(sorted({c for c in chinese if ord(c) > 127}))
