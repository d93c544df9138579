"""Token ids against those of transformers' CLIPTokenizer and of the sentencepiece package.

$TXT2IMG_BINARY, build/release/txt2img by default, has the program tokenize_lines beside it. With
TXT2IMG_PARITY_STRINGS=100000 the comparison draws that many random strings instead of 2,000.
"""

import os
import random
import subprocess
import unicodedata
from dataclasses import dataclass
from pathlib import Path

import fetch_clip_vocab
import pytest
import sentencepiece
from cli_program import BINARY
from transformers import CLIPTokenizer

TOKENIZE_LINES = BINARY.with_name("tokenize_lines")
RANDOM_STRINGS = int(os.environ.get("TXT2IMG_PARITY_STRINGS", "2000"))

BOS, EOS = 49406, 49407
LENGTH = 77

WORDS_TEXT = (
    "a photo of an astronaut riding a horse on mars, highly detailed, 8k, trending on artstation, "
    "don't it's we'll they've I'm you're he'd o'clock rock'n'roll 'tis ''s naïve café façade Zürich "
    "co-operate e-mail user@example.com https://example.com/a?b=c#d 1/2 3.14 1,000 $20 50% 2024-06-30 "
    "(masterpiece:1.2) [cat|dog] {x} <lora:foo:0.8> \\( escaped \\) AND BREAK __wildcard__ ~!@#$%^&*()_+ "
    "ΑΣ ΟΔΥΣΣΕΥΣ Ελληνικά Привет МИР İstanbul ISPARTA ıI ẞtraße STRASSE ǅ ǆ Ǆ ﬁne ﬃ Å Å é é Ｆｕｌｌ　ｗｉｄｔｈ ！？ "
    "两个红苹果 黄色背景 日本語のテキスト カタカナ ｶﾀｶﾅ 한국어 한글 العربية ٣٤٥ हिन्दी १२३ ไทย עברית தமிழ் Ⅷ ⅷ ½ ² ① 〇 "
    "😀 👍🏽 👨‍👩‍👧‍👦 🏴󠁧󠁢󠁥󠁮󠁧󠁿 🇩🇪 ❤️ ☕ ™ © … — “quoted” ‘single’ «x» z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢ q̣̇ q̣̇ ạ̈ "
    "<|startoftext|> <|endoftext|> <|STARTOFTEXT|> <|EndOfText|>!! <|endoftext <|pad|> ! !! !!! a!b !'s ¡!"
)
WORDS = WORDS_TEXT.split(" ")

FIXED = [
    "",
    " ",
    "\n\t\r\v\f\x1c\x1d\x1e\x1f\x85\u00a0\u1680\u2028\u2029\u202f\u205f\u3000x",
    "\0 a\0b \x01\x7f\x80\x9f \ufffd\ufffe\uffff\U0010ffff \ue000 \ufeffbom",
    "\u200b zero\u200bwidth\u200djoiner\u2060\u00ad",
    "a\u0301\u0323 \u0344 \u0f73\u0f75 \u1100\u1161\u11a8 \uac00\u11a8 \uac00\u11a7 \u212b\u2126\u2000\u2001",
    "e\u1abf\u0334 \U00011935\U00011930 \u09c7\u09be \u0c46\u0c56",
    "it's don't we'll they've i'm you're he'd IT'S DON'T WE'LL I'M ''s '' ' s 'S's 'st 'ree",
    "ΑΣ ΣΑΣ Σ ς σ ẞ ß İ I ı i̇ K Å ﬀ ǰ ΐ",
    "x" * 3000,
    "'" * 500 + "s" * 10,
    "a\u0300" * 400,
    "ab1!" * 300,
    " ".join(["long"] * 300),
]

SCRIPTS = [
    (0x20, 0x7E), (0x00, 0x20), (0x7F, 0xFF), (0x100, 0x24F), (0x300, 0x36F), (0x370, 0x52F), (0x590, 0x6FF),
    (0x900, 0xDFF), (0xE00, 0xFFF), (0x1000, 0x139F), (0x1AB0, 0x1AFF), (0x1DC0, 0x1FFF), (0x2000, 0x2BFF),
    (0x3000, 0x30FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xA700, 0xA7FF), (0xAC00, 0xD7A3), (0xF900, 0xFAFF),
    (0xFB00, 0xFFFF), (0x10000, 0x10FFF), (0x11000, 0x11FFF), (0x16000, 0x16FFF), (0x1B000, 0x1E8FF),
    (0x1F000, 0x1FAFF), (0x20000, 0x2FA1F), (0xE0000, 0xE01FF), (0, 0x10FFFF),
]  # fmt: skip


def random_character(rng: random.Random, script: tuple[int, int]) -> str:
    value = rng.randint(*script)
    return chr(value) if not 0xD800 <= value <= 0xDFFF else " "


