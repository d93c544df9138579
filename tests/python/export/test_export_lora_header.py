"""What scripts/export_model.py makes of the headers of LoRA files: PEFT's configuration, and what trainers leave."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import peft as peft_library
import pytest
import torch
from diffusers import DiffusionPipeline
from export.components import components
from export.errors import ExportError
from export.open_source import Request, open_source
from exported import refused
from lora_file import RANK, all_pairs, pairs, peft
from merged_lora import assert_close, fused, merged
from safetensors.torch import save_file

Folder = Callable[[str], Path]
KEY = "unet.conv_in"
PAIR = {f"{KEY}.lora_A.weight": torch.ones(RANK, 4, 3, 3), f"{KEY}.lora_B.weight": torch.ones(16, RANK, 1, 1)}


def write(file: Path, tensors: dict[str, torch.Tensor], **settings: Any) -> Path:
    """With PEFT's settings of the UNet in the header."""
    values = {f"unet.{key}": value for key, value in settings.items()}
    save_file(tensors, file, metadata={"format": "pt", "lora_adapter_metadata": json.dumps(values)})
    return file


def notes(folder: Path, file: Path) -> tuple[str, ...]:
    return open_source(Request(str(folder), loras=((file, 1.0),))).notes


@pytest.mark.parametrize(
    "settings",
    [
        {"alpha_pattern": {"to_q": 32}},
        {"alpha_pattern": {"attn1.to_q": 32, "to_q": 2}},
        {"alpha_pattern": {"to_q": 2, "attn1.to_q": 32}},
        {"alpha_pattern": {"^down_blocks.*to_[qv]": 32}},
        {"alpha_pattern": {"o_q": 32}},
        {"alpha_pattern": {r"attn1\.to_(q|k)": 1.5}, "use_rslora": True},
        {"alpha_pattern": {"down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q": 32}},
        {"alpha_pattern": {}, "use_rslora": True, "init_lora_weights": "gaussian", "fan_in_fan_out": True},
    ],
    ids=json.dumps,
)
def test_patterns_match_as_peft_matches_them(settings: dict[str, Any], family_folder: Folder, tmp_path: Path) -> None:
    """A pattern is a regular expression for a whole name or for its end after a dot; the first one counts."""
    folder = family_folder("sd1")
    changes = {"unet": pairs(DiffusionPipeline.from_pretrained(folder).unet, ("to_q", "to_k", "to_v"), 7)}
    targets = {"target_modules": ["to_q", "to_k", "to_v"]}
    file = write(tmp_path / "lora.safetensors", peft(changes), r=RANK, lora_alpha=6, **targets, **settings)
    assert_close(merged(folder, (file, 0.5)), fused(folder, (file, 0.5)))
    assert notes(folder, file) == ()


def test_patterns_of_text_encoders_may_have_the_name_of_before_transformers_5(
    family_folder: Folder, tmp_path: Path
) -> None:
    folder = family_folder("sd1")
    changes = {"text_encoder": pairs(DiffusionPipeline.from_pretrained(folder).text_encoder, ("q_proj",), 8)}
    file, plain = tmp_path / "lora.safetensors", tmp_path / "plain.safetensors"
    full = "text_model.encoder.layers.0.self_attn.q_proj"
    settings = {"text_encoder.r": RANK, "text_encoder.lora_alpha": RANK, "text_encoder.alpha_pattern": {f"^{full}": 8}}
    save_file(peft(changes), file, metadata={"lora_adapter_metadata": json.dumps(settings)})
    key = f"text_encoder.{full}.lora_B.weight"
    save_file({name: 2 * t if name == key else t for name, t in peft(changes).items()}, plain)
    assert_close(merged(folder, (file, 1.0)), merged(folder, (plain, 1.0)))


def test_without_lora_alpha_it_is_pefts_default(family_folder: Folder, tmp_path: Path) -> None:
    folder = family_folder("sd1")
    changes = {"unet": pairs(DiffusionPipeline.from_pretrained(folder).unet, ("attn2.to_q",), 9)}
    file = write(tmp_path / "lora.safetensors", peft(changes), r=RANK, target_modules=["attn2.to_q"])
    assert_close(merged(folder, (file, 1.0)), fused(folder, (file, 1.0)))


