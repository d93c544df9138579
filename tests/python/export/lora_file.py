"""Writes random LoRA files with the names that trainers give them."""

import torch
from diffusers import DiffusionPipeline
from torch import Tensor, nn

Pair = tuple[Tensor, Tensor]  # down, up

# What LoRA trainers change, and convolutions as LoCon does.
UNET_LAYERS = ("to_q", "to_k", "to_v", "to_out.0", "ff.net.0.proj", "ff.net.2", "proj_in", "proj_out")
CONVOLUTIONS = ("resnets.0.conv1", "resnets.0.time_emb_proj", "downsamplers.0.conv", "conv_shortcut", "conv_in")
TEXT_LAYERS = ("q_proj", "k_proj", "v_proj", "out_proj", "mlp.fc1", "mlp.fc2")
RANK = 4


def pairs(module: nn.Module, endings: tuple[str, ...], seed: int) -> dict[str, Pair]:
    """Random changes of the layers of a module whose names end so."""
    generator = torch.Generator().manual_seed(seed)
    made = {}
    for name, layer in module.named_modules():
        if name.endswith(endings) and isinstance(layer, nn.Linear | nn.Conv2d):
            weight = layer.weight
            down = torch.randn(RANK, *weight.shape[1:], generator=generator) * 0.3
            up = torch.randn(weight.shape[0], RANK, *[1] * (weight.ndim - 2), generator=generator) * 0.3
            made[name] = down, up
    return made


def parts(pipe: DiffusionPipeline) -> dict[str, nn.Module]:
    names = ("unet", "text_encoder", "text_encoder_2")
    return {name: getattr(pipe, name) for name in names if getattr(pipe, name, None) is not None}


def all_pairs(pipe: DiffusionPipeline, seed: int, convolutions: bool = False) -> dict[str, dict[str, Pair]]:
    unet_layers = UNET_LAYERS + (CONVOLUTIONS if convolutions else ())
    return {
        part: pairs(module, unet_layers if part == "unet" else TEXT_LAYERS, seed)
        for part, module in parts(pipe).items()
    }


def text_name(name: str) -> str:
    return name if name.startswith("text_model.") else f"text_model.{name}"


def kohya(changes: dict[str, dict[str, Pair]], spelled: dict[str, str] | None = None) -> dict[str, Tensor]:
    """As sd-scripts saves them; `spelled` has other names for modules of the UNet."""
    second = "text_encoder_2" in changes
    first = "lora_te1_" if second else "lora_te_"
    starts = {"unet": "lora_unet_", "text_encoder": first, "text_encoder_2": "lora_te2_"}
    tensors = {}
    for part, modules in changes.items():
        for name, (down, up) in modules.items():
            full = (spelled or {}).get(name, name) if part == "unet" else text_name(name)
            key = starts[part] + full.replace(".", "_")
            tensors |= {f"{key}.lora_down.weight": down, f"{key}.lora_up.weight": up}
            tensors[f"{key}.alpha"] = torch.tensor(2.0)
    return tensors


def peft(changes: dict[str, dict[str, Pair]]) -> dict[str, Tensor]:
    """As diffusers saves them today."""
    tensors = {}
    for part, modules in changes.items():
        for name, (down, up) in modules.items():
            key = f"{part}.{name if part == 'unet' else text_name(name)}"
            tensors |= {f"{key}.lora_A.weight": down, f"{key}.lora_B.weight": up}
    return tensors


def old_diffusers(changes: dict[str, dict[str, Pair]]) -> dict[str, Tensor]:
    """As diffusers saved the attention's LoRA in 2023."""
    tensors = {}
    for part, modules in changes.items():
        for name, (down, up) in modules.items():
            module, _, layer = name.replace(".to_out.0", ".to_out").rpartition(".")
            if part == "unet" and layer in ("to_q", "to_k", "to_v", "to_out"):
                key = f"unet.{module}.processor.{layer}_lora"
            elif part != "unet" and layer.endswith("_proj"):
                key = f"{part}.{text_name(module)}.to_{layer.removesuffix('_proj')}_lora"
            else:
                continue
            tensors |= {f"{key}.down.weight": down, f"{key}.up.weight": up}
    return tensors


LAYOUTS = {"kohya": kohya, "peft": peft, "old": old_diffusers}
