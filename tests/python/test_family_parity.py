"""Pictures of every Stable Diffusion family, in miniature, against diffusers' own pipelines."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import diffusers
import export_model
import numpy as np
import pytest
import tiny_families
import torch
from cli_program import Program
from PIL import Image

PROMPT = "two red apples on a yellow table!"
SEEDS = (21, 22, 23)
SIZES = ((64, 64), (72, 104), (128, 64))
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


CASES = (
    Case("sd1", "sd1", 5),
    Case("sd2-v", "sd2", 5),
    Case("sd2-negative", "sd2-base", 5, {"negative_prompt": "a blue cat"}, ("-N", "a blue cat")),
    Case("sd-turbo-1", "sd-turbo", 1, {"guidance_scale": 0.0}, ("-g", "0")),
    Case("sd-turbo-4", "sd-turbo", 4, {"guidance_scale": 0.0}, ("-g", "0")),
    Case("sdxl", "sdxl", 5),
    Case("sdxl-negative", "sdxl", 5, {"negative_prompt": "a blue cat"}, ("-N", "a blue cat")),
    Case("sdxl-turbo-4", "sdxl-turbo", 4, {"guidance_scale": 0.0}, ("-g", "0")),
    Case(
        "sdxl-sizes",
        "sdxl",
        3,
        {"original_size": (480, 640), "crops_coords_top_left": (8, 16), "target_size": (64, 96)},
        ("--original-size", "640x480", "--crop", "8,16", "--target-size", "96x64"),
    ),
    Case("playground", "playground", 3),
    Case("lcm", "lcm", 4, {"guidance_scale": 8.5}, ("-g", "8.5")),
)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Path]]:
    """Family -> diffusers folder and bundle."""
    folder = tmp_path_factory.mktemp("families")
    made = {}
    for family in dict.fromkeys(case.family for case in CASES):
        source, bundle = tiny_families.write_family(folder / family, family), folder / f"{family}-bundle"
        assert export_model.main([str(source), "--output", str(bundle), "--dtype", "float32"]) == 0
        made[family] = (source, bundle)
    return made


@torch.no_grad()
def drawn_by_diffusers(case: Case, source: Path, size: tuple[int, int], seed: int) -> np.ndarray:
    """(height, width, 3) uint8."""
    kind = tiny_families.PIPELINES.get(case.family, "StableDiffusionPipeline")
    pipeline = getattr(diffusers, kind).from_pretrained(source)
    pipeline.set_progress_bar_config(disable=True)
    image = pipeline(
        PROMPT,
        width=size[0],
        height=size[1],
        num_inference_steps=case.steps,
        generator=torch.Generator("cpu").manual_seed(seed),
        output_type="np",
        **{"guidance_scale": 5.0, **case.arguments},
    ).images[0]
    return (image * 255).round().astype(np.uint8)


def drawn_by_the_program(case: Case, bundle: Path, folder: Path, size: tuple[int, int], seed: int) -> np.ndarray:
    result = Program(folder).run(
        *(PROMPT, "-m", bundle, "-s", seed, "--steps", case.steps, "-g", "5", "-W", size[0], "-H", size[1]),
        *("-o", folder / "x.png", "--device", "cpu", "--threads", 1, "--progress", "none", *case.options),
    )
    assert result.code == 0, result.err
    return np.asarray(Image.open(folder / "x.png"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_pictures_are_those_of_diffusers(case: Case, models: dict[str, tuple[Path, Path]], tmp_path: Path) -> None:
    source, bundle = models[case.family]
    for seed, size in zip(SEEDS, SIZES, strict=True):
        theirs = drawn_by_diffusers(case, source, size, seed)
        ours = drawn_by_the_program(case, bundle, tmp_path, size, seed)
        assert theirs.std() > 5  # a picture, not a plain area
        difference = np.abs(ours.astype(int) - theirs.astype(int))
        assert difference.max() <= TOLERANCE, f"{size}: {(difference > TOLERANCE).mean():.1%} of the channels"


def test_a_model_that_draws_into_a_picture_is_refused(tmp_path: Path) -> None:
    source = tiny_families.write_family(tmp_path / "source", "inpainting")
    assert export_model.main([str(source), "--output", str(tmp_path / "bundle"), "--dtype", "float32"]) == 0
    result = Program(tmp_path).run("x", "-m", tmp_path / "bundle", "-o", "x.png")
    assert result.code == 64
    assert "draws into a picture" in result.error


def test_sizes_are_refused_by_a_model_that_is_not_told_of_them(
    models: dict[str, tuple[Path, Path]], tmp_path: Path
) -> None:
    result = Program(tmp_path).run("x", "-m", models["sd1"][1], "--crop", "0,8", "-o", "x.png")
    assert result.code == 64
    assert "this model is not told of sizes" in result.error
