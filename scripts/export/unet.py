"""The UNet of a diffusers model as a module that can be traced for every size and precision."""

import math
from typing import Any

import torch
from diffusers import UNet2DConditionModel
from torch import Tensor

from .attention import TraceableAttention
from .errors import bad_data

INPUTS = ("latent", "timestep", "context")

# Configuration keys that call for inputs or parts which bundles do not have yet, and their
# harmless values.
_UNSUPPORTED: dict[str, tuple[Any, ...]] = {
    "addition_embed_type": (None,),
    "class_embed_type": (None,),
    "cross_attention_norm": (None,),
    "dual_cross_attention": (False, None),
    "encoder_hid_dim": (None,),
    "encoder_hid_dim_type": (None,),
    "num_class_embeds": (None,),
    "time_cond_proj_dim": (None,),
    "time_embedding_type": ("positional",),
}


def build_unet(config: dict[str, Any], where: str) -> UNet2DConditionModel:
    """diffusers' own UNet on the meta device; refuses what a bundle cannot express."""
    with torch.device("meta"):
        unet = UNet2DConditionModel.from_config(config)
    for key, harmless in _UNSUPPORTED.items():
        if (value := unet.config.get(key)) not in harmless:
            raise bad_data(f"{where}: {key} = {value!r} is not supported; export a plain SD model")
    return unet


def run_unet(unet: UNet2DConditionModel, *inputs: Tensor) -> tuple[Tensor, ...]:
    """The eager model's answer, for comparison."""
    return unet(*inputs, return_dict=False)


class TraceableUNet(UNet2DConditionModel):
    """Same parameters, names and numbers as diffusers' class; nothing in its graph names a device
    or a dtype."""

    @classmethod
    def of(cls, unet: UNet2DConditionModel) -> "TraceableUNet":
        """Shares the parameters of `unet`."""
        with torch.device("meta"):
            traceable = cls.from_config(unet.config)
        traceable.load_state_dict(unet.state_dict(), strict=True, assign=True)
        traceable.set_attn_processor(TraceableAttention())
        return traceable.eval().requires_grad_(False)

    def forward(self, latent: Tensor, timestep: Tensor, context: Tensor) -> Tensor:
        """latent (N, C, h, w), timestep (N) float32, context (N, T, W) -> (N, C, h, w)."""
        return super().forward(latent, timestep, context, return_dict=False)[0]

    def get_time_embed(self, sample: Tensor, timestep: Tensor) -> Tensor:
        """Sinusoids of the timestep (N) in float32 -> (N, channels) in the latent's dtype.

        0, 1, ..., half-1 comes from a running sum over the timestep's own zeros: an `arange` would
        freeze a device, and a float buffer would lose digits when the module is cast.
        """
        proj = self.time_proj
        half = proj.num_channels // 2
        index = (timestep[:1] * 0 + 1).expand(half).cumsum(0) - 1
        frequencies = torch.exp(-math.log(10000) * index / (half - proj.downscale_freq_shift))
        angles = proj.scale * (timestep[:, None] * frequencies[None, :])
        parts = [torch.sin(angles), torch.cos(angles)]
        if proj.flip_sin_to_cos:
            parts.reverse()
        return torch.cat(parts, dim=-1).type_as(sample)
