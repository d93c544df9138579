"""The program's pictures against those of diffusers' StableDiffusionPipeline, from the same weights.

The program is $TXT2IMG_BINARY, build/release/txt2img by default. Every case draws ten seeds with
both, in float32 on the CPU, and compares every channel of every pixel.
"""

import hashlib
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import export_model
import numpy as np
import pytest
import sentencepiece
import tiny_models
import torch
from cli_program import BINARY
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    SchedulerMixin,
    StableDiffusionPipeline,
    UNet2DConditionModel,
)
from PIL import Image
from transformers import CLIPTextModel, CLIPTokenizer

SAMPLERS: dict[str, type[SchedulerMixin]] = {
    "ddim": DDIMScheduler,
    "euler": EulerDiscreteScheduler,
    "euler_a": EulerAncestralDiscreteScheduler,
    "dpmpp_2m": DPMSolverMultistepScheduler,
}
# (guidance, negative prompt)
GUIDANCES = ((1.0, None), (7.5, None), (7.5, "a green star at night"))
PROMPT = "two red apples on a yellow table"
SEEDS = range(1234, 1244)
STEPS = 6
SIZE = (64, 64)
# One level of 255: float32 sums in another order may round a value the other way.
TOLERANCE = 1


@dataclass(frozen=True)
class Model:
    """A tiny model in both forms."""

    source: Path
    bundle: Path

    @property
    def facts(self) -> dict[str, Any]:
        return json.loads((self.bundle / "model.json").read_text(encoding="utf-8"))

    def pipeline(self, sampler: str) -> StableDiffusionPipeline:
        """diffusers' pipeline on the source, with the bundle's scheduler keys."""
        pipeline = StableDiffusionPipeline(
            vae=AutoencoderKL.from_pretrained(self.source / "vae"),
            text_encoder=CLIPTextModel.from_pretrained(self.source / "text_encoder"),
            tokenizer=None,
            unet=UNet2DConditionModel.from_pretrained(self.source / "unet"),
            scheduler=SAMPLERS[sampler].from_config(self.facts["scheduler"]),
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
        )
        pipeline.set_progress_bar_config(disable=True)
        return pipeline

    def ids(self, text: str) -> torch.Tensor:
        """Padded token ids (1, L) int64, from the library that the tokenizer belongs to."""
        spec = self.facts["tokenizers"][0]
        folder = self.source / "tokenizer"
        if spec["type"] == "clip-bpe":
            tokenizer = CLIPTokenizer.from_pretrained(folder)
            ids = tokenizer(text, padding="max_length", max_length=spec["length"], truncation=True).input_ids
        else:
            processor = sentencepiece.SentencePieceProcessor(model_file=str(folder / "tokenizer.model"))
            inner = processor.encode(text)[: spec["length"] - 2]
            ids = [spec["bos"], *inner, spec["eos"]]
            ids += [spec["pad"]] * (spec["length"] - len(ids))
        return torch.tensor([ids])

    def noise(self, seed: int, size: tuple[int, int]) -> torch.Tensor:
        """Initial noise (1, C, h, w) float32 of one picture; size is (width, height)."""
        shape = (1, self.facts["vae"]["latent_channels"], size[1] // 8, size[0] // 8)
        return torch.randn(shape, generator=torch.Generator("cpu").manual_seed(seed))


@pytest.fixture(scope="session", params=["sd1", "stickers"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Model:
    write = {"sd1": tiny_models.write_sd1, "stickers": tiny_models.write_stickers}[request.param]
    folder = tmp_path_factory.mktemp(request.param)
    source, bundle = write(folder / "source"), folder / "bundle"
    arguments = [str(source), "--output", str(bundle), "--dtype", "float32"]
    assert export_model.main(arguments) == 0
    return Model(source, bundle)


@torch.no_grad()
def drawn_by_diffusers(
    model: Model,
    sampler: str,
    guidance: float,
    negative: str | None,
    prompt: str = PROMPT,
    size: tuple[int, int] = SIZE,
    seeds: range = SEEDS,
) -> np.ndarray:
    """Pictures (N, height, width, 3) uint8, one for each seed with a generator of its own."""
    pipeline = model.pipeline(sampler)

    def context(text: str) -> torch.Tensor:
        return pipeline.text_encoder(model.ids(text)).last_hidden_state

    images = pipeline(
        prompt_embeds=context(prompt),
        negative_prompt_embeds=context(negative or "") if guidance > 1 else None,
        width=size[0],
        height=size[1],
        num_inference_steps=STEPS,
        guidance_scale=guidance,
        num_images_per_prompt=len(seeds),
        generator=[torch.Generator("cpu").manual_seed(seed) for seed in seeds],
        output_type="np",
    ).images
    return (images * 255).round().astype(np.uint8)


def drawn_by_the_program(
    model: Model,
    folder: Path,
    sampler: str,
    guidance: float,
    negative: str | None,
    size: tuple[int, int] = SIZE,
    seeds: range = SEEDS,
) -> list[Path]:
    """The program's PNG files, one for each seed."""
    if not BINARY.exists():
        pytest.fail(f"{BINARY} is not there: run scripts/build, or set TXT2IMG_BINARY")
    output = folder / "x.png"
    command = [str(BINARY), PROMPT, "-m", str(model.bundle), "-o", str(output), "--device", "cpu"]
    command += ["--sampler", sampler, "-g", str(guidance), "--steps", str(STEPS)]
    command += ["-s", str(seeds[0]), "-n", str(len(seeds)), "--threads", "1"]
    command += ["-W", str(size[0]), "-H", str(size[1])]
    command += ["-N", negative] if negative is not None else []
    run = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == 0, run.stderr
    paths = [folder / f"x-{k + 1:04}.png" for k in range(len(seeds))] if len(seeds) > 1 else [output]
    assert sorted(folder.glob("*.png")) == paths
    return paths


def pixels(path: Path) -> np.ndarray:
    """(height, width, 3) uint8."""
    with Image.open(path) as image:
        assert image.mode == "RGB"
        return np.asarray(image)


def record(path: Path) -> dict[str, Any]:
    """What the program wrote into the picture's `txt2img` chunk."""
    with Image.open(path) as image:
        image.load()
        return json.loads(image.text["txt2img"])


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def assert_equal_pictures(paths: list[Path], expected: np.ndarray) -> None:
    for path, picture, seed in zip(paths, expected, SEEDS, strict=False):
        actual = pixels(path)
        assert actual.shape == picture.shape
        difference = np.abs(actual.astype(int) - picture.astype(int))
        assert difference.max() <= TOLERANCE, (
            f"seed {seed}: a channel differs by {difference.max()}, "
            f"{(difference > TOLERANCE).mean():.1%} of them by more than {TOLERANCE}"
        )


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize(("guidance", "negative"), GUIDANCES)
def test_pictures_equal_those_of_diffusers(
    model: Model, sampler: str, guidance: float, negative: str | None, tmp_path: Path
) -> None:
    expected = drawn_by_diffusers(model, sampler, guidance, negative)
    paths = drawn_by_the_program(model, tmp_path, sampler, guidance, negative)
    assert_equal_pictures(paths, expected)
    ids = model.ids(PROMPT).numpy().astype("<i8").tobytes()
    for path, seed in zip(paths, SEEDS, strict=True):
        stages = record(path)["stages"]
        assert stages["ids"] == sha256(ids)
        assert stages["noise"] == sha256(model.noise(seed, SIZE).numpy().astype("<f4").tobytes())
        assert stages["pixels"] == sha256(pixels(path).tobytes())


@pytest.mark.parametrize("size", [(104, 72), (8, 24)])
def test_pictures_of_other_shapes_equal_those_of_diffusers(model: Model, size: tuple[int, int], tmp_path: Path) -> None:
    seeds = SEEDS[:2]
    expected = drawn_by_diffusers(model, "dpmpp_2m", 7.5, None, size=size, seeds=seeds)
    paths = drawn_by_the_program(model, tmp_path, "dpmpp_2m", 7.5, None, size=size, seeds=seeds)
    assert_equal_pictures(paths, expected)
    for path, seed in zip(paths, seeds, strict=True):
        noise = model.noise(seed, size).numpy().astype("<f4").tobytes()
        assert record(path)["stages"]["noise"] == sha256(noise)


def test_tiny_models_draw_pictures_that_can_tell_things_apart(model: Model) -> None:
    """The comparison above proves something only if prompt, guidance, seed and sampler show."""
    base = drawn_by_diffusers(model, "ddim", 7.5, None, seeds=SEEDS[:3])
    assert (base.reshape(3, -1).std(axis=1) > 20).all()
    assert np.isin(base, (0, 255)).mean() < 0.1
    others = {
        "seed": base[[1, 2, 0]],
        "guidance": drawn_by_diffusers(model, "ddim", 1.0, None, seeds=SEEDS[:3]),
        "negative": drawn_by_diffusers(model, "ddim", 7.5, GUIDANCES[2][1], seeds=SEEDS[:3]),
        "prompt": drawn_by_diffusers(model, "ddim", 7.5, None, "a blue cat", seeds=SEEDS[:3]),
        "sampler": drawn_by_diffusers(model, "dpmpp_2m", 7.5, None, seeds=SEEDS[:3]),
    }
    for what, pictures in others.items():
        assert np.abs(base.astype(int) - pictures).max() > 4 * TOLERANCE, what
