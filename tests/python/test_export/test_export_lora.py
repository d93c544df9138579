"""LoRA files merged by scripts/export_model.py against diffusers' load_lora_weights and fuse_lora."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from diffusers import DiffusionPipeline
from export.components import components
from export.open_source import Request, open_source
from exported import refused
from ldm_file import ldm_unet
from lora_file import LAYOUTS, RANK, all_pairs, kohya, pairs, parts, peft
from safetensors.torch import save_file
from torch import Tensor, nn

pytest.importorskip("peft")  # diffusers' own merging needs it

Folder = Callable[[str], Path]


def merged(folder: Path, *loras: tuple[Path, float]) -> dict[str, Tensor]:
    """Our weights of the UNet and the text encoders, under the pipeline's names."""
    source = open_source(Request(str(folder), loras=loras))
    text, unet = components(source, torch.float32, torch.float32)[:2]
    assert source.leftovers() == []
    prefix = "" if source.is_xl else "text_encoder."
    return {f"unet.{n}": t for n, t in unet.load().state_dict().items()} | {
        prefix + n: t for n, t in text.load().state_dict().items()
    }


def fused(folder: Path, *loras: tuple[Path, float]) -> dict[str, Tensor]:
    """The same from diffusers."""
    pipe = DiffusionPipeline.from_pretrained(folder)
    names = [f"lora{i}" for i in range(len(loras))]
    for name, (path, _) in zip(names, loras, strict=True):
        pipe.load_lora_weights(path.parent, weight_name=path.name, adapter_name=name)
    pipe.set_adapters(names, [weight for _, weight in loras])
    pipe.fuse_lora(adapter_names=names)
    pipe.unload_lora_weights()
    return {f"{part}.{n}": t for part, module in parts(pipe).items() for n, t in module.state_dict().items()}


def assert_equal_weights(ours: dict[str, Tensor], theirs: dict[str, Tensor], original: dict[str, Tensor]) -> None:
    assert ours.keys() == theirs.keys()
    for name, tensor in ours.items():
        assert torch.allclose(tensor, theirs[name], rtol=1e-5, atol=1e-5), name
    assert any(not torch.equal(ours[name], original[name]) for name in ours if name.startswith("text_encoder"))
    assert any(not torch.equal(ours[name], original[name]) for name in ours if name.startswith("unet"))


@pytest.mark.parametrize(
    ("family", "layout", "convolutions"),
    [
        ("sd1", "kohya", True),
        ("sd1", "peft", True),
        ("sd1", "old", False),
        ("sdxl", "kohya", False),
        ("sdxl", "peft", False),
    ],
)
def test_one_lora_at_weight_0_7(
    family: str, layout: str, convolutions: bool, family_folder: Folder, tmp_path: Path
) -> None:
    folder = family_folder(family)
    changes = all_pairs(DiffusionPipeline.from_pretrained(folder), seed=1, convolutions=convolutions)
    file = tmp_path / "lora.safetensors"
    save_file(LAYOUTS[layout](changes), file)
    assert_equal_weights(merged(folder, (file, 0.7)), fused(folder, (file, 0.7)), merged(folder))


def test_two_loras_add_up(family_folder: Folder, tmp_path: Path) -> None:
    folder = family_folder("sd1")
    pipe = DiffusionPipeline.from_pretrained(folder)
    files = [(tmp_path / "a.safetensors", 0.7), (tmp_path / "b.safetensors", -0.4)]
    save_file(kohya(all_pairs(pipe, seed=1)), files[0][0])
    save_file(peft(all_pairs(pipe, seed=2)), files[1][0])
    assert_equal_weights(merged(folder, *files), fused(folder, *files), merged(folder))


