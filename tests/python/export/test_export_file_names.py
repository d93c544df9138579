"""Single files whose tensors have names that tools changed: prefixes put before them or taken away, other spellings."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from export.open_source import Request, open_source
from exported import edit_tensors, refused
from ldm_file import write_ldm_file
from safetensors.torch import load_file, save_file
from test_export_layouts import assert_same, states
from tiny_families import write_family
from torch import Tensor

Tensors = dict[str, Tensor]
UNET, TEXT = "model.diffusion_model.", "cond_stage_model.transformer."


def renamed(*pairs: tuple[str, str]) -> Callable[[Tensors], Tensors]:
    """Starts of names replaced."""

    def rename(tensors: Tensors) -> Tensors:
        for old, new in pairs:
            tensors = {new + n.removeprefix(old) if n.startswith(old) else n: t for n, t in tensors.items()}
        return tensors

    return rename


def with_attention_of_diffusers(tensors: Tensors) -> Tensors:
    """As an old converter wrote the VAE: linear layers under diffusers' names."""
    names = {"q": "to_q", "k": "to_k", "v": "to_v", "proj_out": "to_out.0"}
    found = {}
    for name, tensor in tensors.items():
        moved = re.sub(r"attn_1\.(q|k|v|proj_out)\.", lambda m: f"attn_1.{names[m[1]]}.", name)
        found[moved] = tensor if moved == name or tensor.ndim < 4 else tensor[:, :, 0, 0]
    return found


def with_more(**more: Tensor) -> Callable[[Tensors], Tensors]:
    return lambda tensors: tensors | {name.replace("__", "."): tensor for name, tensor in more.items()}


CHANGES: dict[str, Callable[[Tensors], Tensors]] = {
    "of a trainer's checkpoint": renamed(("", "state_dict.")),
    "with a prefix of the UNet's own": renamed((UNET, "diffusion_model."), ("first_stage_model.", "vae.")),
    "without prefixes": renamed((UNET, ""), ("first_stage_model.", ""), ("cond_stage_model.", "")),
    "of the first text encoder's layout": renamed((f"{TEXT}text_model.", TEXT)),
    "with SDXL's place of the text encoder": renamed((TEXT, "conditioner.embedders.0.transformer.")),
    "with the VAE's attention as in diffusers": with_attention_of_diffusers,
    "saved by ComfyUI": with_more(
        cond_stage_model__transformer__text_projection__weight=torch.eye(32),
        cond_stage_model__logit_scale=torch.tensor(4.6),
        cond_stage_model__transformer__text_model__embeddings__position_ids=torch.arange(77)[None],
    ),
}


@pytest.fixture
def model(family_folder: Callable[[str], Path], tmp_path: Path) -> Path:
    return write_ldm_file(family_folder("sd1"), tmp_path / "model.sft", "sd1")


@pytest.mark.parametrize("what", CHANGES)
def test_a_file_is_read(what: str, model: Path, family_folder: Callable[[str], Path]) -> None:
    save_file(CHANGES[what](load_file(model)), model)
    request = Request(str(model), config=family_folder("sd1"))
    assert open_source(request).notes == ()
    assert_same(states(request), states(Request(str(family_folder("sd1")))))


def test_sd_turbo_is_not_taken_for_the_refiner(family_folder: Callable[[str], Path], tmp_path: Path) -> None:
    """Its text encoder has the refiner's place; its UNet knows no sizes."""
    folder = family_folder("sd-turbo")
    file = write_ldm_file(folder, tmp_path / "model.safetensors", "sd2")
    rename = renamed(("cond_stage_model.model.", "conditioner.embedders.0.model."))
    save_file(rename(load_file(file)), file)
    assert_same(states(Request(str(file), config=folder)), states(Request(str(folder))))
    source = open_source(Request(str(file)))
    scheduler = source.config("scheduler")
    assert (scheduler["prediction_type"], scheduler["timestep_spacing"]) == ("epsilon", "trailing")
    assert source.overrides() == {"defaults": {"steps": 1, "guidance": 1.0}}
    assert "SD-Turbo" in source.notes[0]
    told = open_source(Request(str(file), prediction_type="v_prediction"))
    assert (told.config("scheduler")["prediction_type"], told.notes, told.overrides()) == ("v_prediction", (), {})


