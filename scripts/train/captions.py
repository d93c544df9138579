"""Words for a scene: English and Chinese captions from templates, with aliases, orders and dropped slots."""

from __future__ import annotations

import random

from concepts import BACKGROUNDS, COLOUR_WORDS, NATURAL, RELATIONS, SIZE_WORDS, STYLES, Concept
from scenes import NONE, Scene

NUMBERS = {2: ("two", "2"), 3: ("three", "3"), 4: ("four", "4")}
CHINESE_NUMBERS = {1: ("一", "1"), 2: ("两", "2"), 3: ("三", "3"), 4: ("四", "4")}
ENGLISH_LEADS = ("a picture of ", "a drawing of ", "an image of ", "draw ")
CHINESE_LEADS = ("画", "一张图，", "图中有", "请画")
# style -> what comes before and what comes after the rest
ENGLISH_STYLES = {
    "flat": (("a flat drawing of ", "a flat illustration of "), (", flat style", " in flat style", ", flat")),
    "cartoon": (("a cartoon of ", "a cartoon drawing of "), (", cartoon style", " in cartoon style", ", cartoon")),
    "3d": (("a 3d render of ", "a 3d picture of "), (", 3d style", " in 3d style", ", 3d")),
}
CHINESE_STYLES = {
    "flat": (("扁平风格，", "扁平画，"), ("，扁平风格", "，扁平")),
    "cartoon": (("卡通风格，", "卡通画，"), ("，卡通风格", "，卡通")),
    "3d": (("3d风格，", "3d图，"), ("，3d风格", "，3d")),
}
DROP_BACKGROUND = 0.65  # of captions of scenes with the default background
DROP_STYLE = 0.75  # of captions of scenes in the default style
DROP_OTHER = 0.03  # of captions of all other scenes

Concepts = dict[str, Concept]


def _article(phrase: str) -> str:
    return f"an {phrase}" if phrase[0].lower() in "aeiou" else f"a {phrase}"


def _often_first(words: tuple, r: random.Random, share: float = 0.7):
    return words[0] if r.random() < share else r.choice(words)


def _english_one(words: str, r: random.Random) -> str:
    """One of something, with or without an article or a number."""
    forms = (_article(words), f"one {words}", words, f"a single {words}", f"1 {words}")
    return r.choices(forms, (6, 1.2, 2, 0.4, 0.4))[0]


def _english_object(scene: Scene, concept: Concept, r: random.Random) -> str:
    singular, plural = _often_first(concept.english, r)
    colour = "" if scene.colour == NATURAL else r.choice(COLOUR_WORDS[scene.colour][0]) + " "
    if scene.count > 1:
        usual, digit = NUMBERS[scene.count]
        return f"{usual if r.random() < 0.85 else digit} {colour}{plural}"
    size = r.choice(SIZE_WORDS[scene.size][0]) + " " if scene.size in SIZE_WORDS else ""
    return _english_one(size + colour + singular, r)


def _english_pair(scene: Scene, concepts: Concepts, r: random.Random) -> str:
    things = []
    for name, colour in scene.things:
        words = _often_first(concepts[name].english, r)[0]
        painted = words if colour == NATURAL else f"{r.choice(COLOUR_WORDS[colour][0])} {words}"
        things.append(_article(painted) if r.random() < 0.85 else painted)
    if scene.relation == "left" and r.random() < 0.3:
        return f"{things[0]} and {things[1]}"
    return f"{things[0]} {_often_first(RELATIONS[scene.relation][0], r, 0.6)} {things[1]}"


def _english_place(thing: str, background_name: str, r: random.Random) -> str:
    background = BACKGROUNDS[background_name]
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


def _dress(text: str, style: str | None, styles: dict, leads: tuple[str, ...], r: random.Random) -> str:
    """The text with its style named, or now and then with a lead that says nothing."""
    if style is None:
        return (r.choice(leads) if r.random() < 0.1 else "") + text
    before, after = styles[style]
    return r.choice(before) + text if r.random() < 0.4 else text + _often_first(after, r, 0.6)


def _english(scene: Scene, concepts: Concepts, with_background: bool, with_style: bool, r: random.Random) -> str:
    if scene.relation == NONE:
        text = _english_object(scene, concepts[scene.concept], r)
    else:
        text = _english_pair(scene, concepts, r)
    if with_background:
        text = _english_place(text, scene.background, r)
    return _dress(text, scene.style if with_style else None, ENGLISH_STYLES, ENGLISH_LEADS, r)


def _chinese_colour(colour: str, r: random.Random) -> str:
    if colour == NATURAL:
        return ""
    word = _often_first(COLOUR_WORDS[colour][1], r)
    return word if len(word) == 1 else word + ("的" if r.random() < 0.75 else "")


def _chinese_object(scene: Scene, concept: Concept, r: random.Random) -> str:
    noun = _often_first(concept.chinese, r)
    colour = _chinese_colour(scene.colour, r)
    size = r.choice(SIZE_WORDS[scene.size][1]) if scene.size in SIZE_WORDS else ""
    if scene.count == 1 and r.random() < 0.25:
        return size + colour + noun
    usual, digit = CHINESE_NUMBERS[scene.count]
    measure = concept.measure if r.random() < 0.93 else "个"
    return f"{usual if r.random() < 0.88 else digit}{measure}{size}{colour}{noun}"


