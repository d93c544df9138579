"""What a file is that people take for a model in the original layout, and what to do with it."""

import re
from collections.abc import Collection
from pathlib import Path

from .errors import bad_data

# A tensor's name -> what a file with it is.
_STRANGERS = (
    (r"lora_|.*\.lora", "a LoRA; give it with --lora beside the model it belongs to"),
    (r"emb_params|clip_[lg]$", "an embedding; give it with --embedding beside the model it belongs to"),
    (r"(model\.diffusion_model\.)?joint_blocks\.", "a Stable Diffusion 3 model, which is not supported"),
    (r"(model\.diffusion_model\.)?double_blocks\.", "a Flux model, which is not supported"),
    (r"control_model\.|input_hint_block\.", "a ControlNet, which is not supported"),
    (
        r"(first_stage_model\.|vae\.)?(encoder|decoder)\.|taesd_|\d+\.(conv\.\d+\.)?weight$",
        "a VAE; give it with --vae beside the model it belongs to",
    ),
    (
        r"(down_blocks|up_blocks|mid_block)\.",
        "a lone UNet of diffusers; SOURCE is the whole diffusers folder that it belongs to",
    ),
    (r"model_ema\.", "nothing but averaged weights of a training; get the file with the model itself"),
    (
        r"(.*\.)?(text_model|transformer)\.|(.*\.)?token_embedding\.weight$",
        "a lone text encoder; SOURCE is the whole model that it belongs to",
    ),
)
# Channels of a UNet that sees a picture beside the latent -> what such a model is.
_PICTURE_MODELS = {5: "a depth-to-image model", 7: "an upscaler", 8: "an InstructPix2Pix model"}
_LONE_UNET = (
    "is a lone UNet: no text encoder and no VAE are in it; get the whole model, or put the UNet into one: save "
    "diffusers' UNet2DConditionModel.from_single_file(FILE) to unet/ of a diffusers folder"
)


def refuse_stranger(path: Path, names: Collection[str]) -> None:
    """Of a file without a UNet in the original layout."""
    for pattern, what in _STRANGERS:
        if any(re.match(pattern, name) for name in names):
            raise bad_data(f"{path} is {what}")
    first = next(iter(names), "none")
    raise bad_data(
        f"{path} is no Stable Diffusion model in the original layout: it has no tensor "
        f"'model.diffusion_model.input_blocks...' (its first tensor is '{first}')"
    )


def refuse_picture_model(path: Path, channels: int) -> None:
    """Of a file whose UNet takes so many channels."""
    if (what := _PICTURE_MODELS.get(channels)) is not None:
        raise bad_data(
            f"{path} is {what} (its UNet takes {channels} channels), which needs a picture and is not supported"
        )


def refuse_without_text(path: Path, names: Collection[str], unet: str, vae: str) -> None:
    """Of a file with a UNet, but not with the text encoders of a model that is known."""
    if not any(name.startswith(("cond_stage_model.", "conditioner.", vae)) for name in names):
        raise bad_data(f"{path} {_LONE_UNET}")
    if any(name.startswith("cond_stage_model.roberta.") for name in names):
        raise bad_data(f"{path} is an AltDiffusion model, which is not supported")
    if any(name.startswith(("embedder.", "noise_augmentor.")) for name in names):
        raise bad_data(f"{path} is an unCLIP model, which draws variations of a picture and is not supported")
    starts = sorted({".".join(name.split(".")[:3]) for name in names if not name.startswith((unet, vae))})
    raise bad_data(
        f"{path} has no text encoder that is known for its kind (beside UNet and VAE it has "
        f"{', '.join(starts[:5]) or 'nothing'}); SOURCE must be a whole model"
    )
