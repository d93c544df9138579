"""Bundles of each Stable Diffusion family against diffusers' pipelines and models."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import (
    DiffusionPipeline,
    StableDiffusionPipeline,
    StableDiffusionXLImg2ImgPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from diffusers.image_processor import VaeImageProcessor
from export.manifest import Facts
from export.open_source import Request, open_source
from export.tracing import pins
from exported import edit_json, manifest
from tiny_families import FAMILIES
from torch import Tensor
from transformers import CLIPTokenizer

# Whole exports take seconds: one for each kind of text encoder and of UNet inputs.
EXPORTED = ("sd2", "sdxl", "sdxl-refiner", "lcm")
DTYPES = (torch.float32, torch.bfloat16)
# Relative to the largest value: the modules run the same kernels, so equal bits are the rule.
TOLERANCE = {torch.float32: 1e-5, torch.bfloat16: 3e-2}
PROMPTS = ["a red apple!", "two blue cats on a yellow background, oil painting"]

Folder = Callable[[str], Path]


def assert_close(actual: Tensor, expected: Tensor) -> None:
    assert actual.shape == expected.shape
    assert actual.dtype == expected.dtype
    scale = expected.float().abs().max().item()
    assert (actual.float() - expected.float()).abs().max().item() <= TOLERANCE[expected.dtype] * scale


def pipeline(folder: Path) -> DiffusionPipeline:
    """As diffusers loads it. transformers 5 lacks an attribute that diffusers' clip_skip wants."""
    loaded = DiffusionPipeline.from_pretrained(folder)
    loaded.set_progress_bar_config(disable=True)
    encoder = getattr(loaded, "text_encoder", None)
    if encoder is not None and not hasattr(encoder, "text_model"):
        encoder.__dict__["text_model"] = encoder
    return loaded


def ids(folder: Path, bundle: Path) -> list[Tensor]:
    """The prompts' ids (2, L) for each tokenizer of the bundle."""
    names = [Path(entry["vocab"]).parent.name for entry in manifest(bundle)["tokenizers"]]
    rows = []
    for name in names:
        tokenizer = CLIPTokenizer.from_pretrained(folder / name)
        rows.append(tokenizer(PROMPTS, padding="max_length", max_length=77, return_tensors="pt").input_ids)
    return rows


@torch.no_grad()
def test_sd2_contexts_are_those_of_the_pipeline(family_folder: Folder, family_bundle: Folder) -> None:
    folder, bundle = family_folder("sd2"), family_bundle("sd2")
    pipe: StableDiffusionPipeline = pipeline(folder)
    contexts, pooled = torch.jit.load(bundle / "text_encoder.pt")(*ids(folder, bundle))
    assert pooled.shape == (2, 0)
    for k in range(len(contexts)):
        expected, _ = pipe.encode_prompt(PROMPTS, "cpu", 1, False, clip_skip=k or None)
        assert_close(contexts[k], expected)


@pytest.mark.parametrize("family", ["sdxl", "sdxl-refiner"])
@torch.no_grad()
def test_sdxl_contexts_and_pooled_texts_are_those_of_the_pipeline(
    family: str, family_folder: Folder, family_bundle: Folder
) -> None:
    folder, bundle = family_folder(family), family_bundle(family)
    pipe: StableDiffusionXLPipeline | StableDiffusionXLImg2ImgPipeline = pipeline(folder)
    contexts, pooled = torch.jit.load(bundle / "text_encoder.pt")(*ids(folder, bundle))
    facts = manifest(bundle)["text_encoder"]
    assert contexts.shape == (facts["clip_skips"], 2, 77, facts["context_width"])
    assert pooled.shape == (2, facts["pooled_width"])
    for k in range(len(contexts)):
        encoded = pipe.encode_prompt(PROMPTS, do_classifier_free_guidance=True, device="cpu", clip_skip=k or None)
        context, negative, pooled_text, _ = encoded
        assert_close(contexts[k], context)
        assert_close(pooled, pooled_text)
        assert facts["zero_empty_negative"] == bool((negative == 0).all())


