"""LoRA files merged by scripts/export_model.py against diffusers' load_lora_weights and fuse_lora."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from diffusers import DiffusionPipeline
from export.bundle_folder import sha256
from export.manifest import Facts
from export.open_source import Request, open_source
from ldm_file import ldm_unet
from lora_file import LAYOUTS, RANK, all_pairs, kohya, pairs, peft
from merged_lora import assert_close, assert_equal_weights, fused, merged
from safetensors.torch import save_file
from torch import nn

pytest.importorskip("peft")  # diffusers' own merging needs it

Folder = Callable[[str], Path]


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
    assert_close(ours, fused(folder, (file, 0.5)))


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


def test_ranks_alphas_and_precisions_of_all_kinds(family_folder: Folder, tmp_path: Path) -> None:
    """kohya's alpha may be a whole number, negative or in a list; tensors may have 8 bits; a rank may be 0."""
    folder = family_folder("sd1")
    stem = "down_blocks.0.attentions.0.transformer_blocks.0.attn1"
    alphas = {
        "to_q": (torch.tensor(3), torch.float32),
        "to_k": (torch.tensor([-2.0]), torch.bfloat16),
        "to_v": (torch.tensor(2.0), torch.float8_e4m3fn),
        "to_out.0": (torch.tensor(0.0), torch.float16),
    }
    plain = merged(folder)
    tensors, expected = {}, dict(plain)
    for (layer, (alpha, dtype)), rank in zip(alphas.items(), (2, 3, 4, 5), strict=True):
        down, up = torch.randn(rank, 16).to(dtype), torch.randn(16, rank).to(dtype)
        key = f"lora_unet_{stem}.{layer}".replace(".", "_")
        tensors |= {f"{key}.lora_down.weight": down, f"{key}.lora_up.weight": up, f"{key}.alpha": alpha}
        expected[f"unet.{stem}.{layer}.weight"] = plain[f"unet.{stem}.{layer}.weight"] + 0.5 * (
            alpha.float() / rank * (up.float() @ down.float())
        )
    key = "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn1_to_q"
    tensors |= {f"{key}.lora_down.weight": torch.ones(0, 32), f"{key}.lora_up.weight": torch.ones(32, 0)}
    tensors[f"{key}.alpha"] = torch.tensor(1, dtype=torch.uint8)
    save_file(tensors, tmp_path / "lora.safetensors")
    ours = merged(folder, (tmp_path / "lora.safetensors", 0.5))
    assert_close(ours, expected)
    (note,) = open_source(Request(str(folder), loras=((tmp_path / "lora.safetensors", 1.0),))).notes
    assert "alpha 0" in note and "to_out_0" in note


def test_the_record_has_both_of_two_files_of_one_name(family_folder: Folder, tmp_path: Path) -> None:
    """diffusers calls every LoRA pytorch_lora_weights.safetensors."""
    folder = family_folder("sd1")
    changes = peft({"unet": pairs(DiffusionPipeline.from_pretrained(folder).unet, ("attn2.to_q",), 4)})
    files = [tmp_path / name / "pytorch_lora_weights.safetensors" for name in ("a", "b")]
    for scale, file in enumerate(files, 1):
        file.parent.mkdir()
        save_file({name: scale * tensor for name, tensor in changes.items()}, file)
    facts = Facts(open_source(Request(str(folder), loras=tuple((file, 0.5) for file in (*files, files[0])))))
    weights = facts._provenance()["weights"]
    assert weights[files[0].name] == sha256(files[0])
    assert weights[f"{files[0].name} (2)"] == sha256(files[1])
    assert f"{files[0].name} (3)" not in weights
