"""Writes the trained parts as a diffusers folder, ready for scripts/export_model.py.

python scripts/train/assemble.py --output build/train/model
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

import torch
from checkpoint import load_state
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from diffusion import BETA_END, BETA_START, TRAIN_STEPS
from latents import load_vae
from text import load_tokenizer
from tokenizer import BOS, CONTEXT, EOS, PAD
from torch import nn
from unet import build_unet, load_text_encoder
from vae import SIZE

NAME = "stickers"
STEPS, GUIDANCE = 12, 2.5
INDEX = {
    "_class_name": "StableDiffusionPipeline",
    "feature_extractor": [None, None],
    "image_encoder": [None, None],
    "requires_safety_checker": False,
    "safety_checker": [None, None],
    "scheduler": ["diffusers", "DDIMScheduler"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": [None, None],  # SentencePiece: tokenizer/tokenizer.model, read by our own code
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
}
TOKENIZER = {
    "tokenizer_class": "SentencePiece",
    "model_max_length": CONTEXT,
    "bos_token_id": BOS,
    "eos_token_id": EOS,
    "pad_token_id": PAD,
}
FACTS = {
    "name": NAME,
    "family": NAME,
    "licence": "MIT",
    "defaults": {
        "width": SIZE,
        "height": SIZE,
        "steps": STEPS,
        "guidance": GUIDANCE,
        "sampler": "ddim",
        "schedule": "model",
        "size_multiple": 8,
    },
}


def load_unet(root: Path) -> tuple[UNet2DConditionModel, dict]:
    """The UNet with averaged weights, and its checkpoint."""
    state = load_state(root / "unet.pt")
    unet = build_unet()
    unet.load_state_dict(state["ema"])
    return unet.eval().requires_grad_(False), state


def load_scaled_vae(root: Path, scale: float) -> AutoencoderKL:
    """The VAE whose config carries the scaling factor the UNet was trained with."""
    vae = load_vae(root)
    vae.register_to_config(scaling_factor=round(scale, 6))
    return vae


def build_scheduler() -> DDIMScheduler:
    return DDIMScheduler(
        num_train_timesteps=TRAIN_STEPS,
        beta_schedule="scaled_linear",
        beta_start=BETA_START,
        beta_end=BETA_END,
        rescale_betas_zero_snr=True,
        prediction_type="v_prediction",
        timestep_spacing="trailing",
        steps_offset=0,
        set_alpha_to_one=True,
        clip_sample=False,
    )


def write_json(value: dict, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def half_bytes(module: nn.Module) -> int:
    """Size in half precision."""
    return 2 * sum(p.numel() for p in module.parameters())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, default=Path("build/train"), help="folder of the checkpoints")
    parser.add_argument("--output", type=Path, default=Path("build/train/model"))
    parser.add_argument("--steps", type=int, default=STEPS, help="default of the bundle")
    parser.add_argument("--guidance", type=float, default=GUIDANCE, help="default of the bundle")
    args = parser.parse_args()
    torch.set_num_threads(1)
    unet, state = load_unet(args.root)
    vae = load_scaled_vae(args.root, state["scale"])
    encoder = load_text_encoder(args.root, load_tokenizer(args.root).get_piece_size())

    folder = args.output.with_suffix(".part")
    shutil.rmtree(folder, ignore_errors=True)
    unet.save_pretrained(folder / "unet", safe_serialization=True)
    vae.save_pretrained(folder / "vae", safe_serialization=True)
    encoder.save_pretrained(folder / "text_encoder", safe_serialization=True)
    build_scheduler().save_pretrained(folder / "scheduler")
    (folder / "tokenizer").mkdir()
    shutil.copy(args.root / "tokenizer.model", folder / "tokenizer/tokenizer.model")
    write_json(TOKENIZER, folder / "tokenizer/tokenizer_config.json")
    write_json(INDEX, folder / "model_index.json")
    facts = FACTS | {"defaults": FACTS["defaults"] | {"steps": args.steps, "guidance": args.guidance}}
    write_json(facts, folder / "txt2img.json")
    shutil.rmtree(args.output, ignore_errors=True)
    folder.rename(args.output)

    size = sum(half_bytes(part) for part in (unet, vae, encoder))
    size += (args.root / "tokenizer.model").stat().st_size
    print(f"{args.output}: {state['samples']} samples seen, {size / 1e6:.2f} MB in half precision")


if __name__ == "__main__":
    main()