def test_kohyas_names_of_the_original_layout(family_folder: Folder, tmp_path: Path) -> None:
    """sd-scripts trains SDXL on the original UNet and names the LoRA after its modules."""
    folder = family_folder("sdxl")
    pipe = DiffusionPipeline.from_pretrained(folder)
    changes = all_pairs(pipe, seed=3)
    originals = list(ldm_unet(folder))
    spelled = {
        new.removesuffix(".weight"): old.removesuffix(".weight")
        for new, old in zip(pipe.unet.state_dict(), originals, strict=True)
    }
    save_file(kohya(changes), tmp_path / "new.safetensors")
    save_file(kohya(changes, spelled), tmp_path / "old.safetensors")
    assert any("input_blocks" in key for key in kohya(changes, spelled))
    ours = merged(folder, (tmp_path / "old.safetensors", 1.0))
    theirs = merged(folder, (tmp_path / "new.safetensors", 1.0))
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_alpha_in_the_header_counts(family_folder: Folder, tmp_path: Path) -> None:
    folder = family_folder("sd1")
    changes = {"unet": pairs(DiffusionPipeline.from_pretrained(folder).unet, ("attn2.to_q",), 4)}
    file, plain = tmp_path / "lora.safetensors", tmp_path / "plain.safetensors"
    settings = {"unet.r": RANK, "unet.lora_alpha": 8, "unet.target_modules": [f"{name}" for name in changes["unet"]]}
    save_file(peft(changes), file, metadata={"format": "pt", "lora_adapter_metadata": json.dumps(settings)})
    save_file(peft(changes), plain)
    ours, twice = merged(folder, (file, 0.5)), merged(folder, (plain, 1.0))
    assert all(torch.allclose(ours[name], twice[name], atol=1e-6) for name in ours)
    theirs = fused(folder, (file, 0.5))
    assert all(torch.allclose(ours[name], theirs[name], rtol=1e-5, atol=1e-5) for name in ours)


def test_a_convolution_with_a_core(family_folder: Folder, tmp_path: Path) -> None:
    """LyCORIS puts a convolution of the rank's width between down and up: three convolutions in a row."""
    folder = family_folder("sd1")
    weight = merged(folder)["unet.conv_in.weight"]
    down, up = torch.randn(RANK, weight.shape[1], 1, 1), torch.randn(weight.shape[0], RANK, 1, 1)
    core = torch.randn(RANK, RANK, 3, 3)
    key = "lora_unet_conv_in"
    tensors = {f"{key}.lora_down.weight": down, f"{key}.lora_mid.weight": core, f"{key}.lora_up.weight": up}
    save_file(tensors, tmp_path / "lora.safetensors")
    change = merged(folder, (tmp_path / "lora.safetensors", 0.5))["unet.conv_in.weight"] - weight
    x = torch.randn(1, weight.shape[1], 8, 8)
    conv = nn.functional.conv2d
    expected = 0.5 * conv(conv(conv(x, down), core, padding=1), up)
    assert torch.allclose(conv(x, change, padding=1), expected, atol=1e-3)


def shaped(stem: str, **shapes: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    """Shapes of a module's tensors by their endings."""
    return {f"{stem}.{ending.replace('__', '.')}": shape for ending, shape in shapes.items()}


@pytest.mark.parametrize(
    ("tensors", "words"),
    [
        (shaped("lora_unet_nowhere", lora_down__weight=(4, 3), lora_up__weight=(3, 4)), ["no place"]),
        (shaped("lora_unet_conv_in", lora_down__weight=(4, 9, 3, 3), lora_up__weight=(16, 4, 1, 1)), ["(4, 9, 3, 3)"]),
        (shaped("lora_unet_conv_in", lora_down__weight=(4, 4, 3, 3)), ["no up weight"]),
        (shaped("lora_unet_conv_in", hada_w1_a=(4, 4)), ["plain LoRA"]),
        (shaped("lora_unet_conv_in", dora_scale=(4, 4)), ["plain LoRA"]),
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


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ("[", ["no JSON"]),
        ("[1]", ["no JSON object"]),
        ('{"unet.lora_alpha": "high"}', ["unet.lora_alpha", "no number"]),
        ('{"unet.alpha_pattern": {"conv_in": null}}', ["unet.alpha_pattern", "no number"]),
        ('{"unet.use_dora": true}', ["unet.use_dora"]),
    ],
)
def test_refuses_a_lora_whose_header_makes_no_sense(
    settings: str, words: list[str], family_folder: Folder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, key = tmp_path / "lora.safetensors", "unet.conv_in"
    tensors = {f"{key}.lora_A.weight": torch.ones(4, 4, 3, 3), f"{key}.lora_B.weight": torch.ones(16, 4, 1, 1)}
    save_file(tensors, file, metadata={"lora_adapter_metadata": settings})
    code, line = refused(capsys, family_folder("sd1"), "--output", tmp_path / "bundle", "--lora", file)
    assert (code, str(file) in line) == (65, True)
    for word in words:
        assert word in line
    assert list(tmp_path.iterdir()) == [file]


def test_nan_in_a_lora_is_told_from_nan_in_the_model(family_folder: Folder, tmp_path: Path) -> None:
    from export.errors import ExportError

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
