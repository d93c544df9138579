"""What scripts/export_model.py refuses to export, and how it says so."""

import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import UNet2DConditionModel
from exported import (
    TEXT,
    UNET,
    VAE,
    edit_header,
    edit_json,
    edit_tensors,
    refused,
    write_pickle,
)
from torch import Tensor

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


def lose_a_tensor_of_a_shard(folder: Path) -> None:
    unet = UNet2DConditionModel.from_pretrained(folder / "unet")
    (folder / UNET).unlink()
    unet.save_pretrained(folder / "unet", max_shard_size="100KB")
    for shard in (folder / "unet").glob("*-of-*.safetensors"):
        edit_tensors(shard, lambda t: t.pop("conv_in.bias", None))


def take_another_family(folder: Path) -> None:
    """SD 2's UNet in the place of SD 1's."""
    config = UNet2DConditionModel.load_config(folder / "unet")
    UNet2DConditionModel.from_config(config | {"cross_attention_dim": 24}).save_pretrained(folder / "other")
    (folder / "other/diffusion_pytorch_model.safetensors").replace(folder / UNET)


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
    "a pickle under another name": (65, [UNET, "pickle", "safe_serialization"], lambda f: write_pickle(f / UNET)),
    "a missing weight file": (66, [UNET], lambda folder: (folder / UNET).unlink()),
    "a missing part": (66, ["vae/config.json", VAE], lambda folder: shutil.rmtree(folder / "vae")),
    "a truncated file": (65, [UNET, "bytes"], truncate),
    "a damaged header": (65, [UNET, "header"], damage_header),
    "a header that lies": (
        65,
        [UNET, "'conv_in.bias'", "(8,)"],
        lambda folder: edit_header(folder / UNET, lambda h: h["conv_in.bias"].update(shape=[8])),
    ),
    "a missing shard": (66, ["a-00001-of-00002.safetensors"], lose_shard),
    "a shard outside the folder": (65, ["index.json", "beside it"], leave_the_folder),
    "a missing tensor": (
        65,
        [UNET, "'conv_in.bias' is missing", "unet/config.json"],
        tensors(UNET, lambda t: t.pop("conv_in.bias")),
    ),
    "many missing tensors": (
        65,
        [VAE, "'decoder.conv_in.bias' (and 1 more) is missing"],
        tensors(VAE, lambda t: (t.pop("decoder.conv_in.bias"), t.pop("decoder.conv_out.bias"))),
    ),
    "a tensor that a shard lacks": (65, ["-of-", "'conv_in.bias' is missing"], lose_a_tensor_of_a_shard),
    "the UNet of another family": (65, [UNET, "attn2.to_k.weight'", "(16, 24)", "(16, 32)"], take_another_family),
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
    "a pointer of git-lfs for a configuration": (
        65,
        ["unet/config.json", "git lfs pull"],
        lambda folder: (folder / "unet/config.json").write_text("version https://git-lfs.github.com/spec/v1\noid "),
    ),
    "a UNet without groups": (
        65,
        ["unet/config.json", "norm_num_groups"],
        json_file("unet/config.json", norm_num_groups=None),
    ),
    "a UNet with other channels": (65, ["8 channels"], json_file("unet/config.json", in_channels=8)),
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
    "a VAE with half of its statistics": (
        65,
        ["vae/config.json", "latents_mean"],
        json_file("vae/config.json", latents_mean=[0.0] * 4),
    ),
    "another text encoder": (
        65,
        ["text_encoder/config.json", "T5EncoderModel"],
        json_file("model_index.json", text_encoder=["transformers", "T5EncoderModel"]),
    ),
    "a text encoder of no name": (
        65,
        ["text_encoder/config.json"],
        lambda folder: (
            edit_json(folder / "model_index.json", text_encoder=1),
            edit_json(folder / "text_encoder/config.json", architectures=1),
        ),
    ),
    "a tokenizer that makes no sense": (
        65,
        ["tokenizer", "can be built"],
        json_file("tokenizer/tokenizer_config.json", model_max_length="long"),
    ),
    "a scheduler that makes no sense": (
        65,
        ["scheduler_config.json", "can be built"],
        json_file("scheduler/scheduler_config.json", num_train_timesteps="many"),
    ),
    "another scheduler": (
        65,
        ["UnCLIPScheduler"],
        json_file("model_index.json", scheduler=["diffusers", "UnCLIPScheduler"]),
    ),
    "another tokenizer": (
        65,
        ["T5Tokenizer"],
        json_file("model_index.json", tokenizer=["transformers", "T5Tokenizer"]),
    ),
    "added tokens": (
        65,
        ["'<cat-toy>'"],
        lambda folder: edit_json(folder / "tokenizer/added_tokens.json", **{"<cat-toy>": 574}),
    ),
    "a configuration that makes no sense": (
        65,
        ["unet/config.json", "can be built"],
        json_file("unet/config.json", block_out_channels=[16, "wide"]),
    ),
    "a text encoder that makes no sense": (
        65,
        ["text_encoder/config.json", "can be built"],
        json_file("text_encoder/config.json", num_hidden_layers="many"),
    ),
    "a text encoder of far too many layers": (
        65,
        ["text_encoder/config.json", "'num_hidden_layers'", "1000"],
        json_file("text_encoder/config.json", num_hidden_layers=2**70),
    ),
    "merges that are words": (
        65,
        ["merges.txt:2:", "'to be or not to be' is not two tokens"],
        lambda folder: (folder / "tokenizer/merges.txt").write_text("#version: 0.2\nto be or not to be\n"),
    ),
    "merges of another vocabulary": (
        65,
        ["merges.txt:1:", "'ferro' is not in the vocabulary"],
        lambda folder: (folder / "tokenizer/merges.txt").write_text("ferro concrete\n"),
    ),
    "an unknown fact": (65, ["txt2img.json", "'nmae'"], json_file("txt2img.json", nmae="x")),
    "an unknown default": (
        65,
        ["txt2img.json", "'stepz'"],
        json_file("txt2img.json", defaults={"stepz": 3}),
    ),
    "a default out of range": (
        65,
        ["defaults.steps is 0", "at least 1"],
        json_file("txt2img.json", defaults={"steps": 0}),
    ),
    "a default that is no number": (
        65,
        ["defaults.guidance is 'high'"],
        json_file("txt2img.json", defaults={"guidance": "high"}),
    ),
    "a default sampler of no name": (
        65,
        ["defaults.sampler is ['ddim']", "ddim or pndm"],
        json_file("txt2img.json", defaults={"sampler": ["ddim"]}),
    ),
    "an unknown scheduler fact": (
        65,
        ["txt2img.json", "'beta'"],
        json_file("txt2img.json", scheduler={"beta": 3}),
    ),
}


@pytest.mark.parametrize("what", REFUSALS)
def test_refuses(what: str, copy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, words, spoil = REFUSALS[what]
    spoil(copy)
    output = tmp_path / "out" / "bundle"
    actual, line = refused(capsys, copy, "--output", output)
    assert actual == code
    for word in words:
        assert word in line
    assert list(tmp_path.iterdir()) == [copy]


def test_names_out_of_a_file_do_not_reach_a_terminal_as_they_are(
    copy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edit_header(copy / UNET, lambda header: header.update({"\x1b[31mred\ud800": header.pop("conv_in.bias")}))
    code, line = refused(capsys, copy, "--output", tmp_path / "bundle")
    assert (code, "'\\x1b[31mred\\ud800'" in line) == (65, True)
    assert line.isprintable()
