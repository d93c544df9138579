"""The diffusion process: noise levels, velocity, loss weights and a sampler for quick looks."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

TRAIN_STEPS = 1000
BETA_START, BETA_END = 0.00085, 0.012


def alphas_cumprod() -> Tensor:
    """float64 (1000,): scaled_linear betas, shifted to zero terminal SNR (arXiv 2305.08891, algorithm 1)."""
    betas = torch.linspace(BETA_START**0.5, BETA_END**0.5, TRAIN_STEPS, dtype=torch.float64) ** 2
    root = (1 - betas).cumprod(dim=0).sqrt()
    first, last = root[0].clone(), root[-1].clone()
    return ((root - last) * first / (first - last)) ** 2


class Process:
    """x_t = a x_0 + s eps with a^2 + s^2 = 1; the network predicts v = a eps - s x_0."""

    def __init__(self, device: torch.device | str = "cpu") -> None:
        bar = alphas_cumprod()
        self.a = bar.sqrt().float().to(device)
        self.s = (1 - bar).sqrt().float().to(device)
        self.weight = velocity_weights(bar).float().to(device)

    def add_noise(self, x0: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """(N, C, h, w), (N, C, h, w), (N,) -> (N, C, h, w)."""
        return self.a[t][:, None, None, None] * x0 + self.s[t][:, None, None, None] * noise

    def velocity(self, x0: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        return self.a[t][:, None, None, None] * noise - self.s[t][:, None, None, None] * x0


def velocity_weights(bar: Tensor, gamma: float = 5.0, floor: float = 0.25) -> Tensor:
    """min-SNR-gamma (arXiv 2303.09556) for a velocity loss: min(SNR, gamma) / (SNR + 1), floored.

    The floor keeps the noisiest levels alive: there SNR is 0, and they decide the composition.
    """
    snr = bar / (1 - bar)
    return (snr.clamp(max=gamma) / (snr + 1)).clamp(min=floor)


def trailing_steps(count: int) -> list[int]:
    """Time steps of diffusers' "trailing" spacing, largest first."""
    step = TRAIN_STEPS / count
    return [round(TRAIN_STEPS - k * step) - 1 for k in range(count)]


@torch.no_grad()
def sample_ddim(velocity: Callable[[Tensor, Tensor], Tensor], x: Tensor, steps: int) -> Tensor:
    """DDIM with eta 0 (arXiv 2010.02502) from noise x (N, C, h, w); velocity(x, t int64 ()) -> v."""
    process = Process(x.device)
    times = trailing_steps(steps)
    for t, after in zip(times, [*times[1:], None], strict=True):
        a, s = process.a[t], process.s[t]
        v = velocity(x, torch.tensor(t, device=x.device))
        x0, noise = a * x - s * v, s * x + a * v
        x = x0 if after is None else process.a[after] * x0 + process.s[after] * noise
    return x
