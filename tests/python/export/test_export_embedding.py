"""Textual inversion by scripts/export_model.py against diffusers' load_textual_inversion."""

import json
from collections.abc import Callable
from pathlib import Path

import export_model
import pytest
import torch
from diffusers import DiffusionPipeline
from export.components import components
from export.convert import _export_tokenizer
from export.errors import ExportError
from export.open_source import Request, open_source
from export.source import Source
from exported import refused, write_pickle
from safetensors.torch import save_file
from torch import Tensor

Folder = Callable[[str], Path]
TOKEN = "<odd-cat>"
PROMPT = f"a red {TOKEN} on a table"


def vectors(count: int, width: int, seed: int = 0) -> Tensor:
    return torch.randn(count, width, generator=torch.Generator().manual_seed(seed))


def sources(folder: Path, file: Path, token: str | None) -> Source:
    return open_source(Request(str(folder), embeddings=((file, token),)))


def contexts(source: Source, *ids: Tensor) -> tuple[Tensor, Tensor]:
    """What the module that would be traced answers."""
    encoder = components(source, torch.float32, torch.float32)[0]
    with torch.no_grad():
        return encoder.wrap(encoder.load())(*ids)


def encoded(pipe: DiffusionPipeline, part: str, prompt: str) -> Tensor:
    """diffusers' ids (1, 77) of a prompt."""
    tokenizer = getattr(pipe, part.replace("text_encoder", "tokenizer"))
    text = pipe.maybe_convert_prompt(prompt, tokenizer)
    return tokenizer(text, padding="max_length", max_length=77, truncation=True, return_tensors="pt").input_ids


def replaced(source: Source, part: str, ids: list[int], folder: Path) -> list[int]:
    """The ids of a prompt without the token, with the bundle's ids for it between the 2nd and the 3rd word."""
    return [*ids[:3], *source.added_tokens(part)[TOKEN], *ids[3:]]


@pytest.mark.parametrize(
    ("count", "name", "stem", "token"),
    [
        (1, "emb_params", TOKEN, None),  # A1111
        (3, "emb_params", "cat", TOKEN),
        (1, TOKEN, "learned_embeds", None),  # diffusers
        (3, TOKEN, "learned_embeds", None),
        (2, "other", "learned_embeds", TOKEN),
    ],
)
def test_sd1_reads_a_token_as_diffusers(
    count: int, name: str, stem: str, token: str | None, family_folder: Folder, tmp_path: Path
) -> None:
    folder, file = family_folder("sd1"), tmp_path / f"{stem}.safetensors"
    save_file({name: vectors(count, 32)}, file)
    pipe = DiffusionPipeline.from_pretrained(folder)
    pipe.load_textual_inversion(file.parent, weight_name=file.name, token=TOKEN)
    source = sources(folder, file, token)
    expected = encoded(pipe, "text_encoder", PROMPT)
    ours = source.added_tokens("text_encoder")
    first = 574
    assert ours[TOKEN] == list(range(first, first + count))
    assert {f"{TOKEN}_{i}": [first + i] for i in range(1, count)} == {k: v for k, v in ours.items() if k != TOKEN}
    assert [i for i in expected[0].tolist() if i >= first] == ours[TOKEN]
    context, _ = contexts(source, expected)
    with torch.no_grad():
        assert torch.allclose(context[0], pipe.text_encoder(expected).last_hidden_state, atol=1e-5)


def test_a_lone_vector_needs_no_second_dimension(family_folder: Folder, tmp_path: Path) -> None:
    file = tmp_path / "one.safetensors"
    save_file({TOKEN: vectors(1, 32)[0]}, file)
    assert sources(family_folder("sd1"), file, None).added_tokens("text_encoder") == {TOKEN: [574]}


