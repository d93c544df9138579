"""Reads what data.py wrote: pictures and their records."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor


class Split:
    """One of train, val, heldout: `images` uint8 (N, H, W, 3), mapped from disk, and a record per picture."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.images = torch.from_numpy(np.load(folder / "images.npy", mmap_mode="c"))

    @cached_property
    def records(self) -> list[dict]:
        with (self.folder / "scenes.jsonl").open(encoding="utf-8") as lines:
            records = [json.loads(line) for line in lines]
        if len(records) != len(self):
            raise SystemExit(
                f"{self.folder}: {len(self)} pictures but {len(records)} records; run scripts/train/data.py again"
            )
        return records

    def __len__(self) -> int:
        return len(self.images)


def to_tensor(images: Tensor) -> Tensor:
    """(n, h, w, 3) uint8 -> (n, 3, h, w) float32 in [-1, 1]."""
    return images.permute(0, 3, 1, 2).to(torch.float32).div_(127.5).sub_(1)


def to_pictures(x: Tensor) -> np.ndarray:
    """(n, 3, h, w) in [-1, 1] -> (n, h, w, 3) uint8, rounded as diffusers does."""
    pixels = ((x.float() / 2 + 0.5).clamp(0, 1) * 255).round().byte()
    return pixels.permute(0, 2, 3, 1).contiguous().cpu().numpy()


def random_rows(count: int, size: int, device: torch.device) -> Tensor:
    """int64 (size,) row numbers, drawn on the device."""
    return torch.randint(count, (size,), device=device)


def random_crop(images: Tensor, rows: Tensor, edge: int) -> Tensor:
    """A random square of each of the chosen pictures (N, H, W, C): (n, edge, edge, C)."""
    if edge == images.shape[1]:
        return images[rows]
    window = torch.arange(edge, device=rows.device)
    y, x = (
        torch.randint(images.shape[axis] - edge + 1, (len(rows), 1), device=rows.device) + window for axis in (1, 2)
    )
    return images[rows[:, None, None], y[:, :, None], x[:, None, :]]
