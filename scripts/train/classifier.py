"""A small convolutional judge of object identity, used by tests and the model card only.

It shares nothing with the model it judges: it is trained on renders alone. It sees the objects one by
one, cut out by the oracles; a picture of one kind of thing is what its objects are on average, and in a
picture of two things each is named by itself. Channel swaps in the augmentation keep it from telling
objects by their colour.

    python scripts/train/classifier.py          # trains and writes scripts/train/judge.safetensors
"""

from __future__ import annotations

import argparse
import multiprocessing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import oracles
import torch
import torch.nn.functional as F
from checkpoint import common_arguments, load_state, prepare
from concepts import load_concepts
from muon import Optimizers
from records import Split, random_crop, random_rows
from safetensors.torch import load_file, save_file
from scipy import ndimage
from torch import Tensor, nn
from training import Run, Stage

WEIGHTS = Path(__file__).with_name("judge.safetensors")
EDGE = 48  # px of a cut-out
SHIFT = 2  # px by which training moves it, at most
CHECKED = 300  # scenes of a split that training is checked on


def _block(inputs: int, outputs: int, kernel: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )


class Judge(nn.Module):
    """Cut-outs (N, 4, 48, 48) in [0, 1] -> logits (N, concepts) in the order of concepts.tsv."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            _block(4, 32, 4, 2),
            _block(32, 64, 4, 2),
            _block(64, 80, 3, 1),
            _block(80, 112, 3, 2),
            _block(112, 112, 3, 1),
            _block(112, 144, 3, 2),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        )
        self.head = nn.Linear(144, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(F.dropout(self.body(x), 0.2, self.training))


def load_judge(path: Path = WEIGHTS) -> Judge:
    judge = Judge(len(load_concepts()))
    judge.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in load_file(path).items()})
    return judge.eval()


@dataclass(frozen=True)
class Thing:
    """One object of a picture: its most likely name and its middle, as shares of width and height."""

    name: str
    x: float
    y: float


def _logits(judge: Judge, pieces: list[np.ndarray]) -> list[Tensor]:
    """Log-probabilities (K, concepts) of each picture's K cut-outs."""
    if not any(len(p) for p in pieces):
        return [torch.zeros(0, judge.head.out_features)] * len(pieces)
    x = torch.from_numpy(np.concatenate(pieces)).permute(0, 3, 1, 2).contiguous()
    logits = torch.cat([judge(part).log_softmax(1) for part in x.split(500)])
    return list(logits.split([len(p) for p in pieces]))


@torch.inference_mode()
def identify(judge: Judge, pictures: np.ndarray) -> list[str | None]:
    """Pictures (N, H, W, 3) uint8 of one kind of thing -> its name, None where there is no object."""
    names = list(load_concepts())
    parts = _logits(judge, [oracles.crops(picture, EDGE) for picture in pictures])
    return [names[int(part.mean(0).argmax())] if len(part) else None for part in parts]


@torch.inference_mode()
def identify_each(judge: Judge, pictures: np.ndarray) -> list[list[Thing]]:
    """Every object of every picture by itself, largest first."""
    names = list(load_concepts())
    parts = _logits(judge, [oracles.crops(picture, EDGE) for picture in pictures])
    result = []
    for picture, part in zip(pictures, parts, strict=True):
        middles = [np.argwhere(mask).mean(0) / picture.shape[:2] for mask in oracles.objects(picture)]
        result.append(
            [Thing(names[int(row.argmax())], float(x), float(y)) for row, (y, x) in zip(part, middles, strict=True)]
        )
    return result


