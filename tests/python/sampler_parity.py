"""How far the program's samplers are from diffusers' schedulers, as Markdown.

python tests/python/sampler_parity.py [FAMILY ...]
"""

import math
import sys
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from sampler_cases import FAMILIES
from sampler_runs import TOLERANCE, Case, Run, relative_error, run_ours, run_theirs, their_scheduler


@dataclass
class Comparison:
    case: Case
    ours: Run
    theirs: Run

    @cached_property
    def error(self) -> float:
        return relative_error(self.ours.latent, self.theirs.latent)

    @cached_property
    def error_to_float64(self) -> float:
        """To the same formulas of diffusers in float64: what its own rounding to float32 has no part in."""
        return relative_error(self.ours.latent, run_theirs(self.case, torch.float64).latent)

    @property
    def is_finite(self) -> bool:
        """Some of diffusers' combinations end in NaN; the program's end with an error, or well."""
        return bool(np.isfinite(self.theirs.latent).all())

    @property
    def rounding(self) -> float:
        """What float32 does to a latent as large as diffusers' largest sigma, relative to the result.

        Its classes of k-diffusion carry sigma times the noise, 4096 and more at zero terminal SNR, in
        float32 whatever they are given; the program carries a latent of unit size.
        """
        scheduler = their_scheduler(self.case)
        sigmas = getattr(scheduler, "sigmas", None)
        top = float(sigmas.max()) if isinstance(sigmas, torch.Tensor) else 1.0
        # Its dpm2_a forms the lower level of a step by a difference of squares that are nearly equal.
        is_cancelled = self.case.sampler == "dpm2_a" and self.case.steps == 2
        return 4 * top * 2.0**-24 + (TOLERANCE if is_cancelled else 0)

    @property
    def is_close(self) -> bool:
        return (
            min(self.error, self.error_to_float64 if self.error > TOLERANCE else self.error)
            <= TOLERANCE + self.rounding
        )

    @property
    def timestep_error(self) -> float:
        """Largest difference of a timestep; infinite if the numbers of calls differ."""
        if len(self.ours.timesteps) != len(self.theirs.timesteps):
            return math.inf
        return max(abs(a - b) for a, b in zip(self.ours.timesteps, self.theirs.timesteps, strict=True))

    @property
    def has_equal_noise(self) -> bool:
        return (self.ours.draws, self.ours.noise_sha256) == (self.theirs.draws, self.theirs.noise_sha256)


def compare(cases: list[Case]) -> list[Comparison]:
    torch.set_num_threads(1)
    ours = run_ours(cases)
    return [Comparison(case, run, run_theirs(case)) for case, run in zip(cases, ours, strict=True)]


def report(comparisons: list[Comparison]) -> str:
    """Distribution and the worst ten, as Markdown."""
    by_class = defaultdict(list)
    for comparison in comparisons:
        if comparison.is_finite:
            by_class[comparison.case.scheduler].append(comparison)
    lines = ["| class | cases | median | 99 % | largest | timesteps | noise |", "|---|---|---|---|---|---|---|"]
    for name, group in by_class.items():
        errors = [c.error for c in group]
        lines.append(
            f"| {name} | {len(group)} | {np.median(errors):.1e} | {np.quantile(errors, 0.99):.1e} "
            f"| {max(errors):.1e} | {max(c.timestep_error for c in group):.1e} "
            f"| {'equal' if all(c.has_equal_noise for c in group) else 'DIFFERS'} |"
        )
    finite = [c for group in by_class.values() for c in group]
    above = [c for c in finite if c.error > TOLERANCE]
    lines += [
        "",
        f"{len(finite)} cases, {len(above)} above {TOLERANCE:.0e}, {sum(not c.is_close for c in finite)} of them not "
        f"by diffusers' own rounding; {len(comparisons) - len(finite)} more where diffusers ends in NaN.",
        "The worst ten, with the distance to diffusers in float64:",
        "",
    ]
    worst = sorted(finite, key=lambda c: -c.error)[:10]
    lines += [f"* {c.error:.1e}, {c.error_to_float64:.1e}: {c.case.name()}" for c in worst]
    return "\n".join(lines)


def main() -> None:
    names = sys.argv[1:] or list(FAMILIES)
    print(report(compare([case for name in names for case in FAMILIES[name]()])))


if __name__ == "__main__":
    main()
