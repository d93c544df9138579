"""Decoder and encoder of an AutoencoderKL as modules of their own, traceable for every size."""

from typing import Any

import torch
from diffusers import AutoencoderKL
from torch import Tensor, nn

from .attention import TraceableAttention
from .errors import bad_data, describing


def build_vae(config: dict[str, Any], where: str) -> AutoencoderKL:
    """diffusers' own VAE on the meta device; refuses what a bundle cannot express."""
    with torch.device("meta"), describing(where):
        vae = AutoencoderKL.from_config(config)
    for key in ("latents_mean", "latents_std"):
        values = vae.config.get(key)
        if values is not None and len(values) != vae.config.latent_channels:
            raise bad_data(f"{where}: {key} has {len(values)} values for {vae.config.latent_channels} channels")
    if (vae.config.get("latents_mean") is None) != (vae.config.get("latents_std") is None):
        raise bad_data(f"{where}: latents_mean and latents_std must come together")
    return vae


def vae_factor(config: dict[str, Any]) -> int:
    """Pixels per latent value along a side."""
    return 2 ** (len(config["block_out_channels"]) - 1)


def run_decoder(vae: AutoencoderKL, latent: Tensor) -> tuple[Tensor, ...]:
    """The eager model's answer, for comparison."""
    return vae.decode(latent, return_dict=False)


def run_encoder(vae: AutoencoderKL, image: Tensor) -> tuple[Tensor, ...]:
    """The eager model's moments, for comparison."""
    return (vae.encode(image).latent_dist.parameters,)


class TraceableDecoder(nn.Module):
    """latent (N, C, h, w), already divided by the scaling factor -> image (N, 3, f*h, f*w)."""

    def __init__(self, vae: AutoencoderKL) -> None:
        super().__init__()
        self.post_quant_conv = vae.post_quant_conv or nn.Identity()
        self.decoder = _with_traceable_attention(vae.decoder)

    def forward(self, latent: Tensor) -> Tensor:
        return self.decoder(self.post_quant_conv(latent))


class TraceableEncoder(nn.Module):
    """image (N, 3, f*h, f*w) in [-1, 1] -> moments (N, 2*C, h, w): mean, log variance."""

    def __init__(self, vae: AutoencoderKL) -> None:
        super().__init__()
        self.encoder = _with_traceable_attention(vae.encoder)
        self.quant_conv = vae.quant_conv or nn.Identity()

    def forward(self, image: Tensor) -> Tensor:
        return self.quant_conv(self.encoder(image))


def _with_traceable_attention(half: nn.Module) -> nn.Module:
    """One mid block with one attention layer is all that encoder and decoder have."""
    for attention in getattr(half.mid_block, "attentions", None) or []:
        if attention is not None:
            attention.set_processor(TraceableAttention())
    return half
