"""Traces a module into TorchScript that runs on every device and in every precision."""

import warnings
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from .errors import ExitCode, ExportError

_PINNING_ARGUMENTS = ("dtype", "device", "layout")


def trace(module: nn.Module, example: tuple[Tensor, ...], name: str) -> torch.jit.ScriptModule:
    """Traces, freezes the structure (the parameters stay parameters, so that they can be moved and
    cast; it halves the time to parse the file) and refuses a graph that pins a device or dtype."""
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # TracerWarning, TorchScript's DeprecationWarning
        traced = torch.jit.trace(module, example, check_trace=False)
        frozen = torch.jit._recursive.wrap_cpp_module(
            torch._C._freeze_module(traced._c, preservedAttrs=[], freezeInterfaces=True, preserveParameters=True)
        )
    refuse_pinned(frozen, name)
    return frozen


def refuse_pinned(module: torch.jit.ScriptModule, name: str) -> None:
    """Raises if anything in the module's inlined graph or state ties it to one device or dtype."""
    found = list(pins(module))
    if found:
        raise ExportError(
            ExitCode.INTERNAL,
            f"{name}: the traced graph pins a device or dtype in {len(found)} places, first "
            f"{found[0]}; this is a fault of the exporter or a new diffusers version",
        )


def pins(module: torch.jit.ScriptModule) -> Iterator[str]:
    """What ties a module to one device or dtype: arguments, constants, integer state."""
    for name, tensor in module.state_dict().items():
        if not tensor.is_floating_point():
            yield f"tensor {name} of {tensor.dtype}"
    for node in _nodes(module.inlined_graph):
        if node.kind() == "prim::Constant":
            yield from _pinning_constant(node)
        elif node.schema() != "(no schema)":
            yield from _pinning_arguments(node)


def _nodes(block: torch._C.Block) -> Iterator[torch._C.Node]:
    for node in block.nodes():
        yield node
        for inner in node.blocks():
            yield from _nodes(inner)


def _pinning_constant(node: torch._C.Node) -> Iterator[str]:
    value = node.output().toIValue()
    # Tensors without dimensions are plain numbers: they adapt to the other operand.
    if isinstance(value, torch.device) or (isinstance(value, Tensor) and value.ndim > 0):
        yield f"constant {str(node).strip()}"


def _pinning_arguments(node: torch._C.Node) -> Iterator[str]:
    arguments = torch._C.parse_schema(node.schema()).arguments
    for argument, value in zip(arguments, node.inputs(), strict=False):
        if argument.name in _PINNING_ARGUMENTS and str(value.type()) != "NoneType":
            yield f"{argument.name} of {node.kind()}"
