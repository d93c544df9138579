"""Reads LoRA files: the tensors that change each module, and all else that trainers put beside them."""

import math
import re
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from .errors import ExitCode, ExportError, bad_data
from .lora_kinds import foreign_kind
from .lora_names import without_wrappers
from .peft_config import PeftConfig, read_peft_config
from .safetensors_header import read_number, refuse_pickle
from .weights import Piece, Weights, pieces_of

_LORA = re.compile(
    r"(?P<stem>.+?)"
    r"(?:\.lora_(?P<peft>A|B)(?:\.[^.]+(?=\.))?"  # perhaps with the adapter's name
    r"|\.lora_(?P<kohya>down|up|mid)|[._]lora(?:_linear_layer)?\.(?P<old>down|up))"
    r"(?:\.weight)?"
)
_ALPHA = re.compile(r"(?P<stem>.+?)(?:[._]lora(?:_linear_layer)?)?\.alpha")
_ROLES = {"down": "down", "up": "up", "mid": "core", "A": "down", "B": "up"}
_BUNDLED = re.compile(r"bundle_emb\.(?P<token>.+)\.(?P<kind>string_to_param\.\*|[^.]+)")
_STRANGERS = (
    (re.compile(r"emb_params$|clip_[lg]$|string_to_param|\*$"), "part of an embedding, which --embedding takes"),
    (
        re.compile(r"(model\.diffusion_model|first_stage_model|cond_stage_model|conditioner)\."),
        "part of a whole model, which SOURCE takes",
    ),
)
_SHARD = re.compile(r"-0*(\d+)-of-0*(\d+)\.safetensors")


@dataclass
class LoraModule:
    """The tensors that change one weight."""

    stem: str  # what the file calls it
    pieces: dict[str, Piece] = field(default_factory=dict)  # by role: down, up, core
    alpha_piece: Piece | None = None
    is_used: bool = False

    @property
    def any(self) -> Piece:
        return next(iter(self.pieces.values())) if self.alpha_piece is None else self.alpha_piece

    @property
    def alpha(self) -> float | None:
        """The number in the file."""
        return None if self.alpha_piece is None else _finite_number(self.alpha_piece)

    def equals(self, other: "LoraModule") -> bool:
        """Whether two modules hold the same values: some tools write each weight under two names."""
        if self.pieces.keys() != other.pieces.keys() or self.alpha != other.alpha:
            return False
        return all(_same(piece, other.pieces[role]) for role, piece in self.pieces.items())


@dataclass(frozen=True)
class LoraFile:
    """A file, sorted."""

    modules: dict[str, LoraModule]  # by stem
    embeddings: dict[str, Weights]  # token -> tensors of an embedding, which OneTrainer puts beside a LoRA
    config: PeftConfig


def read_lora(path: Path) -> LoraFile:
    """Nothing but the header and the alphas is read; what is no plain LoRA is refused."""
    check_adapter_path(path, "LoRA", "--lora takes FILE or FILE:WEIGHT")
    pieces = pieces_of([path])
    if not pieces:
        raise bad_data(f"{path} holds no tensors, so it is no LoRA")
    embeddings: dict[str, Weights] = {}
    for name in [name for name in pieces if name.startswith("bundle_emb.")]:
        _bundle(embeddings, pieces.pop(name))
    if found := foreign_kind(pieces):
        raise bad_data(f"{pieces[found[0]]} is part of {found[1]}, which is not supported; a plain LoRA is")
    modules: dict[str, LoraModule] = {}
    for piece in pieces.values():
        _sort_in(modules, piece)
    for module in modules.values():
        _check_whole(module)
    is_peft_folder = path.stem == "adapter_model" or any(name.startswith("base_model.model.") for name in pieces)
    return LoraFile(modules, embeddings, read_peft_config(path, is_peft_folder))


def check_adapter_path(path: Path, what: str, usage: str) -> None:
    """Refuses what is no whole safetensors file before a byte of it is read."""
    refuse_pickle(path)
    if path.is_dir():
        raise ExportError(ExitCode.NO_INPUT, f"{path} is a folder; name the .safetensors file in it ({usage})")
    if not path.is_file():
        raise ExportError(ExitCode.NO_INPUT, f"there is no {what} file {path}; {usage}")
    if (shard := _SHARD.search(path.name)) and int(shard[2]) > 1:
        raise bad_data(f"{path} is one of {shard[2]} files that belong together; save them as one")


def _sort_in(modules: dict[str, LoraModule], piece: Piece) -> None:
    """Finds the module and the role of a tensor by its name."""
    if found := _ALPHA.fullmatch(piece.name):
        module = _module(modules, found["stem"])
        _check_free(piece, module.alpha_piece)
        module.alpha_piece = piece
    elif found := _LORA.fullmatch(piece.name):
        module, role = _module(modules, found["stem"]), _ROLES[found["kohya"] or found["peft"] or found["old"]]
        _check_free(piece, module.pieces.get(role))
        module.pieces[role] = piece
    else:
        raise bad_data(f"{piece} is {_stranger(piece.name)}")


def _stranger(name: str) -> str:
    for pattern, what in _STRANGERS:
        if pattern.match(name):
            return what
    return "not part of a plain LoRA (with up, down and alpha), which alone is supported"


def _module(modules: dict[str, LoraModule], name: str) -> LoraModule:
    stem = without_wrappers(name)
    return modules.setdefault(stem, LoraModule(stem))


def _check_free(piece: Piece, taken: Piece | None) -> None:
    if taken is not None:
        raise bad_data(f"{piece} and '{taken.name}' are for the same place; are there two adapters in the file?")


def _check_whole(module: LoraModule) -> None:
    for role in ("down", "up"):
        if role not in module.pieces:
            raise bad_data(f"{module.any} has no {role} weight beside it")
    _ = module.alpha  # refuses what is no number


def _bundle(embeddings: dict[str, Weights], piece: Piece) -> None:
    found = _BUNDLED.fullmatch(piece.name)
    if found is None:
        raise bad_data(f"{piece} is no vector of an embedding (bundle_emb.TOKEN.clip_l)")
    embeddings.setdefault(found["token"], {})[found["kind"]] = piece


def _finite_number(piece: Piece) -> float:
    if piece.entry.numel != 1:
        raise bad_data(f"{piece} has shape {piece.shape} where a number is due")
    number = read_number(piece.path, piece.name, piece.entry)
    if not math.isfinite(number):
        raise bad_data(f"{piece} is {number:g} where a number is due")
    return number


def _same(one: Piece, other: Piece) -> bool:
    return one.shape == other.shape and torch.equal(*(replace(p, deltas=()).read().float() for p in (one, other)))
