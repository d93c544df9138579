"""Models that are broken or changed, and --check."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from cli_program import Program
from toy_bundle import write_manifest, write_module


@pytest.fixture
def model(program: Program, toy) -> Path:
    """A copy of the toy model that a test may break."""
    folder = program.folder.parent / "model"
    shutil.copytree(toy("noise"), folder)
    program.variables["TXT2IMG_MODEL"] = str(folder)
    return folder


FILES = ["text_encoder.pt", "unet.pt", "vae_decoder.pt", "vocab.json", "merges.txt"]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("how", ["truncated", "grown", "one bit flipped", "missing"])
def test_a_changed_file_is_named_and_nothing_is_loaded(program: Program, model: Path, name: str, how: str) -> None:
    path = model / name
    data = bytearray(path.read_bytes())
    if how == "truncated":
        path.write_bytes(data[:-1])
    elif how == "grown":
        path.write_bytes(data + b"\0")
    elif how == "missing":
        path.unlink()
    else:
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    result = program.run("x", "-o", "x.png")
    assert result.code == (66 if how == "missing" else 65), result.err
    assert name in result.error
    assert program.files() == []


def test_a_file_that_changed_after_it_was_verified_is_noticed(program: Program, model: Path) -> None:
    assert program.run("x", "-o", "x.png", "-q").code == 0
    path = model / "unet.pt"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert program.run("x", "-o", "y.png").code == 65


def test_a_model_that_needs_another_program_is_refused(program: Program, model: Path) -> None:
    manifest = json.loads((model / "model.json").read_text())
    manifest["version"] = 2
    (model / "model.json").write_text(json.dumps(manifest))
    result = program.run("x", "--dry-run")
    assert result.code == 65
    assert "model.json" in result.error


def test_check_tries_everything(program: Program, model: Path) -> None:
    result = program.run("--check", model)
    assert result.code == 0, result.err
    *lines, verdict = result.out.decode().splitlines()
    assert all(line.startswith("ok ") for line in lines)
    subjects = [line[8:34].strip() for line in lines]
    modules = ["text encoder", "unet", "vae decoder"]
    assert subjects == ["model.json", *sorted(FILES), "tokenizer", *modules, "picture"]
    assert verdict == "toy-noise is sound: 11 tests passed"
    assert program.files() == []


def test_check_takes_the_model_option_too(program: Program, toy) -> None:
    assert b"toy-mean" in program.run("--check", "-m", toy("mean"), "--json").out
    assert b"toy-noise" in program.run("--check", "--json").out


def test_check_names_the_file_that_is_wrong(program: Program, model: Path) -> None:
    data = bytearray((model / "vae_decoder.pt").read_bytes())
    data[100] ^= 1
    (model / "vae_decoder.pt").write_bytes(data)
    result = program.run("--check", model)
    assert result.code == 65
    assert "vae_decoder.pt" in result.error
    failed = [line for line in result.out.decode().splitlines() if line.startswith("FAILED")]
    assert len(failed) == 1
    assert failed[0].startswith("FAILED  vae_decoder.pt")


def test_check_names_every_file_that_is_wrong(program: Program, model: Path) -> None:
    for name in ("merges.txt", "unet.pt"):
        (model / name).write_bytes(b"x" * (model / name).stat().st_size)
    result = program.run("--check", model, "--json")
    rows = [json.loads(line) for line in result.out.splitlines()]
    assert [row["test"] for row in rows if row["status"] == "failed"] == ["merges.txt", "unet.pt"]
    assert rows[-1]["test"] == "vocab.json"  # nothing is loaded
    assert result.code == 65
    assert "merges.txt" in result.error


def test_check_draws_and_looks_at_the_picture(program: Program, toy) -> None:
    result = program.run("--check", toy("mean"))
    assert result.code == 65, result.err
    assert "every pixel" in result.error
    assert result.out.decode().splitlines()[-1].startswith("FAILED  picture")


def test_check_runs_each_module_and_draws_with_none_that_fails(program: Program, toy) -> None:
    result = program.run("--check", toy("nan"))
    assert result.code == 65, result.err
    assert "unet.pt" in result.error
    assert "NaN" in result.error
    assert "latent (1, 4, 16, 24), timestep (1), context (1, 32, 1) -> (1, 4, 16, 24)" in result.error
    rows = {line[8:34].strip(): line[:8].strip() for line in result.out.decode().splitlines()}
    assert rows["unet"] == "FAILED"
    assert rows["vae decoder"] == "ok"
    assert "picture" not in rows


@pytest.mark.parametrize(
    ("value", "dtype", "words"), [(float("inf"), None, "one holds NaN or Inf"), (1, "float16", "stored as Half")]
)
def test_check_looks_at_the_weights(program: Program, model: Path, value: float, dtype: str | None, words: str) -> None:
    module = torch.jit.load(model / "vae_decoder.pt")
    module.one.data.fill_(value)
    if dtype:
        module.half()
    torch.jit.save(module, model / "vae_decoder.pt")
    write_manifest(model, json.loads((model / "model.json").read_text()))
    result = program.run("--check", model)
    assert result.code == 65, result.err
    assert "vae_decoder.pt: " in result.error
    assert words in result.error


# Four channels of mean and four of log variance, as the latent has four.
@pytest.mark.parametrize(("channels", "code"), [(8, 0), (4, 65)])
def test_check_knows_what_a_vae_encoder_gives(program: Program, model: Path, channels: int, code: int) -> None:
    write_module(
        model / "vae_encoder.pt",
        f"def forward(self, x):\n    return x[:, :1, ::8, ::8].repeat(1, {channels}, 1, 1) * self.one\n",
    )
    manifest = json.loads((model / "model.json").read_text())
    manifest["vae"]["encoder"] = "vae_encoder.pt"
    write_manifest(model, manifest)
    result = program.run("--check", model)
    assert result.code == code, result.err
    assert "vae encoder " in result.out.decode()
    if code:
        call = "image (1, 3, 128, 192) -> (1, 4, 16, 24)"
        assert f"vae_encoder.pt: {call}, but model.json says (1, 8, 16, 24)" in result.error


def test_verbose_says_what_draws(program: Program) -> None:
    result = program.run("x", "-v", "-o", "x.png")
    assert "float32 on cpu" in result.err
    assert "LibTorch 2." in result.err


def test_devices_are_listed(program: Program) -> None:
    assert program.run("--list", "devices").out.startswith(b"cpu ")
