"""The text encoders of SDXL, or the one of its refiner, as one module."""

import torch
from torch import Tensor, nn
from transformers import CLIPTextModel, CLIPTextModelWithProjection

from .errors import bad_data
from .text_encoder import core, layer_outputs, take_over, text_row


class XlTextEncoders(nn.Module):
    """transformers' models under the names of diffusers' parts; the last one gives the pooled text."""

    def __init__(self, models: dict[str, nn.Module], where: str) -> None:
        super().__init__()
        for part, model in models.items():
            self.add_module(part, model)
        if not isinstance(self.last, CLIPTextModelWithProjection):
            raise bad_data(f"{where}: the last text encoder of an SDXL model must be a CLIPTextModelWithProjection")

    @property
    def models(self) -> list[nn.Module]:
        """In the order of their ids."""
        return list(self.children())

    @property
    def last(self) -> nn.Module:
        return self.models[-1]


def run_xl_text_encoders(encoders: XlTextEncoders, *ids: Tensor) -> tuple[Tensor, ...]:
    """The eager models' contexts and pooled output, for comparison.

    As StableDiffusionXLPipeline takes them: its default layer is the last but one, clip skip k is
    hidden_states[-(k + 2)], none is normed, and the encoders' widths are joined.
    """
    outputs = [model(i, output_hidden_states=True) for model, i in zip(encoders.models, ids, strict=True)]
    skips = min(len(output.hidden_states) for output in outputs) - 2
    joined = [torch.cat([o.hidden_states[-(k + 2)] for o in outputs], dim=-1) for k in range(skips)]
    return torch.stack(joined), outputs[-1].text_embeds


def xl_clip_skips(layers: list[int]) -> int:
    """Number of contexts: the last layer is none, and the shallower encoder decides."""
    return min(layers) - 1


class TraceableXlTextEncoder(nn.Module):
    """ids (N, L) int64 for each encoder -> contexts (S, N, L, W1 + W2), pooled (N, P)."""

    def __init__(self, encoders: XlTextEncoders) -> None:
        super().__init__()
        self.towers = nn.ModuleList(Tower(core(model)) for model in encoders.models)
        self.text_projection = encoders.last.text_projection
        self._eos = core(encoders.last).eos_token_id

    def forward(self, *ids: Tensor) -> tuple[Tensor, Tensor]:
        states = [layer_outputs(tower, i) for tower, i in zip(self.towers, ids, strict=True)]
        skips = xl_clip_skips([len(outputs) for outputs in states])
        joined = [torch.cat([outputs[-(k + 2)] for outputs in states], dim=-1) for k in range(skips)]
        normed = self.towers[-1].final_layer_norm(states[-1][-1])
        return torch.stack(joined), self.text_projection(text_row(normed, ids[-1], self._eos))


class Tower(nn.Module):
    """One text encoder's transformer."""

    def __init__(self, model: CLIPTextModel) -> None:
        super().__init__()
        take_over(self, model)
