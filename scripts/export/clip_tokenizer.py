"""What transformers makes of a CLIP tokenizer's files, and whether a bundle can say it.

The classes of transformers read the files themselves, whichever of the many forms they have: what counts in the end is
how their tokenizer behaves. Nothing of the source is executed.
"""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import transformers
from transformers import CLIPTokenizer

from .errors import bad_data, describing

CLASSES = ("CLIPTokenizer", "CLIPTokenizerFast", "PreTrainedTokenizerFast", "TokenizersBackend")
_PROBE = "a b c d"  # longer than the probe's length


class ClipRules:
    """A tokenizer's vocabulary, merges, ids and added texts, as transformers uses them."""

    def __init__(self, folder: Path, kind: str) -> None:
        self._where = str(folder)
        with describing(self._where):
            self._tokenizer = getattr(transformers, kind).from_pretrained(folder, local_files_only=True)
            self._state = json.loads(self._tokenizer.backend_tokenizer.to_str())
            self.vocabulary: dict[str, int] = self._state["model"]["vocab"]
            self.merges = [" ".join(pair) for pair in self._state["model"]["merges"]]
            self.ids = {key: getattr(self._tokenizer, f"{key}_token_id") for key in ("bos", "eos", "pad")}
            self.length = int(self._tokenizer.model_max_length)
        for problem in self._problems():
            raise bad_data(f"{self._where}: {problem}; use CLIP's own tokenizer")

    def literals(self) -> dict[str, dict[str, Any]]:
        """`special` and `added` of the bundle: texts that are looked for in the text as typed, or once normalised."""
        special: dict[str, int] = {}
        added: dict[str, list[int]] = {}
        for index, token in sorted(self._tokenizer.added_tokens_decoder.items()):
            if index in (self.ids["bos"], self.ids["eos"]):
                continue  # the program knows these
            if token.single_word or token.lstrip or token.rstrip:
                raise bad_data(
                    f"{self._where}: added token {token.content!r} takes in blanks or whole words only, which is not "
                    "supported; remove it first"
                )
            if token.normalized:
                added[token.content] = [index]
            else:
                special[token.content] = index
        return {name: texts for name, texts in (("special", special), ("added", added)) if texts}

    def _problems(self) -> Iterator[str]:
        plain = _state_of_clip()
        for part in ("normalizer", "pre_tokenizer"):
            if self._state[part] != plain[part]:
                yield f"its {part.replace('_', '-')} is not CLIP's"
        for key, value in plain["model"].items():
            if key not in ("vocab", "merges", "unk_token") and self._state["model"].get(key) != value:
                yield f"{key} of its model is {self._state['model'].get(key)!r}, not {value!r}"
        if None in self.ids.values():
            yield "it has no token to begin, end or pad a text with"
        elif self._ids_of("") != [self.ids["bos"], self.ids["eos"], self.ids["pad"], self.ids["pad"]]:
            yield "it does not put its tokens before a text, after it and up to the length"
        elif self._ids_of(_PROBE) != [self.ids["bos"], *self._plain_ids(_PROBE)[:2], self.ids["eos"]]:
            yield "it does not keep the beginning of a text that is too long"
        if self._tokenizer.split_special_tokens:
            yield "split_special_tokens is not supported"

    def _ids_of(self, text: str) -> list[int]:
        """As a pipeline asks for them, for a length of four."""
        return self._tokenizer(text, padding="max_length", max_length=4, truncation=True).input_ids

    def _plain_ids(self, text: str) -> list[int]:
        return self._tokenizer(text, add_special_tokens=False).input_ids


@cache
def _state_of_clip() -> dict[str, Any]:
    """The rules of a CLIP tokenizer with a vocabulary of no importance."""
    return json.loads(CLIPTokenizer().backend_tokenizer.to_str())
