"""Draws pictures with a bundle's own modules, in Python, many at once."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import sentencepiece
import torch
from diffusers import DDIMScheduler
from records import to_pictures, to_tensor
from tokenizer import encode
from torch import Tensor


class Generator:
    """A bundle in float32, sampled by DDIM; noise comes from the CPU on every device."""

    def __init__(self, bundle: Path, device: str = "cpu") -> None:
        self.device = torch.device(device)
        facts = json.loads((bundle / "model.json").read_text())
        self.defaults, self._vae = facts["defaults"], facts["vae"]
        self._tokenizer = sentencepiece.SentencePieceProcessor(model_file=str(bundle / facts["tokenizers"][0]["model"]))

        def load(name: str) -> torch.jit.ScriptModule:
            return torch.jit.load(bundle / name, map_location=self.device).float().eval()

        self._encode_text, self._unet = load(facts["text_encoder"]["file"]), load(facts["unet"]["file"])
        self._decode, self._encode = load(self._vae["decoder"]), load(self._vae["encoder"])
        known = DDIMScheduler().config.keys()
        self._scheduler = DDIMScheduler(**{key: value for key, value in facts["scheduler"].items() if key in known})

    @torch.inference_mode()
    def context(self, captions: list[str]) -> Tensor:
        """Captions (N) -> (N, L, width)."""
        ids = torch.tensor([encode(self._tokenizer, caption) for caption in captions], device=self.device)
        contexts, _ = self._encode_text(ids)
        return contexts[0]

    @torch.inference_mode()
    def draw(
        self,
        captions: list[str],
        seeds: list[int],
        steps: int,
        guidance: float,
        negatives: list[str] | None = None,
        batch: int = 50,
    ) -> np.ndarray:
        """Pictures (N, H, W, 3) uint8; picture k depends on captions[k], negatives[k] and seeds[k] only."""
        negatives, pictures = negatives or [""] * len(captions), []
        for start in range(0, len(captions), batch):
            part = slice(start, start + batch)
            both = self.context(negatives[part] + captions[part])
            pictures.append(self.decode(self._sample(both, seeds[part], steps, guidance)))
            print(f"\rdrawn {start + len(pictures[-1])}/{len(captions)}", end="", flush=True)
        print()
        return np.concatenate(pictures)

    def _sample(self, both: Tensor, seeds: list[int], steps: int, guidance: float) -> Tensor:
        edges = [self.defaults[name] // self._vae["factor"] for name in ("height", "width")]
        shape = (1, self._vae["latent_channels"], *edges)
        x = torch.cat([torch.randn(shape, generator=torch.Generator().manual_seed(s)) for s in seeds]).to(self.device)
        self._scheduler.set_timesteps(steps, device=self.device)
        for t in self._scheduler.timesteps:
            times = t.float().expand(2 * len(x))
            negative, positive = self._unet(torch.cat((x, x)), times, both).chunk(2)
            x = self._scheduler.step(negative + guidance * (positive - negative), t, x).prev_sample
        return x

    @torch.inference_mode()
    def decode(self, latents: Tensor) -> np.ndarray:
        """Latents (N, C, h, w) as the UNet sees them -> pictures (N, H, W, 3) uint8."""
        return to_pictures(self._decode(latents / self._vae["scaling_factor"] + self._vae["shift_factor"]))

    @torch.inference_mode()
    def round_trip(self, pictures: np.ndarray, batch: int = 100) -> np.ndarray:
        """Pictures (N, H, W, 3) uint8 through the VAE and back."""
        result = []
        for start in range(0, len(pictures), batch):
            part = torch.from_numpy(np.ascontiguousarray(pictures[start : start + batch]))
            mean, _ = self._encode(to_tensor(part.to(self.device))).chunk(2, dim=1)
            result.append(to_pictures(self._decode(mean)))
        return np.concatenate(result)
