"""Names that tools give to one and the same LoRA, in scripts/export_model.py."""

from collections.abc import Callable
from pathlib import Path

import peft as peft_library
import pytest
import torch
from diffusers import DiffusionPipeline
from export.open_source import Request, open_source
from ldm_file import ldm_unet
from lora_file import all_pairs, pairs, parts, peft
from merged_lora import assert_close, fused, merged
from safetensors.torch import save_file
from torch import Tensor

Folder = Callable[[str], Path]
Rename = Callable[[str, dict[str, str]], str]


def starts(**others: str) -> Rename:
    """Other starts of the parts' names."""

    def rename(name: str, _: dict[str, str]) -> str:
        part, _, rest = name.partition(".")
        return others.get(part, f"{part}.") + rest

    return rename


def original(**others: str) -> Rename:
    """The original layout's names of the UNet too."""

    def rename(name: str, originals: dict[str, str]) -> str:
        part, _, rest = name.partition(".")
        module = rest.partition(".lora_")[0]
        return starts(**others)(f"{part}.{rest.replace(module, originals.get(module, module), 1)}", originals)

    return rename


def kohya_ends(name: str) -> str:
    return name.replace(".lora_A.", ".lora_down.").replace(".lora_B.", ".lora_up.")


RENAMES: dict[str, Rename] = {
    "transformers 5": lambda name, _: name.replace("text_model.", ""),
    "adapter's name": lambda name, _: name.replace(".weight", ".default.weight"),
    "PEFT's wrapper": lambda name, _: name.replace(".", ".base_model.model.", 1),
    "compiled": lambda name, _: name.replace(".", "._orig_mod.", 1),
    "parallel": lambda name, _: f"module.{name}",
    "no processor": lambda name, _: name.replace(".to_out.0.", ".to_out."),
    "OneTrainer": original(unet="unet.", text_encoder="clip_l.", text_encoder_2="clip_g."),
    "OneTrainer's dots": lambda name, _: kohya_ends(
        starts(unet="lora_unet.", text_encoder="lora_te1.", text_encoder_2="lora_te2.")(name, {})
    ),
    "ComfyUI": lambda name, originals: kohya_ends(
        original(
            unet="diffusion_model.",
            text_encoder="text_encoders.clip_l.transformer.",
            text_encoder_2="text_encoders.clip_g.transformer.",
        )(name, originals)
    ),
}


@pytest.mark.parametrize("family", ["sd1", "sdxl"])
@pytest.mark.parametrize("rename", RENAMES.values(), ids=list(RENAMES))
def test_a_lora_is_the_same_under_every_name(
    family: str, rename: Rename, family_folder: Folder, tmp_path: Path
) -> None:
    folder = family_folder(family)
    pipe = DiffusionPipeline.from_pretrained(folder)
    originals = {
        new.removesuffix(".weight"): old.removesuffix(".weight")
        for new, old in zip(pipe.unet.state_dict(), ldm_unet(folder), strict=True)
    }
    tensors = peft(all_pairs(pipe, seed=5))
    renamed = {rename(name, originals): tensor for name, tensor in tensors.items()}
    assert len(renamed) == len(tensors) and renamed.keys() != tensors.keys()
    save_file(tensors, tmp_path / "plain.safetensors")
    save_file(renamed, tmp_path / "renamed.safetensors")
    ours = merged(folder, (tmp_path / "renamed.safetensors", 0.5))
    theirs = merged(folder, (tmp_path / "plain.safetensors", 0.5))
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_what_diffusers_saves_beside_transformers_5(family_folder: Folder, tmp_path: Path) -> None:
    """No `text_model.` where transformers has dropped it."""
    folder = family_folder("sd1")
    pipe = DiffusionPipeline.from_pretrained(folder)
    layers: dict[str, Tensor] = {}
    for name, (down, up) in pairs(pipe.text_encoder, ("q_proj", "v_proj", "out_proj"), 6).items():
        layers |= {f"{name}.lora_A.weight": down, f"{name}.lora_B.weight": up}
    type(pipe).save_lora_weights(tmp_path, text_encoder_lora_layers=layers)
    lora = (tmp_path / "pytorch_lora_weights.safetensors", 0.7)
    assert_close(merged(folder, lora), fused(folder, lora))


@pytest.mark.parametrize("part", ["unet", "text_encoder"])
def test_the_folder_that_peft_saves_of_one_module(part: str, family_folder: Folder, tmp_path: Path) -> None:
    """PEFT's own merging is the judge; its configuration lies beside the file."""
    folder = family_folder("sd1")
    module = parts(DiffusionPipeline.from_pretrained(folder))[part]
    targets = ["to_q", "to_out.0", "conv1"] if part == "unet" else ["q_proj", "fc1"]
    torch.manual_seed(0)
    config = peft_library.LoraConfig(
        r=4,
        lora_alpha=6,
        target_modules=targets,
        init_lora_weights=False,
        use_rslora=True,
        alpha_pattern={targets[0]: 9},
        rank_pattern={targets[1]: 2},
    )
    model = peft_library.get_peft_model(module, config)
    model.save_pretrained(tmp_path)
    theirs = model.merge_and_unload().state_dict()
    source = open_source(Request(str(folder), loras=((tmp_path / "adapter_model.safetensors", 1.0),)))
    assert source.notes == ()
    ours = merged(folder, (tmp_path / "adapter_model.safetensors", 1.0))
    assert_close({n.removeprefix(f"{part}."): t for n, t in ours.items() if n.startswith(f"{part}.")}, theirs)
    (tmp_path / "adapter_config.json").unlink()
    (note,) = open_source(Request(str(folder), loras=((tmp_path / "adapter_model.safetensors", 1.0),))).notes
    assert "adapter_config.json" in note and "alpha" in note


def test_a_module_without_its_part_is_refused_where_two_have_it(family_folder: Folder, tmp_path: Path) -> None:
    """Both text encoders of SDXL have a layer 0."""
    folder, file = family_folder("sdxl"), tmp_path / "lora.safetensors"
    key = "base_model.model.text_model.encoder.layers.0.self_attn.q_proj"
    save_file({f"{key}.lora_A.weight": torch.ones(4, 32), f"{key}.lora_B.weight": torch.ones(32, 4)}, file)
    source = open_source(Request(str(folder), loras=((file, 1.0),)))
    source.weights("text_encoder", ["text_model.encoder.layers.0.self_attn.q_proj.weight"])
    assert "has no place" in source.leftovers()[0]
