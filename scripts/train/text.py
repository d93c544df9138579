"""The text encoder: captions to ids, ids to contexts and to one pooled vector."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import sentencepiece
import torch
from tokenizer import BOS, CONTEXT, EOS, PAD, encode
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel

WIDTH = 192


def load_tokenizer(root: Path) -> sentencepiece.SentencePieceProcessor:
    return sentencepiece.SentencePieceProcessor(model_file=str(root / "tokenizer.model"))


def encode_all(tokenizer: sentencepiece.SentencePieceProcessor, captions: list[str]) -> Tensor:
    """int64 (N, CONTEXT)."""
    return torch.tensor([encode(tokenizer, caption) for caption in captions])


def caption_table(records: list[dict], tokenizer: sentencepiece.SentencePieceProcessor,
                  cache: Path | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Unique captions as ids int16 (U, CONTEXT), and their row numbers int32 (N, 2 languages, 4)."""
    if cache is not None and cache.exists():
        stored = np.load(cache)
        if len(stored["rows"]) == len(records):
            return stored["ids"], stored["rows"]
    number: dict[str, int] = {}
    rows = np.array([[[number.setdefault(c, len(number)) for c in record[language]]
                      for language in ("en", "zh")] for record in records], np.int32)
    ids = np.array([encode(tokenizer, caption) for caption in number], np.int16)
    if cache is not None:
        np.savez(cache, ids=ids, rows=rows)
    return ids, rows


def build_text_encoder(vocabulary: int) -> CLIPTextModel:
    """Causal pre-LN transformer, (N, 32) ids -> last_hidden_state (N, 32, 192)."""
    return CLIPTextModel(CLIPTextConfig(
        vocab_size=vocabulary, hidden_size=WIDTH, intermediate_size=640, projection_dim=WIDTH,
        num_hidden_layers=4, num_attention_heads=6, max_position_embeddings=CONTEXT,
        hidden_act="gelu", bos_token_id=BOS, eos_token_id=EOS, pad_token_id=PAD))


def pool(hidden: Tensor, ids: Tensor) -> Tensor:
    """State at the first EOS: (N, T, W), (N, T) -> (N, W)."""
    end = (ids == EOS).int().argmax(dim=1)
    return hidden[torch.arange(len(ids)), end]


class TextTower(nn.Module):
    """Text encoder with the projection that is only needed for contrastive training."""

    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        self.encoder = build_text_encoder(vocabulary)
        self.projection = nn.Linear(WIDTH, WIDTH, bias=False)

    def forward(self, ids: Tensor) -> Tensor:
        """(N, T) -> (N, 192), not normalised. Padding after the longest caption is cut: causal."""
        ids = ids[:, : int((ids != PAD).sum(dim=1).max())]
        return self.projection(pool(self.encoder(input_ids=ids).last_hidden_state, ids))
