"""Peak signal-to-noise ratio."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Psnr(NamedTuple):
    """In dB."""

    mean: float  # of the pictures' own ratios, which is what papers give
    pooled: float  # of the mean squared error over all pictures: a few bad ones weigh more


def psnr(one: Tensor, other: Tensor) -> Psnr:
    """Of pictures (N, C, H, W) with values in [-1, 1]; those beyond count as the end they are beyond."""
    error = ((one.clamp(-1, 1) - other) ** 2).mean(dim=(1, 2, 3)) / 4
    return Psnr(float((-10 * torch.log10(error)).mean()), float(-10 * torch.log10(error.mean())))