def _with_gaps(name: str) -> str:
    """Blocks of one layer, counted as if each level had two."""
    if found := re.fullmatch(rf"({re.escape(UNET)}input_blocks\.)(\d+)(\..*)", name):
        level, place = divmod(int(found[2]) - 1, 2)
        return name if found[2] == "0" else f"{found[1]}{3 * level + (1, 3)[place]}{found[3]}"
    if found := re.fullmatch(rf"({re.escape(UNET)}output_blocks\.)(\d+)(\.\d\.)(.*)", name):
        level, place = divmod(int(found[2]), 2)
        place = 2 if found[4].startswith("conv.") else place
        return f"{found[1]}{3 * level + place}{found[3]}{found[4]}"
    return name


def test_blocks_may_be_counted_with_gaps(model: Path, family_folder: Callable[[str], Path]) -> None:
    """diffusers' converter counts two layers to a level; models distilled by BK-SDM have one."""
    save_file({_with_gaps(n): t for n, t in load_file(model).items()}, model)
    request = Request(str(model), config=family_folder("sd1"))
    assert_same(states(request), states(Request(str(family_folder("sd1")))))


def test_levels_may_have_different_numbers_of_layers(
    family_folder: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("tiny_families").UNETS, "sd1", {"layers_per_block": [2, 1, 1]})
    folder = write_family(tmp_path / "folder", "sd1")
    file = write_ldm_file(folder, tmp_path / "model.safetensors", "sd1")
    assert_same(states(Request(str(file), config=folder)), states(Request(str(folder))))


def test_a_tensor_with_and_without_a_prefix_is_refused(
    model: Path, family_folder: Callable[[str], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "first_stage_model.decoder.conv_in.bias"
    save_file({f"state_dict.{n}": t for n, t in load_file(model).items()} | {name: torch.zeros(16)}, model)
    code, line = refused(capsys, model, "--output", tmp_path / "bundle", "--config", family_folder("sd1"))
    assert (code, f"'{name}' twice" in line or f"'state_dict.{name}' twice" in line) == (65, True)


def test_a_second_copy_under_a_prefix_is_named(model: Path, family_folder: Callable[[str], Path]) -> None:
    edit_tensors(model, lambda t: t.update({f"state_dict.{n}": v + 1 for n, v in t.items()}))
    request = Request(str(model), config=family_folder("sd1"))
    (note,) = open_source(request).notes
    assert "'state_dict." in note
    assert_same(states(request), states(Request(str(family_folder("sd1")))))


def test_what_belongs_to_no_part_is_named(model: Path, family_folder: Callable[[str], Path]) -> None:
    more = {
        "model_ema.diffusion_modelout2bias": torch.zeros(4),
        "control_model.x": torch.zeros(1),
        "odd": torch.ones(2),
    }
    edit_tensors(model, lambda t: t.update(more))
    notes = open_source(Request(str(model), config=family_folder("sd1"))).notes
    assert len(notes) == 2
    assert "averaged weights (1 tensors" in notes[0]
    assert "'control_model.x' (and 1 more) belongs to no part" in notes[1]


LONE: dict[str, tuple[str, str]] = {
    "UNet": (UNET, ""),
    "UNet under its name": (UNET, UNET),
    "UNet of ComfyUI": (UNET, "diffusion_model."),
    "text encoder": (TEXT, ""),
}


@pytest.mark.parametrize("what", LONE)
def test_a_lone_part_is_called_what_it_is(
    what: str, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = LONE[what]
    save_file({new + n.removeprefix(old): t for n, t in load_file(model).items() if n.startswith(old)}, model)
    code, line = refused(capsys, model, "--output", tmp_path / "bundle")
    assert (code, f"is a lone {' '.join(what.split()[: 2 - ('UNet' in what)])}" in line) == (65, True)
