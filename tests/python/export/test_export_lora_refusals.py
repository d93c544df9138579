"""LoRA files that scripts/export_model.py refuses: what is no plain LoRA, is damaged, or is made for another model."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from export.errors import ExportError
from exported import refused
from lora_file import RANK
from merged_lora import merged
from safetensors.torch import save_file

Folder = Callable[[str], Path]
CONV = {"lora_down__weight": (4, 4, 3, 3), "lora_up__weight": (16, 4, 1, 1)}


def shaped(stem: str, **shapes: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    """Shapes of a module's tensors by their endings."""
    return {f"{stem}.{ending.replace('__', '.')}": shape for ending, shape in shapes.items()}


@pytest.mark.parametrize(
    ("tensors", "words"),
    [
        (shaped("lora_unet_nowhere", lora_down__weight=(4, 3), lora_up__weight=(3, 4)), ["no place"]),
        (shaped("lora_unet_conv_in", lora_down__weight=(4, 9, 3, 3), lora_up__weight=(16, 4, 1, 1)), ["(4, 9, 3, 3)"]),
        (shaped("lora_unet_conv_in", lora_down__weight=(4, 4, 3, 3)), ["no up weight"]),
        (shaped("lora_unet_conv_in", lora_down__weight=(), lora_up__weight=(16, 4, 1, 1)), ["lora_down.weight' ()"]),
        (shaped("lora_unet_conv_in", lora_up__weight=(16,), lora_down__weight=(4, 4, 3, 3)), ["(16,)"]),
        (shaped("lora_unet_conv_in", lora_up__weight=(0, 4, 1, 1), lora_down__weight=(4, 4, 3, 3)), ["(0, 4, 1, 1)"]),
        (shaped("lora_unet_conv_in", **CONV, lora_mid__weight=(4, 4)), ["lora_mid.weight' (4, 4)"]),
        (shaped("lora_unet_conv_in", alpha=(2,), **CONV), ["(2,)", "a number is due"]),
        (shaped("lora_unet_conv_in", alpha=(0,), **CONV), ["(0,)", "a number is due"]),
        (shaped("lora_unet_conv_in", alpha=()), ["no down weight"]),
        (shaped("lora_unet_conv_in", lora_down__weight_extra=(4, 4)), ["plain LoRA"]),
        (shaped("vae.decoder.conv_in", lora_A__weight=(4, 3), lora_B__weight=(3, 4)), ["VAE"]),
        (shaped("lora_unet_double_blocks_0_img_mod_lin", lora_down__weight=(4, 3), lora_up__weight=(3, 4)), ["Flux"]),
        (shaped("bundle_emb", clip_l=(1, 32)), ["bundle_emb.TOKEN.clip_l"]),
        (shaped("lora_unet_nowhere", **CONV) | shaped("lora_unet_conv_in", **CONV), ["1 of its 2 modules"]),
        ({"emb_params": (1, 32)}, ["--embedding takes"]),
        ({"model.diffusion_model.out.2.weight": (4, 16, 3, 3)}, ["whole model"]),
        ({}, ["no tensors"]),
    ],
)
def test_refuses_what_is_no_lora_of_this_model(
    tensors: dict[str, tuple[int, ...]],
    words: list[str],
    family_folder: Folder,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "lora.safetensors"
    save_file({name: torch.ones(shape) for name, shape in tensors.items()}, file)
    code, line = refused(capsys, family_folder("sd1"), "--output", tmp_path / "bundle", "--lora", file)
    assert code == 65
    for word in (str(file), *list(tensors)[:1], *words):
        assert word in line
    assert list(tmp_path.iterdir()) == [file]


def test_nan_in_a_lora_is_told_from_nan_in_the_model(family_folder: Folder, tmp_path: Path) -> None:
    key, file = "lora_unet_conv_in", tmp_path / "lora.safetensors"
    up = torch.full((16, 4, 1, 1), torch.nan)
    save_file({f"{key}.lora_down.weight": torch.ones(4, 4, 3, 3), f"{key}.lora_up.weight": up}, file)
    with pytest.raises(ExportError, match=r"lora.safetensors: tensor 'lora_unet_conv_in.lora_up.weight' has infinite"):
        merged(family_folder("sd1"), (file, 1.0))


@pytest.mark.parametrize(("name", "code"), [("lora.pt", 65), ("lora.safetensors", 66)])
def test_refuses_a_pickled_or_missing_lora(
    name: str, code: int, family_folder: Folder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    actual, line = refused(capsys, family_folder("sd1"), "--output", tmp_path / "b", "--lora", f"{tmp_path / name}:0.5")
    assert (actual, name in line) == (code, True)


KEY = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q"


@pytest.mark.parametrize(
    ("endings", "kind"),
    [
        (["hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b", "alpha"], "LoHa"),
        (["lokr_w1", "lokr_w2"], "LoKr"),
        (["lora_down.weight", "lora_up.weight", "alpha", "dora_scale"], "DoRA"),
        (["lora_A.weight", "lora_B.weight", "lora_magnitude_vector"], "DoRA"),
        (["weight", "on_input"], "IA3"),
        (["oft_blocks", "alpha"], "OFT"),
        (["boft_R"], "OFT"),
        (["a1.weight", "a2.weight", "b1.weight", "b2.weight", "alpha"], "GLoRA"),
        (["diff"], "full difference"),
        (["lora_down.weight", "lora_up.weight", "diff_b"], "full difference"),
        (["w_norm", "b_norm"], "norms"),
        (["lora_A.weight", "lora_B.weight", "lora_B.bias"], "biases"),
        (["lora_embedding_A", "lora_embedding_B"], "token embeddings"),
        (["lora_A", "lora_B", "lora_E"], "AdaLoRA"),
        (["vera_lambda_b", "vera_lambda_d"], "VeRA"),
        (["fourierft_spectrum"], "PEFT's fourierft"),
        (["lora_A.weight", "lora_B.weight", "weight_scale"], "8 bits"),
        (["modules_to_save.weight"], "modules_to_save"),
    ],
)
def test_every_other_kind_of_adapter_is_refused_by_its_name(
    endings: list[str], kind: str, family_folder: Folder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "lora.safetensors"
    save_file({f"{KEY}.{ending}": torch.ones(16, 16) for ending in endings}, file)
    code, line = refused(capsys, family_folder("sd1"), "--output", tmp_path / "bundle", "--lora", file)
    assert (code, str(file) in line) == (65, True)
    assert kind in line and "a plain LoRA is" in line


@pytest.mark.parametrize("alpha", [torch.nan, torch.inf, -torch.inf])
def test_an_alpha_that_is_no_number_is_the_loras_fault(alpha: float, family_folder: Folder, tmp_path: Path) -> None:
    file = tmp_path / "lora.safetensors"
    pair = {f"{KEY}.lora_down.weight": torch.ones(RANK, 16), f"{KEY}.lora_up.weight": torch.ones(16, RANK)}
    save_file({**pair, f"{KEY}.alpha": torch.tensor(alpha)}, file)
    with pytest.raises(ExportError, match=r"lora.safetensors: tensor '.*to_q.alpha' is .*(nan|inf)"):
        merged(family_folder("sd1"), (file, 1.0))


@pytest.mark.parametrize(
    ("value", "alpha", "words"), [(1e4, 4.0, "float16"), (1e30, 4.0, "float16"), (1.0, 3e38, "inf")]
)
def test_what_a_lora_makes_too_large_is_not_blamed_on_the_model(
    value: float,
    alpha: float,
    words: str,
    family_folder: Folder,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """(16, 4) @ (4, 16) of 1e4 is 4e8: finite in float32, not in float16."""
    file = tmp_path / "lora.safetensors"
    pair = {f"{KEY}.lora_down.weight": torch.full((4, 16), value), f"{KEY}.lora_up.weight": torch.full((16, 4), value)}
    save_file({**pair, f"{KEY}.alpha": torch.tensor(alpha, dtype=torch.float64)}, file)
    weight = "1e300" if words == "inf" else "1"
    code, line = refused(capsys, family_folder("sd1"), "--output", tmp_path / "b", "--lora", f"{file}:{weight}")
    assert (code, f"{file}: tensor '{KEY}." in line, words in line) == (65, True, True)


def test_one_weight_under_two_names_counts_once_and_two_changes_are_refused(
    family_folder: Folder, tmp_path: Path
) -> None:
    """Some tools write the original layout's names beside those of diffusers."""
    file, plain = tmp_path / "lora.safetensors", tmp_path / "plain.safetensors"
    down, up = torch.randn(RANK, 4, 3, 3), torch.randn(16, RANK, 1, 1)
    once = {"lora_unet_conv_in.lora_down.weight": down, "lora_unet_conv_in.lora_up.weight": up}
    twin = {name.replace("conv_in", "input_blocks_0_0"): tensor.clone() for name, tensor in once.items()}
    save_file(once, plain)
    save_file(once | twin, file)
    ours, theirs = merged(family_folder("sd1"), (file, 1.0)), merged(family_folder("sd1"), (plain, 1.0))
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    save_file(once | {name: tensor * 2 for name, tensor in twin.items()}, file)
    with pytest.raises(ExportError, match=r"different changes of the same 'conv_in.weight'"):
        merged(family_folder("sd1"), (file, 1.0))


def test_two_adapters_in_one_file_are_refused(family_folder: Folder, tmp_path: Path) -> None:
    file = tmp_path / "lora.safetensors"
    pairs = {f"unet.conv_in.lora_A.{name}.weight": torch.ones(4, 4, 3, 3) for name in ("default", "other")}
    save_file(pairs, file)
    with pytest.raises(ExportError, match=r"two adapters"):
        merged(family_folder("sd1"), (file, 1.0))


def test_one_shard_and_a_folder_are_refused(
    family_folder: Folder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shard = tmp_path / "adapter_model-00001-of-00002.safetensors"
    save_file({"unet.conv_in.lora_A.weight": torch.ones(4, 4, 3, 3)}, shard)
    for path, code, words in ((shard, 65, "one of 2 files"), (tmp_path, 66, "is a folder")):
        actual, line = refused(capsys, family_folder("sd1"), "--output", tmp_path / "b", "--lora", path)
        assert (actual, str(path) in line, words in line) == (code, True, True)


@pytest.mark.parametrize("weight", ["nan", "inf", "1e999", "", "much"])
def test_refuses_a_weight_that_is_no_number(
    weight: str, family_folder: Folder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, line = refused(capsys, family_folder("sd1"), "--output", tmp_path / "b", "--lora", f"a.safetensors:{weight}")
    assert (code, f"'{weight}' is no weight" in line) == (64, True)
