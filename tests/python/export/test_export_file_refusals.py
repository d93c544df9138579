"""Single files that scripts/export_model.py refuses, and how it says so."""

import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from exported import edit_header, edit_tensors, refused, write_pickle
from ldm_file import write_ldm_file
from safetensors.torch import load_file, save_file
from torch import Tensor

UNET = "model.diffusion_model."
OUT = f"{UNET}out.2.bias"
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0123456789abcdef" * 4 + b"\nsize 3438167534\n"
ANSWER = b"Access to model x is restricted.\n"


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def grow_header(path: Path) -> None:
    path.write_bytes((1 << 40).to_bytes(8, "little") + path.read_bytes()[8:])


def edit(change: Callable[[dict[str, Tensor]], object]) -> Callable[[Path], None]:
    return lambda path: edit_tensors(path, change)


def lie(**values: object) -> Callable[[Path], None]:
    """The header says something else of a tensor than its bytes do."""
    return lambda path: edit_header(path, lambda header: header[OUT].update(values))


def write(content: bytes) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(content) and None


def name_twice(path: Path) -> None:
    """Two entries of one name in the header; JSON readers keep the last."""
    content = path.read_bytes()
    end = 8 + int.from_bytes(content[:8], "little")
    entry = json.dumps(json.loads(content[8:end])[OUT])
    header = content[8:end].rstrip().removesuffix(b"}") + f', "{OUT}": {entry}}}'.encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + content[end:])


def overlap(path: Path) -> None:
    """One tensor's bytes are said to be another's of that shape."""

    def edit(header: dict) -> None:
        header[OUT]["data_offsets"] = header[f"{UNET}out.0.bias"]["data_offsets"]
        header[OUT]["shape"] = header[f"{UNET}out.0.bias"]["shape"]

    edit_header(path, edit)


def keep(start: str) -> Callable[[Path], None]:
    """Only the tensors whose names start so, and without it."""

    def spoil(path: Path) -> None:
        mine = {n.removeprefix(start): t for n, t in load_file(path).items() if n.startswith(start)}
        save_file(mine, path)

    return spoil


def drop(start: str) -> Callable[[Path], None]:
    return lambda path: save_file({n: t for n, t in load_file(path).items() if not n.startswith(start)}, path)


def hold(*names: str) -> Callable[[Path], None]:
    return lambda path: save_file({name: torch.zeros(2) for name in names}, path)


