"""Compares a written TorchScript file with the eager model it came from."""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from .errors import ExitCode, ExportError
from .tracing import refuse_pinned

Case = tuple[Tensor, ...]  # inputs of one call, in float32 or int64
# Inputs that do not follow the module's precision.
_EXACT = ("ids", "timestep", "time_ids", "guidance")
Outputs = tuple[Tensor, ...]

# Largest difference allowed, relative to the largest value of the output. Equal kernels give equal
# bits as a rule; the margin is for a few roundings that add up differently.
_TOLERANCES = {torch.float32: 1e-5, torch.float16: 4e-3, torch.bfloat16: 3e-2}


@dataclass(frozen=True)
class Reference:
    """What the eager model answers to each case in one precision."""

    dtype: torch.dtype
    outputs: list[Outputs]


def check_dtypes(stored: torch.dtype) -> tuple[torch.dtype, torch.dtype]:
    """The stored precision and another one: proof that the file can be cast."""
    return stored, torch.bfloat16 if stored == torch.float32 else torch.float32


def in_dtype(case: Case, names: tuple[str, ...], dtype: torch.dtype) -> Case:
    """Casts what follows the module's precision: numbers stay float32, ids int64."""
    return tuple(x if name in _EXACT else x.to(dtype) for x, name in zip(case, names, strict=True))


def ask(
    model: nn.Module,
    run: Callable[..., Outputs],
    cases: list[Case],
    names: tuple[str, ...],
    dtype: torch.dtype,
) -> Reference:
    """Runs the eager model over the cases."""
    with torch.no_grad():
        outputs = [run(model.to(dtype), *in_dtype(case, names, dtype)) for case in cases]
    return Reference(dtype, outputs)


def verify(
    path: Path, stored: torch.dtype, cases: list[Case], names: tuple[str, ...], references: list[Reference]
) -> float:
    """Loads the file afresh for each precision and compares it with the references.

    Returns the largest relative difference; one that is too large is an error.
    """
    return max(difference for r in references for difference in _verify(path, stored, cases, names, r))


def _verify(
    path: Path, stored: torch.dtype, cases: list[Case], names: tuple[str, ...], reference: Reference
) -> Iterator[float]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript's DeprecationWarning
        module = torch.jit.load(path)
    refuse_pinned(module, path.name)
    for name, parameter in module.named_parameters():
        if parameter.dtype != stored:
            raise _fault(path, f"stores {name} in {parameter.dtype} instead of {stored}")
    module.to(reference.dtype)
    for case, expected in zip(cases, reference.outputs, strict=True):
        with torch.no_grad():
            actual = module(*in_dtype(case, names, reference.dtype))
        actual = actual if isinstance(actual, tuple) else (actual,)
        for a, e in zip(actual, expected, strict=True):
            yield _compare(path, case, a, e)


def _compare(path: Path, case: Case, actual: Tensor, expected: Tensor) -> float:
    """Relative difference of one output; values that are not finite must be so in both."""
    where = f"for inputs {[tuple(x.shape) for x in case]} in {expected.dtype}"
    if actual.shape != expected.shape or actual.dtype != expected.dtype:
        raise _fault(
            path,
            f"gives {actual.dtype} {tuple(actual.shape)}, not {tuple(expected.shape)}, {where}",
        )
    finite = torch.isfinite(expected)
    if not torch.equal(finite, torch.isfinite(actual)):
        raise _fault(path, f"gives NaN or infinite values where the original does not {where}")
    if expected.dtype == torch.float32 and not finite.all():
        raise ExportError(
            ExitCode.BAD_DATA,
            f"the model itself gives NaN or infinite values ({path.name}, {where})",
        )
    return _checked_difference(path, actual[finite], expected[finite], where)


def _checked_difference(path: Path, actual: Tensor, expected: Tensor, where: str) -> float:
    if expected.numel() == 0:
        return 0.0
    scale = expected.float().abs().max().clamp(min=1e-12)
    difference = float((actual.float() - expected.float()).abs().max() / scale)
    if difference > _TOLERANCES[expected.dtype]:
        raise _fault(path, f"differs from the original by {difference:.2g} {where}")
    return difference


def _fault(path: Path, what: str) -> ExportError:
    return ExportError(
        ExitCode.INTERNAL,
        f"{path.name} {what}; nothing was left behind, please report it with the versions of torch and diffusers",
    )
