"""The original (CompVis, Stability) names of Stable Diffusion's tensors, by those of diffusers and transformers."""

import re
from typing import Any, NamedTuple

UNET_PREFIX = "model.diffusion_model."
VAE_PREFIX = "first_stage_model."

_UNET_ENDS = {
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "time_embedding.cond_proj": "time_embed.cond_proj",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
}
_UNET_RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
_SD_UP_BLOCKS = ("UpBlock2D", *("CrossAttnUpBlock2D",) * 3)  # where a configuration says nothing
_LAYERS = 2  # where a configuration says nothing
_COUNTED = "counted_layers_per_block"  # of `unet_numberings`, no key of diffusers
_UNET_MIDDLE = {"resnets.0": 0, "attentions.0": 1, "resnets.1": 2}
_UNET_BLOCK = re.compile(r"(down|up)_blocks\.(\d+)\.(resnets|attentions|downsamplers|upsamplers)\.(\d+)\.?(.*)")
_UNET_MID = re.compile(r"mid_block\.((?:resnets|attentions)\.\d+)\.?(.*)")

# The makers' spelling, then those that converters between the layouts have left in files.
_VAE_ATTENTION = {
    "group_norm": ("norm", "group_norm"),
    "to_q": ("q", "to_q", "query"),
    "to_k": ("k", "to_k", "key"),
    "to_v": ("v", "to_v", "value"),
    "to_out.0": ("proj_out", "to_out.0", "proj_attn"),
}
_VAE_BLOCK = re.compile(
    r"(encoder|decoder)\.(down|up)_blocks\.(\d+)\.(?:resnets\.(\d+)|(down|up)samplers\.0)\.(.*)\.(weight|bias)"
)
_VAE_MID = re.compile(r"(encoder|decoder)\.mid_block\.(resnets|attentions)\.(\d+)\.(.*)\.(weight|bias)")

_OPEN_CLIP_ENDS = {
    "embeddings.position_embedding.weight": "positional_embedding",
    "embeddings.token_embedding.weight": "token_embedding.weight",
    "final_layer_norm.weight": "ln_final.weight",
    "final_layer_norm.bias": "ln_final.bias",
}
_OPEN_CLIP_LAYER = {
    "layer_norm1": "ln_1",
    "layer_norm2": "ln_2",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
    "self_attn.out_proj": "attn.out_proj",
}
_OPEN_CLIP_THIRDS = {"q_proj": 0, "k_proj": 1, "v_proj": 2}
_TEXT_LAYER = re.compile(r"encoder\.layers\.(\d+)\.(.*)\.(weight|bias)")


class LdmName(NamedTuple):
    """Where a parameter lies in the original layout."""

    name: str
    third: int | None = None  # of a tensor that holds the weights of q, k and v
    is_transposed: bool = False


def unet_module_name(module: str, config: dict[str, Any]) -> str:
    """A module of UNet2DConditionModel (no `.weight`), for instance down_blocks.0.attentions.1.proj_in."""
    if module in _UNET_ENDS:
        return _UNET_ENDS[module]
    if found := _UNET_MID.fullmatch(module):
        return f"middle_block.{_UNET_MIDDLE[found[1]]}.{_inside(found[2])}"
    if found := _UNET_BLOCK.fullmatch(module):
        side, level, kind, index, rest = found[1], int(found[2]), found[3], int(found[4]), found[5]
        return _block_name(side, level, kind, index, rest, config)
    return module


def unet_name(parameter: str, config: dict[str, Any]) -> LdmName:
    """A parameter of UNet2DConditionModel."""
    module, _, kind = parameter.rpartition(".")
    return LdmName(f"{unet_module_name(module, config)}.{kind}")


def unet_numberings(config: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    """The configuration, and one that numbers blocks as diffusers' converter does: by two layers to a level, whatever
    the model has, which leaves gaps in a model with one."""
    is_usual = config.get("layers_per_block", _LAYERS) == _LAYERS
    return (config,) if is_usual else (config, {**config, _COUNTED: _LAYERS})


def vae_name(parameter: str, config: dict[str, Any]) -> LdmName:
    """A parameter of AutoencoderKL."""
    return vae_names(parameter, config)[0]


def vae_names(parameter: str, config: dict[str, Any]) -> tuple[LdmName, ...]:
    """A parameter of AutoencoderKL in all spellings, the usual one first."""
    if found := _VAE_BLOCK.fullmatch(parameter):
        half, side, level, resnet, _, module, kind = found.groups()
        level = int(level) if side == "down" else len(config["block_out_channels"]) - 1 - int(level)
        inner = f"{side}sample" if resnet is None else f"block.{resnet}"
        return (LdmName(f"{half}.{side}.{level}.{inner}.{module.replace('conv_shortcut', 'nin_shortcut')}.{kind}"),)
    if found := _VAE_MID.fullmatch(parameter):
        half, layer, index, module, kind = found.groups()
        if layer == "attentions":
            return tuple(LdmName(f"{half}.mid.attn_1.{spelling}.{kind}") for spelling in _VAE_ATTENTION[module])
        return (LdmName(f"{half}.mid.block_{int(index) + 1}.{module}.{kind}"),)
    return (LdmName(parameter.replace("conv_norm_out", "norm_out")),)


def open_clip_name(parameter: str) -> LdmName:
    """A parameter of CLIPTextModel, without `text_model.`, in OpenCLIP's layout."""
    if parameter == "text_projection.weight":
        return LdmName("text_projection", is_transposed=True)
    if found := _TEXT_LAYER.fullmatch(parameter):
        layer, module, kind = found.groups()
        block = f"transformer.resblocks.{layer}"
        third = _OPEN_CLIP_THIRDS.get(module.removeprefix("self_attn."))
        if third is not None:
            return LdmName(f"{block}.attn.in_proj_{kind}", third)
        return LdmName(f"{block}.{_OPEN_CLIP_LAYER[module]}.{kind}")
    return LdmName(_OPEN_CLIP_ENDS[parameter])


def _inside(rest: str) -> str:
    """The inner name of a residual block or a transformer."""
    return _UNET_RESNET.get(rest, rest)


def _block_name(side: str, level: int, kind: str, index: int, rest: str, config: dict[str, Any]) -> str:
    """Blocks are counted through all levels; one with a residual block may have a transformer and a resampler."""
    layers = _layers(side, config)
    first = sum(layers[:level]) + level
    if side == "down":
        if kind == "downsamplers":
            return f"input_blocks.{first + layers[level] + 1}.0.op"
        return f"input_blocks.{first + index + 1}.{int(kind == 'attentions')}.{_inside(rest)}"
    if kind == "upsamplers":
        place = 2 if "CrossAttn" in config.get("up_block_types", _SD_UP_BLOCKS)[level] else 1
        return f"output_blocks.{first + layers[level]}.{place}.conv"
    return f"output_blocks.{first + index}.{int(kind == 'attentions')}.{_inside(rest)}"


def _layers(side: str, config: dict[str, Any]) -> list[int]:
    """By which a side's blocks are counted, for each of its levels."""
    layers = config.get(_COUNTED, config.get("layers_per_block", _LAYERS))
    levels = len(config.get("up_block_types", _SD_UP_BLOCKS))
    each = list(layers) if isinstance(layers, (list, tuple)) else [layers] * levels
    return each if side == "down" else each[::-1]
