"""What LoRA files call the modules of a model: names of kohya, diffusers old and new, PEFT, ComfyUI, OneTrainer."""

import re
from collections.abc import Iterator
from typing import Any

from .ldm_names import unet_module_name

# Dots of the module's name became underscores.
_JOINED_STARTS = {
    "unet": ("lora_unet_", "lycoris_"),
    "text_encoder": ("lora_te_", "lora_te1_"),
    "text_encoder_2": ("lora_te2_",),
}
_DOTTED_STARTS = {
    "unet": ("", "unet.", "lora_unet.", "diffusion_model.", "model.diffusion_model."),
    "text_encoder": (
        "text_encoder.",
        "lora_te.",
        "lora_te1.",
        "clip_l.",
        "text_encoders.clip_l.transformer.",
        "text_encoders.clip_h.transformer.",
    ),
    "text_encoder_2": ("text_encoder_2.", "lora_te2.", "clip_g.", "text_encoders.clip_g.transformer."),
}
# What PEFT, torch.compile and the parallel trainers put around a model.
_WRAPPERS = re.compile(
    r"(?<![^.])(?:base_model\.model|_orig_mod|module|_fsdp_wrapped_module|_checkpoint_wrapped_module)\."
)
_OTHERS = (
    (("vae.", "lora_vae_", "first_stage_model."), "changes the VAE, which takes no LoRA here"),
    (
        ("transformer.", "lora_transformer_", "lora_unet_double_", "lora_unet_single_", "lora_unet_joint_")
        + ("diffusion_model.double_", "diffusion_model.single_", "diffusion_model.joint_"),
        "has no place in this model; the LoRA is made for a transformer such as Flux or SD 3",
    ),
)


def without_wrappers(stem: str) -> str:
    """`base_model.model.unet.conv_in` -> `unet.conv_in`."""
    return _WRAPPERS.sub("", stem)


def stems(part: str, module: str, unet_config: dict[str, Any], text_parts: tuple[str, ...]) -> Iterator[str]:
    """Every name that a LoRA file may give to a module of a part, for instance `lora_unet_conv_in`."""
    spellings = spellings_of(part, module)
    if part == "unet":
        spellings = (*spellings, unet_module_name(module, unet_config))
    for start in _JOINED_STARTS.get(part, ()):
        yield from (start + spelling.replace(".", "_") for spelling in spellings)
    # PEFT's own folders are of one module, and do not say of which; two text encoders have the same names.
    bare = ("",) if text_parts == (part,) else ()
    for start in (*_DOTTED_STARTS.get(part, ()), *bare):
        for spelling in spellings:
            yield from (start + name for name in (spelling, *_processor_names(spelling)))


def spellings_of(part: str, module: str) -> tuple[str, ...]:
    """transformers 5 dropped `text_model.` of one of its two classes; diffusers' files have it or not."""
    if part == "unet":
        return (module,)
    plain = module.removeprefix("text_model.")
    return (plain,) if plain.startswith("text_projection") else (f"text_model.{plain}", plain)


def why_no_place(stem: str) -> str:
    """For people: what a name that is no module's may mean."""
    for starts, reason in _OTHERS:
        if stem.startswith(starts):
            return reason
    return "has no place in this model; is the LoRA made for another?"


def _processor_names(module: str) -> Iterator[str]:
    """Once, diffusers kept LoRA weights in the attention's processor: attn1.to_out.0 -> attn1.processor.to_out."""
    if found := re.fullmatch(r"(.*\.attn[12])\.to_(q|k|v|out)(?:\.0)?", module):
        yield f"{found[1]}.processor.to_{found[2]}"
        yield f"{found[1]}.processor.to_{found[2]}.0"
        yield f"{found[1]}.to_{found[2]}"
    if found := re.fullmatch(r"(.*\bself_attn)\.(q|k|v|out)_proj", module):
        yield f"{found[1]}.to_{found[2]}"
