"""AdamW with Muon's orthogonalised momentum for the matrices inside a network."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def orthogonalise(matrix: Tensor) -> Tensor:
    """Nearest semi-orthogonal matrix, roughly: quintic Newton-Schulz, five rounds, in bfloat16.

    (..., m, n) -> the same shape. Coefficients of Keller Jordan's Muon (2024).
    """
    x = matrix.bfloat16()
    tall = x.shape[-2] > x.shape[-1]
    x = x.mT if tall else x
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(5):
        gram = x @ x.mT
        x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
    return (x.mT if tall else x).float()


class Muon(torch.optim.Optimizer):
    """Muon for matrices and convolution kernels, scaled to AdamW's usual step (arXiv 2502.16982)."""

    def __init__(self, params: list[nn.Parameter], lr: float, momentum: float = 0.95,
                 weight_decay: float = 0.01) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        for group in self.param_groups:
            shapes: dict[tuple[int, int], list[nn.Parameter]] = {}
            for p in group["params"]:
                if p.grad is None:
                    continue
                shapes.setdefault((p.shape[0], p[0].numel()), []).append(p)
            for (rows, columns), same in shapes.items():
                updates = []
                for p in same:
                    buffer = self.state[p].setdefault("momentum", torch.zeros_like(p))
                    buffer.lerp_(p.grad, 1 - group["momentum"])
                    updates.append(p.grad.lerp(buffer, group["momentum"]).reshape(rows, columns))
                scale = 0.2 * max(rows, columns) ** 0.5
                for p, update in zip(same, orthogonalise(torch.stack(updates)), strict=True):
                    p.mul_(1 - group["lr"] * group["weight_decay"])
                    p.add_(update.view_as(p), alpha=-group["lr"] * scale)


class Optimizers:
    """Muon for inner matrices, AdamW for the rest, behind the calls of one optimizer."""

    def __init__(self, module: nn.Module, lr: float, outer: tuple[str, ...]) -> None:
        """`outer`: parts of names of first and last layers, which AdamW keeps."""
        inner, rest = [], []
        for name, p in module.named_parameters():
            is_inner = p.ndim >= 2 and not any(part in name for part in outer)
            (inner if is_inner else rest).append(p)
        self.parts = [Muon(inner, lr),
                      torch.optim.AdamW(rest, lr=lr, betas=(0.9, 0.99), weight_decay=0.01, fused=True)]
        self.param_groups = [g for part in self.parts for g in part.param_groups]

    def step(self) -> None:
        for part in self.parts:
            part.step()

    def zero_grad(self) -> None:
        for part in self.parts:
            part.zero_grad()

    def state_dict(self) -> list[dict]:
        return [part.state_dict() for part in self.parts]

    def load_state_dict(self, states: list[dict]) -> None:
        for part, state in zip(self.parts, states, strict=True):
            part.load_state_dict(state)
        self.param_groups = [g for part in self.parts for g in part.param_groups]
