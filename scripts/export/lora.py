"""LoRA files merged into a model's weights."""

import math
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from .errors import bad_data
from .lora_file import LoraFile, LoraModule, read_lora
from .lora_names import spellings_of, stems, why_no_place
from .safetensors_header import read_metadata
from .source import ChangedSource, Source
from .trainer_metadata import notes_on
from .weights import Delta, Piece, Weights


class MergedLora(ChangedSource):
    """Another source with weight * alpha / rank * up @ down added to its weights, in float32."""

    def __init__(self, original: Source, path: Path, weight: float) -> None:
        super().__init__(original)
        self._path = path
        self._weight = weight
        self._file = read_lora(path)
        self.notes = (
            *original.notes,
            *self._file.config.notes,
            *_on_zero_alphas(path, self._file),
            *_on_missing_alphas(path, self._file),
            *notes_on(path, original.config("scheduler")),
        )

    @property
    def embeddings(self) -> dict[str, Weights]:
        """The vectors of words that were trained with the LoRA, by the word."""
        return self._file.embeddings

    def weights(self, part: str, names: Iterable[str]) -> Weights:
        names = list(names)
        weights = self.original.weights(part, names)
        for name in names:
            module, _, kind = name.rpartition(".")
            if kind == "weight" and name in weights:
                deltas = tuple(self._deltas(part, module, weights[name]))
                weights[name] = replace(weights[name], deltas=weights[name].deltas + deltas)
        return weights

    def weight_files(self) -> list[Path]:
        return [*self.original.weight_files(), self._path]

    def leftovers(self) -> list[str]:
        modules = self._file.modules.values()
        unused = [module for module in modules if not module.is_used]
        count = f" ({len(unused)} of its {len(modules)} modules have no place)" if len(modules) > 1 else ""
        return super().leftovers() + [f"{module.any} {why_no_place(module.stem)}{count}" for module in unused]

    def _deltas(self, part: str, module: str, target: Piece) -> Iterator[Delta]:
        """None, or one: a file may name a module twice, but not with two changes."""
        names = stems(part, module, self.original.config("unet"), self.original.text_parts)
        found = [self._file.modules[name] for name in dict.fromkeys(names) if name in self._file.modules]
        for one in found:
            one.is_used = True
            if one is not found[0] and not one.equals(found[0]):
                raise bad_data(f"{one.any} and '{found[0].any.name}' are different changes of the same '{target.name}'")
        if found:
            yield from self._delta(part, module, found[0], target)

    def _delta(self, part: str, module: str, change: LoraModule, target: Piece) -> Iterator[Delta]:
        up, down, core = change.pieces["up"], change.pieces["down"], change.pieces.get("core")
        _check_shapes(up, down, core, target)
        rank = down.shape[0]
        if rank == 0:  # what AdaLoRA and others leave of a layer that they gave up
            return
        scale = self._weight * self._file.config.scale(part, spellings_of(part, module), rank, change.alpha)
        if not math.isfinite(scale):
            raise bad_data(f"{change.any}: the LoRA's weight times alpha / rank is {scale}")
        yield Delta(up, down, core, scale)


def _on_zero_alphas(path: Path, file: LoraFile) -> tuple[str, ...]:
    zeros = [module.stem for module in file.modules.values() if module.alpha == 0]
    return (f"{path} has alpha 0, so no effect, at {len(zeros)} modules, for one {zeros[0]}",) if zeros else ()


def _on_missing_alphas(path: Path, file: LoraFile) -> tuple[str, ...]:
    """kohya's header tells alpha too; tools that drop the tensors may have multiplied the weights with it, or not."""
    told = read_metadata(path).get("ss_network_alpha", "")
    ranks = {str(float(module.pieces["down"].rows)) for module in file.modules.values() if module.alpha is None}
    with suppress(ValueError):
        if ranks - {str(float(told))} and not file.config.parts:
            return (f"{path} was trained with alpha {told}, which its tensors do not have; alpha is taken as the rank",)
    return ()


def _check_shapes(up: Piece, down: Piece, core: Piece | None, target: Piece) -> None:
    """Refuses what cannot be multiplied to the target's shape."""
    made = _made(up.shape, down.shape, None if core is None else core.shape)
    if made is None or not _fits(made, target.shape):
        middle = "" if core is None else f", '{core.name}' {core.shape}"
        raise bad_data(
            f"{up} {up.shape}{middle} and '{down.name}' {down.shape} do not make a change of '{target.name}' "
            f"{target.shape}; is the LoRA made for another family?"
        )


def _made(up: tuple[int, ...], down: tuple[int, ...], core: tuple[int, ...] | None) -> tuple[int, ...] | None:
    """The shape of up @ down, or of up @ core @ down; None where they do not fit together."""
    if len(up) not in (2, 4) or len(down) not in (2, 4) or up[2:] not in ((), (1, 1)):
        return None
    if core is None:
        return (up[0], *down[1:]) if up[1] == down[0] else None
    if len(core) != 4 or down[2:] not in ((), (1, 1)):
        return None
    return (up[0], down[1], *core[2:]) if (up[1], down[0]) == core[:2] else None


def _fits(made: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    """A matrix may come as a convolution of size 1 or the other way round, and a convolution as a flat matrix."""
    flat = (wanted[0], math.prod(wanted[1:]))
    return made == wanted or made in (flat, (*flat, 1, 1))
