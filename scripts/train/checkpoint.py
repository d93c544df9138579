"""What the three training programs share: resumable checkpoints, a time budget, an average of weights."""

from __future__ import annotations

import argparse
import math
import os
import time
from pathlib import Path
from typing import Any

import torch
from torch import nn


def save_atomic(state: Any, path: Path) -> None:
    """Write with torch.save so that a reader sees the old or the new file, never half of one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(path.suffix + ".part")
    torch.save(state, part)
    os.replace(part, path)


def load_state(path: Path) -> Any:
    """A checkpoint written by save_atomic, on the CPU."""
    return torch.load(path, map_location="cpu", weights_only=True)


class Budget:
    """Wall clock of a run, counted over resumes; learning rates decay along it."""

    def __init__(self, minutes: float, spent_s: float = 0.0) -> None:
        self.total_s = minutes * 60
        self._began = time.monotonic() - spent_s

    def spent_s(self) -> float:
        return time.monotonic() - self._began

    def fraction(self) -> float:
        """How much is used, in [0, 1]."""
        return min(1.0, self.spent_s() / self.total_s)

    def is_over(self) -> bool:
        return self.fraction() >= 1.0

    def learning_rate(self, peak: float, step: int, at: float | None = None, warm_up: int = 200,
                      floor: float = 0.02) -> float:
        """Linear warm-up over steps, then constant until 30 % of the time, then cosine to floor x peak.

        `at` replaces the clock, where several processes must agree.
        """
        decay = max(0.0, ((self.fraction() if at is None else at) - 0.3) / 0.7)
        cosine = floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * decay))
        return peak * min(1.0, (step + 1) / warm_up) * cosine


class Ema:
    """Exponential moving average of a module's weights; early steps average over a shorter window."""

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay = decay
        self.weights = {k: v.detach().clone() for k, v in module.state_dict().items()}

    @torch.no_grad()
    def update(self, module: nn.Module, step: int) -> None:
        keep = min(self.decay, (1 + step) / (10 + step))
        state = module.state_dict()
        torch._foreach_lerp_(list(self.weights.values()), [state[k] for k in self.weights], 1 - keep)


def prepare_cpu(threads: int, seed: int) -> None:
    """Threads, seed, and no denormals: gradients near zero would slow every matrix product down."""
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
    torch.manual_seed(seed)


def common_arguments(description: str, minutes: float) -> argparse.ArgumentParser:
    """The arguments of every training program."""
    parser = argparse.ArgumentParser(description=description,
                                     formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--root", type=Path, default=Path("build/train"),
                        help="folder with data/ and tokenizer.model; checkpoints go there too")
    parser.add_argument("--minutes", type=float, default=minutes, help="time budget, over all resumes")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--resume", action=argparse.BooleanOptionalAction, default=True,
                        help="go on from the checkpoint when there is one")
    parser.add_argument("--save-every", type=float, default=60, help="seconds between checkpoints")
    return parser


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate


def use_fast_malloc() -> None:
    """Restart once with a glibc malloc that keeps big blocks, and OpenMP threads that do not spin.

    Otherwise each activation is mapped, cleared by the kernel and unmapped again at every step.
    """
    wanted = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(2 << 30),
              "MALLOC_TOP_PAD_": str(256 << 20), "OMP_WAIT_POLICY": "PASSIVE"}
    if any(os.environ.get(key) != value for key, value in wanted.items()):
        import sys
        os.environ.update(wanted)
        os.execv(sys.executable, [sys.executable, *sys.argv])
