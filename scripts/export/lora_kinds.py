"""Adapters that are no plain LoRA, by the names of their tensors, so that each is refused by its own name."""

import re
from collections.abc import Iterable

# Names are those of LyCORIS, kohya, PEFT and the papers; a file has a tensor of its kind beside what looks like a LoRA.
_KINDS = (
    (r"\.hada_", "LoHa"),
    (r"\.lokr_", "LoKr"),
    (r"\.(dora_scale|lora_magnitude_vector)", "DoRA"),
    (r"\.on_input$|\.ia3_", "IA3"),
    (r"\.b?oft_", "OFT"),
    (r"\.(a1|a2|b1|b2|bm|bm1|bm2)\.weight$|\.glora_", "GLoRA"),
    (r"\.(diff|diff_b|set_weight|set_bias)$", "a full difference of weights"),
    (r"\.[wb]_norm$", "a change of norms"),
    (r"\.modules_to_save\.", "whole modules that were trained beside a LoRA (modules_to_save)"),
    (r"\.bias$", "trained biases"),
    (r"\.lora_embedding_[AB]|\.trainable_tokens_", "a change of the token embeddings"),
    (r"\.lora_E\b|\.ranknum", "AdaLoRA"),
    (r"\.lora_diag\b", "KaSA"),
    (r"\.p?vera_lambda", "VeRA"),
    (r"\.(randlora|fourierft|waveft|hra|shira|c3a|road|miss|bone|delora|gralora|hira|poly|vblora|lily)_", "PEFT's {0}"),
    (r"^lora_controlnet$", "a Control-LoRA, which is a ControlNet"),
    (r"^(unet|text_encoder):\d+:", "the first LoRA format (cloneofsimo's), which names layers by number"),
    (r"\.(scale_weight|weight_scale|input_scale)$|^scaled_fp8$", "weights of 8 bits with scales beside them"),
    (r"\.base_layer\.", "PEFT's whole model, not its adapter"),
)
_PATTERNS = tuple((re.compile(pattern), kind) for pattern, kind in _KINDS)


def foreign_kind(names: Iterable[str]) -> tuple[str, str] | None:
    """A tensor that no plain LoRA has, and what it is part of; None if there is no such one."""
    for name in names:
        for pattern, kind in _PATTERNS:
            if found := pattern.search(name):
                return name, kind.format(*found.groups())
    return None
