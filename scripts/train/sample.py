"""Draws prompts with the current checkpoints: one row per prompt, one column per seed.

python scripts/train/sample.py --output build/train/grid.png "a blue cat" "两个红色的苹果"
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from assemble import GUIDANCE, STEPS, load_scaled_vae, load_unet
from checkpoint import add_device_arguments, prepare
from diffusion import sample_ddim
from PIL import Image
from records import to_pictures
from text import encode_all, load_tokenizer
from torch import Tensor
from unet import EDGE, PlainAttention, load_text_encoder
from vae import LATENT_CHANNELS

PROMPTS = (
    "a blue cat",
    "two red apples on a yellow background",
    "a green car on the beach",
    "three purple fish",
    "four pink stars on a black background",
    "a dog at night",
    "a red heart to the left of a blue star",
    "a yellow car above a green apple",
    "一只蓝色的猫",
    "黄色背景上的两个红色的苹果",
    "雪地上的一辆绿色的汽车",
    "三条紫色的鱼",
    "一朵花",
    "四颗黄色的星星",
    "左边一只红色的猫，右边一只蓝色的狗",
    "一只橙色的狐狸在草地上",
)


class Painter:
    """All three trained parts; prompts in, pictures out."""

    def __init__(self, root: Path, device: torch.device) -> None:
        self.device = device
        self.tokenizer = load_tokenizer(root)
        self.encoder = load_text_encoder(root, self.tokenizer.get_piece_size()).to(device)
        unet, state = load_unet(root)
        if device.type == "cpu":
            unet.set_attn_processor(PlainAttention())
        self.unet, self.scale = unet.to(device), state["scale"]
        self.vae = load_scaled_vae(root, self.scale).to(device)

    @torch.no_grad()
    def draw(self, prompts: list[str], seeds: list[int], steps: int, guidance: float) -> np.ndarray:
        """(N, 128, 128, 3) uint8 of N prompts with a seed each; the noise is the CPU's on every device."""
        noise = torch.cat(
            [
                torch.randn((1, LATENT_CHANNELS, EDGE, EDGE), generator=torch.Generator().manual_seed(seed))
                for seed in seeds
            ]
        ).to(self.device)
        ids = encode_all(self.tokenizer, [""] * len(prompts) + list(prompts)).to(self.device)
        context = self.encoder(input_ids=ids).last_hidden_state

        def velocity(x: Tensor, t: Tensor) -> Tensor:
            empty, full = self.unet(torch.cat((x, x)), t, context).sample.chunk(2)
            return empty + guidance * (full - empty)

        x0 = sample_ddim(velocity, noise, steps)
        return to_pictures(self.vae.decode(x0 / self.scale).sample)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("prompts", nargs="*", default=PROMPTS)
    add_device_arguments(parser)
    parser.add_argument("--output", type=Path, default=Path("build/train/grid.png"))
    parser.add_argument("--seeds", type=int, default=4, help="columns")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--guidance", type=float, default=GUIDANCE)
    args = parser.parse_args()
    painter = Painter(args.root, prepare(args))
    rows = [
        np.concatenate(painter.draw([prompt] * args.seeds, list(range(args.seeds)), args.steps, args.guidance), axis=1)
        for prompt in args.prompts
    ]
    # Two prompts side by side: a sheet as wide as it is high is easier to look at.
    rows += [np.full_like(rows[0], 255)] * (len(rows) % 2)
    sheet = np.concatenate([np.concatenate(pair, axis=1) for pair in zip(rows[::2], rows[1::2], strict=True)])
    Image.fromarray(sheet).save(args.output)
    print("\n".join(args.prompts))


if __name__ == "__main__":
    main()