def test_pefts_own_defaults_need_no_note(family_folder: Folder, tmp_path: Path) -> None:
    """A new PEFT with a new setting makes this fail: see what it does to a picture."""
    settings = peft_library.LoraConfig(r=RANK, lora_alpha=RANK, target_modules=["conv_in"]).to_dict()
    values = {key: sorted(value) if isinstance(value, set) else value for key, value in settings.items()}
    assert notes(family_folder("sd1"), write(tmp_path / "lora.safetensors", PAIR, **values)) == ()


def test_an_unknown_setting_is_named(family_folder: Folder, tmp_path: Path) -> None:
    file = write(tmp_path / "lora.safetensors", PAIR, use_more=True, use_less=False)
    (note,) = notes(family_folder("sd1"), file)
    assert str(file) in note and "unet.use_more" in note and "use_less" not in note


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ("[", ["no JSON"]),
        ("[1]", ["no JSON object"]),
        ('{"unet.lora_alpha": "high"}', ["unet.lora_alpha", "no number"]),
        ('{"unet.lora_alpha": NaN}', ["unet.lora_alpha", "no number"]),
        ('{"unet.lora_alpha": 1' + "0" * 400 + "}", ["unet.lora_alpha", "no number"]),
        ('{"unet.lora_alpha": true}', ["unet.lora_alpha", "no number"]),
        ('{"lora_alpha": null}', ["lora_alpha", "no number"]),
        ('{"unet.alpha_pattern": {"conv_in": null}}', ["unet.alpha_pattern", "no number"]),
        ('{"unet.alpha_pattern": {"(": 4}}', ["unet.alpha_pattern", '"("']),
        ('{"unet.alpha_pattern": [4]}', ["unet.alpha_pattern", "no JSON object"]),
        ('{"unet.r": 8}', ["rank 8", "conv_in", "4"]),
        ('{"unet.r": 4, "unet.rank_pattern": {"conv_in": 2}}', ["rank 2", "conv_in"]),
        ('{"unet.use_rslora": "yes"}', ["unet.use_rslora"]),
        ('{"unet.use_dora": true}', ["unet.use_dora", "DoRA"]),
        ('{"unet.peft_type": "LOHA"}', ["unet.peft_type", "LOHA"]),
        ('{"unet.bias": "lora_only"}', ["unet.bias", "biases"]),
        ('{"unet.lora_bias": true}', ["unet.lora_bias", "biases"]),
        ('{"unet.modules_to_save": ["conv_out"]}', ["unet.modules_to_save", "conv_out"]),
        ('{"unet.target_parameters": ["weight"]}', ["unet.target_parameters"]),
        ('{"unet.layer_replication": [[0, 4]]}', ["unet.layer_replication"]),
        ('{"unet.kasa_config": {"beta": 1}}', ["unet.kasa_config", "KaSA"]),
        ('{"unet.init_lora_weights": "pissa"}', ["unet.init_lora_weights", "pissa", "base model"]),
        ('{"unet.init_lora_weights": "pissa_niter_4"}', ["pissa_niter_4", "base model"]),
        ('{"unet.init_lora_weights": "olora"}', ["olora", "base model"]),
        ('{"unet.init_lora_weights": "OLoRA"}', ["OLoRA", "base model"]),
        ('{"unet.init_lora_weights": "corda"}', ["corda", "base model"]),
        ('{"unet.init_lora_weights": "loftq"}', ["loftq", "base model"]),
        ('{"unet.init_lora_weights": "lora_ga"}', ["lora_ga", "base model"]),
        ('{"init_lora_weights": "pissa"}', ["pissa", "base model"]),
        ('{"unet.init_lora_weights": "next_year"}', ["next_year", "not known"]),
    ],
)
def test_refuses_a_lora_whose_header_makes_no_sense_or_says_more_than_a_plain_one(
    settings: str, words: list[str], family_folder: Folder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "lora.safetensors"
    save_file(PAIR, file, metadata={"lora_adapter_metadata": settings})
    code, line = refused(capsys, family_folder("sd1"), "--output", tmp_path / "bundle", "--lora", file)
    assert (code, str(file) in line) == (65, True)
    for word in words:
        assert word in line
    assert list(tmp_path.iterdir()) == [file]


def test_an_alpha_in_the_header_and_another_in_a_tensor_are_refused(family_folder: Folder, tmp_path: Path) -> None:
    for alpha, message in ((4.0, None), (2.0, r"alpha 4 for conv_in, whose tensor 'alpha' is 2")):
        tensors = PAIR | {f"{KEY}.alpha": torch.tensor(alpha)}
        file = write(tmp_path / "lora.safetensors", tensors, r=RANK, lora_alpha=4)
        if message is None:
            merged(family_folder("sd1"), (file, 1.0))
        else:
            with pytest.raises(ExportError, match=message):
                merged(family_folder("sd1"), (file, 1.0))


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        ({"ss_network_module": "networks.lora", "sshs_model_hash": "00", "format": "pt", "ot_branch": "master"}, None),
        ({"modelspec.architecture": "stable-diffusion-v1/lora", "modelspec.prediction_type": "epsilon"}, None),
        ({"prompt": "{}", "workflow": "{}"}, None),
        ({"modelspec.prediction_type": "v"}, ["v_prediction", "epsilon"]),
        ({"strength_of_it": "3", "ss_seed": "1"}, ["strength_of_it", "no effect"]),
    ],
)
def test_what_a_trainer_left_in_the_header_is_idle_or_named(
    metadata: dict[str, str], words: list[str] | None, family_folder: Folder, tmp_path: Path
) -> None:
    lora, embedding = tmp_path / "lora.safetensors", tmp_path / "<ink>.safetensors"
    save_file(PAIR, lora, metadata=metadata)
    save_file({"emb_params": torch.ones(1, 32)}, embedding, metadata=metadata)
    folder = str(family_folder("sd1"))
    of_lora = open_source(Request(folder, loras=((lora, 1.0),))).notes
    _, *of_embedding = open_source(Request(folder, embeddings=((embedding, None),))).notes
    for file, found in ((lora, list(of_lora)), (embedding, of_embedding)):
        assert len(found) == (words is not None)
        assert all(word in found[0] for word in (str(file), *(words or ())) if found)


