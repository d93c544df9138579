"""Weights with LoRA files in them: ours, and those of diffusers' load_lora_weights and fuse_lora."""

from pathlib import Path

import torch
from diffusers import DiffusionPipeline
from export.components import components
from export.open_source import Request, open_source
from lora_file import parts
from torch import Tensor


def merged(folder: Path, *loras: tuple[Path, float]) -> dict[str, Tensor]:
    """Our weights of the UNet and the text encoders, under the pipeline's names."""
    source = open_source(Request(str(folder), loras=loras))
    text, unet = components(source, torch.float32, torch.float32)[:2]
    assert source.leftovers() == []
    prefix = "" if source.is_xl else "text_encoder."
    return {f"unet.{n}": t for n, t in unet.load().state_dict().items()} | {
        prefix + n: t for n, t in text.load().state_dict().items()
    }


def fused(folder: Path, *loras: tuple[Path, float]) -> dict[str, Tensor]:
    """The same from diffusers."""
    pipe = DiffusionPipeline.from_pretrained(folder)
    names = [f"lora{i}" for i in range(len(loras))]
    for name, (path, _) in zip(names, loras, strict=True):
        pipe.load_lora_weights(path.parent, weight_name=path.name, adapter_name=name)
    pipe.set_adapters(names, [weight for _, weight in loras])
    pipe.fuse_lora(adapter_names=names)
    pipe.unload_lora_weights()
    return {f"{part}.{n}": t for part, module in parts(pipe).items() for n, t in module.state_dict().items()}


def assert_equal_weights(ours: dict[str, Tensor], theirs: dict[str, Tensor], original: dict[str, Tensor]) -> None:
    assert ours.keys() == theirs.keys()
    for name, tensor in ours.items():
        assert torch.allclose(tensor, theirs[name], rtol=1e-5, atol=1e-5), name
    assert any(not torch.equal(ours[name], original[name]) for name in ours if name.startswith("text_encoder"))
    assert any(not torch.equal(ours[name], original[name]) for name in ours if name.startswith("unet"))


def assert_close(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> None:
    """Sums of a few products in float32, in another order."""
    assert ours.keys() == theirs.keys()
    for name, tensor in ours.items():
        assert torch.allclose(tensor, theirs[name], rtol=1e-5, atol=1e-5), name
