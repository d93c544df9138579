"""Keys of a model's configurations that nothing here reads, said aloud unless they are known to do nothing.

Parts are built by the classes of diffusers and transformers, which read every key they know; so what they do not know
is not used by anyone. Schedulers and tokenizers have lists of their own (scheduler.py, tokenizers.py).
"""

import inspect
from collections.abc import Iterable, Iterator
from typing import Any

import diffusers
from transformers import CLIPTextConfig, PretrainedConfig

from .source import TEXT_PARTS, Source

# What training leaves in a UNet's configuration (diffusers' EMAModel), and what saving in other formats does.
_TRAINING = (
    *("decay", "inv_gamma", "min_decay", "min_value", "optimization_step", "power", "update_after_step"),
    *("use_ema_warmup", "torch_dtype", "model_type"),
)
# How transformers once saved every model: settings of generation, heads and training that CLIP never looks at.
_GENERATION = (
    *("bad_words_ids", "begin_suppress_tokens", "cross_attention_hidden_size", "decoder_start_token_id"),
    *("diversity_penalty", "do_sample", "dropout", "early_stopping", "encoder_no_repeat_ngram_size"),
    *("exponential_decay_length_penalty", "finetuning_task", "forced_bos_token_id", "forced_eos_token_id"),
    *("length_penalty", "max_length", "min_length", "no_repeat_ngram_size", "num_beam_groups", "num_beams"),
    *("num_return_sequences", "output_scores", "prefix", "pruned_heads", "remove_invalid_values"),
    *("repetition_penalty", "return_dict_in_generate", "sep_token_id", "suppress_tokens", "task_specific_params"),
    *("temperature", "tf_legacy_loss", "tie_encoder_decoder", "tie_word_embeddings", "tokenizer_class", "top_k"),
    *("top_p", "torch_dtype", "torchscript", "transformers_version", "typical_p", "use_bfloat16", "use_cache"),
    *("is_decoder", "add_cross_attention", "gradient_checkpointing", "model_type", "vocab_size", "text_config_dict"),
)
# model_index.json beside the parts.
_INDEX = (
    *("force_zeros_for_empty_prompt", "requires_aesthetics_score", "requires_safety_checker"),
    *("feature_extractor", "image_encoder", "scheduler", "unet", "vae"),
)


def idle_notes(source: Source) -> Iterator[str]:
    """A sentence on each configuration with keys that have no effect."""
    for part in ("unet", "vae"):
        config = source.config(part)
        kind = getattr(diffusers, str(config.get("_class_name")), diffusers.UNet2DConditionModel)
        known = {*inspect.signature(kind.__init__).parameters, *_TRAINING}
        yield from _note(source.where(part), config, known)
    texts = {*CLIPTextConfig().to_dict(), *inspect.signature(PretrainedConfig.__init__).parameters, *_GENERATION}
    for part in source.text_parts:
        yield from _note(source.where(part), source.config(part), texts)
    parts = [name for part in TEXT_PARTS for name in (part, part.replace("text_encoder", "tokenizer"))]
    where = f"{source.path}/model_index.json"
    if _is_there(source.index.get("safety_checker")):
        yield f"{where}: the safety checker is left out; nothing looks at the pictures"
    yield from _note(where, source.index, {"safety_checker", *_INDEX, *parts})


def _note(where: str, config: dict[str, Any], known: Iterable[str]) -> Iterator[str]:
    known = set(known)
    unread = {k: v for k, v in config.items() if k not in known and not k.startswith("_") and _is_there(v)}
    if unread:
        words = ", ".join(f"{key} {value!r}"[:80] for key, value in unread.items())
        yield f"{where}: {words}: not used, as in diffusers"


def _is_there(value: Any) -> bool:
    """Null, false, nothing and a part of no class are no settings."""
    return bool(value) and value != [None, None]
