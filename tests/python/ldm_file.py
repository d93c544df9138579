"""Writes a model in the original layout: one .safetensors file, as the makers of Stable Diffusion published them.

    python tests/python/ldm_file.py sd1 FOLDER FILE

FOLDER has the same model as diffusers saves it.
"""

import sys
from pathlib import Path

import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from safetensors.torch import load_file, save_file
from torch import Tensor

# Start of each text encoder's tensors by the family's kind.
OPEN_CLIP = {"sd2": "cond_stage_model.model.", "sdxl-refiner": "conditioner.embedders.0.model."}


def write_ldm_file(folder: Path, path: Path, family: str, dtype: torch.dtype = torch.float32) -> Path:
    """The weights of a diffusers folder, renamed, with what such files hold beside them."""
    levels = DDIMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
    tensors = {"alphas_cumprod": levels.alphas_cumprod, "betas": levels.betas}
    tensors |= {f"model.diffusion_model.{n}": t for n, t in ldm_unet(folder).items()}
    tensors |= {f"first_stage_model.{n}": t for n, t in ldm_vae(folder).items()}
    tensors["first_stage_model.loss.logvar"] = torch.zeros(())
    tensors |= _texts(folder, family)
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.to(dtype).contiguous() for name, tensor in tensors.items()}, path)
    return path


def ldm_unet(folder: Path) -> dict[str, Tensor]:
    """The UNet's tensors, renamed block by block as its makers built it."""
    unet = UNet2DConditionModel.from_pretrained(folder / "unet")
    places = {
        "conv_in": "input_blocks.0.0",
        "time_embedding.linear_1": "time_embed.0",
        "time_embedding.linear_2": "time_embed.2",
        "time_embedding.cond_proj": "time_embed.cond_proj",
        "add_embedding.linear_1": "label_emb.0.0",
        "add_embedding.linear_2": "label_emb.0.2",
        "mid_block.resnets.0": "middle_block.0",
        "mid_block.attentions.0": "middle_block.1",
        "mid_block.resnets.1": "middle_block.2",
        "conv_norm_out": "out.0",
        "conv_out": "out.2",
    }
    count = 1
    for i, block in enumerate(unet.down_blocks):
        for j in range(len(block.resnets)):
            places[f"down_blocks.{i}.resnets.{j}"] = f"input_blocks.{count}.0"
            places[f"down_blocks.{i}.attentions.{j}"] = f"input_blocks.{count}.1"
            count += 1
        if block.downsamplers:
            places[f"down_blocks.{i}.downsamplers.0.conv"] = f"input_blocks.{count}.0.op"
            count += 1
    count = 0
    for i, block in enumerate(unet.up_blocks):
        for j in range(len(block.resnets)):
            places[f"up_blocks.{i}.resnets.{j}"] = f"output_blocks.{count}.0"
            places[f"up_blocks.{i}.attentions.{j}"] = f"output_blocks.{count}.1"
            count += 1
        if block.upsamplers:
            last = 1 + hasattr(block, "attentions")
            places[f"up_blocks.{i}.upsamplers.0.conv"] = f"output_blocks.{count - 1}.{last}.conv"
    inner = {
        "norm1": "in_layers.0",
        "conv1": "in_layers.2",
        "time_emb_proj": "emb_layers.1",
        "norm2": "out_layers.0",
        "conv2": "out_layers.3",
        "conv_shortcut": "skip_connection",
    }
    return {_moved(name, places, inner, ".resnets."): tensor for name, tensor in unet.state_dict().items()}


