"""The parameters of a module as pieces of safetensors files: strictly, every tensor accounted for, finite, and held
only once."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from os.path import commonprefix
from pathlib import Path

import torch
from torch import Tensor, nn

from .errors import bad_data
from .safetensors_header import READABLE, TensorEntry, read_header, read_tensor


@dataclass(frozen=True)
class Delta:
    """A low-rank change of a weight: scale * up @ down, with a core between the two where there is one."""

    up: "Piece"  # (out, r) or (out, r, 1, 1)
    down: "Piece"  # (r, in) or (r, in, k, k)
    core: "Piece | None"  # (r, r, k, k): then down is (r, in, 1, 1)
    scale: float

    def read(self, shape: tuple[int, ...]) -> Tensor:
        """The change in float32, in the weight's shape."""
        up, down = (piece.read().float().flatten(1) for piece in (self.up, self.down))
        if self.core is None:
            return (self.scale * (up @ down)).reshape(shape)
        return self.scale * torch.einsum("or,rskl,si->oikl", up, self.core.read().float(), down)


@dataclass(frozen=True)
class Piece:
    """Where the values of one parameter lie."""

    path: Path
    name: str  # in the file
    entry: TensorEntry
    third: int | None = None  # 0, 1, 2: these rows of a tensor that holds three weights
    is_transposed: bool = False
    deltas: tuple[Delta, ...] = ()
    appended: tuple["Piece", ...] = ()  # further rows

    def __str__(self) -> str:
        return f"{self.path}: tensor '{self.name}'"

    @property
    def shape(self) -> tuple[int, ...]:
        shape = self.entry.shape[::-1] if self.is_transposed else self.entry.shape
        if self.third is not None:
            shape = (shape[0] // 3, *shape[1:])
        if self.appended:
            shape = (shape[0] + sum(piece.rows for piece in self.appended), *shape[1:])
        return shape

    @property
    def rows(self) -> int:
        """Of a piece that is appended: a vector is one row."""
        return self.shape[0] if len(self.shape) > 1 else 1

    def read(self) -> Tensor:
        """The values, in the file's precision (of 8 bits: widened) unless something is merged into them."""
        tensor = read_tensor(self.path, self.name, self.entry)
        if self.is_transposed:
            tensor = tensor.T.contiguous()
        if self.third is not None:
            tensor = tensor.chunk(3)[self.third].clone()
        for delta in self.deltas:
            tensor = tensor.float() + delta.read(tuple(tensor.shape))
        if self.appended:
            rows = [piece.read().to(tensor.dtype).reshape(-1, tensor.shape[1]) for piece in self.appended]
            tensor = torch.cat([tensor, *rows])
        return tensor

    def pieces(self) -> Iterator["Piece"]:
        """This piece and all that flows into it."""
        yield self
        for delta in self.deltas:
            yield from (piece for piece in (delta.up, delta.down, delta.core) if piece is not None)
        yield from self.appended


Weights = dict[str, Piece]  # the module's name of a parameter -> its values


def pieces_of(paths: list[Path]) -> Weights:
    """Every tensor of the files, under the files' own names."""
    return {name: Piece(path, name, entry) for path in paths for name, entry in read_header(path).items()}


def parameter_count(weights: Weights) -> int:
    """Number of values."""
    return sum(math.prod(piece.shape) for piece in weights.values())


def prefixed(weights: Weights, prefix: str) -> Weights:
    """The weights of a submodule."""
    return {prefix + name: piece for name, piece in weights.items()}


def check(module: nn.Module, weights: Weights, where: str) -> None:
    """Refuses weights whose names and shapes are not those of `module`, from their headers alone."""
    expected = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
    for name, piece in weights.items():
        _check_piece(piece, expected.get(name))
    if missing := sorted(expected.keys() - weights.keys()):
        more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
        raise bad_data(
            f"{_neighbour(weights, missing[0])}tensor '{missing[0]}'{more} is missing, which {where} asks for; fetch "
            "the weights again, or the configuration that belongs to them"
        )


def _neighbour(weights: Weights, name: str) -> str:
    """The file that has the weight of the most similar name, for messages."""
    nearest = max(weights, key=lambda other: len(commonprefix([name, other])), default=None)
    return "" if nearest is None else f"{weights[nearest].path}: "


def _check_piece(piece: Piece, shape: tuple[int, ...] | None) -> None:
    if shape is None:
        raise bad_data(f"{piece} has no place in the model that its configuration describes")
    # A matrix may come as a convolution of size 1: attention of old VAEs.
    if piece.shape not in (shape, (*shape, 1), (*shape, 1, 1)):
        raise bad_data(f"{piece} has shape {piece.shape} where the model's configuration asks for {shape}")
    for part in piece.pieces():
        if part.entry.dtype not in READABLE:
            raise bad_data(f"{part} holds {part.entry.dtype}; supported are {', '.join(READABLE)}")


def fill(module: nn.Module, weights: Weights, dtype: torch.dtype) -> nn.Module:
    """Gives every parameter of `module` its values, rounded to `dtype`."""
    shapes = {name: tensor.shape for name, tensor in module.state_dict().items()}
    filled = {name: _rounded(piece, dtype).reshape(shapes[name]) for name, piece in weights.items()}
    module.load_state_dict(filled, strict=True, assign=True)
    return module.eval().requires_grad_(False)


def _rounded(piece: Piece, dtype: torch.dtype) -> Tensor:
    tensor = piece.read()
    rounded = tensor.to(dtype)
    if not torch.isfinite(rounded).all():
        raise _not_finite(piece, dtype)
    return rounded


def _not_finite(piece: Piece, dtype: torch.dtype) -> Exception:
    """Names the file that is to blame: the weight's own, or that of what was merged into it."""
    for part in piece.pieces():
        if not torch.isfinite(replace(part, deltas=(), appended=()).read()).all():
            return bad_data(f"{part} has infinite or NaN values; fetch the file again")
    name = str(dtype).removeprefix("torch.")
    tensor = replace(piece, deltas=(), appended=()).read()
    if not torch.isfinite(tensor.to(dtype)).all():
        return bad_data(f"{piece} has values that do not fit into {name}; export with --dtype float32, or --vae-dtype")
    for delta in piece.deltas:
        tensor = tensor.float() + delta.read(tuple(tensor.shape))
        if not torch.isfinite(tensor.to(dtype)).all():
            return bad_data(
                f"{delta.up} makes values that do not fit into {name} (up @ down times {delta.scale:g}); give the LoRA "
                "a smaller weight"
            )
    culprits = [row for row in piece.appended if not torch.isfinite(row.read().to(tensor.dtype).to(dtype)).all()]
    return bad_data(f"{culprits[0]} has values that do not fit into {name}, in which the vocabulary's vectors are kept")
