"""Fills a module built on the meta device from safetensors files: strictly, every tensor accounted
for, finite, and held only once."""

import re
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from .errors import bad_data
from .safetensors_header import TensorEntry, read_header

_DTYPES = ("F16", "BF16", "F32", "F64")

Rename = Callable[[str], str | None]  # file's name -> module's name; None: not needed

# diffusers before 0.17 saved the VAE's attention under these names.
_OLD_ATTENTION = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}
_OLD_ATTENTION_NAME = re.compile(r"(.*attentions\.\d+\.)(query|key|value|proj_attn)(\..*)")


def keep_name(name: str) -> str:
    """For files whose names are the module's own."""
    return name


def vae_name(name: str) -> str:
    """Old attention names of AutoencoderKL -> today's."""
    found = _OLD_ATTENTION_NAME.fullmatch(name)
    return f"{found[1]}{_OLD_ATTENTION[found[2]]}{found[3]}" if found else name


def clip_name(name: str) -> str | None:
    """CLIPTextModel of transformers 4 -> 5: no `text_model.` prefix, no stored position ids."""
    name = name.removeprefix("text_model.")
    return None if name == "embeddings.position_ids" else name


def check(module: nn.Module, files: list[Path], rename: Rename) -> None:
    """Refuses files whose names and shapes are not those of `module`, from their headers alone."""
    expected = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
    found = set()
    for path in files:
        for name, entry in read_header(path).items():
            if (target := rename(name)) is not None:
                _check_entry(f"{path}: tensor '{name}'", entry, expected.get(target))
                found.add(target)
    if missing := sorted(expected.keys() - found):
        raise bad_data(
            f"{files[0].parent}: tensor '{missing[0]}' and {len(missing) - 1} more that "
            "config.json asks for are missing; weights and config.json do not belong together"
        )


def _check_entry(what: str, entry: TensorEntry, shape: tuple[int, ...] | None) -> None:
    if shape is None:
        raise bad_data(f"{what} has no place in the model that config.json describes")
    # (*shape, 1, 1): old VAE attention weights, saved as 1x1 convolutions.
    if entry.shape not in (shape, (*shape, 1, 1)):
        raise bad_data(f"{what} has shape {entry.shape} where config.json asks for {shape}")
    if entry.dtype not in _DTYPES:
        raise bad_data(f"{what} holds {entry.dtype}; supported are {', '.join(_DTYPES)}")


def fill(module: nn.Module, files: list[Path], rename: Rename, dtype: torch.dtype) -> nn.Module:
    """Gives every parameter of `module` its tensor from `files`, rounded to `dtype`."""
    check(module, files, rename)
    shapes = {name: tensor.shape for name, tensor in module.state_dict().items()}
    filled: dict[str, Tensor] = {}
    for path in files:
        for name, tensor in _load(path).items():
            if (target := rename(name)) is not None:
                filled[target] = _rounded(path, name, tensor, dtype).reshape(shapes[target])
    module.load_state_dict(filled, strict=True, assign=True)
    return module.eval().requires_grad_(False)


def _load(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise bad_data(f"{path} cannot be read as safetensors ({error}); fetch it again") from error


def _rounded(path: Path, name: str, tensor: Tensor, dtype: torch.dtype) -> Tensor:
    rounded = tensor.to(dtype)
    if not torch.isfinite(rounded).all():
        cause = "infinite or NaN values"
        if torch.isfinite(tensor).all():
            cause = f"values that do not fit into {str(dtype).removeprefix('torch.')}"
        raise bad_data(
            f"{path}: tensor '{name}' has {cause}; export with --dtype float32 or "
            "fetch the file again"
        )
    return rounded
