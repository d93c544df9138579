"""Trains the VAE: 64 px pictures to 8 x 8 latents with 8 channels and back.

    python scripts/train/vae.py --minutes 20

Loss: L1 + 0.5 x L1 of gradients + L1 of 4x and 8x pooled pictures + KL. The pooled terms keep the
colours right. The average of the weights is what counts. Checkpoint: vae.pt in --root.
"""

from __future__ import annotations

import time

import numpy as np
import torch
import torch.nn.functional as F
from checkpoint import (
    Budget,
    Ema,
    common_arguments,
    load_state,
    prepare_cpu,
    save_atomic,
    set_learning_rate,
    use_fast_malloc,
)
from diffusers import AutoencoderKL
from muon import Optimizers
from records import Split, batches
from torch import Tensor

LATENT_CHANNELS = 8
FACTOR = 8
ENCODER = ("encoder.", "quant_conv.")  # names of the encoder's weights start so
KL_WEIGHT = 5e-4  # per latent value; L1 is per colour value


def build_vae() -> AutoencoderKL:
    """Narrow where pictures are large, so that a CPU can train it; 2.0 M parameters."""
    return AutoencoderKL(
        in_channels=3, out_channels=3, latent_channels=LATENT_CHANNELS, sample_size=64,
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(16, 32, 64, 104), layers_per_block=1, norm_num_groups=4)


def gradients(x: Tensor) -> tuple[Tensor, Tensor]:
    """Differences of neighbours along x and y."""
    return x[..., :, 1:] - x[..., :, :-1], x[..., 1:, :] - x[..., :-1, :]


def reconstruction_loss(decoded: Tensor, image: Tensor) -> Tensor:
    """Of pictures (N, 3, H, W) in [-1, 1]."""
    loss = F.l1_loss(decoded, image)
    for ours, theirs in zip(gradients(decoded), gradients(image), strict=True):
        loss = loss + 0.25 * F.l1_loss(ours, theirs)
    error = decoded - image
    return loss + sum(F.avg_pool2d(error, size).abs().mean() for size in (4, 8))


def psnr(decoded: Tensor, image: Tensor) -> float:
    """Mean over pictures, dB, for values in [-1, 1]."""
    mse = ((decoded.clamp(-1, 1) - image) ** 2).mean(dim=(1, 2, 3)) / 4
    return float((-10 * torch.log10(mse)).mean())


@torch.no_grad()
def validate(vae: AutoencoderKL, weights: dict[str, Tensor], split: Split) -> float:
    """PSNR in dB of the first 256 pictures' round trip with the averaged weights."""
    live = {k: v.clone() for k, v in vae.state_dict().items()}
    vae.load_state_dict(weights)
    image = split.pictures(np.arange(256))
    decoded = torch.cat([vae.decode(vae.encode(part).latent_dist.mean).sample
                         for part in image.split(32)])
    vae.load_state_dict(live)
    return psnr(decoded, image)


def main() -> None:
    parser = common_arguments(__doc__.splitlines()[0], minutes=20)
    parser.add_argument("--batch", type=int, default=12)
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--decoder-only", action="store_true",
                        help="keep the encoder (and cached latents) as averaged so far")
    args = parser.parse_args()
    use_fast_malloc()
    prepare_cpu(args.threads, args.seed)
    train, val = Split(args.root / "data/train"), Split(args.root / "data/val")
    vae = build_vae()
    optimizer = Optimizers(vae, args.learning_rate, outer=("conv_in", "conv_out"))
    ema, step, spent = Ema(vae, 0.995), 0, 0.0
    path = args.root / "vae.pt"
    if args.resume and path.exists():
        state = load_state(path)
        vae.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        ema.weights, step, spent = state["ema"], state["step"], state["spent_s"]
    if args.decoder_only:
        frozen = {k: v for k, v in ema.weights.items() if k.startswith(ENCODER)}
        vae.load_state_dict(frozen, strict=False)
        for part in (vae.encoder, vae.quant_conv):
            part.requires_grad_(False)
    budget, saved, began, first = Budget(args.minutes, spent), time.monotonic(), time.monotonic(), step

    def save() -> None:
        quality = validate(vae, ema.weights, val)
        print(f"step {step}: {quality:.2f} dB on val", flush=True)
        save_atomic({"model": vae.state_dict(), "ema": ema.weights, "step": step,
                     "optimizer": optimizer.state_dict(), "spent_s": budget.spent_s(),
                     "psnr": quality}, path)

    print(f"VAE: {sum(p.numel() for p in vae.parameters())} parameters, {len(train)} pictures, "
          f"from step {step}", flush=True)
    for rows in batches(len(train), args.batch, args.seed + step):
        if budget.is_over():
            break
        set_learning_rate(optimizer, budget.learning_rate(args.learning_rate, step))
        image = train.pictures(rows)
        with torch.autocast("cpu", torch.bfloat16):
            posterior = vae.encode(image).latent_dist
            decoded = vae.decode(posterior.sample()).sample
        loss = reconstruction_loss(decoded.float(), image)
        kl = 0.5 * (posterior.mean.float() ** 2 + posterior.var.float() - 1
                    - posterior.logvar.float()).mean()
        (loss + KL_WEIGHT * kl).backward()
        torch.nn.utils.clip_grad_norm_(vae.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        ema.update(vae, step)
        step += 1
        if step % 100 == 0:
            rate = (step - first) * args.batch / (time.monotonic() - began)
            print(f"step {step} loss {loss.item():.4f} kl {kl.item():.2f} {rate:.0f}/s "
                  f"{budget.spent_s() / 60:.1f} min", flush=True)
        if time.monotonic() - saved > args.save_every:
            save()
            saved = time.monotonic()
    save()


if __name__ == "__main__":
    main()
