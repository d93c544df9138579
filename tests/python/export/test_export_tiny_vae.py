"""TAESD, a VAE without a distribution of latents, as the model's own and as another one."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from cli_program import Program
from diffusers import AsymmetricAutoencoderKL, AutoencoderTiny
from exported import edit_json, exported, manifest, refused
from family_pictures import Case, assert_equal_pictures, drawn_by_diffusers, drawn_by_the_program, load_pipeline
from safetensors.torch import load_file, save_file

Folder = Callable[[str], Path]
FILE = "diffusion_pytorch_model.safetensors"


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """Two blocks in one place, so that their number has to be told from the tensors."""
    torch.manual_seed(4)
    vae = AutoencoderTiny(
        encoder_block_out_channels=(16, 16, 16, 16),
        decoder_block_out_channels=(16, 16, 16, 16),
        num_encoder_blocks=(1, 1, 2, 1),
        num_decoder_blocks=(2, 1, 1, 1),
    )
    vae.decoder.layers[-1].weight.data.mul_(4)
    vae.save_pretrained(tmp_path / "taesd")
    return tmp_path / "taesd"


def as_folder(tiny: Path) -> Path:
    return tiny


def as_file(tiny: Path) -> Path:
    return tiny / FILE


def as_makers_file(tiny: Path) -> Path:
    """The decoder as its maker publishes it: layers by number, of which the first limits the input."""
    numbered = {}
    for name, tensor in load_file(tiny / FILE).items():
        half, _, number, rest = name.split(".", 3)
        if half == "decoder":
            numbered[f"{int(number) + 1}.{rest}"] = tensor
    save_file(numbered, tiny / "taesd_decoder.safetensors")
    return tiny / "taesd_decoder.safetensors"


@pytest.mark.parametrize(
    ("family", "given"),
    [("sd1", as_folder), ("sdxl", as_file), ("sd1", as_makers_file)],
    ids=["folder", "file", "file of its maker"],
)
def test_pictures_by_a_tiny_vae(
    family: str, given: Callable[[Path], Path], tiny: Path, family_folder: Folder, tmp_path: Path
) -> None:
    folder, case = family_folder(family), Case("taesd", family, 5)
    bundle = exported(folder, tmp_path / "bundle", "--dtype", "float32", "--vae", str(given(tiny)))
    described = manifest(bundle)["vae"]
    assert (described["posterior"], described["scaling_factor"]) == (False, 1.0)
    assert described["encoder"] == (None if given is as_makers_file else "vae_encoder.pt")
    assert Program(tmp_path).run("--check", "-m", bundle, "--device", "cpu").code == 0
    pipe = load_pipeline(folder, case)
    pipe.vae = AutoencoderTiny.from_pretrained(tiny)
    ours = drawn_by_the_program(bundle, tmp_path, case, (72, 104))
    assert_equal_pictures(ours, drawn_by_diffusers(pipe, case, (72, 104)))


def test_a_tiny_vae_as_the_models_own(tiny: Path, copy: Path, tmp_path: Path) -> None:
    shutil.rmtree(copy / "vae")
    shutil.copytree(tiny, copy / "vae")
    edit_json(copy / "model_index.json", vae=["diffusers", "AutoencoderTiny"])
    bundle = exported(copy, tmp_path / "bundle", "--dtype", "float32")
    decoder = torch.jit.load(bundle / "vae_decoder.pt")
    encoder = torch.jit.load(bundle / "vae_encoder.pt")
    vae = AutoencoderTiny.from_pretrained(tiny)
    image = torch.rand(1, 3, 40, 24) * 2 - 1
    with torch.no_grad():
        latent = vae.encode(image).latents
        assert torch.allclose(encoder(image), latent, atol=1e-5)  # sums in another order
        assert torch.allclose(decoder(latent), vae.decode(latent).sample, atol=1e-5)


def test_the_makers_vae_replaces_a_tiny_one(tiny: Path, copy: Path, tmp_path: Path, family_folder: Folder) -> None:
    """A file has no configuration, and that of the model's own VAE is of another kind."""
    from export.open_source import Request, open_source

    shutil.rmtree(copy / "vae")
    shutil.copytree(tiny, copy / "vae")
    source = open_source(Request(str(copy), vae=str(family_folder("sd1") / "vae" / FILE)))
    assert source.config("vae")["block_out_channels"] == [128, 256, 512, 512]


def test_another_scaling_of_latents_is_named(family_folder: Folder, tmp_path: Path) -> None:
    from export.open_source import Request, open_source

    folder = Path(shutil.copytree(family_folder("sd1") / "vae", tmp_path / "vae"))
    same = Request(str(family_folder("sd1")), vae=str(folder))
    assert open_source(same).notes == ()
    edit_json(folder / "config.json", scaling_factor=0.5)
    (note,) = open_source(same).notes
    assert "scaling_factor 0.5 (was 0.18215)" in note


def test_an_asymmetric_vae_is_refused_by_name(
    family_folder: Folder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    AsymmetricAutoencoderKL(norm_num_groups=32).save_pretrained(tmp_path / "vae")
    assert json.loads((tmp_path / "vae/config.json").read_text())["_class_name"] == "AsymmetricAutoencoderKL"
    code, line = refused(capsys, family_folder("sd1"), "--output", tmp_path / "bundle", "--vae", tmp_path / "vae")
    assert (code, "AsymmetricAutoencoderKL is not supported" in line) == (65, True)
