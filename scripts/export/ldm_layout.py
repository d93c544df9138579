"""Which parts one file in the original layout holds, and under which names: tools have put prefixes of their own before
the makers' names, or taken these away."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from .errors import bad_data
from .ldm_names import UNET_PREFIX, VAE_PREFIX
from .safetensors_header import TensorEntry

_UNET_FIRST = "input_blocks.0.0.weight"
_UNET_STARTS = (UNET_PREFIX, "diffusion_model.", "")
_UNET_BLOCK = re.compile(r"(input_blocks|middle_block|output_blocks|out|time_embed|label_emb)\.")
_VAE_FIRST = "decoder.conv_in.weight"
_VAE_STARTS = (VAE_PREFIX, "vae.", "")
_VAE_BLOCK = re.compile(r"(encoder|decoder|quant_conv|post_quant_conv|loss)\.")
# Not the UNet of the model, though its tensors are called like those of one.
_OTHER_UNETS = re.compile(r"(.*\.)?(control_model|model_ema)\.")
_TOKENS_OF_CLIP, _TOKENS_OF_OPEN_CLIP = "embeddings.token_embedding.weight", "token_embedding.weight"
# What tools put between the place of a text encoder and transformers' or OpenCLIP's names.
_CLIP_STARTS = ("transformer.text_model.", "transformer.", "text_model.", "model.transformer.text_model.", "")
_OPEN_CLIP_STARTS = ("model.", "")
_OPEN_CLIP_WIDTH = 1024  # of the contexts of SD 2


class Tensor(NamedTuple):
    """A tensor of the file."""

    name: str  # in the file
    entry: TensorEntry


Tensors = dict[str, Tensor]  # by the makers' names


@dataclass(frozen=True)
class TextPlace:
    """Where a text encoder lies."""

    slot: str  # the place that SD's code has for it: start of its names and of what lies beside
    start: str  # of its tensors
    is_open_clip: bool  # in OpenCLIP's layout
    width: int


# Family -> the text encoders it has: part of diffusers and slot.
_SD = (("text_encoder", "cond_stage_model."),)
_SD_OF_SGM = (("text_encoder", "conditioner.embedders.0."),)
_XL = (("text_encoder", "conditioner.embedders.0."), ("text_encoder_2", "conditioner.embedders.1."))
_XL_REFINER = (("text_encoder_2", "conditioner.embedders.0."),)
_BARE = (("text_encoder", ""),)


def makers_names(header: Mapping[str, TensorEntry], path: Path) -> Tensors:
    """Every tensor by the name that the makers gave it; what is not known keeps its own."""
    wrapper, unet = _unet_place(header)
    inner = {name.removeprefix(wrapper): Tensor(name, entry) for name, entry in header.items()}
    if len(inner) != len(header):
        twin = next(name for name in header if inner[name.removeprefix(wrapper)].name != name)
        raise bad_data(f"{path} has tensor '{twin}' twice, with and without '{wrapper}' before its name")
    vae = next((start for start in _VAE_STARTS if start + _VAE_FIRST in inner), VAE_PREFIX)
    moves = ((unet, UNET_PREFIX, _UNET_BLOCK), (vae, VAE_PREFIX, _VAE_BLOCK))
    return {_moved(name, moves): tensor for name, tensor in inner.items()}


def _unet_place(header: Mapping[str, TensorEntry]) -> tuple[str, str]:
    """What is before all names of the file, and what is before those of its UNet then."""
    starts = [n.removesuffix(_UNET_FIRST) for n in header if n.endswith(_UNET_FIRST) and not _OTHER_UNETS.match(n)]
    for known in _UNET_STARTS:
        for start in starts:
            if start.endswith(known) and (start == known or start.removesuffix(known).endswith(".")):
                return start.removesuffix(known), known
    return "", UNET_PREFIX


def _moved(name: str, moves: tuple[tuple[str, str, re.Pattern[str]], ...]) -> str:
    for old, new, block in moves:
        if old != new and name.startswith(old) and block.match(name.removeprefix(old)):
            return new + name.removeprefix(old)
    return name


def text_places(tensors: Tensors) -> tuple[str | None, dict[str, TextPlace]]:
    """The model's family and where its text encoders are; the UNet of XL models has a label embedding."""
    is_xl = f"{UNET_PREFIX}label_emb.0.0.weight" in tensors
    for family, slots in _families(is_xl):
        places = {part: place for part, slot in slots if (place := _text_place(tensors, slot)) is not None}
        if len(places) == len(slots):
            return family or _family_of_sd(places["text_encoder"]), places
    return None, {}


def _families(is_xl: bool) -> Iterator[tuple[str | None, tuple[tuple[str, str], ...]]]:
    if is_xl:
        yield "sdxl", _XL
        yield "sdxl_refiner", _XL_REFINER
    else:
        yield from ((None, slots) for slots in (_SD, _SD_OF_SGM, _BARE))


def _family_of_sd(place: TextPlace) -> str:
    return "sd2" if place.is_open_clip or place.width == _OPEN_CLIP_WIDTH else "sd1"


def _text_place(tensors: Tensors, slot: str) -> TextPlace | None:
    kinds = ((_CLIP_STARTS, _TOKENS_OF_CLIP, False), (_OPEN_CLIP_STARTS, _TOKENS_OF_OPEN_CLIP, True))
    for inners, tokens, is_open_clip in kinds:
        for inner in inners:
            if (found := tensors.get(slot + inner + tokens)) is not None and len(found.entry.shape) == 2:
                return TextPlace(slot, slot + inner, is_open_clip, found.entry.shape[1])
    return None
