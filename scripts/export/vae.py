"""Decoder and encoder of a VAE as modules of their own, traceable for every size."""

from typing import Any

import torch
from diffusers import AutoencoderKL, AutoencoderTiny
from torch import Tensor, nn

from .attention import TraceableAttention
from .errors import bad_data, describing

Vae = AutoencoderKL | AutoencoderTiny

VAE_ENCODER = "vae_encoder.pt"  # in the bundle; the decoder of a tiny VAE may come without it
_CLASSES = {"AutoencoderKL": AutoencoderKL, "AutoencoderTiny": AutoencoderTiny}


def build_vae(config: dict[str, Any], where: str) -> Vae:
    """diffusers' own VAE on the meta device; refuses what a bundle cannot express."""
    kind = config.get("_class_name") or "AutoencoderKL"
    if kind not in _CLASSES:
        raise bad_data(f"{where}: {kind} is not supported; {' and '.join(_CLASSES)} are")
    with torch.device("meta"), describing(where):
        vae = _CLASSES[kind].from_config(config)
    for key in ("latents_mean", "latents_std"):
        values = vae.config.get(key)
        if values is not None and len(values) != vae.config.latent_channels:
            raise bad_data(f"{where}: {key} has {len(values)} values for {vae.config.latent_channels} channels")
    if (vae.config.get("latents_mean") is None) != (vae.config.get("latents_std") is None):
        raise bad_data(f"{where}: latents_mean and latents_std must come together")
    if vae.config.get("upsampling_scaling_factor", 2) != 2:
        raise bad_data(f"{where}: upsampling_scaling_factor must be 2")
    return vae


def is_tiny(config: Any) -> bool:
    """TAESD: its encoder gives a latent, no distribution of latents. `config` is the built model's, or a file's."""
    return config.get("decoder_block_out_channels") is not None or config.get("_class_name") == "AutoencoderTiny"


def without_encoder(vae: Vae) -> Vae:
    """Of a file that holds the decoder alone."""
    vae.encoder = None
    return vae


def vae_factor(config: dict[str, Any]) -> int:
    """Pixels per latent value along a side."""
    return 2 ** (len(config["block_out_channels"]) - 1)


def run_decoder(vae: Vae, latent: Tensor) -> tuple[Tensor, ...]:
    """The eager model's answer, for comparison."""
    return vae.decode(latent, return_dict=False)


def run_encoder(vae: Vae, image: Tensor) -> tuple[Tensor, ...]:
    """The eager model's moments, or its latent, for comparison."""
    if isinstance(vae, AutoencoderTiny):
        return vae.encode(image, return_dict=False)
    return (vae.encode(image).latent_dist.parameters,)


class TraceableDecoder(nn.Module):
    """latent (N, C, h, w), already divided by the scaling factor -> image (N, 3, f*h, f*w)."""

    def __init__(self, vae: Vae) -> None:
        super().__init__()
        self.post_quant_conv = getattr(vae, "post_quant_conv", None) or nn.Identity()
        self.decoder = _with_traceable_attention(vae.decoder)

    def forward(self, latent: Tensor) -> Tensor:
        return self.decoder(self.post_quant_conv(latent))


class TraceableEncoder(nn.Module):
    """image (N, 3, f*h, f*w) in [-1, 1] -> moments (N, 2*C, h, w): mean, log variance; of a tiny VAE the latent
    (N, C, h, w)."""

    def __init__(self, vae: Vae) -> None:
        super().__init__()
        self.encoder = _with_traceable_attention(vae.encoder)
        self.quant_conv = getattr(vae, "quant_conv", None) or nn.Identity()

    def forward(self, image: Tensor) -> Tensor:
        return self.quant_conv(self.encoder(image))


def _with_traceable_attention(half: nn.Module) -> nn.Module:
    """One mid block with one attention layer is all that encoder and decoder have, if that."""
    for attention in getattr(getattr(half, "mid_block", None), "attentions", None) or []:
        if attention is not None:
            attention.set_processor(TraceableAttention())
    return half
