"""Trains the UNet on cached VAE latents and the frozen text encoder's contexts.

    python scripts/train/unet.py --minutes 60

v-prediction at zero terminal SNR, min-SNR weights, dropped captions for classifier-free guidance
(arXiv 2207.12598), average of the weights. Needs vae.pt and clip.pt. Checkpoint: unet.pt in --root.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import torch
from checkpoint import common_arguments, load_state, prepare
from diffusers import UNet2DConditionModel
from diffusers.models.attention_processor import Attention
from diffusion import TRAIN_STEPS, Process
from latents import load_latents
from muon import Optimizers
from records import Split, random_rows
from text import (
    WIDTH,
    Captions,
    TextTower,
    build_text_encoder,
    contexts,
    encode_all,
    load_captions,
    load_tokenizer,
)
from tokenizer import CONTEXT
from torch import Tensor
from training import Run, Stage, on_the_side, restart_without
from vae import FACTOR, LATENT_CHANNELS, SIZE

CHANNELS, HEADS = (96, 160), (3, 5)  # 32 channels per head
EDGE = SIZE // FACTOR


def build_unet() -> UNet2DConditionModel:
    """(N, 8, h, w), timestep, context (N, 32, 192) -> (N, 8, h, w); 7.4 M parameters."""
    return UNet2DConditionModel(
        sample_size=EDGE,
        in_channels=LATENT_CHANNELS,
        out_channels=LATENT_CHANNELS,
        block_out_channels=CHANNELS,
        layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D",) * 2,
        up_block_types=("CrossAttnUpBlock2D",) * 2,
        cross_attention_dim=WIDTH,
        attention_head_dim=HEADS,
        norm_num_groups=16,
    )


class PlainAttention:
    """Attention as two products and a softmax: on a CPU twice as fast as the fused one in bf16."""

    def __call__(
        self,
        attn: Attention,
        x: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        temb: Tensor | None = None,
    ) -> Tensor:
        context = x if encoder_hidden_states is None else encoder_hidden_states
        q, k, v = (
            project(y).unflatten(2, (attn.heads, -1)).transpose(1, 2)
            for project, y in ((attn.to_q, x), (attn.to_k, context), (attn.to_v, context))
        )
        weights = (q * attn.scale @ k.transpose(2, 3)).float().softmax(dim=3).to(v.dtype)
        return attn.to_out[0]((weights @ v).transpose(1, 2).flatten(2))


def load_text_encoder(root: Path, vocabulary: int) -> torch.nn.Module:
    """The trained text encoder (averaged weights), frozen."""
    tower = TextTower(vocabulary)
    weights = load_state(root / "clip.pt")["ema"]
    tower.load_state_dict({k.removeprefix("text."): v for k, v in weights.items() if k.startswith("text.")})
    encoder = build_text_encoder(vocabulary)
    encoder.load_state_dict(tower.encoder.state_dict())
    return encoder.eval().requires_grad_(False)


class Examples:
    """Noisy latents, times, contexts and target velocities, all drawn on the device."""

    def __init__(self, args: argparse.Namespace, device: torch.device) -> None:
        split = Split((args.data or args.root / "data") / "train")
        tokenizer = load_tokenizer(args.root)
        self.encoder = load_text_encoder(args.root, tokenizer.get_piece_size()).to(device)
        self.empty = encode_all(tokenizer, [""]).to(device)
        self.captions = Captions(**load_captions(split, tokenizer, args.root / "captions.npz"), device=device)
        self.latents, self.scale = load_latents(args.root, "train", split.images, device)
        self.process, self.drop, self.batch, self.device = Process(device), args.drop, args.batch, device

    def draw(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """x_t (n, 8, h, w), t (n,), context (n, 32, 192), v (n, 8, h, w)."""
        rows = random_rows(len(self.latents), self.batch, self.device)
        dropped = torch.rand((self.batch, 1), device=self.device) < self.drop
        tokens = torch.where(dropped, self.empty, self.captions.draw(rows))
        x0 = self.latents[rows].float() * self.scale
        noise = torch.randn_like(x0)
        # Stratified: every batch covers all noise levels evenly.
        t = torch.rand(1, device=self.device) + torch.arange(self.batch, device=self.device) / self.batch
        t = (t % 1 * TRAIN_STEPS).long().clamp(max=TRAIN_STEPS - 1)
        with torch.no_grad(), torch.autocast(self.device.type, torch.bfloat16):
            context = contexts(self.encoder, tokens).float()
        return self.process.add_noise(x0, noise, t), t, context, self.process.velocity(x0, noise, t)


def predict(unet: UNet2DConditionModel, x: Tensor, t: Tensor, context: Tensor) -> Tensor:
    """Velocity in float32."""
    with torch.autocast(x.device.type, torch.bfloat16):
        return unet(x, t, context, return_dict=False)[0].float()


def compile_early(unet: UNet2DConditionModel, batch: int, device: torch.device) -> None:
    """Compile for this batch size with noise, so that it is done before the data is there."""
    unet.compile()
    began = time.monotonic()

    def work() -> None:
        x = torch.randn(batch, LATENT_CHANNELS, EDGE, EDGE, device=device)
        t = torch.randint(TRAIN_STEPS, (batch,), device=device)
        context = torch.randn(batch, CONTEXT, WIDTH, device=device)
        predict(unet, x, t, context).square().mean().backward()

    try:
        on_the_side(work) if device.type == "cuda" else work()
    except Exception as error:
        print(f"unet: not compiled: {error!r}", flush=True)
        restart_without("compile")
    for p in unet.parameters():
        p.grad = None
    torch.cuda.empty_cache()  # for the stages that run meanwhile
    print(f"unet: compiled in {time.monotonic() - began:.0f} s", flush=True)


def wait_for(paths: list[Path]) -> None:
    while not all(path.exists() for path in paths):
        time.sleep(0.2)


def build_stage(args: argparse.Namespace, device: torch.device) -> Stage:
    unet = build_unet().to(device)
    if device.type == "cpu":
        unet.set_attn_processor(PlainAttention())
    if args.compile:
        compile_early(unet, args.batch, device)
    else:
        unet.to(memory_format=torch.channels_last)
    wait_for(args.after)
    examples = Examples(args, device)
    print(f"unet: {len(examples.latents)} pictures, latent scale {examples.scale:.4f}", flush=True)

    def loss() -> tuple[Tensor, Tensor]:
        x, t, context, target = examples.draw()
        error = ((predict(unet, x, t, context) - target) ** 2).mean(dim=(1, 2, 3))
        return (error * examples.process.weight[t]).mean(), error.mean()[None]

    return Stage(
        "unet",
        unet,
        Optimizers(unet, outer=("conv_in", "conv_out")),
        args.batch,
        args.learning_rate,
        0.998,
        loss,
        ("v_error",),
        facts={"scale": examples.scale},
    )


def main() -> None:
    on_gpu = torch.cuda.is_available()
    parser = common_arguments(__doc__.splitlines()[0], minutes=600)
    parser.add_argument("--batch", type=int, default=512 if on_gpu else 64)
    parser.add_argument("--learning-rate", type=float, default=2e-3 if on_gpu else 1e-3)
    parser.add_argument("--drop", type=float, default=0.12, help="share of empty captions")
    parser.add_argument(
        "--compile",
        action=argparse.BooleanOptionalAction,
        default=False,
        help="fuse the network's operations with torch.compile",
    )
    parser.add_argument("--after", type=Path, nargs="*", default=[], help="begin when these files are there")
    args = parser.parse_args()
    Run(build_stage(args, prepare(args)), args).go()


if __name__ == "__main__":
    main()
