"""scripts/export_model.py against diffusers and transformers, on tiny random models."""

import hashlib
import json
import math
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import diffusers
import export.bundle_folder
import export.convert
import export.unet
import export_model
import pytest
import tiny_models
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from export.components import components
from export.errors import ExportError
from export.scheduler import Scheduler
from export.source import DiffusersFolder
from export.tokenizers import export_tokenizer
from export.tracing import pins
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import CLIPTextModel, CLIPTokenizer

DTYPES = (torch.float32, torch.bfloat16, torch.float16)
# (batch, height, width) of latents: none is the traced size, most cannot be halved evenly.
SIZES = ((1, 1, 1), (3, 8, 8), (2, 9, 5), (1, 16, 12))
VAE_SIZES = ((1, 1, 1), (3, 2, 2), (2, 3, 5))
# Relative to the largest value: the modules run the same kernels, so equal bits are the rule.
TOLERANCE = {torch.float32: 1e-5, torch.bfloat16: 3e-2, torch.float16: 4e-3}
UNET, VAE, TEXT = (
    "unet/diffusion_pytorch_model.safetensors",
    "vae/diffusion_pytorch_model.safetensors",
    "text_encoder/model.safetensors",
)


@pytest.fixture(scope="session")
def sd1(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models.write_sd1(tmp_path_factory.mktemp("sd1"))


@pytest.fixture(scope="session")
def stickers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models.write_stickers(tmp_path_factory.mktemp("stickers"))


@pytest.fixture(scope="session")
def sd1_bundle(sd1: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Half precision, as people export published models."""
    return exported(sd1, tmp_path_factory.mktemp("bundles") / "sd1", "--dtype", "float16")


@pytest.fixture(scope="session")
def stickers_bundle(stickers: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    bundle = tmp_path_factory.mktemp("bundles") / "stickers"
    return exported(stickers, bundle, "--dtype", "float32", "--vae-dtype", "float16")


@pytest.fixture
def copy(sd1: Path, tmp_path: Path) -> Path:
    """A source of one's own to spoil."""
    return Path(shutil.copytree(sd1, tmp_path / "source"))


def exported(source: Path, bundle: Path, *options: str) -> Path:
    assert export_model.main([str(source), "--output", str(bundle), *options]) == 0
    return bundle


def manifest(bundle: Path) -> dict[str, Any]:
    return json.loads((bundle / "model.json").read_text(encoding="utf-8"))


def edit_json(path: Path, **values: Any) -> None:
    content = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    path.write_text(json.dumps(content | values), encoding="utf-8")


def edit_tensors(path: Path, edit: Callable[[dict[str, Tensor]], Any]) -> None:
    tensors = load_file(path)
    edit(tensors)
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path)


def original(source: Path, part: str, stored: torch.dtype, dtype: torch.dtype) -> nn.Module:
    """The part as its own library loads it, rounded to the stored precision."""
    classes = {"unet": UNet2DConditionModel, "vae": AutoencoderKL, "text_encoder": CLIPTextModel}
    model = classes[part].from_pretrained(source / part).eval().requires_grad_(False)
    return model.to(stored).to(dtype)


def module(bundle: Path, file: str, dtype: torch.dtype | None = None) -> torch.jit.ScriptModule:
    loaded = torch.jit.load(bundle / file)
    return loaded if dtype is None else loaded.to(dtype)


def assert_close(actual: Tensor, expected: Tensor) -> None:
    assert actual.shape == expected.shape
    assert actual.dtype == expected.dtype
    scale = expected.float().abs().max().item()
    difference = (actual.float() - expected.float()).abs().max().item()
    assert difference <= TOLERANCE[expected.dtype] * scale


# --- modules ------------------------------------------------------------------------------------


@pytest.fixture(params=["sd1", "stickers"])
def pair(request: pytest.FixtureRequest) -> tuple[Path, Path]:
    """(source, bundle) of each layout."""
    name = request.param
    return request.getfixturevalue(name), request.getfixturevalue(f"{name}_bundle")


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@torch.no_grad()
def test_unet_answers_as_diffusers_at_any_size(pair: tuple[Path, Path], dtype: torch.dtype) -> None:
    source, bundle = pair
    facts = manifest(bundle)
    expected = original(source, "unet", getattr(torch, facts["unet"]["dtype"]), dtype)
    actual = module(bundle, "unet.pt", dtype)
    width, length = facts["text_encoder"]["context_width"], facts["tokenizers"][0]["length"]
    for n, h, w in SIZES:
        latent = torch.randn(n, facts["unet"]["in_channels"], h, w).to(dtype)
        timestep = torch.rand(n) * 999  # fractions, and another one in each row
        context = torch.randn(n, length, width).to(dtype)
        reference = expected(latent, timestep, context, return_dict=False)[0]
        assert_close(actual(latent, timestep, context), reference)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@torch.no_grad()
def test_vae_answers_as_diffusers_at_any_size(pair: tuple[Path, Path], dtype: torch.dtype) -> None:
    source, bundle = pair
    facts = manifest(bundle)["vae"]
    expected = original(source, "vae", getattr(torch, facts["dtype"]), dtype)
    decoder = module(bundle, "vae_decoder.pt", dtype)
    encoder = module(bundle, "vae_encoder.pt", dtype)
    for n, h, w in VAE_SIZES:
        latent = torch.randn(n, facts["latent_channels"], h, w).to(dtype)
        image = (torch.rand(n, 3, 8 * h, 8 * w) * 2 - 1).to(dtype)
        assert_close(decoder(latent), expected.decode(latent).sample)
        assert_close(encoder(image), expected.encode(image).latent_dist.parameters)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@torch.no_grad()
def test_text_encoder_returns_a_context_for_every_clip_skip(
    pair: tuple[Path, Path], dtype: torch.dtype
) -> None:
    source, bundle = pair
    facts = manifest(bundle)
    spec, length = facts["text_encoder"], facts["tokenizers"][0]["length"]
    expected = original(source, "text_encoder", getattr(torch, spec["dtype"]), dtype)
    actual = module(bundle, "text_encoder.pt", dtype)
    for n in (1, 3):
        ids = torch.randint(expected.config.vocab_size, (n, length))
        contexts, pooled = actual(ids)
        reference = expected(ids, output_hidden_states=True)
        assert contexts.shape == (spec["clip_skips"], n, length, spec["context_width"])
        assert pooled.shape == (n, spec["pooled_width"])
        assert_close(contexts[0], reference.last_hidden_state)
        for k in range(spec["clip_skips"]):
            hidden = expected.final_layer_norm(reference.hidden_states[-(k + 1)])
            assert_close(contexts[k], hidden)


def test_parameters_keep_the_names_and_values_of_the_source(
    sd1: Path, stickers_bundle: Path, stickers: Path, sd1_bundle: Path
) -> None:
    for source, bundle in ((sd1, sd1_bundle), (stickers, stickers_bundle)):
        for file, part in (("unet.pt", "unet"), ("text_encoder.pt", "text_encoder")):
            stored = getattr(torch, manifest(bundle)[part]["dtype"])
            assert_same_tensors(module(bundle, file), original(source, part, stored, stored))
        vae = original(source, "vae", torch.float32, torch.float32).state_dict()
        halves = [module(bundle, f"vae_{half}.pt").state_dict() for half in ("decoder", "encoder")]
        assert halves[0].keys() | halves[1].keys() == vae.keys()
        assert not halves[0].keys() & halves[1].keys()


def assert_same_tensors(actual: nn.Module, expected: nn.Module) -> None:
    ours, theirs = dict(actual.state_dict()), expected.state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert all(parameter.dtype.is_floating_point for parameter in actual.parameters())


@pytest.mark.parametrize("file", ["text_encoder.pt", "unet.pt", "vae_decoder.pt", "vae_encoder.pt"])
def test_graphs_name_no_device_and_no_dtype(sd1_bundle: Path, file: str) -> None:
    loaded = module(sd1_bundle, file)
    assert list(pins(loaded)) == []
    graph = str(loaded.inlined_graph)
    assert "Device" not in graph
    assert "aten::to(" not in graph


class Factory(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x + torch.arange(3)


class Cast(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.to(torch.float32)


class Constant(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x * torch.ones(3)


class IntegerState(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.index = nn.Buffer(torch.tensor([2, 0, 1]))

    def forward(self, x: Tensor) -> Tensor:
        return x.index_select(0, self.index)


@pytest.mark.parametrize("kind", [Factory, Cast, Constant, IntegerState])
def test_a_graph_that_names_a_device_or_a_dtype_is_found(kind: type[nn.Module]) -> None:
    traced = torch.jit.trace(kind(), torch.rand(3, dtype=torch.float64), check_trace=False)
    assert list(pins(traced))


def test_archives_hold_no_traces_of_the_machine(sd1_bundle: Path) -> None:
    home = str(Path(export_model.__file__).parents[1]).encode()
    for path in sd1_bundle.glob("*.pt"):
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                assert not name.endswith(".debug_pkl")
                assert home not in archive.read(name)


# --- model.json ---------------------------------------------------------------------------------


def test_manifest_of_a_stable_diffusion_1_model(sd1: Path, sd1_bundle: Path) -> None:
    actual = manifest(sd1_bundle)
    weights = {name: sha256(sd1 / name) for name in (TEXT, UNET, VAE)}
    files = [path for path in sd1_bundle.rglob("*") if path.is_file()]
    assert actual == {
        "format": "txt2img-bundle",
        "version": 1,
        "name": "sd1",
        "family": "custom",
        "licence": "unknown; see the source of the model",
        "source": {
            "pipeline": "StableDiffusionPipeline",
            "scheduler": "PNDMScheduler",
            "weights": weights,
        },
        "exporter": {
            "txt2img": actual["exporter"]["txt2img"],
            "torch": torch.__version__,
            "diffusers": diffusers.__version__,
            "transformers": actual["exporter"]["transformers"],
        },
        "files": {
            str(path.relative_to(sd1_bundle)): {
                "bytes": path.stat().st_size,
                "sha256": sha256(path),
            }
            for path in files
            if path.name != "model.json"
        },
        "tokenizers": [
            {
                "type": "clip-bpe",
                "vocab": "tokenizer/vocab.json",
                "merges": "tokenizer/merges.txt",
                "length": 77,
                "bos": 572,
                "eos": 573,
                "pad": 573,
            }
        ],
        "text_encoder": {
            "file": "text_encoder.pt",
            "dtype": "float16",
            "clip_skips": 3,
            "context_width": 32,
            "pooled_width": 0,
            "zero_empty_negative": False,
        },
        "unet": {
            "file": "unet.pt",
            "dtype": "float16",
            "inputs": ["latent", "timestep", "context"],
            "in_channels": 4,
            "out_channels": 4,
        },
        "vae": {
            "decoder": "vae_decoder.pt",
            "encoder": "vae_encoder.pt",
            "dtype": "float32",
            "factor": 8,
            "latent_channels": 4,
            "scaling_factor": 0.18215,
            "shift_factor": 0.0,
        },
        "scheduler": {
            "num_train_timesteps": 1000,
            "beta_schedule": "scaled_linear",
            "beta_start": 0.00085,
            "beta_end": 0.012,
            "prediction_type": "epsilon",
            "timestep_spacing": "leading",
            "steps_offset": 1,
            "set_alpha_to_one": False,
            "rescale_betas_zero_snr": False,
            "clip_sample": False,
            "thresholding": False,
            "final_sigmas_type": "zero",
        },
        "defaults": {
            "width": 64,
            "height": 64,
            "steps": 25,
            "guidance": 7.5,
            "sampler": "ddim",  # until the program has pndm
            "schedule": "model",
            "size_multiple": 8,
        },
    }


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_facts_of_the_models_own_win_over_derived_ones(stickers_bundle: Path) -> None:
    facts = manifest(stickers_bundle)
    assert (facts["name"], facts["family"], facts["licence"]) == (
        "tiny-stickers",
        "stickers",
        "MIT",
    )
    assert facts["defaults"] == {
        "width": 64,
        "height": 64,
        "steps": 12,
        "guidance": 3.0,
        "sampler": "ddim",
        "schedule": "model",
        "size_multiple": 8,
    }
    assert facts["scheduler"]["steps_offset"] == 0
    assert facts["scheduler"]["prediction_type"] == "v_prediction"
    assert facts["scheduler"]["rescale_betas_zero_snr"] is True
    assert facts["vae"]["dtype"] == "float16"
    tokenizer = facts["tokenizers"][0]
    assert tokenizer == {
        "type": "sentencepiece",
        "model": "tokenizer/tokenizer.model",
        "length": 32,
        "bos": 1,
        "eos": 2,
        "pad": 0,
    }


@pytest.mark.parametrize(
    ("config", "sampler", "schedule", "notes"),
    [
        ({"_class_name": "DDIMScheduler"}, "ddim", "model", 0),
        ({"_class_name": "EulerDiscreteScheduler"}, "euler", "model", 0),
        ({"_class_name": "EulerAncestralDiscreteScheduler"}, "euler_a", "model", 0),
        ({"_class_name": "DPMSolverMultistepScheduler"}, "dpmpp_2m", "model", 0),
        (
            {"_class_name": "DPMSolverMultistepScheduler", "use_karras_sigmas": True},
            "dpmpp_2m",
            "model",
            1,
        ),
        ({"_class_name": "PNDMScheduler"}, "ddim", "model", 1),
        ({"_class_name": "UniPCMultistepScheduler"}, "dpmpp_2m", "model", 1),
    ],
)
def test_default_sampler_follows_the_scheduler_class(
    config: dict[str, Any], sampler: str, schedule: str, notes: int
) -> None:
    scheduler = Scheduler(config, "here")
    assert scheduler.sampler()[0] == sampler
    assert scheduler.schedule()[0] == schedule
    assert sum(note is not None for _, note in (scheduler.sampler(), scheduler.schedule())) == notes


def test_scheduler_keys_come_from_the_file_then_the_class_then_the_pipeline() -> None:
    config = {"_class_name": "EulerDiscreteScheduler", "beta_end": 0.02, "set_alpha_to_one": True}
    facts = Scheduler(config, "here").facts("StableDiffusionXLPipeline")
    assert facts["beta_end"] == 0.02
    assert facts["set_alpha_to_one"] is True  # unknown to the class, but the file says so
    assert facts["beta_schedule"] == "linear"  # the class default
    assert facts["timestep_spacing"] == "linspace"
    assert facts["steps_offset"] == 0
    ddim = Scheduler({"_class_name": "DDIMScheduler"}, "here")
    assert ddim.facts("StableDiffusionXLPipeline")["clip_sample"] is True
    rewritten = ddim.facts("StableDiffusionPipeline")
    assert (rewritten["clip_sample"], rewritten["steps_offset"]) == (False, 1)


def test_trained_betas_replace_the_beta_keys() -> None:
    betas = [0.1, 0.2]
    config = {"_class_name": "DDIMScheduler", "trained_betas": betas, "num_train_timesteps": 2}
    facts = Scheduler(config, "here").facts("StableDiffusionPipeline")
    assert facts["trained_betas"] == betas
    assert not {"beta_schedule", "beta_start", "beta_end"} & facts.keys()


# --- tokenizers ---------------------------------------------------------------------------------


def test_tiny_vocabulary_is_one_that_transformers_reads(sd1: Path) -> None:
    tokenizer = CLIPTokenizer.from_pretrained(sd1 / "tokenizer")
    ids = tokenizer("A red apple!").input_ids
    assert (ids[0], ids[-1]) == (572, 573)
    assert tokenizer.convert_ids_to_tokens(ids[1:-1])[:3] == ["a</w>", "re", "d</w>"]


def test_vocabulary_is_recovered_from_tokenizer_json(sd1: Path, tmp_path: Path) -> None:
    source, bundle = tmp_path / "source", tmp_path / "bundle"
    CLIPTokenizer.from_pretrained(sd1 / "tokenizer").save_pretrained(source)
    for name in ("vocab.json", "merges.txt"):
        (source / name).unlink(missing_ok=True)
    assert (source / "tokenizer.json").exists()
    bundle.mkdir()
    entry = export_tokenizer(source, bundle, "tokenizer", 77)
    assert (entry["bos"], entry["eos"], entry["pad"]) == (572, 573, 573)
    for name, read in (("vocab.json", json.loads), ("merges.txt", str.splitlines)):
        ours = (bundle / "tokenizer" / name).read_text(encoding="utf-8")
        theirs = (sd1 / "tokenizer" / name).read_text(encoding="utf-8")
        assert read(ours) == read(theirs)


def test_a_pad_token_of_its_own_is_taken_out_of_the_text(copy: Path, tmp_path: Path) -> None:
    edit_json(copy / "tokenizer/special_tokens_map.json", pad_token="!")
    (tmp_path / "bundle").mkdir()
    entry = export_tokenizer(copy / "tokenizer", tmp_path / "bundle", "tokenizer", 77)
    assert (entry["pad"], entry["special"]) == (0, {"!": 0})


# --- sources ------------------------------------------------------------------------------------


def loaded(source: Path) -> list[dict[str, Tensor]]:
    """State of every part as the exporter reads it, in half precision."""
    parts = components(DiffusersFolder(source), torch.float16, torch.float16)
    return [part.load(DiffusersFolder(source)).state_dict() for part in parts]


def assert_same_state(ours: list[dict[str, Tensor]], theirs: list[dict[str, Tensor]]) -> None:
    for a, b in zip(ours, theirs, strict=True):
        assert a.keys() == b.keys()
        assert all(torch.equal(a[name], b[name]) for name in a)


def test_fp16_variant_and_shards_give_the_same_weights(sd1: Path, copy: Path) -> None:
    unet = UNet2DConditionModel.from_pretrained(copy / "unet").half()
    (copy / UNET).unlink()
    unet.save_pretrained(copy / "unet", variant="fp16", max_shard_size="100KB")
    assert len(list((copy / "unet").glob("*-of-*.safetensors"))) > 1
    vae = AutoencoderKL.from_pretrained(copy / "vae").half()
    (copy / VAE).unlink()
    vae.save_pretrained(copy / "vae", variant="fp16")
    assert_same_state(loaded(copy), loaded(sd1))


def test_names_of_older_diffusers_and_transformers_are_understood(sd1: Path, copy: Path) -> None:
    def old_text(tensors: dict[str, Tensor]) -> None:
        renamed = {f"text_model.{name}": tensor for name, tensor in tensors.items()}
        tensors.clear()
        tensors.update(renamed)
        tensors["text_model.embeddings.position_ids"] = torch.arange(77)[None]

    def old_vae(tensors: dict[str, Tensor]) -> None:
        names = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
        for name in [name for name in tensors if "attentions" in name]:
            old = name
            for new_part, old_part in names.items():
                old = old.replace(f".{new_part}.", f".{old_part}.")
            tensor = tensors.pop(name)
            is_matrix = old != name and tensor.ndim == 2
            tensors[old] = tensor[..., None, None] if is_matrix else tensor

    edit_tensors(copy / TEXT, old_text)
    edit_tensors(copy / VAE, old_vae)
    assert_same_state(loaded(copy), loaded(sd1))


# --- refusals -----------------------------------------------------------------------------------

Spoil = Callable[[Path], Any]


def as_pickle(folder: Path) -> None:
    (folder / UNET).rename(folder / "unet/diffusion_pytorch_model.bin")


def truncate(folder: Path) -> None:
    path = folder / UNET
    path.write_bytes(path.read_bytes()[:-100])


def damage_header(folder: Path) -> None:
    path = folder / UNET
    path.write_bytes(path.read_bytes()[:8] + b"x" + path.read_bytes()[9:])


def lose_shard(folder: Path) -> None:
    index = {"weight_map": {"conv_in.weight": "a-00001-of-00002.safetensors"}}
    edit_json(folder / "unet/diffusion_pytorch_model.safetensors.index.json", **index)
    (folder / UNET).unlink()


def leave_the_folder(folder: Path) -> None:
    index = {"weight_map": {"conv_in.weight": f"../../{folder.name}/{UNET}"}}
    edit_json(folder / "unet/diffusion_pytorch_model.safetensors.index.json", **index)
    (folder / UNET).rename(folder / "unet/other.safetensors")


def tensors(path: str, edit: Callable[[dict[str, Tensor]], Any]) -> Spoil:
    return lambda folder: edit_tensors(folder / path, edit)


def json_file(path: str, **values: Any) -> Spoil:
    return lambda folder: edit_json(folder / path, **values)


REFUSALS: dict[str, tuple[int, list[str], Spoil]] = {
    "a pickle": (65, ["diffusion_pytorch_model.bin", "pickle", "safe_serialization"], as_pickle),
    "a missing weight file": (66, [UNET], lambda folder: (folder / UNET).unlink()),
    "a missing part": (66, ["'vae'"], lambda folder: shutil.rmtree(folder / "vae")),
    "a truncated file": (65, [UNET, "bytes"], truncate),
    "a damaged header": (65, [UNET, "header"], damage_header),
    "a missing shard": (66, ["a-00001-of-00002.safetensors"], lose_shard),
    "a shard outside the folder": (65, ["index.json", "beside it"], leave_the_folder),
    "a missing tensor": (
        65,
        ["unet", "'conv_in.bias'", "missing"],
        tensors(UNET, lambda t: t.pop("conv_in.bias")),
    ),
    "an extra tensor": (
        65,
        [UNET, "'surplus'"],
        tensors(UNET, lambda t: t.update(surplus=torch.zeros(1))),
    ),
    "a wrong shape": (
        65,
        [VAE, "'decoder.conv_in.bias'", "(5,)"],
        tensors(VAE, lambda t: t.update({"decoder.conv_in.bias": torch.zeros(5)})),
    ),
    "NaN weights": (
        65,
        [TEXT, "'final_layer_norm.bias'", "NaN"],
        tensors(TEXT, lambda t: t["final_layer_norm.bias"].fill_(math.nan)),
    ),
    "weights beyond half precision": (
        65,
        [TEXT, "'final_layer_norm.bias'", "float16", "--dtype float32"],
        tensors(TEXT, lambda t: t["final_layer_norm.bias"].fill_(1e6)),
    ),
    "integer weights": (
        65,
        [UNET, "'conv_in.bias'", "I64"],
        tensors(UNET, lambda t: t.update({"conv_in.bias": torch.zeros(16, dtype=torch.int64)})),
    ),
    "another pipeline": (
        65,
        ["StableDiffusion3Pipeline"],
        json_file("model_index.json", _class_name="StableDiffusion3Pipeline"),
    ),
    "JSON that is none": (
        65,
        ["unet/config.json", "JSON"],
        lambda folder: (folder / "unet/config.json").write_text("{"),
    ),
    "an inpainting UNet": (65, ["9 channels"], json_file("unet/config.json", in_channels=9)),
    "parts of two models": (
        65,
        ["48", "32"],
        json_file("unet/config.json", cross_attention_dim=48),
    ),
    "a UNet with class labels": (
        65,
        ["unet/config.json", "num_class_embeds"],
        json_file("unet/config.json", num_class_embeds=4),
    ),
    "a VAE with latent statistics": (
        65,
        ["vae/config.json", "latents_mean"],
        json_file("vae/config.json", latents_mean=[0.0] * 4),
    ),
    "another text encoder": (
        65,
        ["text_encoder/config.json", "T5EncoderModel"],
        json_file("text_encoder/config.json", architectures=["T5EncoderModel"]),
    ),
    "another scheduler": (
        65,
        ["FlowMatchEulerDiscreteScheduler"],
        json_file("scheduler/scheduler_config.json", _class_name="FlowMatchEulerDiscreteScheduler"),
    ),
    "another tokenizer": (
        65,
        ["T5Tokenizer"],
        json_file("tokenizer/tokenizer_config.json", tokenizer_class="T5Tokenizer"),
    ),
    "added tokens": (
        65,
        ["'<cat-toy>'"],
        lambda folder: edit_json(folder / "tokenizer/added_tokens.json", **{"<cat-toy>": 574}),
    ),
    "an unknown fact": (65, ["txt2img.json", "'nmae'"], json_file("txt2img.json", nmae="x")),
    "an unknown default": (
        65,
        ["txt2img.json", "'stepz'"],
        json_file("txt2img.json", defaults={"stepz": 3}),
    ),
    "an unknown scheduler fact": (
        65,
        ["txt2img.json", "'beta'"],
        json_file("txt2img.json", scheduler={"beta": 3}),
    ),
}


def refused(capsys: pytest.CaptureFixture[str], *argv: str | Path) -> tuple[int, str]:
    """Exit code and the one line of a failing run."""
    capsys.readouterr()
    code = export_model.main([str(argument) for argument in argv])
    captured = capsys.readouterr()
    lines = captured.err.splitlines()
    assert captured.out == ""
    assert [line for line in lines if ": error: " in line] == lines[-1:]
    assert lines[-1].startswith("export_model: error: ")
    return code, lines[-1]


@pytest.mark.parametrize("what", REFUSALS)
def test_refuses(what: str, copy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, words, spoil = REFUSALS[what]
    spoil(copy)
    output = tmp_path / "out" / "bundle"
    actual, line = refused(capsys, copy, "--output", output)
    assert actual == code
    for word in words:
        assert word in line
    assert not output.parent.exists() or list(output.parent.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "code", "word"),
    [
        ("nowhere", 66, "nowhere"),
        ("model.ckpt", 65, "pickle"),
        ("model.safetensors", 65, "single file"),
    ],
)
def test_refuses_a_source_that_is_no_folder(
    name: str, code: int, word: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if "." in name:
        (tmp_path / name).write_bytes(b"")
    actual, line = refused(capsys, tmp_path / name, "--output", tmp_path / "bundle")
    assert (actual, word in line) == (code, True)


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["source"],
        ["source", "--output"],
        ["source", "--output", "x", "--dtype", "int8"],
        ["source", "--output", "x", "--frobnicate"],
    ],
)
def test_usage_errors_exit_with_64(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    code, line = refused(capsys, *argv)
    assert (code, "--help" in line) == (64, True)


def test_usage_errors_come_before_any_import_of_torch() -> None:
    command = [sys.executable, "-X", "importtime", export_model.__file__, "--frobnicate"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 64
    assert run.stdout == ""
    assert run.stderr.splitlines()[-1].startswith("export_model: error: ")
    assert "| torch" not in run.stderr


# --- the folder ---------------------------------------------------------------------------------


def test_an_existing_folder_is_replaced_only_by_force_and_only_if_it_is_a_bundle(
    sd1: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    foreign, bundle = tmp_path / "foreign", tmp_path / "bundle"
    foreign.mkdir()
    (foreign / "thesis.txt").write_text("ten years of work")
    code, line = refused(capsys, sd1, "--output", foreign, "--force")
    assert (code, "not a bundle" in line) == (73, True)
    assert (foreign / "thesis.txt").exists()

    bundle.mkdir()
    edit_json(bundle / "model.json", format="txt2img-bundle", name="old")
    code, line = refused(capsys, sd1, "--output", bundle)
    assert (code, "--force" in line) == (73, True)
    assert manifest(bundle)["name"] == "old"

    (sd1 / "README.md").write_text("---\nlicense: openrail\n---\n# A model\n")
    exported(sd1, bundle, "--force", "--name", "new")
    assert (manifest(bundle)["name"], manifest(bundle)["licence"]) == ("new", "openrail")
    assert (bundle / "README.md").exists()  # terms travel with the weights
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bundle", "foreign"]


@pytest.mark.parametrize("failure", ["fault", "interrupt", "disk"])
def test_a_failure_leaves_nothing_and_keeps_the_old_bundle(
    failure: str,
    sd1: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    edit_json(tmp_path / "model.json", format="txt2img-bundle", name="old")
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    (tmp_path / "model.json").rename(bundle / "model.json")

    def fail(*_: Any) -> Any:
        raise {"interrupt": KeyboardInterrupt(), "disk": OSError(28, "No space left on device")}[
            failure
        ]

    if failure != "fault":
        monkeypatch.setattr(export.convert, "write_manifest", fail)
        # The modules are not what fails here.
        monkeypatch.setattr(export.convert, "_export_module", lambda *_: None)
        expected = {"interrupt": (130, "interrupted"), "disk": (74, "No space left")}[failure]
    else:
        forward = export.unet.TraceableUNet.forward
        monkeypatch.setattr(
            export.unet.TraceableUNet, "forward", lambda *inputs: forward(*inputs) * 1.001
        )
        expected = (70, "unet.pt differs from the original")
    code = export_model.main([str(sd1), "--output", str(bundle), "--force", "--dtype", "float32"])
    assert code == expected[0]
    assert expected[1] in capsys.readouterr().err
    assert manifest(bundle)["name"] == "old"
    assert list(tmp_path.iterdir()) == [bundle]


def test_refuses_a_full_disk_before_it_starts(
    sd1: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(export.bundle_folder.shutil, "disk_usage", lambda _: usage)
    code, line = refused(capsys, sd1, "--output", tmp_path / "bundle")
    assert (code, "free" in line) == (73, True)
    assert list(tmp_path.iterdir()) == []


def test_refuses_an_output_below_a_file(
    sd1: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    code, line = refused(capsys, sd1, "--output", tmp_path / "file" / "bundle")
    assert (code, "cannot be created" in line) == (73, True)


def test_messages_are_one_line_whatever_the_cause(capsys: pytest.CaptureFixture[str]) -> None:
    def broken(_: list[str]) -> None:
        raise ExportError(export_model.ExitCode.BAD_DATA, "first\nsecond")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(export_model, "run", broken)
        assert export_model.main([]) == 65
    assert capsys.readouterr().err == "export_model: error: first second\n"
