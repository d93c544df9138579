"""Tokenizers and text encoders of diffusers' folders: what transformers makes of their files is what is exported."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import StableDiffusionPipeline
from export.clip_tokenizer import ClipRules
from export.convert import _export_tokenizer
from export.errors import ExportError
from export.idle_keys import idle_notes
from export.open_source import Request, open_source
from exported import TEXT, edit_json, edit_tensors, exported, manifest
from family_pictures import PROMPT, Case, assert_equal_pictures, drawn_by_diffusers, drawn_by_the_program, load_pipeline
from tiny_models import BOS, EOS
from transformers import AddedToken, CLIPConfig, CLIPModel, CLIPTextModel

Folder = Callable[[str], Path]
Spoil = Callable[[Path], Any]
SIZE = (64, 64)


def entry_of(folder: Path, bundle: Path) -> dict[str, Any]:
    """The tokenizer as model.json describes it."""
    shutil.rmtree(bundle, ignore_errors=True)
    bundle.mkdir()
    return _export_tokenizer(bundle, open_source(Request(str(folder))), "text_encoder")


def with_tokens(folder: Path, *tokens: str | AddedToken) -> Path:
    """The model as today's diffusers saves it after tokens were added: they are in tokenizer.json only."""
    pipeline = StableDiffusionPipeline.from_pretrained(folder)
    pipeline.tokenizer.add_tokens(list(tokens))
    pipeline.text_encoder.resize_token_embeddings(len(pipeline.tokenizer))
    rows = pipeline.text_encoder.get_input_embeddings().weight.data[-len(tokens) :]
    rows.copy_(0.5 * torch.randn(rows.shape, generator=torch.Generator().manual_seed(3)))
    saved = folder.parent / "saved"
    pipeline.save_pretrained(saved)
    assert not (saved / "tokenizer/added_tokens.json").exists()
    return saved


def test_a_token_that_is_in_tokenizer_json_only_is_drawn_with(copy: Path, tmp_path: Path) -> None:
    saved = with_tokens(copy, "<cat-toy>")
    bundle = exported(saved, tmp_path / "bundle", "--dtype", "float32")
    assert manifest(bundle)["tokenizers"][0]["added"] == {"<cat-toy>": [574]}
    case = Case("added", "sd1", 3, prompt="two red <cat-toy> on a Yellow <CAT-toy>s table")
    pipeline = load_pipeline(saved, case)
    theirs = drawn_by_diffusers(pipeline, case, SIZE)
    assert (theirs != drawn_by_diffusers(pipeline, Case("plain", "sd1", 3), SIZE)).any()
    assert_equal_pictures(drawn_by_the_program(bundle, tmp_path, case, SIZE), theirs)


def test_a_token_for_texts_as_typed_is_special(copy: Path, tmp_path: Path) -> None:
    saved = with_tokens(copy, AddedToken("<Dog>", normalized=False))
    assert entry_of(saved, tmp_path / "bundle")["special"] == {"<Dog>": 574}


@pytest.mark.parametrize("flag", ["single_word", "lstrip", "rstrip"])
def test_a_token_that_takes_in_its_surroundings_is_refused(flag: str, copy: Path, tmp_path: Path) -> None:
    saved = with_tokens(copy, AddedToken("<dog>", **{flag: True}))
    with pytest.raises(ExportError, match="added token '<dog>' takes in blanks or whole words"):
        entry_of(saved, tmp_path / "bundle")


def test_a_token_without_a_row_is_refused(copy: Path, tmp_path: Path) -> None:
    saved = with_tokens(copy, "<dog>")
    edit_json(saved / "text_encoder/config.json", vocab_size=574)
    with pytest.raises(ExportError, match="'<dog>' has the id 574, the text encoder 574 rows"):
        entry_of(saved, tmp_path / "bundle")


@pytest.mark.parametrize("kind", [None, "TokenizersBackend", "CLIPTokenizerFast", "T5Tokenizer"])
def test_the_index_names_the_class(kind: str | None, copy: Path, tmp_path: Path) -> None:
    expected = entry_of(copy, tmp_path / "bundle")
    edit_json(copy / "tokenizer/tokenizer_config.json", tokenizer_class=kind)
    assert entry_of(copy, tmp_path / "bundle") == expected


def test_tokenizer_json_counts_where_vocab_json_says_something_else(copy: Path, tmp_path: Path) -> None:
    saved = with_tokens(copy, "<dog>")
    for name in ("vocab.json", "merges.txt"):
        shutil.copyfile(copy / "tokenizer" / name, saved / "tokenizer" / name)
    merges = (saved / "tokenizer/merges.txt").read_text().splitlines()
    (saved / "tokenizer/merges.txt").write_text("\n".join(merges[:2]))
    entry_of(saved, tmp_path / "bundle")
    assert (tmp_path / "bundle/tokenizer/merges.txt").read_text().splitlines() == merges


def edit_tokenizer(folder: Path, **changes: Any) -> None:
    edit_json(folder / "tokenizer/tokenizer.json", **changes)
    edit_json(folder / "model_index.json", tokenizer=["transformers", "TokenizersBackend"])