def test_the_words_of_a_lora_are_added_as_embeddings_are(family_folder: Folder, tmp_path: Path) -> None:
    """OneTrainer's bundle_emb: the vectors of the words that were trained with the LoRA."""
    folder = family_folder("sdxl")
    changes = peft({"unet": all_pairs(DiffusionPipeline.from_pretrained(folder), seed=1)["unet"]})
    vectors = {"clip_l": torch.randn(2, 32), "clip_g": torch.randn(2, 24)}
    both, lora, words = (tmp_path / f"{name}.safetensors" for name in ("both", "lora", "words"))
    save_file(changes | {f"bundle_emb.ink 1.5 style.{kind}": tensor for kind, tensor in vectors.items()}, both)
    save_file(changes, lora)
    save_file(vectors, words)
    ours = open_source(Request(str(folder), loras=((both, 0.5),)))
    theirs = open_source(Request(str(folder), loras=((lora, 0.5),), embeddings=((words, "ink 1.5 style"),)))
    assert ours.added_tokens("text_encoder_2") == theirs.added_tokens("text_encoder_2") != {}
    assert "'ink 1.5 style'" in ours.notes[0] and str(both) in ours.notes[0]
    for one, other in zip(
        components(ours, torch.float32, torch.float32)[:2],
        components(theirs, torch.float32, torch.float32)[:2],
        strict=True,
    ):
        left, right = one.load().state_dict(), other.load().state_dict()
        assert all(torch.equal(left[name], right[name]) for name in left)


@pytest.mark.parametrize(
    ("metadata", "alpha", "is_noted"),
    [
        ({"ss_network_alpha": "1.0", "ss_network_dim": "4"}, None, True),
        ({"ss_network_alpha": "4"}, None, False),
        ({"ss_network_alpha": "None"}, None, False),
        ({"ss_network_alpha": "1"}, 1.0, False),
        ({}, None, False),
    ],
)
def test_an_alpha_that_only_the_header_tells_is_named(
    metadata: dict[str, str], alpha: float | None, is_noted: bool, family_folder: Folder, tmp_path: Path
) -> None:
    """Tools that multiply the weights with alpha / rank leave kohya's header as it was."""
    file = tmp_path / "lora.safetensors"
    tensors = {} if alpha is None else {f"{KEY}.alpha": torch.tensor(alpha)}
    save_file(PAIR | tensors, file, metadata=metadata)
    found = notes(family_folder("sd1"), file)
    assert [str(file) in note and "alpha 1.0" in note for note in found] == [True] * is_noted