def test_sdxl_reads_a_token_in_both_encoders(family_folder: Folder, tmp_path: Path) -> None:
    folder, file = family_folder("sdxl"), tmp_path / "cat.safetensors"
    state = {"clip_l": vectors(2, 32), "clip_g": vectors(2, 24, seed=1)}
    save_file(state, file)
    pipe = DiffusionPipeline.from_pretrained(folder)
    for name, number in (("clip_l", ""), ("clip_g", "_2")):
        encoder, tokenizer = getattr(pipe, f"text_encoder{number}"), getattr(pipe, f"tokenizer{number}")
        pipe.load_textual_inversion(state[name], token=TOKEN, text_encoder=encoder, tokenizer=tokenizer)
    source = sources(folder, file, TOKEN)
    ids = [encoded(pipe, part, PROMPT) for part in source.text_parts]
    context, pooled = contexts(source, *ids)
    expected, _, expected_pooled, _ = pipe.encode_prompt(PROMPT, do_classifier_free_guidance=False, device="cpu")
    assert torch.allclose(context[0], expected, atol=1e-5)
    assert torch.allclose(pooled, expected_pooled, atol=1e-5)


def test_two_embeddings_follow_each_other(family_folder: Folder, tmp_path: Path) -> None:
    files = []
    for number, count in enumerate((2, 1)):
        path = tmp_path / f"{number}.safetensors"
        save_file({"emb_params": vectors(count, 32, seed=number)}, path)
        files.append((path, f"<t{number}>"))
    source = open_source(Request(str(family_folder("sd1")), embeddings=tuple(files)))
    entry = _export_tokenizer(tmp_path, source, "text_encoder")
    assert entry["added"] == {"<t0>": [574, 575], "<t0>_1": [575], "<t1>": [576]}
    encoder = components(source, torch.float32, torch.float32)[0]
    encoder.check()
    table = encoder.load().state_dict()["embeddings.token_embedding.weight"]
    assert torch.equal(table[574:576], vectors(2, 32)) and torch.equal(table[576:], vectors(1, 32, seed=1))


