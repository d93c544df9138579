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

    def __init__(
        self, params: list[nn.Parameter], lr: Tensor, momentum: float = 0.95, weight_decay: float = 0.01
    ) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        for group in self.param_groups:
            shapes: dict[tuple[int, int], list[nn.Parameter]] = {}
            for p in group["params"]:
                if p.grad is None:
                    continue
                if "momentum" not in self.state[p]:
                    self.state[p]["momentum"] = torch.zeros_like(p)
                shapes.setdefault((p.shape[0], p[0].numel()), []).append(p)
            for shape, same in shapes.items():
                self._step_same(group, shape, same)

    def _step_same(self, group: dict, shape: tuple[int, int], same: list[nn.Parameter]) -> None:
        """Move all parameters of one shape, whose matrices are worked on together."""
        gradients = [p.grad for p in same]
        buffers = [self.state[p]["momentum"] for p in same]
        torch._foreach_lerp_(buffers, gradients, 1 - group["momentum"])
        updates = torch._foreach_lerp(gradients, buffers, group["momentum"])
        # Kernels may be stored channels_last: reshape sees the same order of values in all of them.
        moves = orthogonalise(torch.stack([u.reshape(shape) for u in updates]))
        moves = moves * (group["lr"] * (0.2 * max(shape) ** 0.5))
        torch._foreach_mul_(same, 1 - group["lr"] * group["weight_decay"])
        torch._foreach_sub_(same, [move.view(p.shape) for move, p in zip(moves, same, strict=True)])


class Optimizers:
    """Muon for inner matrices, AdamW for the rest, behind the calls of one optimizer.

    The learning rate is a tensor on the parameters' device: a captured CUDA graph reads it anew each step.
    """

    def __init__(
        self, module: nn.Module, outer: tuple[str, ...] | None, beta: float = 0.99, weight_decay: float = 0.01
    ) -> None:
        """`outer`: parts of names of first and last layers, which AdamW keeps; None: it keeps everything."""
        inner, rest = [], []
        for name, p in module.named_parameters():
            is_inner = outer is not None and p.ndim >= 2 and not any(part in name for part in outer)
            (inner if is_inner else rest).append(p)
        self.lr = torch.zeros((), device=rest[0].device)
        self.parts: list[torch.optim.Optimizer] = [Muon(inner, self.lr)] if inner else []
        self.parts.append(
            torch.optim.AdamW(
                rest, lr=self.lr, betas=(0.9, beta), weight_decay=weight_decay, fused=True, capturable=self.lr.is_cuda
            )
        )
        self._share_rate()

    def _share_rate(self) -> None:
        for group in (g for part in self.parts for g in part.param_groups):
            group["lr"] = self.lr
            if "capturable" in group:
                group["capturable"] = self.lr.is_cuda

    def set_learning_rate(self, rate: float) -> None:
        self.lr.fill_(rate)

    def step(self) -> None:
        for part in self.parts:
            part.step()

    def state_dict(self) -> list[dict]:
        return [part.state_dict() for part in self.parts]

    def load_state_dict(self, states: list[dict]) -> None:
        for part, state in zip(self.parts, states, strict=True):
            part.load_state_dict(state)
        self._share_rate()
