"""Writes toy bundles: TorchScript modules of a few lines, whose pictures are known in closed form.

    python tests/python/toy_bundle.py FOLDER [--unet mean|noise|nan|slow]

The text encoder's context is id / 1000, the UNet predicts the picture itself ("sample"), and the
decoder makes each latent value 8 x 8 pixels. With `mean` every latent value is the mean of the
context, so the whole picture is one grey that follows from the prompt; with `noise` the seed shows;
`nan` fails after the first step, and `slow` keeps a core busy in each step.
"""

import argparse
import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from torch import nn

LENGTH = 32  # ids of a prompt, with bos and eos
BOS, EOS = 512, 513
SIZE = 16  # pixels, each way
FACTOR = 8

TEXT_ENCODER = """
def forward(self, ids):
    context = (ids.unsqueeze(-1) / 1000).to(self.one.dtype) * self.one
    return torch.stack([context, context * 0.5]), context[:, 0, :0]
"""
VAE_DECODER = """
def forward(self, latent):
    return (latent[:, :3] * self.one).repeat_interleave(8, 2).repeat_interleave(8, 3)
"""
UNETS = {
    "mean": """
def forward(self, latent, timestep, context):
    return torch.zeros_like(latent) + context.mean([1, 2]).view(-1, 1, 1, 1) * self.one
""",
    "noise": """
def forward(self, latent, timestep, context):
    return torch.tanh(latent) * 0.7 + context.mean([1, 2]).view(-1, 1, 1, 1) * self.one * 0.3
""",
    "nan": """
def forward(self, latent, timestep, context):
    return latent * float("nan") * self.one
""",
    "slow": """
def forward(self, latent, timestep, context):
    busy = torch.full([256, 256], 1.0 / 256) * self.one
    for _ in range(20):
        busy = busy @ busy
    return torch.tanh(latent) * 0.7 + busy.mean() * 0
""",
}


def write_module(path: Path, code: str) -> None:
    """A module with that forward and one parameter of value 1, whose dtype and device the code can follow."""

    class Module(nn.Module):  # a class of its own: TorchScript shares code among the modules of a class
        def __init__(self) -> None:
            super().__init__()
            self.one = nn.Parameter(torch.ones(()))

    module = torch.jit.script(Module())
    module.define(code)
    module.save(str(path))


def byte_vocabulary() -> dict[str, int]:
    """CLIP's alphabet: a character for each byte, alone and at the end of a word, and no merges."""
    plain = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = [byte for byte in range(256) if byte not in plain]
    characters = [chr(byte) for byte in plain] + [chr(256 + i) for i in range(len(others))]
    words = [*characters, *(c + "</w>" for c in characters), "<|startoftext|>", "<|endoftext|>"]
    return {word: i for i, word in enumerate(words)}


def manifest(name: str) -> dict[str, Any]:
    return {
        "format": "txt2img-bundle",
        "version": 1,
        "name": name,
        "family": "toy",
        "licence": "MIT",
        "tokenizers": [
            {
                "type": "clip-bpe",
                "vocab": "vocab.json",
                "merges": "merges.txt",
                "length": LENGTH,
                "bos": BOS,
                "eos": EOS,
                "pad": EOS,
            }
        ],
        "text_encoder": {
            "file": "text_encoder.pt",
            "dtype": "float32",
            "clip_skips": 2,
            "context_width": 1,
            "pooled_width": 0,
            "zero_empty_negative": False,
        },
        "unet": {
            "file": "unet.pt",
            "dtype": "float32",
            "inputs": ["latent", "timestep", "context"],
            "in_channels": 4,
            "out_channels": 4,
        },
        "vae": {
            "decoder": "vae_decoder.pt",
            "dtype": "float32",
            "factor": FACTOR,
            "latent_channels": 4,
            "scaling_factor": 1.0,
            "shift_factor": 0.0,
        },
        "scheduler": {
            "num_train_timesteps": 1000,
            "beta_schedule": "scaled_linear",
            "beta_start": 0.00085,
            "beta_end": 0.012,
            "prediction_type": "sample",
            "timestep_spacing": "trailing",
            "steps_offset": 0,
            "set_alpha_to_one": True,
        },
        "defaults": {
            "width": SIZE,
            "height": SIZE,
            "steps": 4,
            "guidance": 1.0,
            "sampler": "ddim",
            "schedule": "model",
            "size_multiple": 8,
        },
    }


def write_manifest(folder: Path, model: dict[str, Any]) -> None:
    """model.json for the files that lie in the folder."""
    files = sorted(path for path in folder.iterdir() if path.name != "model.json")
    model["files"] = {
        path.name: {"bytes": path.stat().st_size, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
        for path in files
    }
    (folder / "model.json").write_text(json.dumps(model, indent=1))


def write_toy_bundle(folder: Path, unet: str = "noise") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    write_module(folder / "text_encoder.pt", TEXT_ENCODER)
    write_module(folder / "unet.pt", UNETS[unet])
    write_module(folder / "vae_decoder.pt", VAE_DECODER)
    (folder / "vocab.json").write_text(json.dumps(byte_vocabulary()))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    write_manifest(folder, manifest(f"toy-{unet}"))
    return folder


def mean_grey(ids: list[int]) -> int:
    """The channel value of every pixel that the `mean` UNet draws without guidance; `ids` with bos and eos."""
    padded = ids + [EOS] * (LENGTH - len(ids))
    level = min(max(sum(padded) / LENGTH / 1000 * 0.5 + 0.5, 0), 1) * 255
    return round(level)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--unet", choices=UNETS, default="noise")
    arguments = parser.parse_args()
    write_toy_bundle(arguments.folder, arguments.unet)


if __name__ == "__main__":
    main()
