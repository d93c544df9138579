"""A small convolutional judge of object identity, used by tests and the model card only.

It shares nothing with the model it judges: it is trained on renders alone. It sees the objects one
by one, cut out by the oracles, and a picture is what its objects are on average. Channel swaps in
the augmentation keep it from telling objects by their colour.

    python scripts/train/classifier.py          # trains and writes scripts/train/judge.safetensors
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from pathlib import Path

import numpy as np
import oracles
import torch
import torch.nn.functional as F
from concepts import load_concepts
from safetensors.torch import load_file, save_file
from scipy import ndimage
from torch import Tensor, nn

WEIGHTS = Path(__file__).with_name("judge.safetensors")


def _block(inputs: int, outputs: int, kernel: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )


class Judge(nn.Module):
    """Cut-outs (N, 4, 32, 32) in [0, 1] -> logits (N, concepts) in the order of concepts.tsv."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.body = nn.Sequential(_block(4, 32, 4, 2), _block(32, 64, 4, 2), _block(64, 80, 3, 1), _block(80, 96, 4, 2))
        self.head = nn.Linear(96 * 16, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(F.dropout(self.body(x).flatten(1), 0.3, self.training))


def load_judge(path: Path = WEIGHTS) -> Judge:
    judge = Judge(len(load_concepts()))
    judge.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in load_file(path).items()})
    return judge.eval()


@torch.inference_mode()
def identify(judge: Judge, pictures: np.ndarray) -> list[str | None]:
    """Pictures (N, H, W, 3) uint8 -> names of the concepts seen, None where there is no object."""
    names = list(load_concepts())
    pieces = [oracles.crops(picture) for picture in pictures]
    if not any(len(p) for p in pieces):
        return [None] * len(pictures)
    x = torch.from_numpy(np.concatenate(pieces)).permute(0, 3, 1, 2).contiguous()
    logits = torch.cat([judge(part).log_softmax(1) for part in x.split(500)])
    parts = logits.split([len(p) for p in pieces])
    return [names[int(part.mean(0).argmax())] if len(part) else None for part in parts]


def _worn(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """What a decoder may do to a picture: blur, noise, contrast."""
    x = picture.astype(np.float32)
    if rng.random() < 0.6:
        sigma = rng.uniform(0, 0.9)
        x = ndimage.gaussian_filter(x, (sigma, sigma, 0), mode="nearest")
    x = (x - 128) * rng.uniform(0.9, 1.1) + 128 + rng.normal(0, rng.uniform(0, 6), x.shape)
    return np.clip(x, 0, 255).astype(np.uint8)


def _scenes(folder: Path, count: int | None = None) -> tuple[np.ndarray, list[str]]:
    """Pictures (N, 64, 64, 3) uint8 and concepts of the first `count` scenes of a split."""
    with (folder / "scenes.jsonl").open(encoding="utf-8") as lines:
        concepts = [json.loads(line)["concept"] for line in itertools.islice(lines, count)]
    return np.load(folder / "images.npy", mmap_mode="r")[:count], concepts


def cut(folder: Path, count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Cut-outs (K, 4, 32, 32) uint8 and classes (K,) of the first `count` scenes of a split."""
    rng = np.random.default_rng(seed)
    number = {name: i for i, name in enumerate(load_concepts())}
    pictures, concepts = _scenes(folder, count)
    pieces, labels = [], []
    for i in range(len(pictures)):
        found = oracles.crops(_worn(pictures[i], rng))
        pieces.append(np.rint(found * 255).astype(np.uint8))
        labels += [number[concepts[i]]] * len(found)
        if i % 500 == 499:
            print(f"\rcutting {i + 1}/{count}", end="", flush=True)
    print()
    return torch.from_numpy(np.concatenate(pieces)).permute(0, 3, 1, 2).contiguous(), torch.tensor(labels)


def _augment(x: Tensor, g: torch.Generator) -> Tensor:
    """Channels swapped or inverted, moved by up to 2 px."""
    rgb, mask = x[:, :3], x[:, 3:]
    if torch.rand((), generator=g) < 0.6:
        rgb = rgb[:, torch.randperm(3, generator=g)]
    if torch.rand((), generator=g) < 0.15:
        rgb = (1 - rgb) * mask
    dx, dy = (int(v) for v in torch.randint(0, 5, (2,), generator=g))
    return F.pad(torch.cat((rgb, mask), 1), (2, 2, 2, 2))[..., dy : dy + 32, dx : dx + 32]


def accuracy(judge: Judge, folder: Path) -> float:
    """Share of a split's scenes whose object is named right."""
    pictures, concepts = _scenes(folder)
    return float(np.mean([a == b for a, b in zip(identify(judge, pictures), concepts, strict=True)]))


def train(x: Tensor, y: Tensor, steps: int, batch: int, rate: float, seed: int) -> Judge:
    torch.manual_seed(seed)
    g = torch.Generator().manual_seed(seed)
    judge = Judge(len(load_concepts()))
    optimiser = torch.optim.AdamW(judge.parameters(), lr=rate, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, steps, pct_start=0.1)
    began = time.monotonic()
    for step in range(1, steps + 1):
        rows = torch.randint(len(y), (batch,), generator=g)
        logits = judge(_augment(x[rows].float() / 255, g))
        loss = F.cross_entropy(logits, y[rows], label_smoothing=0.05)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        schedule.step()
        if step % 20 == 0:
            print(
                f"\rstep {step}/{steps} loss {loss.item():.3f} "
                f"{step * batch / (time.monotonic() - began):.0f} cut-outs/s",
                end="",
                flush=True,
            )
    print()
    return judge.eval()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("build/train/data"))
    parser.add_argument("--output", type=Path, default=WEIGHTS)
    parser.add_argument("--scenes", type=int, default=12_000, help="training scenes to cut out")
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--rate", type=float, default=4e-3, help="highest learning rate")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--check", action="store_true", help="only measure the stored judge")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.set_flush_denormal(True)
    if not args.check:
        x, y = cut(args.data / "train", args.scenes, args.seed)
        judge = train(x, y, args.steps, args.batch, args.rate, args.seed)
        half = {k: v.half() if v.is_floating_point() else v for k, v in judge.state_dict().items()}
        save_file(half, args.output)
    judge = load_judge(args.output)
    for split in ("val", "heldout"):
        print(f"{split}: {accuracy(judge, args.data / split):.4f}")


if __name__ == "__main__":
    main()
