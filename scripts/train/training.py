"""The loop every stage shares: steps, log, averaged weights, checkpoints; on a GPU a step is one CUDA graph."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch
from checkpoint import Budget, Ema, load_state, save_atomic
from muon import Optimizers
from torch import Tensor, nn

WARM_UP = 3  # eager steps before a step is captured: they allocate states and choose algorithms
LEAST = 10  # steps that are taken even if the time is over
AHEAD = 10  # steps that may be queued on the GPU: the clock must not run away from it


@dataclass
class Stage:
    """One network and how it learns."""

    name: str  # of the checkpoint NAME.pt and the log NAME.csv
    module: nn.Module
    optimizer: Optimizers
    batch: int
    rate: float  # highest learning rate
    ema_decay: float
    loss: Callable[[], tuple[Tensor, Tensor]]  # draws a batch: what to minimise (), figures for the log (k,)
    figures: tuple[str, ...]  # names of those
    validate: Callable[[], dict] | None = None  # called with averaged weights; printed and stored
    facts: dict = field(default_factory=dict)  # stored beside the weights


class Step:
    """Forward, backward and update; the figures are summed until they are asked for."""

    def __init__(self, stage: Stage, use_graph: bool) -> None:
        self._stage, self._parameters = stage, [p for p in stage.module.parameters() if p.requires_grad]
        self._sum = torch.zeros(len(stage.figures), device=self._parameters[0].device)
        self._warm, self._counted, self._graph = 0, 0, None
        self._wants_graph = use_graph and self._sum.is_cuda

    def _eager(self) -> None:
        for p in self._parameters:
            p.grad = None
        loss, figures = self._stage.loss()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._parameters, 1.0, foreach=True)
        self._stage.optimizer.step()
        self._sum += figures.detach()

    def _capture(self) -> torch.cuda.CUDAGraph:
        graph = torch.cuda.CUDAGraph()
        torch.cuda.synchronize()
        with torch.cuda.graph(graph):
            self._eager()
        return graph

    def __call__(self) -> None:
        self._counted += 1
        if self._graph is not None:
            self._graph.replay()
        elif not self._wants_graph:
            self._eager()
        elif self._warm < WARM_UP:
            self._warm += 1
            on_the_side(self._eager)
        else:
            self._graph = self._capture()
            self._graph.replay()  # capturing computes nothing

    def figures(self) -> list[float]:
        """Means since the last call; waits for the GPU."""
        values = (self._sum / max(self._counted, 1)).tolist()
        self._sum.zero_()
        self._counted = 0
        return values


def on_the_side(work: Callable[[], None]) -> None:
    """Run on another stream than the default one, as must be done before a capture."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        work()
    torch.cuda.current_stream().wait_stream(stream)


class Log:
    """Lines on the terminal and in log/NAME.csv."""

    def __init__(self, stage: Stage, root: Path, step: int) -> None:
        self._stage, self._began, self._first = stage, time.monotonic(), step
        self._last = (self._began, step)
        path = root / "log" / f"{stage.name}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        is_new = step == 0 or not path.exists()
        self._file = path.open("w" if is_new else "a", encoding="utf-8", buffering=1)
        if is_new:
            print("step", "seconds", "samples", *stage.figures, "samples_per_s", sep=",", file=self._file)

    def write(self, step: int, budget: Budget, figures: list[float]) -> None:
        now, stage = time.monotonic(), self._stage
        rate = (step - self._last[1]) * stage.batch / max(now - self._last[0], 1e-6)
        self._last = (now, step)
        samples = step * stage.batch
        print(
            step,
            f"{budget.spent_s():.1f}",
            samples,
            *(f"{v:.5f}" for v in figures),
            f"{rate:.1f}",
            sep=",",
            file=self._file,
        )
        values = " ".join(f"{k} {v:.4f}" for k, v in zip(stage.figures, figures, strict=True))
        print(
            f"{stage.name}: step {step} {values} {rate:.0f} samples/s {samples / 1000:.0f}k, "
            f"{budget.left_s():.0f} s left",
            flush=True,
        )


def restart_without(option: str) -> None:
    """Replace this process by one that does without a feature that failed."""
    os.execv(sys.executable, [sys.executable, *sys.argv, f"--no-{option}"])


class Run:
    """A stage with its counters; `go` trains until the budget is used."""

    def __init__(self, stage: Stage, args: argparse.Namespace) -> None:
        self.stage, self.args, self.path = stage, args, args.root / f"{stage.name}.pt"
        self.ema, self.step, spent = Ema(stage.module, stage.ema_decay), 0, 0.0
        if args.resume and self.path.exists():
            spent = self._resume(load_state(self.path))
        self.budget = Budget(args.minutes, spent, args.deadline)

    def _resume(self, state: dict) -> float:
        """Seconds spent so far. A checkpoint unpacked from results has no optimizer state."""
        self.stage.module.load_state_dict(state["model"])
        self.ema.load(state["ema"])
        if "optimizer" in state:
            self.stage.optimizer.load_state_dict(state["optimizer"])
        self.step = state["step"]
        return state["spent_s"]

    def save(self) -> None:
        stage, found = self.stage, {}
        if stage.validate is not None:
            with self.ema.applied(stage.module):
                found = stage.validate()
            print(f"{stage.name}: step {self.step}:", ", ".join(f"{k} {v:.4f}" for k, v in found.items()), flush=True)
        save_atomic(
            {
                "model": stage.module.state_dict(),
                "ema": self.ema.weights,
                "step": self.step,
                "samples": self.step * stage.batch,
                "spent_s": self.budget.spent_s(),
                "optimizer": stage.optimizer.state_dict(),
                **stage.facts,
                **found,
            },
            self.path,
        )

    def _advance(self, step: Step) -> None:
        try:
            step()
        except Exception as error:
            if not (self.args.graph and self.args.device.startswith("cuda")):
                raise
            print(f"{self.stage.name}: no CUDA graph: {error!r}", flush=True)
            restart_without("graph")

    def go(self) -> None:
        stage, budget = self.stage, self.budget
        print(
            f"{stage.name}: {sum(p.numel() for p in stage.module.parameters())} parameters, "
            f"batches of {stage.batch}, {budget.left_s():.0f} s from step {self.step}",
            flush=True,
        )
        stage.module.train()
        step, log, saved = Step(stage, self.args.graph), Log(stage, self.args.root, self.step), time.monotonic()
        least = self.step + LEAST
        while not budget.is_over() or self.step < least:
            stage.optimizer.set_learning_rate(budget.learning_rate(stage.rate, self.step))
            self._advance(step)
            self.ema.update(self.step)
            self.step += 1
            if self.step % self.args.log_every == 0:
                log.write(self.step, budget, step.figures())
            elif self.step % AHEAD == 0 and self.args.device.startswith("cuda"):
                torch.cuda.synchronize()
            if time.monotonic() - saved > self.args.save_every:
                self.save()
                saved = time.monotonic()
        if self.step % self.args.log_every:
            log.write(self.step, budget, step.figures())
        self.save()
