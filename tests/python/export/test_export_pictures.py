"""Pictures of bundles with LoRA and textual inversion in them against those of diffusers' pipelines with the same."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import DiffusionPipeline, LCMScheduler
from exported import exported
from family_pictures import (
    PROMPT,
    TOLERANCE,
    Case,
    assert_equal_pictures,
    drawn_by_diffusers,
    drawn_by_the_program,
    drawn_with,
    load_pipeline,
)
from lora_file import all_pairs, kohya, peft
from safetensors.torch import save_file

Folder = Callable[[str], Path]
SIZE = (72, 104)


def assert_changed(pictures: np.ndarray, plain: np.ndarray) -> None:
    """The comparison proves something only if the change shows."""
    assert np.abs(pictures.astype(int) - plain.astype(int)).max() > 20 * TOLERANCE


def load_loras(pipe: DiffusionPipeline, loras: list[tuple[Path, float]]) -> None:
    """As adapters, not merged."""
    names = [path.stem for path, _ in loras]
    for path, _ in loras:
        pipe.load_lora_weights(path.parent, weight_name=path.name, adapter_name=path.stem)
    pipe.set_adapters(names, [weight for _, weight in loras])


def lora_options(loras: list[tuple[Path, float]]) -> list[str]:
    return [text for path, weight in loras for text in ("--lora", f"{path}:{weight}")]


@pytest.mark.parametrize(("family", "weights"), [("sd1", [0.7]), ("sdxl", [0.7, -0.4])])
def test_loras(family: str, weights: list[float], family_folder: Folder, tmp_path: Path) -> None:
    pytest.importorskip("peft")
    folder, case = family_folder(family), Case("lora", family, 5)
    pipe = load_pipeline(folder, case)
    plain = drawn_by_diffusers(pipe, case, SIZE)
    loras = [(tmp_path / f"{number}.safetensors", weight) for number, weight in enumerate(weights)]
    for seed, ((path, _), named) in enumerate(zip(loras, (kohya, peft), strict=False)):
        save_file(named(all_pairs(pipe, seed)), path)
    bundle = exported(folder, tmp_path / "bundle", "--dtype", "float32", *lora_options(loras))
    ours = drawn_by_the_program(bundle, tmp_path, case, SIZE)
    load_loras(pipe, loras)
    theirs = drawn_by_diffusers(pipe, case, SIZE)
    assert_changed(theirs, plain)
    assert_equal_pictures(ours, theirs)


def test_an_lcm_lora(family_folder: Folder, tmp_path: Path) -> None:
    """Its UNet's changes and, for want of a scheduler in the file, the defaults that go with it."""
    pytest.importorskip("peft")
    folder, case = family_folder("sd1"), Case("lcm-lora", "sd1", 4, {"guidance_scale": 1.0})
    pipe = load_pipeline(folder, case)
    pipe.scheduler = LCMScheduler.from_config(pipe.scheduler.config)
    plain = drawn_by_diffusers(pipe, case, SIZE)
    lora = tmp_path / "lcm.safetensors"
    save_file(kohya({"unet": all_pairs(pipe, 5, convolutions=True)["unet"]}), lora)
    options = ("--dtype", "float32", "--steps", "4", "--guidance", "1", "--sampler", "lcm")
    bundle = exported(folder, tmp_path / "bundle", *options, *lora_options([(lora, 1.0)]))
    pipe.load_lora_weights(lora.parent, weight_name=lora.name)
    pipe.fuse_lora()
    theirs = drawn_by_diffusers(pipe, case, SIZE)
    assert_changed(theirs, plain)
    assert_equal_pictures(drawn_with(bundle, tmp_path, PROMPT, ("-W", SIZE[0], "-H", SIZE[1])), theirs)


def vectors(count: int, width: int, seed: int) -> torch.Tensor:
    """As long as those of the tiny models."""
    return 0.5 * torch.randn(count, width, generator=torch.Generator().manual_seed(seed))


def test_two_embeddings_of_sd1(family_folder: Folder, tmp_path: Path) -> None:
    folder = family_folder("sd1")
    case = Case("embeddings", "sd1", 5, prompt="two red <cat> on a <table> at night, <cat>")
    pipe = load_pipeline(folder, case)
    plain = drawn_by_diffusers(pipe, case, SIZE)
    options = ["--dtype", "float32"]
    for seed, (token, count) in enumerate((("<cat>", 3), ("<table>", 1))):
        file = tmp_path / f"{seed}.safetensors"
        save_file({"emb_params": vectors(count, 32, seed)}, file)
        pipe.load_textual_inversion(tmp_path, weight_name=file.name, token=token)
        options += ["--embedding", f"{file}:{token}"]
    bundle = exported(folder, tmp_path / "bundle", *options)
    theirs = drawn_by_diffusers(pipe, case, SIZE)
    assert_changed(theirs, plain)
    assert_equal_pictures(drawn_by_the_program(bundle, tmp_path, case, SIZE), theirs)


def test_an_embedding_of_both_text_encoders_of_sdxl(family_folder: Folder, tmp_path: Path) -> None:
    folder = family_folder("sdxl")
    case = Case("embedding", "sdxl", 5, prompt="two red <cat> on a table")
    pipe = load_pipeline(folder, case)
    plain = drawn_by_diffusers(pipe, case, SIZE)
    state = {"clip_l": vectors(2, 32, seed=3), "clip_g": vectors(2, 24, seed=4)}
    save_file(state, tmp_path / "cat.safetensors")
    for name, number in (("clip_l", ""), ("clip_g", "_2")):
        encoder, tokenizer = getattr(pipe, f"text_encoder{number}"), getattr(pipe, f"tokenizer{number}")
        pipe.load_textual_inversion(state[name], token="<cat>", text_encoder=encoder, tokenizer=tokenizer)
    option = ("--embedding", f"{tmp_path / 'cat.safetensors'}:<cat>")
    bundle = exported(folder, tmp_path / "bundle", "--dtype", "float32", *option)
    theirs = drawn_by_diffusers(pipe, case, SIZE)
    assert_changed(theirs, plain)
    assert_equal_pictures(drawn_by_the_program(bundle, tmp_path, case, SIZE), theirs)