def test_the_place_of_the_pooled_text_follows_the_configuration(family_folder: Folder) -> None:
    """transformers looks for the largest id, or in newer configurations for the end of the text."""
    from export.components import components

    folder = family_folder("sdxl")
    source = open_source(Request(str(folder)))
    config = source.config("text_encoder_2") | {"eos_token_id": 500}
    source.config = lambda part, original=source.config: config if part == "text_encoder_2" else original(part)
    encoder = components(source, torch.float32, torch.float32)[0]
    eager = encoder.load()
    rows = torch.randint(400, (2, 9))
    rows[0, 4] = rows[0, 7] = rows[1, 6] = 500
    rows[0, 2] = rows[1, 8] = 573  # a larger id: an embedding's
    with torch.no_grad():
        expected = encoder.run(eager, rows, rows)[1]
        assert_close(encoder.wrap(eager)(rows, rows)[1], expected)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("family", EXPORTED)
@torch.no_grad()
def test_unets_answer_as_diffusers(
    family: str, dtype: torch.dtype, family_folder: Folder, family_bundle: Folder
) -> None:
    folder, bundle = family_folder(family), family_bundle(family)
    facts = manifest(bundle)
    unet = UNet2DConditionModel.from_pretrained(folder / "unet").to(dtype)
    module = torch.jit.load(bundle / "unet.pt").to(dtype)
    assert list(pins(module)) == []
    for n, h, w in ((1, 8, 8), (3, 9, 5)):
        inputs = unet_inputs(facts, n, h, w, dtype)
        actual = module(*(inputs[name] for name in facts["unet"]["inputs"]))
        assert_close(actual, diffusers_answer(unet, inputs))


def unet_inputs(facts: dict[str, Any], n: int, h: int, w: int, dtype: torch.dtype) -> dict[str, Tensor]:
    """All that any UNet takes."""
    sizes = len(facts["unet"].get("time_ids", range(6)))
    return {
        "latent": torch.randn(n, facts["unet"]["in_channels"], h, w).to(dtype),
        "timestep": torch.rand(n) * 999,
        "context": torch.randn(n, 77, facts["text_encoder"]["context_width"]).to(dtype),
        "pooled": torch.randn(n, facts["text_encoder"]["pooled_width"]).to(dtype),
        "time_ids": torch.randint(2000, (n, sizes)).float(),
        "guidance": torch.rand(n) * 10 + 1,
    }


def diffusers_answer(unet: UNet2DConditionModel, inputs: dict[str, Tensor]) -> Tensor:
    condition = None
    if unet.config.time_cond_proj_dim is not None:
        embed = StableDiffusionPipeline.get_guidance_scale_embedding
        condition = embed(None, inputs["guidance"] - 1, unet.config.time_cond_proj_dim).to(unet.dtype)
    return unet(
        inputs["latent"],
        inputs["timestep"],
        inputs["context"],
        timestep_cond=condition,
        added_cond_kwargs={"text_embeds": inputs["pooled"], "time_ids": inputs["time_ids"]},
    ).sample


@pytest.mark.parametrize("family", EXPORTED)
def test_graphs_name_no_device_and_no_dtype(family: str, family_bundle: Folder) -> None:
    for file in ("text_encoder.pt", "vae_decoder.pt", "vae_encoder.pt"):
        assert list(pins(torch.jit.load(family_bundle(family) / file))) == []


@torch.no_grad()
def test_a_picture_of_the_modules_is_the_pipelines(family_folder: Folder, family_bundle: Folder) -> None:
    """The whole chain of SDXL with the formulas of models/README.md, two steps of diffusers' own scheduler."""
    folder, bundle = family_folder("sdxl"), family_bundle("sdxl")
    pipe, facts = pipeline(folder), manifest(bundle)
    latent = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(3))
    wanted = {"num_inference_steps": 2, "guidance_scale": 5.0, "latents": latent, "output_type": "np"}
    expected = pipe(PROMPTS[0], height=64, width=64, **wanted).images
    contexts, pooled = torch.jit.load(bundle / "text_encoder.pt")(*(rows[:1] for rows in ids(folder, bundle)))
    context = torch.cat([torch.zeros_like(contexts[0]), contexts[0]])
    pooled = torch.cat([torch.zeros_like(pooled), pooled])
    sizes = torch.tensor([[64.0, 64, 0, 0, 64, 64]] * 2)
    unet, scheduler = torch.jit.load(bundle / "unet.pt"), pipe.scheduler
    scheduler.set_timesteps(2)
    x = latent * scheduler.init_noise_sigma
    for t in scheduler.timesteps:
        doubled = scheduler.scale_model_input(torch.cat([x, x]), t)
        without, with_prompt = unet(doubled, t.float().expand(2), context, pooled, sizes).chunk(2)
        x = scheduler.step(without + 5.0 * (with_prompt - without), t, x).prev_sample
    rgb = torch.jit.load(bundle / "vae_decoder.pt")(x / facts["vae"]["scaling_factor"])
    assert abs(VaeImageProcessor.pt_to_numpy((rgb / 2 + 0.5).clamp(0, 1)) - expected).max() < 1e-4