def random_case(rng: random.Random, word: str) -> str:
    return rng.choice([word, word.lower(), word.upper(), word.title(), unicodedata.normalize("NFD", word)])


def random_string(rng: random.Random) -> str:
    kind = rng.random()
    if kind < 0.35:  # a prompt, up to 300 words
        words = [random_case(rng, rng.choice(WORDS)) for _ in range(rng.choice([3, 10, 40, 300]))]
        return rng.choice([" ", " ", "", "  ", ", "]).join(words)
    if kind < 0.65:  # one script, some ASCII
        script = rng.choice(SCRIPTS)
        choices = [script, script, script, (0x20, 0x7E)]
        return "".join(random_character(rng, rng.choice(choices)) for _ in range(rng.randint(1, 60)))
    if kind < 0.85:  # all scripts
        return "".join(random_character(rng, rng.choice(SCRIPTS)) for _ in range(rng.randint(1, 60)))
    # what the rules are about
    pieces = [*WORDS, "'", "'s", "'S", "<|", "|>", "!", " ", "\n", "\u0301", "\u0345", "\u0334", "\u1161", "1", "İ"]
    return "".join(rng.choice(pieces) for _ in range(rng.randint(1, 30)))


def strings(count: int) -> list[str]:
    rng = random.Random(20240630)
    return FIXED + WORDS + [random_string(rng) for _ in range(count)]


@dataclass(frozen=True)
class Tokens:
    ids: list[int]
    cut: str


def tokenize(kind: str, folder: Path, lines: list[bytes], length: int, *ids: int, special: str = "") -> list[Tokens]:
    """What the program makes of the lines; `ids` are bos, eos and pad."""
    command = [TOKENIZE_LINES, kind, folder, str(length), *map(str, ids), *([special] if special else [])]
    text = "".join(line.hex() + "\n" for line in lines)
    output = subprocess.run(command, input=text, stdout=subprocess.PIPE, text=True, check=True).stdout
    answers = [line.split("\t") for line in output.splitlines()]
    assert len(answers) == len(lines)
    return [Tokens([int(i) for i in ids.split()], bytes.fromhex(cut).decode()) for ids, cut in answers]


def encoded(texts: list[str]) -> list[bytes]:
    return [text.encode() for text in texts]


def assert_same(texts: list[str], ours: list[Tokens], theirs: list[list[int]]) -> None:
    wrong = [i for i in range(len(texts)) if ours[i].ids != theirs[i]]
    examples = "\n".join(f"{ascii(texts[i])}: {ours[i].ids}, not {theirs[i]}" for i in wrong[:3])
    assert not wrong, f"{len(wrong)} of {len(texts)} differ:\n{examples}"


@dataclass(frozen=True)
class Clip:
    """A way in which published models set up CLIP's vocabulary."""

    folder: Path
    tokenizer: CLIPTokenizer
    pad: int
    special: str

    def tokenize(self, lines: list[bytes], length: int = LENGTH) -> list[Tokens]:
        return tokenize("clip-bpe", self.folder, lines, length, BOS, EOS, self.pad, special=self.special)


@pytest.fixture(scope="module", params=["sd1", "sd2"])
def clip(request: pytest.FixtureRequest) -> Clip:
    folder = fetch_clip_vocab.fetch()
    if request.param == "sd1":  # padded with eos
        return Clip(folder, CLIPTokenizer.from_pretrained(folder), EOS, "")
    return Clip(folder, CLIPTokenizer.from_pretrained(folder, pad_token="!"), 0, "!=0")


def test_clip_ids_equal_those_of_transformers(clip: Clip) -> None:
    texts = strings(RANDOM_STRINGS)
    assert len(texts) >= 2000
    theirs = clip.tokenizer(texts, truncation=True, max_length=LENGTH).input_ids
    assert_same(texts, clip.tokenize(encoded(texts)), theirs)


def test_clip_ids_equal_those_of_transformers_beyond_the_length_of_a_prompt(clip: Clip) -> None:
    texts = strings(500)
    assert_same(texts, clip.tokenize(encoded(texts), 100_000), clip.tokenizer(texts).input_ids)


def test_clip_reads_every_assigned_character_as_transformers_does(clip: Clip) -> None:
    assigned = [chr(i) for i in range(0x110000) if unicodedata.category(chr(i)) not in ("Cn", "Co", "Cs")]
    # between letters and numbers: what it is; with marks around it: how it is normalised
    cases = [f"a{c}b{c}1 e{c}\u0334 \u0345{c}" for c in assigned if unicodedata.category(c)[0] == "M"]
    cases += [f"a{c}b{c}1" for c in assigned if unicodedata.category(c) != "Lo" or ord(c) % 16 == 0]
    texts = [" ".join(cases[i : i + 64]) for i in range(0, len(cases), 64)]
    assert_same(texts, clip.tokenize(encoded(texts), 100_000), clip.tokenizer(texts).input_ids)


