"""Writes tiny random models of each Stable Diffusion family as diffusers folders.

    python tests/python/tiny_families.py sdxl FOLDER

They have the parts, the wiring and the configuration keys of the published models, at a thousandth of their width.
"""

import sys
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from tiny_models import EOS, SD1_SCHEDULER, make_lively, write_clip_tokenizer, write_json
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

SD_DOWN = ("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D")
SD_UP = ("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D")
XL_DOWN = ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D")
XL_UP = ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D")

_LINEAR = {"use_linear_projection": True, "attention_head_dim": [2, 4, 4]}
_SDXL = {
    **_LINEAR,
    "down_block_types": XL_DOWN,
    "up_block_types": XL_UP,
    "transformer_layers_per_block": [1, 1, 2],
    "cross_attention_dim": 56,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 8,
    "projection_class_embeddings_input_dim": 6 * 8 + 20,
}
_REFINER = {
    **_SDXL,
    "transformer_layers_per_block": 1,
    "cross_attention_dim": 24,
    "projection_class_embeddings_input_dim": 5 * 8 + 20,
}
UNETS: dict[str, dict[str, Any]] = {
    "sd1": {},
    "sd2": {**_LINEAR, "cross_attention_dim": 24, "upcast_attention": True},
    "sd2-base": {**_LINEAR, "cross_attention_dim": 24},
    "sd-turbo": {**_LINEAR, "cross_attention_dim": 24},
    "sdxl": _SDXL,
    "sdxl-turbo": _SDXL,
    "sdxl-refiner": _REFINER,
    "playground": _SDXL,
    "lcm": {"time_cond_proj_dim": 16},
    "inpainting": {"in_channels": 9},
}
_LARGE_TEXT = {"hidden_act": "gelu", "hidden_size": 24, "projection_dim": 20, "num_hidden_layers": 4}
_SD2_TEXT = {**_LARGE_TEXT, "projection_dim": 12, "num_hidden_layers": 3}

_EULER = {
    "_class_name": "EulerDiscreteScheduler",
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "num_train_timesteps": 1000,
    "prediction_type": "epsilon",
    "steps_offset": 1,
    "timestep_spacing": "leading",
}
SCHEDULERS: dict[str, dict[str, Any]] = {
    "sd1": SD1_SCHEDULER,
    "sd2": SD1_SCHEDULER | {"_class_name": "DDIMScheduler", "prediction_type": "v_prediction"},
    "sd2-base": SD1_SCHEDULER,
    "sd-turbo": _EULER | {"timestep_spacing": "trailing"},
    "sdxl": _EULER,
    "sdxl-turbo": _EULER | {"_class_name": "EulerAncestralDiscreteScheduler", "timestep_spacing": "trailing"},
    "sdxl-refiner": _EULER,
    "playground": _EULER,
    "lcm": SD1_SCHEDULER | {"_class_name": "LCMScheduler", "original_inference_steps": 50},
    "inpainting": SD1_SCHEDULER | {"_class_name": "DDIMScheduler"},
}
PIPELINES = {
    "sdxl": "StableDiffusionXLPipeline",
    "sdxl-turbo": "StableDiffusionXLPipeline",
    "playground": "StableDiffusionXLPipeline",
    "sdxl-refiner": "StableDiffusionXLImg2ImgPipeline",
    "lcm": "LatentConsistencyModelPipeline",
    "inpainting": "StableDiffusionInpaintPipeline",
}
VAES: dict[str, dict[str, Any]] = {
    "sdxl": {"scaling_factor": 0.13025, "force_upcast": True},
    "playground": {
        "scaling_factor": 0.5,
        "latents_mean": [-1.6574, 1.886, -1.383, 2.5155],
        "latents_std": [8.4927, 5.9022, 6.5498, 5.2299],
    },
}
FAMILIES = tuple(UNETS)


