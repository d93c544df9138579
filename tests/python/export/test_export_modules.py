"""The modules that scripts/export_model.py writes against diffusers and transformers."""

import zipfile
from pathlib import Path

import export_model
import pytest
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from export.tracing import pins
from exported import (
    manifest,
)
from torch import Tensor, nn
from transformers import CLIPTextModel

DTYPES = (torch.float32, torch.bfloat16, torch.float16)
# (batch, height, width) of latents: none is the traced size, most cannot be halved evenly.
SIZES = ((1, 1, 1), (3, 8, 8), (2, 9, 5), (1, 16, 12))
VAE_SIZES = ((1, 1, 1), (3, 2, 2), (2, 3, 5))
# Relative to the largest value: the modules run the same kernels, so equal bits are the rule.
TOLERANCE = {torch.float32: 1e-5, torch.bfloat16: 3e-2, torch.float16: 4e-3}


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
def test_text_encoder_returns_a_context_for_every_clip_skip(pair: tuple[Path, Path], dtype: torch.dtype) -> None:
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
