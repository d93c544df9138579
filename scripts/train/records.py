"""Reads what data.py wrote: pictures and their records."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor


class Split:
    """One of train, val, heldout: `images` (N, 64, 64, 3) uint8 and a record per picture."""

    def __init__(self, folder: Path) -> None:
        self.images = np.load(folder / "images.npy", mmap_mode="r")
        with (folder / "scenes.jsonl").open(encoding="utf-8") as lines:
            self.records = [json.loads(line) for line in lines]
        if len(self.records) != len(self.images):
            raise SystemExit(f"{folder}: {len(self.images)} pictures but {len(self.records)} records; "
                             "run scripts/train/data.py again")

    def __len__(self) -> int:
        return len(self.records)

    def pictures(self, rows: np.ndarray) -> Tensor:
        """(n, 3, 64, 64) float32 in [-1, 1]."""
        return to_tensor(self.images[np.sort(rows)])


def to_tensor(images: np.ndarray) -> Tensor:
    """(n, h, w, 3) uint8 -> (n, 3, h, w) float32 in [-1, 1]."""
    x = torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2)
    return x.to(torch.float32, memory_format=torch.contiguous_format).div_(127.5).sub_(1)


def to_pictures(x: Tensor) -> np.ndarray:
    """(n, 3, h, w) in [-1, 1] -> (n, h, w, 3) uint8, rounded as diffusers does."""
    return ((x / 2 + 0.5).clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).numpy()


def batches(count: int, size: int, seed: int) -> Iterator[np.ndarray]:
    """Endless batches of `size` row numbers; every epoch is a new order."""
    rng = np.random.default_rng(seed)
    while True:
        order = rng.permutation(count)
        for start in range(0, count - size + 1, size):
            yield order[start:start + size]
