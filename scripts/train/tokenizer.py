"""Trains the SentencePiece tokenizer on the list of words.

A unigram model trained on the templated sentences would glue whole phrases into one piece and
destroy composition, so it only ever sees single English words; Chinese is one piece per character.
"""

from __future__ import annotations

import io
import string
from pathlib import Path

import sentencepiece
from captions import word_list
from concepts import Concept

PAD, BOS, EOS, UNK = 0, 1, 2, 3
CONTEXT = 40  # ids per caption, bos and eos included
PUNCTUATION = ",.，。、！!?？:：;；'\"-()（）"


def train_tokenizer(concepts: dict[str, Concept], path: Path, vocabulary: int = 4096) -> None:
    """Write tokenizer.model; the same words give the same file."""
    words, hanzi = word_list(concepts)
    # The trainer only considers strings that occur in two different words, so each gets a sibling.
    siblings = [word + ending for word in words if word.isalpha() for ending in ("s", "ish")]
    required = hanzi + PUNCTUATION + string.digits + string.ascii_lowercase
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(words * 50 + siblings),
        model_writer=model,
        model_type="unigram",
        vocab_size=vocabulary,
        hard_vocab_limit=False,
        byte_fallback=True,
        character_coverage=1.0,
        normalization_rule_name="nmt_nfkc_cf",
        max_sentencepiece_length=8,
        required_chars=required,
        num_threads=1,
        minloglevel=2,
        pad_id=PAD,
        bos_id=BOS,
        eos_id=EOS,
        unk_id=UNK,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_bytes() != model.getvalue():
        path.write_bytes(model.getvalue())


def encode(tokenizer: sentencepiece.SentencePieceProcessor, caption: str) -> list[int]:
    """CONTEXT ids: bos, at most CONTEXT - 2 pieces, eos, padding."""
    ids = [BOS, *tokenizer.encode(caption)[: CONTEXT - 2], EOS]
    return ids + [PAD] * (CONTEXT - len(ids))