def _chinese_pair(scene: Scene, concepts: Concepts, r: random.Random) -> str:
    bare, counted = [], []
    for name, colour in scene.things:
        bare.append(_chinese_colour(colour, r) + _often_first(concepts[name].chinese, r))
        counted.append(f"一{concepts[name].measure}{bare[-1]}" if r.random() < 0.6 else bare[-1])
    if scene.relation == "left" and r.random() < 0.3:
        return f"{counted[0]}和{counted[1]}"
    place = _often_first(RELATIONS[scene.relation][1], r)
    return r.choices(
        (f"{counted[0]}在{counted[1]}的{place}", f"{bare[1]}{place}的{counted[0]}", f"{bare[1]}{place}有{counted[0]}"),
        (3, 2, 1),
    )[0]


def _chinese_place(thing: str, background_name: str, r: random.Random) -> str:
    background = BACKGROUNDS[background_name]
    if not background.is_plain:
        place = r.choice(background.chinese)
        forms = (f"{place}的{thing}", f"{place}有{thing}", f"{thing}，{place}", f"{place}，{thing}")
        return r.choices(forms, (5, 2, 1.5, 1))[0]
    ground = _often_first(COLOUR_WORDS[background.name][1], r) + "背景"
    return r.choices(
        (
            f"{ground}上的{thing}",
            f"{thing}，{ground}",
            f"{ground}，{thing}",
            f"{ground}上有{thing}",
            f"{ground}下的{thing}",
            f"{ground}里的{thing}",
        ),
        (6, 3, 2, 1.5, 1, 0.7),
    )[0]


def _chinese(scene: Scene, concepts: Concepts, with_background: bool, with_style: bool, r: random.Random) -> str:
    if scene.relation == NONE:
        text = _chinese_object(scene, concepts[scene.concept], r)
    else:
        text = _chinese_pair(scene, concepts, r)
    if with_background:
        text = _chinese_place(text, scene.background, r)
    return _dress(text, scene.style if with_style else None, CHINESE_STYLES, CHINESE_LEADS, r)


def captions(
    scene: Scene, concepts: Concepts, default: str, r: random.Random, drop_other: float = DROP_OTHER, count: int = 4
) -> tuple[list[str], list[str]]:
    """`count` English and `count` Chinese captions.

    `default` is the background drawn when none is named: only then is it often left out, as is the default style.
    A missing number means one, a missing colour the natural one, a missing size a medium one, and "and" left and
    right in the order named. With `drop_other` 0 every caption determines its scene, which a test needs.
    """
    drop = DROP_BACKGROUND if scene.background == default else drop_other
    drop_style = DROP_STYLE if scene.style == STYLES[0] else drop_other
    texts = []
    for describe in (_english, _chinese):
        texts.append([describe(scene, concepts, r.random() >= drop, r.random() >= drop_style, r) for _ in range(count)])
    return texts[0], texts[1]


def plain_caption(scene: Scene, concepts: Concepts, language: str) -> str:
    """The most usual full caption, e.g. for a contact sheet or a fixed test."""

    class First(random.Random):
        def random(self) -> float:
            return 0.5

        def choice(self, options):
            return options[0]

        def choices(self, options, *_, **__):
            return [options[0]]

    describe = _english if language == "en" else _chinese
    return describe(scene, concepts, True, scene.style != STYLES[0], First())


def word_list(concepts: Concepts) -> tuple[list[str], str]:
    """Every English word and every Chinese character the templates can use, for the tokenizer.

    A regular plural is its singular and an s.
    """
    sentence = "a an one 1 single on with against background there are picture of drawing image draw the in at and to"
    english = set(sentence.split())
    chinese = "背景的上下里有在个画一张图中请和"
    for styles, leads in ((ENGLISH_STYLES, ENGLISH_LEADS), (CHINESE_STYLES, CHINESE_LEADS)):
        phrases = [*leads, *(phrase for pair in styles.values() for phrases in pair for phrase in phrases)]
        english |= {word for phrase in phrases for word in phrase.replace(",", " ").split() if word.isascii()}
        chinese += "".join(phrases)
    english |= {w for words in NUMBERS.values() for w in words}
    chinese += "".join(word for words in CHINESE_NUMBERS.values() for word in words)
    for table in (COLOUR_WORDS, SIZE_WORDS, RELATIONS):
        for ours, theirs in table.values():
            english |= {w for phrase in ours for w in phrase.split()}
            chinese += "".join(theirs)
    for background in BACKGROUNDS.values():
        english |= {w for phrase in background.english for w in phrase.split()}
        chinese += "".join(background.chinese)
    for concept in concepts.values():
        for pair in concept.english:
            singular, plural = ({*form.split()} for form in pair)
            english |= singular | {w for w in plural if w.removesuffix("s") not in singular}
        chinese += "".join(concept.chinese) + concept.measure
    return sorted(english), "".join(sorted({c for c in chinese if ord(c) > 127 and c not in "，。"}))