@pytest.mark.parametrize(
    ("name", "spoil", "words"),
    [
        ("cat.pt", write_pickle, ["pickle"]),
        ("cat.safetensors", write_pickle, ["pickle"]),
        ("cat.safetensors", lambda file: file.write_bytes(file.read_bytes()[:-1]), ["bytes"]),
        ("cat.safetensors", lambda file: save_file({TOKEN: torch.full((1, 32), torch.nan)}, file), [TOKEN, "NaN"]),
    ],
)
def test_refuses_a_damaged_file(
    name: str,
    spoil: Callable[[Path], object],
    words: list[str],
    family_folder: Folder,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / name
    save_file({TOKEN: torch.ones(1, 32)}, file)
    spoil(file)
    output = tmp_path / "new" / "bundle"
    code, line = refused(capsys, family_folder("sd1"), "--output", output, "--embedding", file)
    assert (code, str(file) in line) == (65, True)
    for word in words:
        assert word in line
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize(
    ("tensors", "token", "family", "words"),
    [
        ({"emb_params": (1, 24)}, TOKEN, "sd1", ["emb_params", "(1, 24)", "32"]),
        ({"emb_params": (1, 32)}, "re", "sd1", ["'re'", "--embedding FILE:TOKEN"]),
        ({"emb_params": (1, 32)}, TOKEN, "sdxl", ["clip_l"]),
        ({"clip_l": (1, 32)}, TOKEN, "sdxl", ["clip_l", "text_encoder_2"]),
        ({"a": (1, 32), "b": (1, 32)}, TOKEN, "sd1", ["2 tensors"]),
        ({}, TOKEN, "sd1", ["0 tensors"]),
        ({"lora_unet_conv_in.lora_up.weight": (16, 4, 1, 1)}, TOKEN, "sd1", ["a LoRA, which --lora takes"]),
        ({"emb_params": (0, 32)}, TOKEN, "sd1", ["emb_params", "no vector"]),
        ({"emb_params": (0, 0)}, TOKEN, "sd1", ["(0, 0)", "32"]),
        ({"emb_params": ()}, TOKEN, "sd1", ["()", "32"]),
        ({"emb_params": (1, 1, 32)}, TOKEN, "sd1", ["(1, 1, 32)"]),
        ({"emb_params": (1, 32)}, " ", "sd1", ["token is empty"]),
        ({"emb_params": (1, 32)}, "", "sd1", ["token is empty"]),
        ({"clip_l": (1, 32), "clip_g": (1, 24)}, TOKEN, "sd1", ["clip_g", "text_encoder"]),
        ({"emb_params": (1, 32), "emb_params_out": (1, 32)}, TOKEN, "sd1", ["emb_params_out", "not supported"]),
    ],
)
def test_refuses_what_is_no_embedding_of_this_model(
    tensors: dict[str, tuple[int, ...]],
    token: str,
    family: str,
    words: list[str],
    family_folder: Folder,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "embedding.safetensors"
    save_file({name: torch.ones(shape) for name, shape in tensors.items()}, file)
    options = ("--output", tmp_path / "bundle", "--embedding", f"{file}:{token}")
    code, line = refused(capsys, family_folder(family), *options)
    assert (code, str(file) in line) == (65, True)
    for word in words:
        assert word in line
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("name", ["emb_params", "*", "string_to_param.*"])
def test_an_unnamed_vector_takes_the_files_name_and_the_note_says_so(
    name: str, family_folder: Folder, tmp_path: Path
) -> None:
    """The format of 2022 calls every token `*`."""
    file = tmp_path / "inkstyle.safetensors"
    save_file({name: vectors(2, 32)}, file)
    source = sources(family_folder("sd1"), file, None)
    assert source.added_tokens("text_encoder") == {"inkstyle": [574, 575], "inkstyle_1": [575]}
    assert source.notes == (f"{file}: 'inkstyle' in a prompt becomes its 2 vectors",)


def test_a_token_may_have_colons(family_folder: Folder, tmp_path: Path) -> None:
    file = tmp_path / "cat.safetensors"
    save_file({"emb_params": vectors(1, 32)}, file)
    assert export_model._file_and_more(f"{file}:<a:b:c>") == (file, "<a:b:c>")
    assert export_model._file_and_more(f"{tmp_path}/a:b.safetensors:c") == (tmp_path / "a:b.safetensors", "c")


@pytest.mark.parametrize(("first", "second"), [("cat_1", "cat"), ("Ink  Style", "ink style"), ("cat", "cat_1")])
def test_tokens_that_a_prompt_cannot_tell_apart_are_refused(
    first: str, second: str, family_folder: Folder, tmp_path: Path
) -> None:
    """Vectors 2 and 3 of `cat` are `cat_1` and `cat_2`, and prompts are read in small letters."""
    files = [(tmp_path / f"{number}.safetensors", token) for number, token in enumerate((first, second))]
    for file, _ in files:
        save_file({"emb_params": vectors(2, 32)}, file)
    with pytest.raises(ExportError, match=r"1.safetensors: there is a token '.*' already"):
        open_source(Request(str(family_folder("sd1")), embeddings=tuple(files)))


def test_the_refiner_takes_its_half_of_an_embedding_and_says_what_it_leaves(
    family_folder: Folder, tmp_path: Path
) -> None:
    file = tmp_path / "cat.safetensors"
    save_file({"clip_l": vectors(1, 32), "clip_g": vectors(1, 24)}, file)
    source = sources(family_folder("sdxl-refiner"), file, TOKEN)
    assert list(source.added_tokens("text_encoder_2")) == [TOKEN]
    assert "'clip_l'" in source.notes[1] and "left out" in source.notes[1]


def test_vectors_too_large_for_the_precision_are_not_blamed_on_the_model(
    family_folder: Folder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "cat.safetensors"
    save_file({TOKEN: torch.full((1, 32), 1e6)}, file)
    code, line = refused(capsys, family_folder("sd1"), "--output", tmp_path / "b", "--embedding", file)
    assert (code, f"{file}: tensor '{TOKEN}' has values that do not fit into float16" in line) == (65, True)


def test_a_token_that_no_prompt_can_reach_is_refused(
    family_folder: Folder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """SD 2 pads with "!", which is taken out of a prompt before all else."""
    file = tmp_path / "cat.safetensors"
    save_file({"emb_params": vectors(1, 24)}, file)
    code, line = refused(capsys, family_folder("sd2"), "--output", tmp_path / "b", "--embedding", f"{file}:wow!cat")
    assert (code, "'wow!cat'" in line, "'!'" in line) == (65, True, True)


def test_a_tokenizer_that_is_not_clips_takes_no_embedding(
    stickers: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "cat.safetensors"
    width = json.loads((stickers / "text_encoder" / "config.json").read_text(encoding="utf-8"))["hidden_size"]
    save_file({TOKEN: torch.ones(1, width)}, file)
    code, line = refused(capsys, stickers, "--output", tmp_path / "b", "--embedding", file)
    assert (code, f"{file}: only CLIP's tokenizer" in line) == (65, True)
