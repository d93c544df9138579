"""Names of the original layout, against diffusers' own conversion of it, on the published architectures."""

import json
from typing import Any

import pytest
import torch
from diffusers.loaders import single_file_utils
from export.ldm_names import UNET_PREFIX, VAE_PREFIX, open_clip_name, unet_name, vae_name
from export.single_file import CONFIGS
from export.text_encoder import build_text_encoder
from export.unet import build_unet
from export.vae import build_vae
from torch import Tensor, nn

# Published counts of parameters.
UNETS = {"sd1": 859_520_964, "sd2": 865_910_724, "sdxl": 2_567_463_684, "sdxl_refiner": None}
OPEN_CLIPS = {
    "sd2": ("text_encoder", "cond_stage_model.model.", 340_387_840),
    "sdxl": ("text_encoder_2", "conditioner.embedders.1.model.", 694_659_840),
}


def facts(family: str) -> dict[str, Any]:
    return json.loads((CONFIGS / f"{family}.json").read_text(encoding="utf-8"))


def shapes(tensors: dict[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize("family", UNETS)
def test_unet_names(family: str) -> None:
    config = facts(family)["unet"]
    unet = build_unet(config, family)
    assert UNETS[family] in (None, count(unet))
    state = unet.state_dict()
    original = {UNET_PREFIX + unet_name(name, config).name: tensor for name, tensor in state.items()}
    assert len(original) == len(state)
    converted = single_file_utils.convert_ldm_unet_checkpoint(original, unet.config)
    assert shapes(converted) == shapes(state)


def test_vae_names() -> None:
    config = facts("sd1")["vae"]
    vae = build_vae(config, "sd1")
    assert count(vae) == 83_653_863
    state = vae.state_dict()
    original = {VAE_PREFIX + vae_name(name, config).name: tensor for name, tensor in state.items()}
    converted = single_file_utils.convert_ldm_vae_checkpoint(original, vae.config)
    assert shapes(converted) == shapes(state)


@pytest.mark.parametrize("family", OPEN_CLIPS)
def test_open_clip_names(family: str) -> None:
    part, start, parameters = OPEN_CLIPS[family]
    model = build_text_encoder(facts(family)[part], family)
    assert count(model) == parameters
    original: dict[str, Tensor] = {}
    for name, tensor in model.state_dict().items():
        place = open_clip_name(name.removeprefix("text_model."))
        size = tensor.shape if place.third is None else (3 * tensor.shape[0], *tensor.shape[1:])
        shape = size[::-1] if place.is_transposed else size
        original[start + place.name] = torch.empty(shape, device="meta")
    converted = single_file_utils.convert_open_clip_checkpoint(model, original, prefix=start)
    names = {name.removeprefix("text_model."): shape for name, shape in shapes(converted).items()}
    assert names == {n.removeprefix("text_model."): shape for n, shape in shapes(model.state_dict()).items()}
