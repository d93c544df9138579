"""Draws prompts with the current checkpoints: one row per prompt, one column per seed.

    python scripts/train/sample.py --output build/train/grid.png "a blue cat" "两个红色的苹果"
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from assemble import GUIDANCE, STEPS, load_scaled_vae, load_unet
from checkpoint import prepare_cpu
from diffusion import sample_ddim
from PIL import Image
from records import to_pictures
from text import encode_all, load_tokenizer
from torch import Tensor
from unet import PlainAttention, load_text_encoder

PROMPTS = (
    "a blue cat", "two red apples on a yellow background", "a green car on a beach",
    "three purple fish", "four pink stars on a black background", "a dog at night",
    "一只蓝色的猫", "黄色背景上的两个红色的苹果", "雪地上的一辆绿色汽车", "三条紫色的鱼", "一朵花", "四颗黄色的星星",
)


class Painter:
    """All three trained parts; prompts in, pictures out."""

    def __init__(self, root: Path) -> None:
        self.tokenizer = load_tokenizer(root)
        self.encoder = load_text_encoder(root, self.tokenizer.get_piece_size())
        self.unet, state = load_unet(root)
        self.unet.set_attn_processor(PlainAttention())
        self.vae, self.scale = load_scaled_vae(root, state["scale"]), state["scale"]

    @torch.no_grad()
    def draw(self, prompts: list[str], seeds: list[int], steps: int, guidance: float) -> np.ndarray:
        """(N, 64, 64, 3) uint8 of N prompts with a seed each."""
        noise = torch.cat([torch.randn((1, 8, 8, 8), generator=torch.Generator().manual_seed(seed))
                           for seed in seeds])
        ids = encode_all(self.tokenizer, [""] * len(prompts) + list(prompts))
        context = self.encoder(input_ids=ids).last_hidden_state

        def velocity(x: Tensor, t: Tensor) -> Tensor:
            empty, full = self.unet(torch.cat((x, x)), t, context).sample.chunk(2)
            return empty + guidance * (full - empty)

        x0 = sample_ddim(velocity, noise, steps)
        return to_pictures(self.vae.decode(x0 / self.scale).sample)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("prompts", nargs="*", default=PROMPTS)
    parser.add_argument("--root", type=Path, default=Path("build/train"))
    parser.add_argument("--output", type=Path, default=Path("build/train/grid.png"))
    parser.add_argument("--seeds", type=int, default=8, help="columns")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--guidance", type=float, default=GUIDANCE)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    prepare_cpu(args.threads, seed=0)
    painter = Painter(args.root)
    rows = [np.concatenate(painter.draw([prompt] * args.seeds, list(range(args.seeds)), args.steps,
                                        args.guidance), axis=1) for prompt in args.prompts]
    Image.fromarray(np.concatenate(rows)).save(args.output)
    print("\n".join(args.prompts))


if __name__ == "__main__":
    main()
