"""Textual inversion: vectors from a file become tokens of the text encoders."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from .errors import bad_data
from .lora_file import check_adapter_path
from .source import ChangedSource, Source
from .text_encoder import text_config
from .tokenizers import read_vocabulary
from .trainer_metadata import notes_on
from .weights import Piece, Weights, pieces_of

_TABLE = "embeddings.token_embedding.weight"
_PARTS = {"clip_l": "text_encoder", "clip_g": "text_encoder_2"}
# What A1111 and its converters call the only tensor, whatever the token is.
_UNNAMED = ("emb_params", "*", "string_to_param.*", "string_to_param")
_OUTPUTS = ("clip_l_out", "clip_g_out", "emb_params_out")  # OneTrainer's output vectors


class AddedEmbedding(ChangedSource):
    """Another source whose text encoders know one more text, as one id for each vector of the file."""

    def __init__(self, original: Source, path: Path, token: str | None, pieces: Weights) -> None:
        super().__init__(original)
        self._path = path
        found, self._pieces = _vectors(path, pieces, original.text_parts)
        self._token = found if token is None else token
        for part, piece in self._pieces.items():
            self._check(part, piece)
        self.notes = (*original.notes, *self._on_use(pieces), *notes_on(path, original.config("scheduler")))

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
        tokens = dict(self.original.added_tokens(part))
        if part in self._pieces:
            first = self._first_id(part)
            ids = list(range(first, first + self._pieces[part].rows))
            whole, *further = _tokens(self._token, len(ids))
            tokens[whole] = ids
            tokens |= {token: [id] for token, id in zip(further, ids[1:], strict=True)}
        return tokens

    def _first_id(self, part: str) -> int:
        return text_config(self.original.config(part), self.original.where(part)).vocab_size

    def _on_use(self, pieces: Weights) -> Iterator[str]:
        rows = max(piece.rows for piece in self._pieces.values())
        yield f"{self._path}: '{self._token}' in a prompt becomes its {rows} vector{'s' if rows > 1 else ''}"
        for name in sorted(pieces.keys() & _PARTS.keys()):
            if pieces[name] not in self._pieces.values():
                yield f"{pieces[name]} is for a text encoder that this model has not, and is left out"

    def _check(self, part: str, piece: Piece) -> None:
        width = text_config(self.original.config(part), self.original.where(part)).hidden_size
        if len(piece.shape) not in (1, 2) or piece.shape[-1] != width:
            raise bad_data(
                f"{piece} has shape {piece.shape}, but the {part} takes vectors of {width}; "
                "is the embedding made for another family?"
            )
        if piece.rows == 0:
            raise bad_data(f"{piece} holds no vector; fetch the file again")
        if not self._token.strip():
            raise bad_data(f"{self._path}: its token is empty; give another with --embedding FILE:TOKEN")
        taken = {_folded(token) for token in self.original.added_tokens(part)}
        vocabulary = self._vocabulary(part)
        for token in _tokens(self._token, piece.rows):
            if _folded(token) in taken or token in vocabulary:
                raise bad_data(
                    f"{self._path}: there is a token '{token}' already; give another with --embedding FILE:TOKEN"
                )

    def _vocabulary(self, part: str) -> dict[str, int]:
        folder = self.original.tokenizer(part).folder
        if (folder / "tokenizer.model").is_file():
            raise bad_data(f"{self._path}: only CLIP's tokenizer takes embeddings, and that in {folder} is another")
        return read_vocabulary(folder)


def read_embedding(path: Path) -> Weights:
    """The tensors of an embedding's file; nothing but the header is read."""
    check_adapter_path(path, "embedding", "--embedding takes FILE or FILE:TOKEN")
    return pieces_of([path])


def _tokens(token: str, rows: int) -> list[str]:
    """The token is all vectors; token_1, token_2, ... are the further ones alone, as diffusers has it."""
    return [token, *(f"{token}_{i}" for i in range(1, rows))]


def _folded(token: str) -> str:
    """As the program compares texts."""
    return " ".join(token.lower().split())


def _vectors(path: Path, pieces: Weights, parts: tuple[str, ...]) -> tuple[str, dict[str, Piece]]:
    """The token that the file names, and the vectors of each text encoder."""
    for name, piece in pieces.items():
        if name in _OUTPUTS:
            raise bad_data(f"{piece} changes what a text encoder makes of a word, which is not supported")
    if pieces and pieces.keys() <= _PARTS.keys():
        wanted = {_PARTS[name]: piece for name, piece in pieces.items() if _PARTS[name] in parts}
        # The refiner has the second encoder alone, and gets its vectors from the file of the base model.
        is_complete = len(wanted) == len(pieces) or parts == ("text_encoder_2",)
        if set(wanted) != set(parts) or not is_complete:
            raise bad_data(f"{path} holds {', '.join(pieces)}, but the model's text encoders are {', '.join(parts)}")
        return path.stem, wanted
    if any(".lora" in name or "_lora." in name for name in pieces):
        raise bad_data(f"{path} is a LoRA, which --lora takes")
    if len(pieces) != 1:
        raise bad_data(
            f"{path} is no embedding: it holds {len(pieces)} tensors, not 'emb_params', one named by its token, or "
            "'clip_l' and 'clip_g'"
        )
    if len(parts) != 1:
        raise bad_data(f"{path} has vectors for one text encoder; an SDXL embedding holds 'clip_l' and 'clip_g'")
    ((name, piece),) = pieces.items()
    return path.stem if name in _UNNAMED else name, {parts[0]: piece}
