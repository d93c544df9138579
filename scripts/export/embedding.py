"""Textual inversion: vectors from a file become tokens of the text encoders."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from .errors import ExitCode, ExportError, bad_data
from .safetensors_header import refuse_pickle
from .source import ChangedSource, Source
from .text_encoder import text_config
from .tokenizers import read_vocabulary
from .weights import Piece, Weights, pieces_of

_TABLE = "embeddings.token_embedding.weight"
_PARTS = {"clip_l": "text_encoder", "clip_g": "text_encoder_2"}
_UNNAMED = "emb_params"  # A1111's name of the only tensor


class AddedEmbedding(ChangedSource):
    """Another source whose text encoders know one more text, as one id for each vector of the file."""

    def __init__(self, original: Source, path: Path, token: str | None) -> None:
        super().__init__(original)
        refuse_pickle(path)
        if not path.is_file():
            raise ExportError(ExitCode.NO_INPUT, f"there is no embedding {path}; --embedding takes FILE or FILE:TOKEN")
        self._path = path
        found, self._pieces = _vectors(path, original.text_parts)
        self._token = token or found
        for part, piece in self._pieces.items():
            self._check(part, piece)

    def config(self, part: str) -> dict[str, Any]:
        config = self.original.config(part)
        if part in self._pieces:
            config = config | {"vocab_size": self._first_id(part) + self._pieces[part].rows}
        return config

    def weights(self, part: str, names: Iterable[str]) -> Weights:
        weights = self.original.weights(part, names)
        if part in self._pieces:
            name = next((name for name in weights if name.endswith(_TABLE)), None)
            if name is not None:
                table = weights[name]
                weights[name] = replace(table, appended=(*table.appended, self._pieces[part]))
        return weights

    def weight_files(self) -> list[Path]:
        return [*self.original.weight_files(), self._path]

    def added_tokens(self, part: str) -> dict[str, list[int]]:
        """The token is all vectors; token_1, token_2, ... are the further ones alone, as diffusers has it."""
        tokens = dict(self.original.added_tokens(part))
        if part in self._pieces:
            first = self._first_id(part)
            ids = list(range(first, first + self._pieces[part].rows))
            tokens[self._token] = ids
            tokens |= {f"{self._token}_{i}": [id] for i, id in enumerate(ids) if i > 0}
        return tokens

    def _first_id(self, part: str) -> int:
        return text_config(self.original.config(part), self.original.where(part)).vocab_size

    def _check(self, part: str, piece: Piece) -> None:
        width = text_config(self.original.config(part), self.original.where(part)).hidden_size
        if len(piece.shape) not in (1, 2) or piece.shape[-1] != width:
            raise bad_data(
                f"{piece} has shape {piece.shape}, but the {part} takes vectors of {width}; "
                "is the embedding made for another family?"
            )
        tokenizer = self.original.tokenizer(part).folder
        taken = self.original.added_tokens(part)
        if not self._token.strip():
            raise bad_data(f"{self._path}: its token is empty; give another with --embedding FILE:TOKEN")
        if self._token in taken or self._token in read_vocabulary(tokenizer):
            raise bad_data(
                f"{self._path}: the vocabulary has a token '{self._token}' already; give another with "
                "--embedding FILE:TOKEN"
            )


def _vectors(path: Path, parts: tuple[str, ...]) -> tuple[str, dict[str, Piece]]:
    """The token that the file names, and the vectors of each text encoder."""
    pieces = pieces_of([path])
    if pieces and pieces.keys() <= _PARTS.keys():
        wanted = {_PARTS[name]: piece for name, piece in pieces.items() if _PARTS[name] in parts}
        if set(wanted) != set(parts):
            raise bad_data(f"{path} holds {', '.join(pieces)}, but the model's text encoders are {', '.join(parts)}")
        return path.stem, wanted
    if len(pieces) != 1:
        raise bad_data(
            f"{path} is no embedding: it holds {len(pieces)} tensors, not 'emb_params', one named by its token, or "
            "'clip_l' and 'clip_g'"
        )
    if len(parts) != 1:
        raise bad_data(f"{path} has vectors for one text encoder; an SDXL embedding holds 'clip_l' and 'clip_g'")
    ((name, piece),) = pieces.items()
    return path.stem if name == _UNNAMED else name, {parts[0]: piece}