STRANGE: dict[str, tuple[str, Spoil]] = {
    "left truncation": (
        "the beginning of a text that is too long",
        lambda folder: edit_json(folder / "tokenizer/tokenizer_config.json", truncation_side="left"),
    ),
    "left padding": (
        "up to the length",
        lambda folder: edit_json(folder / "tokenizer/tokenizer_config.json", padding_side="left"),
    ),
    "texts of special tokens split": (
        "split_special_tokens",
        lambda folder: edit_json(folder / "tokenizer/tokenizer_config.json", split_special_tokens=True),
    ),
    "another normalizer": ("normalizer is not CLIP's", lambda f: edit_tokenizer(f, normalizer={"type": "NFKC"})),
    "no tokens around": ("before a text", lambda folder: edit_tokenizer(folder, post_processor=None)),
}


@pytest.mark.parametrize("what", STRANGE)
def test_rules_that_are_not_clips_are_refused(what: str, copy: Path, tmp_path: Path) -> None:
    words, spoil = STRANGE[what]
    saved = with_tokens(copy, "<dog>")
    spoil(saved)
    with pytest.raises(ExportError, match=words):
        entry_of(saved, tmp_path / "bundle")


def test_lengths_beyond_the_positions_are_cut(copy: Path, tmp_path: Path) -> None:
    edit_json(copy / "tokenizer/tokenizer_config.json", model_max_length=10**30)
    assert entry_of(copy, tmp_path / "bundle")["length"] == 77
    edit_json(copy / "tokenizer/tokenizer_config.json", model_max_length=20)
    assert entry_of(copy, tmp_path / "bundle")["length"] == 20


def test_the_ids_are_those_of_transformers(copy: Path) -> None:
    rules = ClipRules(copy / "tokenizer", "CLIPTokenizer")
    vocabulary = json.loads((copy / "tokenizer/vocab.json").read_text())
    assert rules.ids == {"bos": vocabulary[BOS], "eos": vocabulary[EOS], "pad": vocabulary[EOS]}
    assert rules.vocabulary == vocabulary


def as_whole_clip(folder: Path) -> None:
    """text_encoder/ as a copy of openai/clip-vit-large-patch14 would be: both towers."""
    text = json.loads((folder / "text_encoder/config.json").read_text())
    vision = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    clip = CLIPModel(CLIPConfig(text_config=text, vision_config=vision | {"image_size": 32, "patch_size": 16}))
    mine = CLIPTextModel.from_pretrained(folder / "text_encoder").state_dict()
    clip.text_model.load_state_dict({name.removeprefix("text_model."): tensor for name, tensor in mine.items()})
    clip.save_pretrained(folder / "text_encoder")


def with_a_projection(folder: Path) -> None:
    edit_tensors(folder / TEXT, lambda tensors: tensors.update({"text_projection.weight": torch.eye(32)}))


@pytest.mark.parametrize("change", [as_whole_clip, with_a_projection])
def test_what_lies_beside_the_text_encoder_is_left_out(change: Spoil, copy: Path, tmp_path: Path) -> None:
    change(copy)
    bundle = exported(copy, tmp_path / "bundle", "--dtype", "float32")
    case = Case("text", "sd1", 3)
    theirs = drawn_by_diffusers(load_pipeline(copy, case), case, SIZE)
    assert_equal_pictures(drawn_by_the_program(bundle, tmp_path, case, SIZE), theirs)


def test_an_end_of_text_that_has_its_own_id(family_folder: Folder, tmp_path: Path) -> None:
    """As newer saves of SDXL have it, 49407 there; the id 2 of old stands for the largest one."""
    folder = Path(shutil.copytree(family_folder("sdxl"), tmp_path / "source"))
    edit_json(folder / "text_encoder_2/config.json", eos_token_id=573)
    bundle = exported(folder, tmp_path / "bundle", "--dtype", "float32")
    case = Case("eos", "sdxl", 3, prompt=PROMPT)
    theirs = drawn_by_diffusers(load_pipeline(folder, case), case, SIZE)
    assert_equal_pictures(drawn_by_the_program(bundle, tmp_path, case, SIZE), theirs)


def test_context_widths_may_be_listed_block_by_block(copy: Path, tmp_path: Path) -> None:
    edit_json(copy / "unet/config.json", cross_attention_dim=[32, 32, 32], sample_size=[8, 12])
    defaults = manifest(exported(copy, tmp_path / "bundle", "--dtype", "float32"))["defaults"]
    assert (defaults["width"], defaults["height"]) == (96, 64)


def notes(folder: Path) -> list[str]:
    return list(idle_notes(open_source(Request(str(folder)))))


def test_keys_that_nothing_reads_are_named(copy: Path, sd1: Path) -> None:
    assert notes(sd1) == []
    edit_json(copy / "unet/config.json", colour="red", decay=0.99)
    edit_json(copy / "vae/config.json", scaling=2.0)
    edit_json(copy / "text_encoder/config.json", rope_theta=1e4, num_beams=1)
    edit_json(copy / "model_index.json", prior=["diffusers", "PriorTransformer"], safety_checker=["x", "y"])
    found = notes(copy)
    words = ["unet/config.json: colour 'red': not used", "scaling 2.0", "rope_theta 10000.0", "safety checker", "prior"]
    assert [word in note for word, note in zip(words, found, strict=True)] == [True] * len(words)


def test_code_of_a_models_own_is_refused(copy: Path) -> None:
    edit_json(copy / "model_index.json", unet=["my_unet", "MyUNet"])
    with pytest.raises(ExportError, match=r"unet is my_unet\.MyUNet, code of its own"):
        open_source(Request(str(copy))).config("unet")
