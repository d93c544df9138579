"""Pictures of one prompt by diffusers' pipelines and by the program, to be compared."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import tiny_families
import torch
from cli_program import Program
from PIL import Image

PROMPT = "two red apples on a yellow table!"
SEEDS = range(21, 26)
SIZES = ((64, 64), (72, 104), (128, 64))  # (width, height)
# One level of 255: float32 sums in another order may round a value the other way.
TOLERANCE = 1


@dataclass(frozen=True)
class Case:
    """A picture, as both sides are told it."""

    name: str
    family: str
    steps: int
    arguments: dict[str, Any] = field(default_factory=dict)  # of the pipeline's call
    options: tuple[str, ...] = ()  # of the program
    pipeline: str | None = None  # instead of the family's own
    prompt: str = PROMPT


def load_pipeline(folder: Path, case: Case) -> diffusers.DiffusionPipeline:
    """diffusers' pipeline for the case."""
    kind = case.pipeline or tiny_families.PIPELINES.get(case.family, "StableDiffusionPipeline")
    pipeline = getattr(diffusers, kind).from_pretrained(folder)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


@torch.no_grad()
def drawn_by_diffusers(
    pipeline: diffusers.DiffusionPipeline, case: Case, size: tuple[int, int], seeds: range = SEEDS
) -> np.ndarray:
    """(seeds, height, width, 3) uint8; each picture has a generator of its own."""
    images = pipeline(
        case.prompt,
        width=size[0],
        height=size[1],
        num_inference_steps=case.steps,
        num_images_per_prompt=len(seeds),
        generator=[torch.Generator("cpu").manual_seed(seed) for seed in seeds],
        output_type="np",
        **{"guidance_scale": 5.0, **case.arguments},
    ).images
    return (images * 255).round().astype(np.uint8)


def drawn_by_the_program(
    bundle: Path, folder: Path, case: Case, size: tuple[int, int], seeds: range = SEEDS, dtype: str = "float32"
) -> np.ndarray:
    """The same from the bundle; `folder` is for the files."""
    options = ("--steps", case.steps, "-g", "5", "-W", size[0], "-H", size[1], "--dtype", dtype, *case.options)
    return drawn_with(bundle, folder, case.prompt, options, seeds)


def drawn_with(
    bundle: Path, folder: Path, prompt: str, options: tuple[object, ...], seeds: range = SEEDS
) -> np.ndarray:
    """The program's pictures (seeds, height, width, 3) uint8 with those options."""
    result = Program(folder).run(
        *(prompt, "-m", bundle, "-s", seeds[0], "-n", len(seeds), "-o", folder / "{seed}.png"),
        *("--on-exists", "overwrite", "--device", "cpu", "--threads", 1, "--progress", "none", *options),
    )
    assert result.code == 0, result.err
    return np.stack([np.asarray(Image.open(folder / f"{seed}.png")) for seed in seeds])


def assert_equal_pictures(ours: np.ndarray, theirs: np.ndarray) -> None:
    """Every channel within the tolerance, and a picture rather than a plain area."""
    assert (theirs.reshape(len(theirs), -1).std(axis=1) > 5).all()
    assert ours.shape == theirs.shape
    difference = np.abs(ours.astype(int) - theirs.astype(int))
    off = (difference > TOLERANCE).mean()
    assert difference.max() <= TOLERANCE, f"up to {difference.max()}, {off:.1%} of the channels"


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    """Peak signal-to-noise ratio of the worst of the pictures, in dB."""
    errors = ((a.astype(float) - b.astype(float)) ** 2).reshape(len(a), -1).mean(axis=1)
    return float(20 * np.log10(255) - 10 * np.log10(max(errors.max(), 1e-12)))
