"""Models that are broken or changed, and --check."""

import json
import shutil
from pathlib import Path

import pytest
from cli_program import Program


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
    lines = result.out.decode().splitlines()
    assert all(line.startswith("ok ") for line in lines)
    assert [line.split()[1] for line in lines] == ["model.json", *sorted(FILES), "tokenizer", "picture"]
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
    assert result.out.decode().splitlines()[-1].startswith("FAILED  vae_decoder.pt")


@pytest.mark.parametrize(("unet", "words"), [("nan", "NaN"), ("mean", "every pixel")])
def test_check_draws_and_looks_at_the_picture(program: Program, toy, unet: str, words: str) -> None:
    result = program.run("--check", toy(unet))
    assert result.code == 65, result.err
    assert words.lower() in result.error.lower()
    assert result.out.decode().splitlines()[-1].startswith("FAILED  picture")


def test_verbose_says_what_draws(program: Program) -> None:
    result = program.run("x", "-v", "-o", "x.png")
    assert "float32 on cpu" in result.err
    assert "LibTorch 2." in result.err


def test_devices_are_listed(program: Program) -> None:
    assert program.run("--list", "devices").out.startswith(b"cpu ")