def _worn(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """What a decoder may do to a picture: blur, noise, contrast."""
    x = picture.astype(np.float32)
    if rng.random() < 0.6:
        sigma = rng.uniform(0, 1.2)
        x = ndimage.gaussian_filter(x, (sigma, sigma, 0), mode="nearest")
    x = (x - 128) * rng.uniform(0.9, 1.1) + 128 + rng.normal(0, rng.uniform(0, 6), x.shape)
    return np.clip(x, 0, 255).astype(np.uint8)


@dataclass(frozen=True)
class _Cutting:
    """Scenes to be cut; made before the fork, so that no process gets a copy of the pictures."""

    images: np.ndarray
    scenes: list[int]
    wear: bool
    seed: int

    def chunk(self, start: int, stop: int) -> tuple[np.ndarray, list[int]]:
        """Cut-outs (K, 48, 48, 4) uint8, and which scene each is from."""
        rng = np.random.default_rng((self.seed, start))
        pieces, origins = [np.zeros((0, EDGE, EDGE, 4), np.uint8)], []
        for i in self.scenes[start:stop]:
            found = oracles.crops(_worn(self.images[i], rng) if self.wear else self.images[i], EDGE)
            pieces.append(np.rint(found * 255).astype(np.uint8))
            origins += [i] * len(found)
        return np.concatenate(pieces), origins


_cutting: _Cutting


def _cut_chunk(bounds: tuple[int, int]) -> tuple[np.ndarray, list[int]]:
    return _cutting.chunk(*bounds)


def cut(split: Split, count: int, wear: bool, seed: int, jobs: int) -> tuple[Tensor, Tensor]:
    """Cut-outs (K, 48, 48, 4) uint8 and classes (K,) of the first `count` scenes with one kind of thing."""
    global _cutting
    number = {name: i for i, name in enumerate(load_concepts())}
    scenes = [i for i, record in enumerate(split.records[:count]) if record["relation"] == "none"]
    _cutting = _Cutting(split.images.numpy(), scenes, wear, seed)
    with multiprocessing.get_context("fork").Pool(jobs) as pool:
        parts = pool.map(_cut_chunk, [(s, s + 200) for s in range(0, len(scenes), 200)])
    labels = [number[split.records[i]["concept"]] for _, origins in parts for i in origins]
    return torch.from_numpy(np.concatenate([pieces for pieces, _ in parts])), torch.tensor(labels)


def _augmented(x: Tensor) -> Tensor:
    """Cut-outs (n, 4, 48, 48) in [0, 1]; channels of each swapped or inverted by chance."""
    rgb, mask = x[:, :3], x[:, 3:]
    order = torch.rand((len(x), 3), device=x.device).argsort(dim=1)
    swapped = rgb.gather(1, order[:, :, None, None].expand_as(rgb))
    chance = torch.rand((2, len(x), 1, 1, 1), device=x.device)
    rgb = torch.where(chance[0] < 0.6, swapped, rgb)
    rgb = torch.where(chance[1] < 0.15, (1 - rgb) * mask, rgb)
    return torch.cat((rgb, mask), dim=1)


def accuracy(judge: Judge, split: Split, count: int) -> float:
    """Share of a split's first scenes of one kind of thing that are named right."""
    rows = [i for i, record in enumerate(split.records[:count]) if record["relation"] == "none"]
    names = identify(judge, split.images[rows].numpy())
    return float(np.mean([name == split.records[i]["concept"] for name, i in zip(names, rows, strict=True)]))


def build_stage(args: argparse.Namespace, device: torch.device) -> Stage:
    data = args.data or args.root / "data"
    pieces, classes = cut(Split(data / "train"), args.scenes, True, args.seed, args.jobs)
    fresh, truth = cut(Split(data / "val"), CHECKED, False, args.seed, args.jobs)
    print(f"judge: {len(pieces)} cut-outs", flush=True)
    pieces = F.pad(pieces, (0, 0, SHIFT, SHIFT, SHIFT, SHIFT)).to(device)
    classes, truth = classes.to(device), truth.to(device)
    fresh = fresh.to(device).permute(0, 3, 1, 2).float() / 255
    judge = Judge(len(load_concepts())).to(device)

    def loss() -> tuple[Tensor, Tensor]:
        rows = random_rows(len(pieces), args.batch, device)
        x = random_crop(pieces, rows, EDGE).permute(0, 3, 1, 2).float() / 255
        with torch.autocast(device.type, torch.bfloat16):
            logits = judge(_augmented(x).contiguous())
        error = F.cross_entropy(logits.float(), classes[rows], label_smoothing=0.05)
        return error, error[None]

    def validate() -> dict:
        return {"val": float((judge(fresh).argmax(dim=1) == truth).float().mean())}

    return Stage(
        "judge",
        judge,
        Optimizers(judge, outer=None, weight_decay=0.02),
        args.batch,
        args.learning_rate,
        0.99,
        loss,
        ("loss",),
        validate,
    )


def export(root: Path, output: Path) -> None:
    """The averaged weights of judge.pt in half precision."""
    weights = load_state(root / "judge.pt")["ema"]
    save_file({k: v.half().contiguous() if v.is_floating_point() else v for k, v in weights.items()}, output)


def main() -> None:
    parser = common_arguments(__doc__.splitlines()[0], minutes=20)
    parser.add_argument("--output", type=Path, default=WEIGHTS)
    parser.add_argument("--scenes", type=int, default=60_000, help="training scenes to cut out")
    parser.add_argument("--jobs", type=int, default=2, help="processes that cut")
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--learning-rate", type=float, default=3e-3)
    parser.add_argument("--check", action="store_true", help="only measure the stored judge")
    args = parser.parse_args()
    device = prepare(args)
    if not args.check:
        Run(build_stage(args, device), args).go()
        export(args.root, args.output)
    judge = load_judge(args.output)
    for split in ("val", "heldout"):
        folder = (args.data or args.root / "data") / split
        print(f"{split}: {accuracy(judge, Split(folder), 10 * CHECKED if args.check else CHECKED):.4f}", flush=True)


if __name__ == "__main__":
    main()