EXPECTED: dict[str, dict[str, Any]] = {
    "sd1": {"steps": 25, "guidance": 7.5},
    "sd2": {"steps": 25, "guidance": 7.5, "special": {"!": 0}},
    "sd-turbo": {"steps": 1, "guidance": 1.0, "special": {"!": 0}},
    "sdxl": {"steps": 25, "guidance": 5.0, "inputs": ["pooled", "time_ids"], "special": {"!": 0}},
    "sdxl-turbo": {"steps": 1, "guidance": 1.0, "inputs": ["pooled", "time_ids"], "special": {"!": 0}},
    "sdxl-refiner": {"inputs": ["pooled", "time_ids"], "time_ids": "aesthetic_score", "special": {"!": 0}},
    "playground": {"inputs": ["pooled", "time_ids"], "latents_mean": 1.886, "special": {"!": 0}},
    "lcm": {"steps": 4, "guidance": 8.5, "inputs": ["guidance"]},
    "inpainting": {"channels": (9, 4)},
}


@pytest.mark.parametrize("family", EXPECTED)
def test_facts_of_a_family(family: str, family_folder: Folder, tmp_path: Path) -> None:
    from export.convert import _export_tokenizer

    source = open_source(Request(str(family_folder(family))))
    tokenizers = [_export_tokenizer(tmp_path, source, part) for part in source.text_parts]
    facts = Facts(source).manifest("name", torch.float16, torch.float32, tokenizers, {})
    expected = EXPECTED[family]
    for key in ("steps", "guidance"):
        assert facts["defaults"][key] == expected.get(key, facts["defaults"][key])
    assert facts["unet"]["inputs"][3:] == expected.get("inputs", [])
    assert facts["unet"].get("time_ids", [None])[-1] == expected.get("time_ids")
    assert facts["vae"].get("latents_mean", [None] * 2)[1] == expected.get("latents_mean")
    assert (facts["unet"]["in_channels"], facts["vae"]["latent_channels"]) == expected.get("channels", (4, 4))
    assert facts["tokenizers"][-1].get("special") == expected.get("special")
    assert [entry["length"] for entry in facts["tokenizers"]] == [77] * len(source.text_parts)
    assert facts["scheduler"]["steps_offset"] == 1


@pytest.mark.parametrize("family", EXPECTED)
def test_what_the_program_cannot_draw_with_yet_is_named(family: str, family_folder: Folder) -> None:
    notes = Facts(open_source(Request(str(family_folder(family))))).notes()
    assert any("cannot draw with it yet" in note for note in notes) == (family == "inpainting")


def test_every_tiny_family_is_tested() -> None:
    assert set(FAMILIES) - {"sd2-base"} == set(EXPECTED)


def test_parts_of_two_families_are_refused(family_folder: Folder, tmp_path: Path) -> None:
    import shutil

    from export.errors import ExportError

    copy = Path(shutil.copytree(family_folder("sdxl"), tmp_path / "copy"))
    edit_json(copy / "unet/config.json", projection_class_embeddings_input_dim=70)
    with pytest.raises(ExportError, match="projection_class_embeddings_input_dim 70"):
        from export.components import components

        components(open_source(Request(str(copy))), torch.float32, torch.float32)
    edit_json(copy / "model_index.json", _class_name="StableDiffusionPipeline")
    with pytest.raises(ExportError, match="contexts 56 wide|parts of two models"):
        Facts(open_source(Request(str(copy))))
