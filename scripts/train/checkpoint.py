"""What the training programs share: arguments, device, resumable checkpoints, a time budget, an average of weights."""

from __future__ import annotations

import argparse
import math
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn


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

    def __init__(self, minutes: float, spent_s: float = 0.0, deadline: float | None = None) -> None:
        """`deadline`: Unix time at which the run ends at the latest."""
        left_s = minutes * 60 - spent_s
        if deadline is not None:
            left_s = min(left_s, deadline - time.time())
        self.total_s = max(spent_s + left_s, 1.0)
        self._began = time.monotonic() - spent_s

    def spent_s(self) -> float:
        return time.monotonic() - self._began

    def left_s(self) -> float:
        return max(0.0, self.total_s - self.spent_s())

    def fraction(self) -> float:
        """How much is used, in [0, 1]."""
        return min(1.0, self.spent_s() / self.total_s)

    def is_over(self) -> bool:
        return self.fraction() >= 1.0

    def learning_rate(self, peak: float, step: int, warm_up: int = 200, floor: float = 0.02) -> float:
        """Linear warm-up over steps, then constant until 30 % of the time, then cosine to floor x peak."""
        decay = max(0.0, (self.fraction() - 0.3) / 0.7)
        cosine = floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * decay))
        return peak * min(1.0, (step + 1) / warm_up) * cosine


class Ema:
    """Exponential moving average of a module's weights; early steps average over a shorter window."""

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay = decay
        self.weights = {k: v.detach().clone() for k, v in module.state_dict().items()}
        self._live = {k: v for k, v in module.state_dict().items() if v.is_floating_point()}

    def load(self, weights: dict[str, Tensor]) -> None:
        for name, value in self.weights.items():
            value.copy_(weights[name])

    @torch.no_grad()
    def update(self, step: int) -> None:
        keep = min(self.decay, (1 + step) / (10 + step))
        torch._foreach_lerp_([self.weights[k] for k in self._live], list(self._live.values()), 1 - keep)

    @contextmanager
    def applied(self, module: nn.Module) -> Iterator[None]:
        """The module with averaged weights, in evaluation mode; written in place, as a CUDA graph needs."""
        live = {k: v.clone() for k, v in module.state_dict().items()}
        module.load_state_dict(self.weights)
        module.eval()
        try:
            with torch.no_grad():
                yield
        finally:
            module.load_state_dict(live)
            module.train()


def default_device() -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"


def add_device_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--root",
        type=Path,
        default=Path("build/train"),
        help="folder with data/ and tokenizer.model; checkpoints go there too",
    )
    parser.add_argument("--device", default=default_device(), help="cpu or cuda")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seed", type=int, default=0)


def common_arguments(description: str, minutes: float) -> argparse.ArgumentParser:
    """The arguments of every training program."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    add_device_arguments(parser)
    parser.add_argument("--data", type=Path, help="folder of the splits; ROOT/data when left out")
    parser.add_argument("--minutes", type=float, default=minutes, help="time budget, over all resumes")
    parser.add_argument("--deadline", type=float, help="Unix time at which to end at the latest")
    parser.add_argument(
        "--resume",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="go on from the checkpoint when there is one",
    )
    parser.add_argument("--save-every", type=float, default=60, help="seconds between checkpoints")
    parser.add_argument("--log-every", type=int, default=50, help="steps between lines of the log")
    parser.add_argument(
        "--graph", action=argparse.BooleanOptionalAction, default=True, help="on CUDA, replay each step as one graph"
    )
    return parser


def prepare(args: argparse.Namespace) -> torch.device:
    """Threads, seed and fast arithmetic for the device of the arguments."""
    device = torch.device(args.device)
    if device.type == "cpu":
        use_fast_malloc()
    torch.set_num_threads(args.threads)
    torch.set_flush_denormal(True)  # gradients near zero would slow every matrix product down
    torch.set_float32_matmul_precision("high")
    torch.backends.cudnn.benchmark = True
    torch.manual_seed(args.seed)
    return device


def use_fast_malloc() -> None:
    """Restart once with a glibc malloc that keeps big blocks, and OpenMP threads that do not spin.

    Otherwise each activation is mapped, cleared by the kernel and unmapped again at every step.
    """
    wanted = {
        "MALLOC_MMAP_MAX_": "0",
        "MALLOC_TRIM_THRESHOLD_": str(2 << 30),
        "MALLOC_TOP_PAD_": str(256 << 20),
        "OMP_WAIT_POLICY": "PASSIVE",
    }
    if any(os.environ.get(key) != value for key, value in wanted.items()):
        os.environ.update(wanted)
        os.execv(sys.executable, [sys.executable, *sys.argv])
