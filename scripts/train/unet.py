"""Trains the UNet on cached VAE latents and the frozen text encoder's contexts.

    python scripts/train/unet.py --minutes 60

v-prediction at zero terminal SNR, min-SNR weights, dropped captions for classifier-free guidance
(arXiv 2207.12598), average of the weights. Needs vae.pt and clip.pt. Checkpoint: unet.pt in --root.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
import torch.distributed as distributed
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
from diffusers import UNet2DConditionModel
from diffusers.models.attention_processor import Attention
from diffusion import TRAIN_STEPS, Process
from latents import load_latents
from muon import Optimizers
from records import Split, batches
from text import WIDTH, TextTower, build_text_encoder, caption_table, encode_all, load_tokenizer
from torch import Tensor

CHANNELS, HEADS = (96, 128), (3, 4)  # 32 channels per head


def build_unet() -> UNet2DConditionModel:
    """(N, 8, h, w), timestep, context (N, 32, 192) -> (N, 8, h, w); 5.5 M parameters."""
    return UNet2DConditionModel(
        sample_size=8, in_channels=8, out_channels=8, block_out_channels=CHANNELS, layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D",) * 2, up_block_types=("CrossAttnUpBlock2D",) * 2,
        cross_attention_dim=WIDTH, attention_head_dim=HEADS, norm_num_groups=16)


class PlainAttention:
    """Attention as two products and a softmax: at 64 tokens twice as fast as the fused one in bf16."""

    def __call__(self, attn: Attention, x: Tensor, encoder_hidden_states: Tensor | None = None,
                 attention_mask: Tensor | None = None, temb: Tensor | None = None) -> Tensor:
        context = x if encoder_hidden_states is None else encoder_hidden_states
        q, k, v = (project(y).unflatten(2, (attn.heads, -1)).transpose(1, 2) for project, y in
                   ((attn.to_q, x), (attn.to_k, context), (attn.to_v, context)))
        weights = (q * attn.scale @ k.transpose(2, 3)).float().softmax(dim=3).to(v.dtype)
        return attn.to_out[0]((weights @ v).transpose(1, 2).flatten(2))


def load_text_encoder(root: Path, vocabulary: int) -> torch.nn.Module:
    """The trained text encoder (averaged weights), frozen."""
    tower = TextTower(vocabulary)
    weights = load_state(root / "clip.pt")["ema"]
    tower.load_state_dict({k.removeprefix("text."): v for k, v in weights.items()
                           if k.startswith("text.")})
    encoder = build_text_encoder(vocabulary)
    encoder.load_state_dict(tower.encoder.state_dict())
    return encoder.eval().requires_grad_(False)


class Examples:
    """Noisy latents, times, contexts and target velocities for one process."""

    def __init__(self, args: argparse.Namespace, seed: int) -> None:
        split = Split(args.root / "data/train")
        tokenizer = load_tokenizer(args.root)
        self.encoder = load_text_encoder(args.root, tokenizer.get_piece_size())
        self.empty = encode_all(tokenizer, [""])
        self.ids, rows = caption_table(split.records, tokenizer, args.root / "captions.npz")
        self.rows = rows.reshape(len(rows), -1)  # four captions in English, four in Chinese
        self.latents, self.scale = load_latents(args.root, "train", split)
        self.process, self.drop = Process(), args.drop
        self.generator = torch.Generator().manual_seed(seed)

    def draw(self, batch: np.ndarray) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """x_t (n, 8, 8, 8), t (n,), context (n, 32, 192), v (n, 8, 8, 8) of n row numbers."""
        which = torch.randint(self.rows.shape[1], (len(batch),), generator=self.generator).numpy()
        tokens = torch.from_numpy(self.ids[self.rows[batch, which]].astype(np.int64))
        tokens[torch.rand(len(batch), generator=self.generator) < self.drop] = self.empty
        x0 = self.latents[batch].float() * self.scale
        noise = torch.randn(x0.shape, generator=self.generator)
        # Stratified: every batch covers all noise levels evenly.
        t = torch.rand(1, generator=self.generator) + torch.arange(len(batch)) / len(batch)
        t = (t % 1 * TRAIN_STEPS).long()
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            context = self.encoder(input_ids=tokens).last_hidden_state
        return self.process.add_noise(x0, noise, t), t, context, self.process.velocity(x0, noise, t)


def average(unet: torch.nn.Module, *extra: float) -> list[float]:
    """Mean of all gradients and of `extra` over the processes, in one message; returns the extras."""
    gradients = [p.grad for p in unet.parameters()]
    flat = torch.cat([*(g.flatten() for g in gradients), torch.tensor(extra)])
    distributed.all_reduce(flat)
    flat /= distributed.get_world_size()
    parts = flat.split([*(g.numel() for g in gradients), len(extra)])
    for gradient, part in zip(gradients, parts[:-1], strict=True):
        gradient.copy_(part.view_as(gradient))
    return parts[-1].tolist()


def train(rank: int, args: argparse.Namespace, meeting: str) -> None:
    """One replica: its own part of every batch, gradients averaged over all of them."""
    prepare_cpu(args.threads, args.seed)
    distributed.init_process_group("gloo", meeting, rank=rank, world_size=args.processes)
    unet, step, spent = build_unet(), 0, 0.0
    unet.set_attn_processor(PlainAttention())
    optimizer, ema = Optimizers(unet, args.learning_rate, outer=("conv_in", "conv_out")), Ema(unet, 0.997)
    path = args.root / "unet.pt"
    if args.resume and path.exists():
        state = load_state(path)
        unet.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        ema.weights, step, spent = state["ema"], state["step"], state["spent_s"]
    examples = Examples(args, args.seed + step * args.processes + rank)
    together = args.batch * args.processes
    budget, saved, began, first = Budget(args.minutes, spent), time.monotonic(), time.monotonic(), step

    def save() -> None:
        save_atomic({"model": unet.state_dict(), "ema": ema.weights, "step": step,
                     "scale": examples.scale, "samples": step * together,
                     "optimizer": optimizer.state_dict(), "spent_s": budget.spent_s()}, path)

    if rank == 0:
        print(f"UNet: {sum(p.numel() for p in unet.parameters())} parameters, "
              f"{len(examples.latents)} pictures, latent scale {examples.scale:.4f}, from step {step}",
              flush=True)
    mean_error, clock = 0.0, budget.fraction()
    for rows in batches(len(examples.latents), together, args.seed + step):
        if clock >= 1:
            break
        x, t, context, target = examples.draw(rows[rank::args.processes])
        with torch.autocast("cpu", torch.bfloat16):
            v = unet(x, t, context).sample
        error = ((v.float() - target) ** 2).mean(dim=(1, 2, 3))
        (error * examples.process.weight[t]).mean().backward()
        # The clocks are averaged too: all processes must agree on the rate and on the end.
        clock, seen = average(unet, budget.fraction(), error.mean().item())
        torch.nn.utils.clip_grad_norm_(unet.parameters(), 1.0)
        set_learning_rate(optimizer, budget.learning_rate(args.learning_rate, step, at=clock))
        optimizer.step()
        optimizer.zero_grad()
        step += 1
        mean_error += (seen - mean_error) / min(step - first, 100)
        if rank > 0:
            continue
        ema.update(unet, step)
        if step % 50 == 0:
            rate = (step - first) * together / (time.monotonic() - began)
            print(f"step {step} v-error {mean_error:.4f} {rate:.0f} samples/s "
                  f"{step * together / 1000:.0f}k {budget.spent_s() / 60:.1f} min", flush=True)
        if time.monotonic() - saved > args.save_every:
            save()
            saved = time.monotonic()
    if rank == 0:
        save()
    distributed.destroy_process_group()


def main() -> None:
    parser = common_arguments(__doc__.splitlines()[0], minutes=60)
    parser.add_argument("--processes", type=int, default=2,
                        help="replicas of --threads each; share small work better than threads do")
    parser.add_argument("--batch", type=int, default=64, help="pictures per process and step")
    parser.add_argument("--learning-rate", type=float, default=1.5e-3)
    parser.add_argument("--drop", type=float, default=0.12, help="share of empty captions")
    parser.set_defaults(threads=1)
    args = parser.parse_args()
    use_fast_malloc()
    torch.set_num_threads(args.processes)
    load_latents(args.root, "train", Split(args.root / "data/train"))  # once, before all need them
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # an orderly end takes the replicas along
    with tempfile.TemporaryDirectory() as meeting:
        torch.multiprocessing.spawn(train, (args, f"file://{meeting}/rank"), args.processes, daemon=True)


if __name__ == "__main__":
    main()
