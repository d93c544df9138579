"""The text encoder: captions to ids, ids to contexts and to one pooled vector."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import sentencepiece
import torch
from records import Split
from tokenizer import BOS, CONTEXT, EOS, PAD, encode
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel

WIDTH = 192
LANGUAGES = ("en", "zh")


def load_tokenizer(root: Path) -> sentencepiece.SentencePieceProcessor:
    return sentencepiece.SentencePieceProcessor(model_file=str(root / "tokenizer.model"))


def encode_all(tokenizer: sentencepiece.SentencePieceProcessor, captions: list[str]) -> Tensor:
    """int64 (N, CONTEXT)."""
    return torch.tensor([encode(tokenizer, caption) for caption in captions])


def encode_many(tokenizer: sentencepiece.SentencePieceProcessor, captions: list[str]) -> np.ndarray:
    """The same as encode_all for millions, on all cores: int16 (N, CONTEXT)."""
    ids = np.full((len(captions), CONTEXT), PAD, np.int16)
    for start in range(0, len(captions), 100_000):
        pieces = tokenizer.encode(captions[start : start + 100_000], num_threads=os.cpu_count() or 1)
        for row, found in zip(ids[start : start + 100_000], pieces, strict=True):
            line = [BOS, *found[: CONTEXT - 2], EOS]
            row[: len(line)] = line
    return ids


class Captions:
    """All captions of a split as ids on a device; the same caption is stored once."""

    def __init__(self, ids: np.ndarray, rows: np.ndarray, device: torch.device) -> None:
        """ids int16 (unique, CONTEXT), rows int32 (N, languages, captions per language)."""
        self.ids, self.rows = torch.from_numpy(ids).to(device), torch.from_numpy(rows).to(device)
        self.length = int((ids != PAD).sum(axis=1).max())

    def draw(self, scenes: Tensor, language: int | None = None) -> Tensor:
        """int64 (n, CONTEXT): a random caption of each scene, in a random language if none is given."""
        rows = self.rows[scenes]
        rows = rows.flatten(1) if language is None else rows[:, language]
        which = torch.randint(rows.shape[1], (len(rows), 1), device=rows.device)
        return self.ids[rows.gather(1, which).squeeze(1).long()].long()


def build_captions(records: list[dict], tokenizer: sentencepiece.SentencePieceProcessor) -> dict[str, np.ndarray]:
    """ids and rows of Captions."""
    number: dict[str, int] = {}
    rows = np.array(
        [
            [[number.setdefault(c, len(number)) for c in record[language]] for language in LANGUAGES]
            for record in records
        ],
        np.int32,
    )
    return {"ids": encode_many(tokenizer, list(number)), "rows": rows}


def load_captions(split: Split, tokenizer: sentencepiece.SentencePieceProcessor, cache: Path) -> dict[str, np.ndarray]:
    """The same of a split, kept in a file."""
    if cache.exists():
        stored = dict(np.load(cache))
        if len(stored["rows"]) == len(split):
            return stored
    built = build_captions(split.records, tokenizer)
    part = cache.with_name("part-" + cache.name)
    np.savez(part, **built)
    part.replace(cache)
    return built


def build_text_encoder(vocabulary: int) -> CLIPTextModel:
    """Causal pre-LN transformer, (N, 32) ids -> last_hidden_state (N, 32, 192)."""
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=vocabulary,
            hidden_size=WIDTH,
            intermediate_size=640,
            projection_dim=WIDTH,
            num_hidden_layers=4,
            num_attention_heads=6,
            max_position_embeddings=CONTEXT,
            hidden_act="gelu",
            bos_token_id=BOS,
            eos_token_id=EOS,
            pad_token_id=PAD,
        )
    )


def contexts(encoder: CLIPTextModel, ids: Tensor) -> Tensor:
    """encoder(input_ids=ids).last_hidden_state; inside a CUDA graph that call would build a mask for nothing."""
    hidden = encoder.embeddings(input_ids=ids)
    hidden = encoder.encoder(inputs_embeds=hidden, attention_mask=None, is_causal=True).last_hidden_state
    return encoder.final_layer_norm(hidden)


def pool(hidden: Tensor, ids: Tensor) -> Tensor:
    """State at the first EOS: (N, T, W), (N, T) -> (N, W)."""
    end = (ids == EOS).int().argmax(dim=1)
    return hidden[torch.arange(len(ids), device=ids.device), end]


class TextTower(nn.Module):
    """Text encoder with the projection that is only needed for contrastive training."""

    def __init__(self, vocabulary: int, length: int = CONTEXT) -> None:
        """`length`: ids of the longest caption; later ones are padding and cut, the encoder is causal."""
        super().__init__()
        self.encoder = build_text_encoder(vocabulary)
        self.projection = nn.Linear(WIDTH, WIDTH, bias=False)
        self.length = length

    def forward(self, ids: Tensor) -> Tensor:
        """(N, T) -> (N, 192), not normalised."""
        ids = ids[:, : self.length]
        return self.projection(pool(contexts(self.encoder, ids), ids))