def ldm_vae(folder: Path) -> dict[str, Tensor]:
    """The VAE's tensors; its attention is made of 1x1 convolutions."""
    vae = AutoencoderKL.from_pretrained(folder / "vae")
    levels = len(vae.config.block_out_channels)
    places = {f"{half}.conv_norm_out": f"{half}.norm_out" for half in ("encoder", "decoder")}
    for half in ("encoder", "decoder"):
        places |= {f"{half}.mid_block.resnets.{j}": f"{half}.mid.block_{j + 1}" for j in range(2)}
        places[f"{half}.mid_block.attentions.0"] = f"{half}.mid.attn_1"
    for i in range(levels):
        for j in range(vae.config.layers_per_block + 1):
            places[f"encoder.down_blocks.{i}.resnets.{j}"] = f"encoder.down.{i}.block.{j}"
            places[f"decoder.up_blocks.{i}.resnets.{j}"] = f"decoder.up.{levels - 1 - i}.block.{j}"
        places[f"encoder.down_blocks.{i}.downsamplers.0"] = f"encoder.down.{i}.downsample"
        places[f"decoder.up_blocks.{i}.upsamplers.0"] = f"decoder.up.{levels - 1 - i}.upsample"
    inner = {
        "conv_shortcut": "nin_shortcut",
        "group_norm": "norm",
        "to_q": "q",
        "to_k": "k",
        "to_v": "v",
        "to_out.0": "proj_out",
    }
    tensors = {}
    for name, tensor in vae.state_dict().items():
        moved = _moved(name, places, inner, "")
        is_matrix = tensor.ndim == 2
        tensors[moved] = tensor[..., None, None] if is_matrix else tensor
    return tensors


def open_clip(folder: Path, part: str) -> dict[str, Tensor]:
    """A text encoder as OpenCLIP stores it: q, k and v in one tensor."""
    file = load_file(folder / part / "model.safetensors")
    states = {name.removeprefix("text_model."): tensor for name, tensor in file.items()}
    tensors = {
        "positional_embedding": states.pop("embeddings.position_embedding.weight"),
        "token_embedding.weight": states.pop("embeddings.token_embedding.weight"),
        "ln_final.weight": states.pop("final_layer_norm.weight"),
        "ln_final.bias": states.pop("final_layer_norm.bias"),
        "text_projection": states.pop("text_projection.weight", torch.zeros(12, 24)).T,
        "logit_scale": torch.ones(()),
    }
    names = {"layer_norm1": "ln_1", "layer_norm2": "ln_2", "self_attn": "attn", "fc1": "c_fc", "fc2": "c_proj"}
    for name, tensor in states.items():
        moved = name.replace("encoder.layers", "transformer.resblocks")
        for new, old in names.items():
            moved = moved.replace(f".{new}.", f".{old}.")
        if ".q_proj." in moved:
            three = [states[name.replace("q_proj", f"{letter}_proj")] for letter in "qkv"]
            tensors[moved.replace("q_proj.", "in_proj_")] = torch.cat(three)
        elif ".k_proj." not in moved and ".v_proj." not in moved:
            tensors[moved] = tensor
    return tensors


def _texts(folder: Path, family: str) -> dict[str, Tensor]:
    if family == "sd2":
        tensors = open_clip(folder, "text_encoder")
        last = [(n, t) for n, t in tensors.items() if ".resblocks.2." in n]
        tensors |= {n.replace(".2.", ".3."): torch.zeros_like(t) for n, t in last}  # the layer that SD 2 skips
        return {f"{OPEN_CLIP['sd2']}{name}": tensor for name, tensor in tensors.items()}
    tensors = {}
    if family in ("sdxl", "sdxl-refiner"):
        start = OPEN_CLIP.get(family, "conditioner.embedders.1.model.")
        tensors = {f"{start}{name}": tensor for name, tensor in open_clip(folder, "text_encoder_2").items()}
    if family != "sdxl-refiner":
        start = "conditioner.embedders.0.transformer." if family == "sdxl" else "cond_stage_model.transformer."
        clip = load_file(folder / "text_encoder/model.safetensors")
        tensors |= {f"{start}text_model.{n.removeprefix('text_model.')}": t for n, t in clip.items()}
        tensors[f"{start}text_model.embeddings.position_ids"] = torch.arange(77.0)[None]
    return tensors


def _moved(name: str, places: dict[str, str], inner: dict[str, str], where: str) -> str:
    """The longest place that the name starts with, then what is inside of it."""
    place = max((place for place in places if name.startswith(f"{place}.")), key=len, default=None)
    if place is None:
        return name
    rest = name.removeprefix(f"{place}.")
    if where in name:
        module, _, kind = rest.rpartition(".")
        rest = f"{inner.get(module, module)}.{kind}" if module else rest
    return f"{places[place]}.{rest}"


if __name__ == "__main__":
    write_ldm_file(Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[1])
