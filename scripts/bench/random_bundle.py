"""Writes a bundle with the architecture of a published model and random weights, in seconds and without a network.

    python scripts/bench/random_bundle.py sd1|sdxl --output DIR [--device cuda] [--seed N]

What scripts/bench/random_model.py and the exporter make together, but straight from memory, with a vocabulary of
single bytes and without the comparison with diffusers: for measurements on a machine that is lent for minutes. float16,
the VAE in float32; scaled as layers are initialised, so that nothing overflows.
"""

import argparse
import hashlib
import json
import math
import sys
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests" / "python")]

from export.archive import save  # noqa: E402
from export.tracing import trace  # noqa: E402
from export.unet import TraceableUNet, build_unet, unet_inputs  # noqa: E402
from export.vae import TraceableDecoder, build_vae  # noqa: E402
from toy_bundle import BOS, EOS, byte_vocabulary  # noqa: E402

LENGTH = 77  # ids of a prompt
POOLED = 1280
TIME_IDS = ["original_height", "original_width", "crop_top", "crop_left", "target_height", "target_width"]


class TextEncoder(nn.Module):
    """ids (N, L)[, ids (N, L)] -> contexts (1, N, L, W), pooled (N, P): a table, for the UNet is what is measured."""

    def __init__(self, width: int, pooled: int) -> None:
        super().__init__()
        self.table = nn.Embedding(EOS + 1, width + pooled)
        self.width = width

    def forward(self, ids: Tensor, *_more: Tensor) -> tuple[Tensor, Tensor]:
        rows = self.table(ids)
        return rows[:, :, : self.width].unsqueeze(0), rows[:, 0, self.width :]


@torch.no_grad()
def fill(module: nn.Module, device: str, generator: torch.Generator) -> nn.Module:
    """float32: uniform in +-1/sqrt(fan in) for matrices and kernels, 1 and 0 for norms, 0 for other vectors."""
    module = module.to_empty(device=device).float()
    for name, value in module.state_dict().items():
        if value.ndim >= 2:
            bound = 1 / math.sqrt(math.prod(value.shape[1:]))
            value.uniform_(-bound, bound, generator=generator)
        else:
            value.fill_(float("norm" in name and name.endswith("weight")))
    return module.eval().requires_grad_(False)


def unet_example(config: Any, device: str) -> tuple[Tensor, ...]:
    """As the exporter's: sides that cannot be halved evenly."""
    values = {
        "latent": torch.randn(2, config.in_channels, 9, 13, device=device),
        "timestep": torch.linspace(998.6, 3.5, 2, device=device),
        "context": torch.randn(2, 5, config.cross_attention_dim, device=device),
        "pooled": torch.randn(2, POOLED, device=device),
        "time_ids": torch.full((2, 6), 64.0, device=device),
    }
    return tuple(values[name] for name in unet_inputs(config))


def manifest(family: str, facts: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    is_xl = "pooled" in names
    tokenizer = {"type": "clip-bpe", "vocab": "vocab.json", "merges": "merges.txt", "length": LENGTH}
    tokenizer |= {"bos": BOS, "eos": EOS, "pad": EOS}
    scheduler = {"num_train_timesteps": 1000, "beta_schedule": "scaled_linear", "beta_start": 0.00085}
    scheduler |= {"beta_end": 0.012, "prediction_type": "epsilon", "timestep_spacing": "leading"}
    scheduler |= {"steps_offset": 1, "set_alpha_to_one": False}
    side = 1024 if is_xl else 512
    unet = {"file": "unet.pt", "dtype": "float16", "inputs": list(names), "in_channels": 4, "out_channels": 4}
    return {
        "format": "txt2img-bundle",
        "version": 1,
        "name": f"random-{family}",
        "tokenizers": [tokenizer] * (2 if is_xl else 1),
        "text_encoder": {
            "file": "text_encoder.pt",
            "dtype": "float16",
            "clip_skips": 1,
            "context_width": facts["unet"]["cross_attention_dim"],
            "pooled_width": POOLED if is_xl else 0,
            "zero_empty_negative": is_xl,
        },
        "unet": unet | ({"time_ids": TIME_IDS} if is_xl else {}),
        "vae": {
            "decoder": "vae_decoder.pt",
            "dtype": "float32",
            "factor": 8,
            "latent_channels": 4,
            "scaling_factor": facts["vae"].get("scaling_factor", 0.18215),
            "shift_factor": 0.0,
        },
        "scheduler": scheduler,
        "defaults": {
            "width": side,
            "height": side,
            "steps": 20,
            "guidance": 7.5,
            "sampler": "euler",
            "schedule": "model",
            "size_multiple": 8,
        },
    }


def write_bundle(family: str, folder: Path, device: str, seed: int) -> None:
    facts = json.loads((ROOT / "scripts" / "export" / "configs" / f"{family}.json").read_text())
    generator = torch.Generator(device).manual_seed(seed)
    folder.mkdir(parents=True)

    def write(name: str, module: nn.Module, example: tuple[Tensor, ...], dtype: torch.dtype) -> None:
        start = time.perf_counter()
        save(trace(module, example, name).to(dtype).cpu(), folder / name)
        print(f"{name}: {time.perf_counter() - start:.1f} s", flush=True)

    unet = fill(build_unet(facts["unet"], family), device, generator)
    names = unet_inputs(unet.config)
    write("unet.pt", TraceableUNet.of(unet), unet_example(unet.config, device), torch.float16)
    vae = fill(build_vae(facts["vae"], family), device, generator)
    write("vae_decoder.pt", TraceableDecoder(vae), (torch.randn(2, 4, 3, 2, device=device),), torch.float32)
    model = manifest(family, facts, names)
    text = TextEncoder(model["text_encoder"]["context_width"], model["text_encoder"]["pooled_width"]).to(device)
    ids = torch.zeros(2, LENGTH - 1, dtype=torch.long, device=device)
    write("text_encoder.pt", text.requires_grad_(False), (ids,) * len(model["tokenizers"]), torch.float16)
    (folder / "vocab.json").write_text(json.dumps(byte_vocabulary()))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    model["files"] = {
        path.name: {"bytes": path.stat().st_size, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
        for path in sorted(folder.iterdir())
    }
    (folder / "model.json").write_text(json.dumps(model, indent=1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("family", choices=("sd1", "sdxl"))
    parser.add_argument("--output", type=Path, required=True, help="folder that does not exist")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    write_bundle(options.family, options.output, options.device, options.seed)


if __name__ == "__main__":
    main()
