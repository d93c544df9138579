"""Draws pictures with a model folder in diffusers layout, the way the program does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import sentencepiece
import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from tokenizer import encode
from torch import Tensor, nn
from transformers import CLIPTextModel


class Generator:
    """Everything of the folder, in float32; noise comes from the CPU on every device."""

    def __init__(self, folder: Path, device: str = "cpu") -> None:
        self.device = torch.device(device)
        self.tokenizer = sentencepiece.SentencePieceProcessor(model_file=str(folder / "tokenizer" / "tokenizer.model"))

        def ready(part: nn.Module) -> nn.Module:
            return part.float().eval().to(self.device)

        self.text = ready(CLIPTextModel.from_pretrained(folder / "text_encoder"))
        self.unet = ready(UNet2DConditionModel.from_pretrained(folder / "unet", low_cpu_mem_usage=False))
        self.vae = ready(AutoencoderKL.from_pretrained(folder / "vae", low_cpu_mem_usage=False))
        self.scheduler = DDIMScheduler.from_pretrained(folder / "scheduler")

    @torch.inference_mode()
    def context(self, captions: list[str]) -> Tensor:
        """Captions (N) -> (N, 32, width)."""
        ids = torch.tensor([encode(self.tokenizer, caption) for caption in captions], device=self.device)
        return self.text(input_ids=ids).last_hidden_state

    @torch.inference_mode()
    def draw(
        self, captions: list[str], seeds: list[int], size: int, steps: int, guidance: float, batch: int = 50
    ) -> np.ndarray:
        """Pictures (N, size, size, 3) uint8; picture k depends on captions[k] and seeds[k] only."""
        pictures = []
        for start in range(0, len(captions), batch):
            part = slice(start, start + batch)
            latents = self._sample(self.context(captions[part]), seeds[part], size, steps, guidance)
            pictures.append(self.decode(latents))
            print(f"\rdrawn {start + len(pictures[-1])}/{len(captions)}", end="", flush=True)
        print()
        return np.concatenate(pictures)

    def _sample(self, context: Tensor, seeds: list[int], size: int, steps: int, guidance: float) -> Tensor:
        edge = size // 2 ** (len(self.vae.config.block_out_channels) - 1)
        shape = (1, self.unet.config.in_channels, edge, edge)
        x = torch.cat([torch.randn(shape, generator=torch.Generator().manual_seed(s)) for s in seeds]).to(self.device)
        both = torch.cat((self.context([""]).expand(len(x), -1, -1), context))
        self.scheduler.set_timesteps(steps, device=self.device)
        x = x * self.scheduler.init_noise_sigma
        for t in self.scheduler.timesteps:
            empty, full = self.unet(torch.cat((x, x)), t, both).sample.chunk(2)
            x = self.scheduler.step(empty + guidance * (full - empty), t, x).prev_sample
        return x

    @torch.inference_mode()
    def decode(self, latents: Tensor) -> np.ndarray:
        """Latents (N, C, h, w) as the UNet sees them -> pictures (N, H, W, 3) uint8."""
        shift = getattr(self.vae.config, "shift_factor", None) or 0.0
        x = self.vae.decode(latents / self.vae.config.scaling_factor + shift).sample
        x = ((x / 2 + 0.5).clamp(0, 1) * 255).round().byte()
        return x.permute(0, 2, 3, 1).contiguous().cpu().numpy()

    @torch.inference_mode()
    def round_trip(self, pictures: np.ndarray, batch: int = 100) -> np.ndarray:
        """Pictures (N, H, W, 3) uint8 through the VAE and back."""
        result = []
        for start in range(0, len(pictures), batch):
            x = torch.from_numpy(np.ascontiguousarray(pictures[start : start + batch]))
            x = x.to(self.device).permute(0, 3, 1, 2).float() / 127.5 - 1
            mean = self.vae.encode(x).latent_dist.mean
            shift = getattr(self.vae.config, "shift_factor", None) or 0.0
            result.append(self.decode((mean - shift) * self.vae.config.scaling_factor))
        return np.concatenate(result)