def write_family(folder: Path, family: str, seed: int = 0) -> Path:
    """A diffusers folder of the family; pictures of 64 pixels."""
    torch.manual_seed(seed)
    unet, vae, texts = _unet(family), _vae(family), _texts(family)
    make_lively(unet, vae, *(getattr(text, "text_model", text) for text in texts.values()))
    unet.save_pretrained(folder / "unet")
    vae.save_pretrained(folder / "vae")
    for part, text in texts.items():
        text.save_pretrained(folder / part)
        pad = EOS if part == "text_encoder" and family not in ("sd2", "sd2-base", "sd-turbo") else "!"
        write_clip_tokenizer(folder / part.replace("text_encoder", "tokenizer"), pad)
    write_json(folder / "scheduler" / "scheduler_config.json", SCHEDULERS[family])
    _write_index(folder, family, texts)
    return folder


def is_xl(family: str) -> bool:
    return "XL" in PIPELINES.get(family, "")


def _unet(family: str) -> UNet2DConditionModel:
    plain: dict[str, Any] = {
        "sample_size": 8,
        "block_out_channels": (16, 16, 32),
        "down_block_types": SD_DOWN,
        "up_block_types": SD_UP,
        "layers_per_block": 1,
        "cross_attention_dim": 32,
        "attention_head_dim": 2,
        "norm_num_groups": 8,
    }
    return UNet2DConditionModel(**(plain | UNETS[family]))


def _vae(family: str) -> AutoencoderKL:
    plain: dict[str, Any] = {
        "block_out_channels": (8, 8, 8, 16),
        "down_block_types": ("DownEncoderBlock2D",) * 4,
        "up_block_types": ("UpDecoderBlock2D",) * 4,
        "layers_per_block": 1,
        "norm_num_groups": 4,
        "sample_size": 64,
    }
    return AutoencoderKL(**(plain | VAES.get(family, {})))


def _texts(family: str) -> dict[str, CLIPTextModel]:
    """One or two text encoders, by the names of their folders."""
    if family.startswith(("sd2", "sd-turbo")):
        return {"text_encoder": CLIPTextModel(_text_config(**_SD2_TEXT))}
    if not is_xl(family):
        return {"text_encoder": CLIPTextModel(_text_config())}
    large = CLIPTextModelWithProjection(_text_config(**_LARGE_TEXT))
    if family == "sdxl-refiner":
        return {"text_encoder_2": large}
    return {"text_encoder": CLIPTextModel(_text_config()), "text_encoder_2": large}


def _text_config(**changes: Any) -> CLIPTextConfig:
    """Of CLIP-L, in miniature."""
    plain: dict[str, Any] = {
        "vocab_size": 574,
        "hidden_size": 32,
        "intermediate_size": 40,
        "num_hidden_layers": 3,
        "num_attention_heads": 2,
        "max_position_embeddings": 77,
        "hidden_act": "quick_gelu",
        "bos_token_id": 0,
        "eos_token_id": 2,
        "pad_token_id": 1,
        "projection_dim": 32,
    }
    return CLIPTextConfig(**(plain | changes))


def _write_index(folder: Path, family: str, texts: dict[str, CLIPTextModel]) -> None:
    scheduler = SCHEDULERS[family]["_class_name"]
    index: dict[str, Any] = {
        "_class_name": PIPELINES.get(family, "StableDiffusionPipeline"),
        "_diffusers_version": "0.19.0",
        "scheduler": ["diffusers", scheduler],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
    }
    if "turbo" in family:
        index["_name_or_path"] = f"stabilityai/{family}"
    parts = ("text_encoder", "text_encoder_2") if is_xl(family) else ("text_encoder",)
    for part in parts:
        text = texts.get(part)
        index[part] = ["transformers", type(text).__name__] if text is not None else [None, None]
        tokenizer = part.replace("text_encoder", "tokenizer")
        index[tokenizer] = ["transformers", "CLIPTokenizer"] if text is not None else [None, None]
    if is_xl(family):
        index["force_zeros_for_empty_prompt"] = family != "sdxl-refiner"
        index["requires_aesthetics_score"] = family == "sdxl-refiner"
    else:
        index |= {"feature_extractor": [None, None], "safety_checker": [None, None]}
    write_json(folder / "model_index.json", index)


if __name__ == "__main__":
    write_family(Path(sys.argv[2]), sys.argv[1])
