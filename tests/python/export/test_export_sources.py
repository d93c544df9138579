"""How scripts/export_model.py reads tokenizers and weights, old and new."""

import json
from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from export.components import components
from export.diffusers_folder import DiffusersFolder
from export.errors import ExportError
from export.source import TokenizerSource
from export.tokenizers import export_tokenizer
from exported import (
    TEXT,
    UNET,
    VAE,
    edit_json,
    edit_tensors,
)
from torch import Tensor
from transformers import CLIPTokenizer


def test_tiny_vocabulary_is_one_that_transformers_reads(sd1: Path) -> None:
    tokenizer = CLIPTokenizer.from_pretrained(sd1 / "tokenizer")
    ids = tokenizer("A red apple!").input_ids
    assert (ids[0], ids[-1]) == (572, 573)
    assert tokenizer.convert_ids_to_tokens(ids[1:-1])[:3] == ["a</w>", "re", "d</w>"]
    every_letter = "".join(chr(code) for code in range(0xA1, 0x800))
    assert 573 not in tokenizer(every_letter).input_ids[1:-1]  # unknown bytes become the last id


def test_vocabulary_is_recovered_from_tokenizer_json(sd1: Path, tmp_path: Path) -> None:
    source, bundle = tmp_path / "source", tmp_path / "bundle"
    CLIPTokenizer.from_pretrained(sd1 / "tokenizer").save_pretrained(source)
    for name in ("vocab.json", "merges.txt"):
        (source / name).unlink(missing_ok=True)
    assert (source / "tokenizer.json").exists()
    bundle.mkdir()
    entry = export_tokenizer(TokenizerSource(source), bundle, "tokenizer", 77, 574)
    assert (entry["bos"], entry["eos"], entry["pad"]) == (572, 573, 573)
    for name, read in (("vocab.json", json.loads), ("merges.txt", str.splitlines)):
        ours = (bundle / "tokenizer" / name).read_text(encoding="utf-8")
        theirs = (sd1 / "tokenizer" / name).read_text(encoding="utf-8")
        assert read(ours) == read(theirs)


@pytest.mark.parametrize("merge", ["a b c", ["fer", "ro"], 7], ids=str)
def test_refuses_merges_of_tokenizer_json_that_its_vocabulary_does_not_have(
    sd1: Path, tmp_path: Path, merge: object
) -> None:
    CLIPTokenizer.from_pretrained(sd1 / "tokenizer").save_pretrained(tmp_path)
    for name in ("vocab.json", "merges.txt"):
        (tmp_path / name).unlink(missing_ok=True)
    path = tmp_path / "tokenizer.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    content["model"]["merges"].insert(2, merge)
    path.write_text(json.dumps(content), encoding="utf-8")
    (tmp_path / "bundle").mkdir()
    with pytest.raises(ExportError, match="tokenizer.json") as raised:
        export_tokenizer(TokenizerSource(tmp_path), tmp_path / "bundle", "tokenizer", 77, 574)
    assert raised.value.code == 65


def test_a_pad_token_of_its_own_is_taken_out_of_the_text(copy: Path, tmp_path: Path) -> None:
    edit_json(copy / "tokenizer/special_tokens_map.json", pad_token="!")
    (tmp_path / "bundle").mkdir()
    entry = export_tokenizer(TokenizerSource(copy / "tokenizer"), tmp_path / "bundle", "tokenizer", 77, 574)
    assert (entry["pad"], entry["special"]) == (0, {"!": 0})


def loaded(source: Path) -> list[dict[str, Tensor]]:
    """State of every part as the exporter reads it, in half precision."""
    parts = components(DiffusersFolder(source), torch.float16, torch.float16)
    return [part.load().state_dict() for part in parts]


def assert_same_state(ours: list[dict[str, Tensor]], theirs: list[dict[str, Tensor]]) -> None:
    for a, b in zip(ours, theirs, strict=True):
        assert a.keys() == b.keys()
        assert all(torch.equal(a[name], b[name]) for name in a)


def test_fp16_variant_and_shards_give_the_same_weights(sd1: Path, copy: Path) -> None:
    unet = UNet2DConditionModel.from_pretrained(copy / "unet").half()
    (copy / UNET).unlink()
    unet.save_pretrained(copy / "unet", variant="fp16", max_shard_size="100KB")
    assert len(list((copy / "unet").glob("*-of-*.safetensors"))) > 1
    vae = AutoencoderKL.from_pretrained(copy / "vae").half()
    (copy / VAE).unlink()
    vae.save_pretrained(copy / "vae", variant="fp16")
    assert_same_state(loaded(copy), loaded(sd1))


def test_names_of_older_diffusers_and_transformers_are_understood(sd1: Path, copy: Path) -> None:
    def old_text(tensors: dict[str, Tensor]) -> None:
        renamed = {f"text_model.{name}": tensor for name, tensor in tensors.items()}
        tensors.clear()
        tensors.update(renamed)
        tensors["text_model.embeddings.position_ids"] = torch.arange(77)[None]

    def old_vae(tensors: dict[str, Tensor]) -> None:
        names = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
        for name in [name for name in tensors if "attentions" in name]:
            old = name
            for new_part, old_part in names.items():
                old = old.replace(f".{new_part}.", f".{old_part}.")
            tensor = tensors.pop(name)
            is_matrix = old != name and tensor.ndim == 2
            tensors[old] = tensor[..., None, None] if is_matrix else tensor

    edit_tensors(copy / TEXT, old_text)
    edit_tensors(copy / VAE, old_vae)
    assert_same_state(loaded(copy), loaded(sd1))
