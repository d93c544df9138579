"""Copies a model's tokenizer into the bundle and describes it for model.json."""

import json
import shutil
from pathlib import Path
from typing import Any

from .errors import ExitCode, ExportError, bad_data, describing
from .json_file import read_json
from .source import TokenizerSource

_SPM_CLASS = "SentencePiece"
_CLIP_CLASSES = ("CLIPTokenizer", "CLIPTokenizerFast")


def export_tokenizer(tokenizer: TokenizerSource, bundle: Path, name: str, max_positions: int) -> dict[str, Any]:
    """Copies a tokenizer's files to `bundle/name`; returns its entry of `tokenizers`."""
    source, config = tokenizer.folder, tokenizer.config
    if config is None:
        config = read_json(source / "tokenizer_config.json")
    kind = config.get("tokenizer_class")
    target = bundle / name
    target.mkdir()
    if kind == _SPM_CLASS:
        entry = _sentencepiece(source, target, config)
    elif kind in _CLIP_CLASSES:
        special = _special_tokens(source, config, has_map=tokenizer.config is None)
        entry = _clip(source, target, config, special)
    else:
        raise bad_data(
            f"{source}: tokenizer class {kind!r} is not supported; CLIPTokenizer and "
            "SentencePiece are"
        )
    entry["length"] = min(int(entry["length"]), max_positions)
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


def _clip(source: Path, target: Path, config: dict[str, Any], special: dict[str, str]) -> dict[str, Any]:
    vocab = _copy_vocabulary(source, target)
    ids = {}
    for key in ("bos", "eos", "pad"):
        text = special[f"{key}_token"]
        if text not in vocab:
            raise bad_data(f"{source}: the {key} token {text!r} is not in the vocabulary")
        ids[key] = vocab[text]
    entry = {
        "type": "clip-bpe",
        "vocab": f"{target.name}/vocab.json",
        "merges": f"{target.name}/merges.txt",
        "length": config.get("model_max_length", 77),
        **ids,
    }
    # transformers takes a pad token of its own out of the text before the merges: SD 2 pads with
    # "!", and every "!" of a prompt becomes that id too (diffusers issue 4153).
    if special["pad_token"] not in (special["bos_token"], special["eos_token"]):
        entry["special"] = {special["pad_token"]: ids["pad"]}
    _refuse_added_tokens(source, config, vocab)
    return entry


def _special_tokens(source: Path, config: dict[str, Any], has_map: bool) -> dict[str, str]:
    """bos, eos and pad as text: special_tokens_map.json, then the config, then CLIP's own."""
    tokens = {
        "bos_token": "<|startoftext|>",
        "eos_token": "<|endoftext|>",
        "pad_token": "<|endoftext|>",
    }
    map_path = source / "special_tokens_map.json"
    for layer in (config, read_json(map_path) if has_map and map_path.exists() else {}):
        for key in tokens:
            value = layer.get(key)
            text = value.get("content") if isinstance(value, dict) else value
            tokens[key] = text if isinstance(text, str) else tokens[key]
    return tokens


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


def _copy_vocabulary(source: Path, target: Path) -> dict[str, int]:
    """vocab.json and merges.txt as they are, or written from tokenizer.json."""
    vocab, merges = source / "vocab.json", source / "merges.txt"
    if vocab.exists() and merges.exists():
        shutil.copyfile(vocab, target / "vocab.json")
        shutil.copyfile(merges, target / "merges.txt")
        tokens = read_json(vocab)
        with describing(str(merges)):
            lines = merges.read_text(encoding="utf-8").removesuffix("\n").split("\n")
        for number, line in enumerate(lines, start=1):
            if not line.startswith("#version"):
                _check_merge(f"{merges}:{number}", line.removesuffix("\r"), tokens)
        return tokens
    whole, model = source / "tokenizer.json", _read_model(source)
    with describing(str(whole)):
        pairs = [pair if isinstance(pair, str) else " ".join(pair) for pair in model["merges"]]
    for number, pair in enumerate(pairs, start=1):
        _check_merge(f"{whole}: merge {number}", pair, model["vocab"])
    text = json.dumps(model["vocab"], ensure_ascii=False)
    (target / "vocab.json").write_text(text, encoding="utf-8")
    (target / "merges.txt").write_text("\n".join(["#version: 0.2", *pairs, ""]), encoding="utf-8")
    return model["vocab"]


def _check_merge(where: str, merge: str, vocab: dict[str, int]) -> None:
    """It must name two tokens that together are a third: so the program reads it."""
    parts = merge.split(" ")
    if len(parts) != 2:
        raise bad_data(f"{where}: {merge[:80]!r} is not two tokens")
    for token in (*parts, "".join(parts)):
        if token not in vocab:
            raise bad_data(f"{where}: {token[:80]!r} is not in the vocabulary")


def _refuse_added_tokens(source: Path, config: dict[str, Any], vocab: dict[str, int]) -> None:
    """Tokens beyond the vocabulary (textual inversion) would be lost without a word."""
    decoder = config.get("added_tokens_decoder") or {}
    added = [entry["content"] for entry in decoder.values()]
    extra = source / "added_tokens.json"
    added += list(read_json(extra)) if extra.exists() else []
    for text in added:
        if text not in vocab:
            raise bad_data(f"{source}: added token {text!r} is not supported; remove it first")
