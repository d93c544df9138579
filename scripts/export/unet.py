"""The UNet of a diffusers model as a module that can be traced for every size and precision."""

import math
from typing import Any

import torch
from diffusers import StableDiffusionPipeline, UNet2DConditionModel
from diffusers.models.embeddings import Timesteps
from torch import Tensor

from .attention import TraceableAttention
from .errors import bad_data, describing

# Names that diffusers gives to the entries of time_ids; the refiner's last one is not a size.
SIZES = ("original_height", "original_width", "crop_top", "crop_left", "target_height", "target_width")
AESTHETIC = (*SIZES[:4], "aesthetic_score")

# Configuration keys that call for inputs or parts which bundles do not have, and their harmless values.
_UNSUPPORTED: dict[str, tuple[Any, ...]] = {
    "addition_embed_type": (None, "text_time"),
    "attention_type": ("default", None),
    "class_embed_type": (None,),
    "cross_attention_norm": (None,),
    "dual_cross_attention": (False, None),
    "encoder_hid_dim": (None,),
    "encoder_hid_dim_type": (None,),
    "num_class_embeds": (None,),
    "time_embedding_type": ("positional",),
}


def build_unet(config: dict[str, Any], where: str) -> UNet2DConditionModel:
    """diffusers' own UNet on the meta device; refuses what a bundle cannot express."""
    if config.get("norm_num_groups", 0) is None:
        raise bad_data(f"{where}: norm_num_groups is null, of which diffusers makes no UNet; give the number")
    with torch.device("meta"), describing(where):
        unet = UNet2DConditionModel.from_config(config | _context_width(config, where))
    for key, harmless in _UNSUPPORTED.items():
        if (value := unet.config.get(key, harmless[0])) not in harmless:
            raise bad_data(f"{where}: {key} = {value!r} is not supported; export a plain Stable Diffusion model")
    return unet


def _context_width(config: dict[str, Any], where: str) -> dict[str, int]:
    """`cross_attention_dim` as one number: a list has one for each block, but there is one text."""
    widths = config.get("cross_attention_dim")
    if not isinstance(widths, (list, tuple)):
        return {}
    if not widths or any(width != widths[0] for width in widths):
        raise bad_data(f"{where}: cross_attention_dim = {widths!r} is not supported; its numbers must be equal")
    return {"cross_attention_dim": widths[0]}


def unet_inputs(config: Any) -> tuple[str, ...]:
    """Names of the inputs, in the order of `forward`."""
    inputs = ["latent", "timestep", "context"]
    if config.addition_embed_type == "text_time":
        inputs += ["pooled", "time_ids"]
    if config.time_cond_proj_dim is not None:
        inputs += ["guidance"]
    return tuple(inputs)


def time_id_names(config: Any, pooled_width: int, where: str) -> tuple[str, ...]:
    """What the UNet wants to know beside the pooled text: the embedding's width tells how much."""
    count, rest = divmod(config.projection_class_embeddings_input_dim - pooled_width, config.addition_time_embed_dim)
    known = {len(names): names for names in (SIZES, AESTHETIC)}
    if rest or count not in known:
        raise bad_data(
            f"{where}: projection_class_embeddings_input_dim {config.projection_class_embeddings_input_dim} does not "
            f"fit a pooled text of {pooled_width} and 5 or 6 sizes of {config.addition_time_embed_dim}"
        )
    return known[count]


def run_unet(unet: UNet2DConditionModel, *inputs: Tensor) -> tuple[Tensor, ...]:
    """The eager model's answer with the guidance embedded as diffusers' pipelines do it, for comparison."""
    named = dict(zip(unet_inputs(unet.config), inputs, strict=True))
    latent, added, condition = named["latent"], None, None
    if "pooled" in named:
        added = {"text_embeds": named["pooled"], "time_ids": named["time_ids"]}
    if "guidance" in named:
        width = unet.config.time_cond_proj_dim
        condition = StableDiffusionPipeline.get_guidance_scale_embedding(None, named["guidance"] - 1, width)
        condition = condition.to(latent.dtype)
    return unet(
        latent,
        named["timestep"],
        named["context"],
        timestep_cond=condition,
        added_cond_kwargs=added,
        return_dict=False,
    )


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

    def forward(self, latent: Tensor, timestep: Tensor, context: Tensor, *more: Tensor) -> Tensor:
        """latent (N, C, h, w), timestep (N) float32, context (N, T, W) -> (N, C, h, w).

        `more`, where the model takes them: pooled (N, P), time_ids (N, 5 or 6) float32, guidance (N) float32.
        """
        named = dict(zip(unet_inputs(self.config)[3:], more, strict=True))
        condition = self._embed_guidance(named["guidance"], latent) if "guidance" in named else None
        added = named if "pooled" in named else None
        return super().forward(
            latent, timestep, context, timestep_cond=condition, added_cond_kwargs=added, return_dict=False
        )[0]

    def get_time_embed(self, sample: Tensor, timestep: Tensor) -> Tensor:
        """Timestep (N) -> (N, channels) in the latent's dtype."""
        return _sinusoids(self.time_proj, timestep).type_as(sample)

    def get_aug_embed(self, emb: Tensor, encoder_hidden_states: Tensor, added_cond_kwargs: Any) -> Tensor | None:
        """pooled (N, P), time_ids (N, K) -> (N, channels), added to the time embedding."""
        if added_cond_kwargs is None:
            return None
        pooled, time_ids = added_cond_kwargs["pooled"], added_cond_kwargs["time_ids"]
        sizes = _sinusoids(self.add_time_proj, time_ids).flatten(1).type_as(pooled)
        return self.add_embedding(torch.cat([pooled, sizes], dim=-1))

    def _embed_guidance(self, guidance: Tensor, latent: Tensor) -> Tensor:
        """Guidance scale (N) -> (N, time_cond_proj_dim), as distilled models were trained to read it."""
        width = self.config.time_cond_proj_dim
        half = width // 2
        frequencies = torch.exp(_count(guidance, half) * -(math.log(10000) / (half - 1)))
        angles = ((guidance - 1) * 1000)[:, None] * frequencies
        embedded = torch.cat([torch.sin(angles), torch.cos(angles)], dim=-1)
        return torch.nn.functional.pad(embedded, (0, width % 2)).type_as(latent)


def _sinusoids(proj: Timesteps, x: Tensor) -> Tensor:
    """x (...) float32 -> sines and cosines (..., channels) of x at falling frequencies, float32."""
    half = proj.num_channels // 2
    frequencies = torch.exp(-math.log(10000) * _count(x, half) / (half - proj.downscale_freq_shift))
    angles = proj.scale * (x[..., None] * frequencies)
    parts = [torch.sin(angles), torch.cos(angles)]
    if proj.flip_sin_to_cos:
        parts.reverse()
    return torch.cat(parts, dim=-1)


def _count(x: Tensor, n: int) -> Tensor:
    """0, 1, ..., n-1 in float32, from a running sum over x's own zeros: an `arange` would freeze a device, and a float
    buffer would lose digits when the module is cast."""
    return (x.flatten()[:1] * 0 + 1).expand(n).cumsum(0) - 1
