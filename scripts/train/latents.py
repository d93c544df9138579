"""Encodes every picture once with the trained VAE.

python scripts/train/latents.py        # unet.py does it too when it is missing
"""

from __future__ import annotations

import argparse
import hashlib
import time
from pathlib import Path

import torch
from checkpoint import add_device_arguments, load_state, prepare, save_atomic
from diffusers import AutoencoderKL
from records import Split, to_tensor
from torch import Tensor
from vae import ENCODER, build_vae


def load_vae(root: Path) -> AutoencoderKL:
    """The trained VAE (averaged weights), frozen; its scaling_factor is not set yet."""
    vae = build_vae()
    vae.load_state_dict(load_state(root / "vae.pt")["ema"])
    return vae.eval().requires_grad_(False)


@torch.no_grad()
def encode_split(vae: AutoencoderKL, images: Tensor, batch: int) -> Tensor:
    """Posterior means of uint8 (N, H, W, 3), float16 (N, 8, h, w) on the VAE's device, not scaled."""
    vae.to(memory_format=torch.channels_last)
    means, began, done = [], time.monotonic(), 0
    for part in images.split(batch):
        image = to_tensor(part.to(vae.device))
        with torch.autocast(vae.device.type, torch.bfloat16):
            means.append(vae.encode(image.contiguous(memory_format=torch.channels_last)).latent_dist.mean.half())
        done += len(part)
        if len(means) % 200 == 0 or done == len(images):
            print(f"latents {done}/{len(images)} {done / (time.monotonic() - began):.0f}/s", flush=True)
    return torch.cat(means).contiguous()


def fingerprint(vae: AutoencoderKL) -> str:
    """SHA-256 of the encoder's weights: latents stay valid when only the decoder is trained on."""
    digest = hashlib.sha256()
    for name, value in sorted(vae.state_dict().items()):
        if name.startswith(ENCODER):
            digest.update(value.contiguous().cpu().numpy().tobytes())
    return digest.hexdigest()


def load_latents(root: Path, name: str, images: Tensor, device: torch.device) -> tuple[Tensor, float]:
    """Latents float16 (N, 8, h, w) of a split's pictures, cached per encoder; and 1 / std of all values."""
    path, vae = root / f"latents-{name}.pt", load_vae(root)
    mark = fingerprint(vae)
    stored = load_state(path) if path.exists() else {}
    if stored.get("encoder") != mark or len(stored["latents"]) != len(images):
        latents = encode_split(vae.to(device), images, 256 if device.type == "cuda" else 32)
        scale = float(1 / latents[:20_000].float().std())
        stored = {"latents": latents.cpu(), "scale": scale, "encoder": mark}
        save_atomic(stored, path)
    return stored["latents"].to(device), stored["scale"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_device_arguments(parser)
    args = parser.parse_args()
    device = prepare(args)
    latents, scale = load_latents(args.root, "train", Split(args.root / "data/train").images, device)
    print(f"{len(latents)} latents, scale {scale:.4f}")


if __name__ == "__main__":
    main()
