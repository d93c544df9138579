"""Encodes every picture once with the trained VAE.

    python scripts/train/latents.py        # unet.py does it too when it is missing
"""

from __future__ import annotations

import argparse
import hashlib
import time
from pathlib import Path

import numpy as np
import torch
from checkpoint import load_state, prepare_cpu, save_atomic, use_fast_malloc
from diffusers import AutoencoderKL
from records import Split
from torch import Tensor
from vae import ENCODER, build_vae


def load_vae(root: Path) -> AutoencoderKL:
    """The trained VAE (averaged weights), frozen; its scaling_factor is not set yet."""
    vae = build_vae()
    vae.load_state_dict(load_state(root / "vae.pt")["ema"])
    return vae.eval().requires_grad_(False)


@torch.no_grad()
def encode_split(vae: AutoencoderKL, split: Split, batch: int = 64) -> Tensor:
    """Posterior means, float16 (N, 8, 8, 8), not scaled."""
    means, began = [], time.monotonic()
    for start in range(0, len(split), batch):
        rows = np.arange(start, min(start + batch, len(split)))
        with torch.autocast("cpu", torch.bfloat16):
            means.append(vae.encode(split.pictures(rows)).latent_dist.mean.half())
        if start // batch % 200 == 0:
            rate = (start + len(rows)) / (time.monotonic() - began)
            print(f"latents {start + len(rows)}/{len(split)} {rate:.0f}/s", flush=True)
    return torch.cat(means)


def fingerprint(vae: AutoencoderKL) -> str:
    """SHA-256 of the encoder's weights: latents stay valid when only the decoder is trained on."""
    digest = hashlib.sha256()
    for name, value in sorted(vae.state_dict().items()):
        if name.startswith(ENCODER):
            digest.update(value.numpy().tobytes())
    return digest.hexdigest()


def load_latents(root: Path, name: str, split: Split) -> tuple[Tensor, float]:
    """Latents float16 (N, 8, 8, 8) of a split, cached per encoder; and 1 / std of all values."""
    path, vae = root / f"latents-{name}.pt", load_vae(root)
    stored = load_state(path) if path.exists() else {}
    if stored.get("encoder") != fingerprint(vae) or len(stored["latents"]) != len(split):
        latents = encode_split(vae, split)
        stored = {"latents": latents, "scale": float(1 / latents.float().std()),
                  "encoder": fingerprint(vae)}
        save_atomic(stored, path)
    return stored["latents"], stored["scale"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, default=Path("build/train"))
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    use_fast_malloc()
    prepare_cpu(args.threads, seed=0)
    latents, scale = load_latents(args.root, "train", Split(args.root / "data/train"))
    print(f"{len(latents)} latents, scale {scale:.4f}")


if __name__ == "__main__":
    main()
