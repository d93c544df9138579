"""Attention of diffusers' UNet and VAE, without the dtype casts that a trace would freeze."""

import torch.nn.functional as F
from diffusers.models.attention_processor import Attention
from torch import Tensor


class TraceableAttention:
    """What diffusers' AttnProcessor2_0 computes for SD-like models: no masks, no norms of q and k.

    hidden_states (N, T, C) or (N, C, h, w); encoder_hidden_states (N, S, D) or none.
    """

    def __call__(
        self,
        attn: Attention,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        temb: Tensor | None = None,
    ) -> Tensor:
        residual = hidden_states
        if residual.ndim == 4:
            hidden_states = hidden_states.flatten(2).transpose(1, 2)
        if attn.group_norm is not None:
            hidden_states = attn.group_norm(hidden_states.transpose(1, 2)).transpose(1, 2)
        context = hidden_states if encoder_hidden_states is None else encoder_hidden_states

        x = F.scaled_dot_product_attention(
            _split_heads(attn, attn.to_q(hidden_states)),
            _split_heads(attn, attn.to_k(context)),
            _split_heads(attn, attn.to_v(context)),
        )
        x = attn.to_out[0](x.transpose(1, 2).flatten(2))

        if residual.ndim == 4:
            x = x.transpose(1, 2).reshape(residual.shape)
        if attn.residual_connection:
            x = x + residual
        return x / attn.rescale_output_factor


def _split_heads(attn: Attention, x: Tensor) -> Tensor:
    """(N, T, heads * d) -> (N, heads, T, d)."""
    return x.unflatten(2, (attn.heads, attn.inner_dim // attn.heads)).transpose(1, 2)
