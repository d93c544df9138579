"""CLIP's text model as a module that returns the contexts of every clip skip at once."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel

from .errors import bad_data


def build_text_encoder(config: dict[str, Any], where: str) -> CLIPTextModel:
    """transformers' own text model on the meta device, but for its non-stored position ids."""
    architecture = (config.get("architectures") or ["CLIPTextModel"])[0]
    if architecture != "CLIPTextModel":
        raise bad_data(f"{where}: {architecture} is not supported; CLIPTextModel is")
    if config.get("use_attention_mask"):
        raise bad_data(f"{where}: use_attention_mask is not supported")
    with torch.device("meta"):
        model = CLIPTextModel(CLIPTextConfig.from_dict(config))
    length = model.config.max_position_embeddings
    model.embeddings.position_ids = torch.arange(length).expand((1, -1))
    return model


def run_text_encoder(model: CLIPTextModel, ids: Tensor) -> tuple[Tensor, ...]:
    """The eager model's contexts and (empty) pooled output, for comparison.

    As StableDiffusionPipeline takes them: its default layer is the model's last one, clip skip k
    is hidden_states[-(k + 1)], and both go through the final norm.
    """
    output = model(ids, output_hidden_states=True)
    skipped = [model.final_layer_norm(h) for h in reversed(output.hidden_states[1:-1])]
    contexts = torch.stack([output.last_hidden_state, *skipped])
    return contexts, contexts.new_zeros(ids.shape[0], 0)


class TraceableTextEncoder(nn.Module):
    """ids (N, L) int64 -> contexts (S, N, L, W), pooled (N, 0); S is the number of layers.

    A pre-norm transformer over transformers' own submodules, so that its parameters keep their
    names. Causality is a flag of the attention and positions are a slice of their table: no mask
    and no index tensor lies in the graph.
    """

    def __init__(self, model: CLIPTextModel) -> None:
        super().__init__()
        self.embeddings = model.embeddings
        del self.embeddings.position_ids
        self.encoder = model.encoder
        self.final_layer_norm = model.final_layer_norm

    def forward(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        positions = self.embeddings.position_embedding.weight[: ids.shape[1]]
        x = self.embeddings.token_embedding(ids) + positions
        states = []
        for layer in self.encoder.layers:
            x = x + _causal_attention(layer.self_attn, layer.layer_norm1(x))
            x = x + layer.mlp(layer.layer_norm2(x))
            states.append(x)
        contexts = torch.stack([self.final_layer_norm(state) for state in reversed(states)])
        return contexts, x[:, 0, :0]


def _causal_attention(attention: nn.Module, x: Tensor) -> Tensor:
    """Self-attention over the layer's projections; x (N, L, W) -> (N, L, W)."""

    def heads(y: Tensor) -> Tensor:
        return y.unflatten(2, (attention.num_heads, attention.head_dim)).transpose(1, 2)

    y = F.scaled_dot_product_attention(
        heads(attention.q_proj(x)),
        heads(attention.k_proj(x)),
        heads(attention.v_proj(x)),
        is_causal=True,
        scale=attention.scale,
    )
    return attention.out_proj(y.transpose(1, 2).flatten(2))
