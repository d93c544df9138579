"""Copies a model's tokenizer into the bundle and describes it for model.json."""

import json
import shutil
from pathlib import Path
from typing import Any

from .clip_tokenizer import CLASSES, ClipRules
from .errors import ExitCode, ExportError, bad_data, describing
from .json_file import read_json
from .source import TokenizerSource

_SPM_CLASS = "SentencePiece"
_CLIP_TOKENS = {"bos": "<|startoftext|>", "eos": "<|endoftext|>", "pad": "<|endoftext|>"}


def export_tokenizer(
    tokenizer: TokenizerSource, bundle: Path, name: str, max_positions: int, rows: int
) -> dict[str, Any]:
    """Copies a tokenizer's files to `bundle/name`; returns its entry of `tokenizers`. The text encoder has as many
    positions and rows of its table."""
    source, config = tokenizer.folder, tokenizer.config
    if config is None:
        config = read_json(source / "tokenizer_config.json")
    kind = tokenizer.kind or config.get("tokenizer_class") or CLASSES[0]
    target = bundle / name
    target.mkdir()
    if kind == _SPM_CLASS:
        entry = _sentencepiece(source, target, config)
    elif kind not in CLASSES:
        raise bad_data(f"{source}: tokenizer class {kind!r} is not supported; CLIPTokenizer and SentencePiece are")
    elif tokenizer.config is None:
        entry = _clip(source, target, kind)
    else:
        entry = _described_clip(source, target, config)
    entry["length"] = min(int(entry["length"]), max_positions)
    _check_rows(source, entry, rows)
    return entry


def _sentencepiece(source: Path, target: Path, config: dict[str, Any]) -> dict[str, Any]:
    model = source / "tokenizer.model"
    if not model.exists():
        raise ExportError(ExitCode.NO_INPUT, f"{model} is missing from the model")
    shutil.copyfile(model, target / "tokenizer.model")
    ids = {key: config.get(f"{key}_token_id") for key in ("bos", "eos", "pad")}
    for key, value in ids.items():
        if not isinstance(value, int) or isinstance(value, bool):
            raise bad_data(f"{source}/tokenizer_config.json: '{key}_token_id' must be a number")
    length = config.get("model_max_length")
    if not isinstance(length, int) or length < 2:
        raise bad_data(f"{source}/tokenizer_config.json: 'model_max_length' must be at least 2")
    return {
        "type": "sentencepiece",
        "model": f"{target.name}/tokenizer.model",
        "length": length,
        **ids,
    }


def _clip(source: Path, target: Path, kind: str) -> dict[str, Any]:
    """As transformers reads the folder."""
    vocabulary, merges = _copy_vocabulary(source, target)
    rules = ClipRules(source, kind)
    if (vocabulary, merges) != (rules.vocabulary, rules.merges):  # tokenizer.json says something else, and counts
        _write_vocabulary(target, rules.vocabulary, rules.merges)
    return _entry(target, rules.ids, rules.length) | rules.literals()


def _described_clip(source: Path, target: Path, config: dict[str, Any]) -> dict[str, Any]:
    """CLIP's vocabulary, with the configuration of a family that is published with it."""
    vocabulary, _ = _copy_vocabulary(source, target)
    texts = {key: config.get(f"{key}_token", default) for key, default in _CLIP_TOKENS.items()}
    for key, text in texts.items():
        if text not in vocabulary:
            raise bad_data(f"{source}: the {key} token {text!r} is not in the vocabulary")
    ids = {key: vocabulary[text] for key, text in texts.items()}
    entry = _entry(target, ids, config.get("model_max_length", 77))
    # transformers takes a pad token of its own out of the text before the merges: SD 2 pads with
    # "!", and every "!" of a prompt becomes that id too (diffusers issue 4153).
    return entry if ids["pad"] in (ids["bos"], ids["eos"]) else entry | {"special": {texts["pad"]: ids["pad"]}}


def _entry(target: Path, ids: dict[str, int], length: int) -> dict[str, Any]:
    vocabulary, merges = f"{target.name}/vocab.json", f"{target.name}/merges.txt"
    return {"type": "clip-bpe", "vocab": vocabulary, "merges": merges, "length": length, **ids}


def _check_rows(source: Path, entry: dict[str, Any], rows: int) -> None:
    """Every id must have its row in the text encoder's table."""
    texts = {f"the {key} token": [entry[key]] for key in ("bos", "eos", "pad")}
    texts |= {f"added token {text!r}": [index] for text, index in entry.get("special", {}).items()}
    texts |= {f"added token {text!r}": ids for text, ids in entry.get("added", {}).items()}
    for text, ids in texts.items():
        if max(ids) >= rows:
            raise bad_data(f"{source}: {text} has the id {max(ids)}, the text encoder {rows} rows; remove it first")


def read_vocabulary(source: Path) -> dict[str, int]:
    """CLIP's tokens and their ids."""
    vocab = source / "vocab.json"
    return read_json(vocab) if vocab.exists() else _read_model(source)["vocab"]


def _read_model(source: Path) -> dict[str, Any]:
    """The byte-pair model of tokenizer.json."""
    whole = source / "tokenizer.json"
    if not whole.exists():
        raise ExportError(ExitCode.NO_INPUT, f"{source} has neither vocab.json with merges.txt nor tokenizer.json")
    model = read_json(whole).get("model") or {}
    if model.get("type", "BPE") != "BPE" or "vocab" not in model or "merges" not in model:
        raise bad_data(f"{whole} holds no byte-pair model with 'vocab' and 'merges'")
    return model


def _copy_vocabulary(source: Path, target: Path) -> tuple[dict[str, int], list[str]]:
    """vocab.json and merges.txt as they are, or written from tokenizer.json; returns what is in them."""
    vocab, merges = source / "vocab.json", source / "merges.txt"
    if vocab.exists() and merges.exists():
        shutil.copyfile(vocab, target / "vocab.json")
        shutil.copyfile(merges, target / "merges.txt")
        tokens = read_json(vocab)
        with describing(str(merges)):
            lines = merges.read_text(encoding="utf-8").removesuffix("\n").split("\n")
        numbered = [(n, line.removesuffix("\r")) for n, line in enumerate(lines, 1) if not line.startswith("#version")]
        for number, line in numbered:
            _check_merge(f"{merges}:{number}", line, tokens)
        return tokens, [line for _, line in numbered]
    whole, model = source / "tokenizer.json", _read_model(source)
    with describing(str(whole)):
        pairs = [pair if isinstance(pair, str) else " ".join(pair) for pair in model["merges"]]
    for number, pair in enumerate(pairs, start=1):
        _check_merge(f"{whole}: merge {number}", pair, model["vocab"])
    _write_vocabulary(target, model["vocab"], pairs)
    return model["vocab"], pairs


def _write_vocabulary(target: Path, vocabulary: dict[str, int], merges: list[str]) -> None:
    (target / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False), encoding="utf-8")
    (target / "merges.txt").write_text("\n".join(["#version: 0.2", *merges, ""]), encoding="utf-8")


def _check_merge(where: str, merge: str, vocab: dict[str, int]) -> None:
    """It must name two tokens that together are a third: so the program reads it."""
    parts = merge.split(" ")
    if len(parts) != 2:
        raise bad_data(f"{where}: {merge[:80]!r} is not two tokens")
    for token in (*parts, "".join(parts)):
        if token not in vocab:
            raise bad_data(f"{where}: {token[:80]!r} is not in the vocabulary")
