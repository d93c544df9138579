"""CLIP's text models as modules that return the contexts of every clip skip at once."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from .errors import bad_data, describing

_CLASSES = {"CLIPTextModel": CLIPTextModel, "CLIPTextModelWithProjection": CLIPTextModelWithProjection}
# transformers once wrote this id into all configurations; it stands for "the largest id of the text".
_LARGEST = 2
_LAYERS_MAX = 1000  # a damaged number must not keep the exporter building layers


def build_text_encoder(config: dict[str, Any], where: str) -> nn.Module:
    """transformers' own text model on the meta device, but for its non-stored position ids."""
    with describing(where):
        architecture = str((config.get("architectures") or ["CLIPTextModel"])[0])
    if architecture not in _CLASSES:
        raise bad_data(f"{where}: {architecture} is not supported; {' and '.join(_CLASSES)} are")
    if config.get("use_attention_mask"):
        raise bad_data(f"{where}: use_attention_mask is not supported")
    with torch.device("meta"), describing(where):
        model = _CLASSES[architecture](text_config(config, where))
    length = model.config.max_position_embeddings
    core(model).embeddings.position_ids = torch.arange(length).expand((1, -1))
    return model


def text_config(config: dict[str, Any], where: str) -> CLIPTextConfig:
    """The configuration with transformers' defaults for what it does not say."""
    with describing(where):
        result = CLIPTextConfig.from_dict(config)
        layers = int(result.num_hidden_layers)
    if not 1 <= layers <= _LAYERS_MAX:
        raise bad_data(f"{where}: 'num_hidden_layers' must be from 1 to {_LAYERS_MAX}, not {layers}")
    return result


def core(model: nn.Module) -> CLIPTextModel:
    """The transformer of a text model with or without a projection."""
    return model.text_model if isinstance(model, CLIPTextModelWithProjection) else model


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
    """ids (N, L) int64 -> contexts (S, N, L, W), pooled (N, 0); S is the number of layers."""

    def __init__(self, model: CLIPTextModel) -> None:
        super().__init__()
        take_over(self, model)

    def forward(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        states = layer_outputs(self, ids)
        contexts = torch.stack([self.final_layer_norm(state) for state in reversed(states)])
        return contexts, states[-1][:, 0, :0]


def take_over(module: nn.Module, model: CLIPTextModel) -> None:
    """transformers' own submodules, so that the parameters keep their names."""
    module.embeddings = model.embeddings
    del module.embeddings.position_ids
    module.encoder = model.encoder
    module.final_layer_norm = model.final_layer_norm


def layer_outputs(model: nn.Module, ids: Tensor) -> list[Tensor]:
    """ids (N, L) -> the output (N, L, W) of every layer of a pre-norm transformer, without the final norm.

    Causality is a flag of the attention and positions are a slice of their table: no mask and no index tensor lies in
    the graph.
    """
    positions = model.embeddings.position_embedding.weight[: ids.shape[1]]
    x = model.embeddings.token_embedding(ids) + positions
    states = []
    for layer in model.encoder.layers:
        x = x + _causal_attention(layer.self_attn, layer.layer_norm1(x))
        x = x + layer.mlp(layer.layer_norm2(x))
        states.append(x)
    return states


def text_row(x: Tensor, ids: Tensor, eos: int) -> Tensor:
    """x (N, L, W), ids (N, L) -> the row (N, W) at the end of each text, which is where CLIP reads it.

    The first `eos`, as transformers looks for it; or, as in all configurations of old, the largest id.
    """
    place = ids.argmax(-1) if eos == _LARGEST else (ids == eos).type_as(ids).argmax(-1)
    return x.gather(1, place[:, None, None].expand(-1, 1, x.shape[2])).squeeze(1)


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
