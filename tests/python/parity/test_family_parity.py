"""Pictures of every Stable Diffusion family, in miniature, against diffusers' own pipelines."""

from collections.abc import Callable
from pathlib import Path

import export_model
import pytest
import tiny_families
from cli_program import Program
from diffusers import DiffusionPipeline
from family_pictures import (
    SEEDS,
    SIZES,
    Case,
    assert_equal_pictures,
    drawn_by_diffusers,
    drawn_by_the_program,
    load_pipeline,
    psnr,
)

NEGATIVE = ({"negative_prompt": "a blue cat"}, ("-N", "a blue cat"))
UNGUIDED = ({"guidance_scale": 0.0}, ("-g", "0"))
LCM = ({"guidance_scale": 8.5}, ("-g", "8.5"))
CASES = (
    Case("sd1", "sd1", 5),
    Case("sd1-negative", "sd1", 5, *NEGATIVE),
    Case("sd2-epsilon", "sd2-base", 5),
    Case("sd2-v", "sd2", 5),
    Case("sd2-negative", "sd2-base", 5, *NEGATIVE),
    Case("sd-turbo-1", "sd-turbo", 1, *UNGUIDED),
    Case("sd-turbo-4", "sd-turbo", 4, *UNGUIDED),
    Case("sdxl", "sdxl", 5),
    Case("sdxl-negative", "sdxl", 5, *NEGATIVE),
    Case("sdxl-turbo-1", "sdxl-turbo", 1, *UNGUIDED),
    Case("sdxl-turbo-4", "sdxl-turbo", 4, *UNGUIDED),
    Case(
        "sdxl-sizes",
        "sdxl",
        3,
        {"original_size": (480, 640), "crops_coords_top_left": (8, 16), "target_size": (64, 96)},
        ("--original-size", "640x480", "--crop", "8,16", "--target-size", "96x64"),
    ),
    Case("playground", "playground", 3),
    Case("lcm", "lcm", 4, *LCM),
    Case("lcm-plain-pipeline", "lcm", 4, *LCM, pipeline="StableDiffusionPipeline"),
)
LEAST_PSNR = 30  # dB: bfloat16 keeps 8 bits of a float32's 24

Bundle = Callable[[str], Path]


@pytest.fixture(scope="module")
def pipelines(family_folder: Bundle) -> Callable[[Case], DiffusionPipeline]:
    loaded: dict[tuple[str, str | None], DiffusionPipeline] = {}

    def pipeline_of(case: Case) -> DiffusionPipeline:
        key = case.family, case.pipeline
        if key not in loaded:
            loaded[key] = load_pipeline(family_folder(case.family), case)
        return loaded[key]

    return pipeline_of


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_pictures_are_those_of_diffusers(
    case: Case,
    size: tuple[int, int],
    pipelines: Callable[[Case], DiffusionPipeline],
    family_bundle: Bundle,
    tmp_path: Path,
) -> None:
    ours = drawn_by_the_program(family_bundle(case.family), tmp_path, case, size)
    assert_equal_pictures(ours, drawn_by_diffusers(pipelines(case), case, size))


@pytest.mark.parametrize("case", [case for case in CASES if case.pipeline is None], ids=lambda case: case.name)
def test_pictures_in_bfloat16_are_nearly_those_in_float32(case: Case, family_bundle: Bundle, tmp_path: Path) -> None:
    exact, rounded = (
        drawn_by_the_program(family_bundle(case.family), tmp_path, case, SIZES[1], SEEDS[:2], dtype)
        for dtype in ("float32", "bfloat16")
    )
    assert (exact != rounded).any()  # the option does something
    assert psnr(rounded, exact) >= LEAST_PSNR


def test_a_model_that_draws_into_a_picture_is_refused(tmp_path: Path) -> None:
    source = tiny_families.write_family(tmp_path / "source", "inpainting")
    assert export_model.main([str(source), "--output", str(tmp_path / "bundle"), "--dtype", "float32"]) == 0
    result = Program(tmp_path).run("x", "-m", tmp_path / "bundle", "-o", "x.png")
    assert result.code == 64
    assert "draws into a picture" in result.error


def test_sizes_are_refused_by_a_model_that_is_not_told_of_them(family_bundle: Bundle, tmp_path: Path) -> None:
    result = Program(tmp_path).run("x", "-m", family_bundle("sd1"), "--crop", "0,8", "-o", "x.png")
    assert result.code == 64
    assert "this model is not told of sizes" in result.error