REFUSALS: dict[str, tuple[int, list[str], Callable[[Path], None]]] = {
    "truncated": (65, ["bytes"], truncate),
    "mislabelled": (65, ["pickle", "safe_serialization"], write_pickle),
    "with an endless header": (65, ["not a whole safetensors file"], grow_header),
    "of no bytes": (65, ["not a whole safetensors file"], lambda path: path.write_bytes(b"")),
    "that is a web page": (65, ["not a whole safetensors file", "a web page"], write(b"<!DOCTYPE html>\xe2")),
    "that is a pointer of git-lfs": (65, ["a pointer of git-lfs", "git lfs pull"], write(POINTER)),
    "that is a server's answer": (65, ["a text that begins 'Access to model x is restricted.'"], write(ANSWER)),
    "of quantised weights": (65, ["GGUF"], write(b"GGUF\x03\0\0\0")),
    "that names a tensor twice": (65, [f"'{OUT}' twice"], name_twice),
    "that ends within its header": (
        65,
        ["not a whole safetensors file"],
        lambda path: path.write_bytes(path.read_bytes()[:500]),
    ),
    "whose header lies about a shape": (65, [f"'{OUT}'", "(5,)"], lie(shape=[5])),
    "whose header lies about a type": (65, [f"'{OUT}'", "F16"], lie(dtype="F16")),
    "whose header has a shape of words": (65, [f"'{OUT}'", "damaged"], lie(shape=["four"])),
    "whose header has a negative shape": (65, [f"'{OUT}'", "damaged"], lie(shape=[-4])),
    "whose header has one offset": (65, [f"'{OUT}'", "damaged"], lie(data_offsets=[0])),
    "whose tensors overlap": (65, ["tensor '", "does not begin where the one before it ends"], overlap),
    "with NaN": (65, [f"'{OUT}'", "NaN"], edit(lambda t: t[OUT].fill_(math.nan))),
    "without a tensor": (65, [f"'{OUT}'", "missing"], edit(lambda t: t.pop(OUT))),
    "with a tensor too many": (65, [f"'{UNET}more'"], edit(lambda t: t.update({f"{UNET}more": torch.zeros(4)}))),
    "of another shape": (65, [f"'{OUT}'", "(7,)", "(4,)"], edit(lambda t: t.update({OUT: torch.zeros(7)}))),
    "without a VAE": (65, ["first_stage_model", "--vae"], drop("first_stage_model.")),
    "without a text encoder": (65, ["text encoder"], drop("cond_stage_model.")),
    "of InstructPix2Pix": (
        65,
        ["InstructPix2Pix", "8 channels"],
        edit(lambda t: t.update({f"{UNET}input_blocks.0.0.weight": torch.zeros(16, 8, 3, 3)})),
    ),
    "that is a VAE": (65, ["VAE", "--vae"], keep("first_stage_model.")),
    "that is a LoRA": (65, ["LoRA", "--lora"], hold("lora_unet_conv_in.lora_up.weight")),
    "that is an embedding": (65, ["embedding", "--embedding"], hold("emb_params")),
    "of SD 3": (65, ["Stable Diffusion 3"], hold(f"{UNET}joint_blocks.0.context_block.adaLN_modulation.1.bias")),
    "of Flux": (65, ["Flux"], hold(f"{UNET}double_blocks.0.img_attn.norm.key_norm.scale")),
    "of nothing known": (65, ["'weight'"], hold("weight")),
}


@pytest.mark.parametrize("what", REFUSALS)
def test_refuses_a_file(
    what: str, family_folder: Callable[[str], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, words, spoil = REFUSALS[what]
    folder = family_folder("sd1")
    path = write_ldm_file(folder, tmp_path / "source" / "model.safetensors", "sd1")
    spoil(path)
    output = tmp_path / "out" / "bundle"
    actual, line = refused(capsys, path, "--output", output, "--config", folder)
    assert (actual, str(path) in line) == (code, True)
    for word in words:
        assert word in line
    assert list(tmp_path.iterdir()) == [path.parent]


def test_a_file_is_not_taken_for_another_family(
    family_folder: Callable[[str], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A tiny model has SD 2's names, but not its size."""
    path = write_ldm_file(family_folder("sd2"), tmp_path / "model.safetensors", "sd2")
    code, line = refused(capsys, path, "--output", tmp_path / "bundle")
    assert (code, str(path) in line, "sd2.json" in line, "--config" in line) == (65, True, True, True)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("option", "code", "word"),
    [
        (("--vae", "vae.pt"), 65, "pickle"),
        (("--vae", "vae.safetensors"), 66, "vae.safetensors"),
        (("--lora", "x.safetensors:heavy"), 64, "'heavy'"),
        (("--embedding", "x.safetensors"), 66, "x.safetensors"),
        (("--prediction-type", "noise"), 64, "noise"),
    ],
)
def test_refuses_an_option(
    option: tuple[str, str],
    code: int,
    word: str,
    family_folder: Callable[[str], Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    actual, line = refused(capsys, family_folder("sd1"), "--output", "bundle", *option)
    assert (actual, word in line) == (code, True)
    assert list(tmp_path.iterdir()) == []


def test_a_half_pickled_vae_is_not_opened(
    family_folder: Callable[[str], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "vae").mkdir()
    (tmp_path / "vae/diffusion_pytorch_model.bin").write_bytes(b"")
    (tmp_path / "vae/config.json").write_text("{}")
    options = ("--output", tmp_path / "bundle", "--vae", tmp_path / "vae")
    code, line = refused(capsys, family_folder("sd1"), *options)
    assert (code, "diffusion_pytorch_model.bin is a pickle" in line) == (65, True)