def test_clip_quotes_the_text_from_the_first_token_that_did_not_fit(clip: Clip) -> None:
    texts = [text for text in strings(RANDOM_STRINGS) if text.isascii()]
    ours = clip.tokenize(encoded(texts))
    theirs = clip.tokenizer(texts, return_offsets_mapping=True)
    kept = LENGTH - 2
    expected = [
        text[offsets[1 + kept][0] :] if len(offsets) > LENGTH else ""
        for text, offsets in zip(texts, theirs.offset_mapping, strict=True)
    ]
    assert any(expected)
    assert [tokens.cut for tokens in ours] == expected


def test_clip_cuts_a_text_exactly_if_it_does_not_fit(clip: Clip) -> None:
    texts = strings(RANDOM_STRINGS)
    sizes = [len(ids) for ids in clip.tokenizer(texts).input_ids]
    for text, tokens, size in zip(texts, clip.tokenize(encoded(texts)), sizes, strict=True):
        assert bool(tokens.cut) == (size > LENGTH)
        assert text.endswith(tokens.cut)


def test_clip_reads_invalid_utf8_as_python_does(clip: Clip) -> None:
    rng = random.Random(7)
    choices = [*range(256), *b"\xe4\xb8\xad\xf0\x9f\x98\x80"]
    lines = [bytes(rng.choices(choices, k=rng.randint(1, 80))) for _ in range(500)]
    texts = [line.decode("utf-8", "replace") for line in lines]
    theirs = clip.tokenizer(texts, truncation=True, max_length=LENGTH).input_ids
    assert_same(texts, clip.tokenize(lines), theirs)


SENTENCES = [
    "two red apples on a yellow background", "a green star at night", "three blue cars and a dog in the snow",
    "黄色背景上的两个红苹果", "夜晚的绿色星星", "雪地里的三辆蓝色汽车和一只狗", "a photo of a cat, highly detailed",
    "It's a café, don't you think? 100%!", "１２３ Ｆｕｌｌ ｗｉｄｔｈ ﬁne",
]  # fmt: skip


@pytest.fixture(scope="module", params=["unigram", "bpe", "unigram with bytes"])
def sentencepiece_folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sentencepiece")
    kind, *options = request.param.split(" ")
    with (folder / "tokenizer.model").open("wb") as model:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(SENTENCES * 20),
            model_writer=model,
            model_type=kind,
            vocab_size=400 if options else 140,
            byte_fallback=bool(options),
            hard_vocab_limit=False,
            character_coverage=1.0,
            num_threads=1,
            pad_id=0,
            bos_id=1,
            eos_id=2,
            unk_id=3,
            user_defined_symbols=["<sticker>"],
            minloglevel=2,
        )
    return folder


def test_sentencepiece_ids_equal_those_of_the_package(sentencepiece_folder: Path) -> None:
    processor = sentencepiece.SentencePieceProcessor(model_file=str(sentencepiece_folder / "tokenizer.model"))
    rng = random.Random(8)
    mixed = ["".join(rng.choices(SENTENCES + WORDS + [" ", "<sticker>"], k=rng.randint(1, 8))) for _ in range(500)]
    texts = SENTENCES + mixed + [text for text in strings(500) if "\0" not in text]
    ids = [processor.encode(text) for text in texts]

    ours = tokenize("sentencepiece", sentencepiece_folder, encoded(texts), 100_000, 1, 2, 0)
    assert_same(texts, ours, [[1, *i, 2] for i in ids])
    assert not any(tokens.cut for tokens in ours)

    ours = tokenize("sentencepiece", sentencepiece_folder, encoded(texts), 12, -1, 2, 0)
    assert_same(texts, ours, [[*i[:11], 2] for i in ids])
    assert [bool(tokens.cut) for tokens in ours] == [len(i) > 11 for i in ids]
    assert all(text.endswith(tokens.cut) for text, tokens in zip(texts, ours, strict=True))


def test_sentencepiece_quotes_the_text_from_the_first_token_that_did_not_fit(sentencepiece_folder: Path) -> None:
    text = "two red apples 黄色背景上的两个红苹果"
    processor = sentencepiece.SentencePieceProcessor(model_file=str(sentencepiece_folder / "tokenizer.model"))
    pieces = processor.encode(text, out_type="immutable_proto").pieces
    for kept in range(1, len(pieces)):
        tokens = tokenize("sentencepiece", sentencepiece_folder, [text.encode()], kept + 2, 1, 2, 0)[0]
        assert tokens.cut == text[pieces[kept].begin :].lstrip()
