"""The same weights in every layout that scripts/export_model.py reads."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import huggingface_hub.constants
import pytest
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from export.components import Component, components
from export.manifest import Facts
from export.open_source import Request, open_source
from exported import UNET, exported, manifest, refused
from family_pictures import PROMPT, SEEDS, drawn_with
from ldm_file import write_ldm_file
from safetensors.torch import load_file, save_file
from tiny_families import write_family
from torch import Tensor
from transformers import CLIPTextModel

SINGLE_FILES = ("sd1", "sd2", "sdxl", "sdxl-refiner", "lcm", "inpainting")
NAME = "someone/tiny-model"
MODULES = ("text_encoder.pt", "unet.pt", "vae_decoder.pt", "vae_encoder.pt")


def parts(request: Request) -> list[Component]:
    return components(open_source(request), torch.float32, torch.float32)


def states(request: Request) -> list[dict[str, Tensor]]:
    """All parameters of the model, part by part, as the exporter reads them."""
    return [part.load().state_dict() for part in parts(request)]


def assert_same(ours: list[dict[str, Tensor]], theirs: list[dict[str, Tensor]]) -> None:
    for a, b in zip(ours, theirs, strict=True):
        assert a.keys() == b.keys()
        assert all(torch.equal(a[name], b[name]) for name in a)


def write_hub_cache(folder: Path, source: Path, revision: str = "main") -> Path:
    """Files in blobs/, links to them in a snapshot, as the hub's client leaves them; returns the snapshot."""
    repo = folder / "models--someone--tiny-model"
    snapshot = repo / "snapshots" / "0123456789abcdef0123456789abcdef01234567"
    (repo / "blobs").mkdir(parents=True)
    (repo / "refs" / revision).parent.mkdir(parents=True)
    (repo / "refs" / revision).write_text(snapshot.name)
    for number, path in enumerate(p for p in sorted(source.rglob("*")) if p.is_file()):
        blob, link = repo / "blobs" / f"{number:064x}", snapshot / path.relative_to(source)
        shutil.copyfile(path, blob)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(os.path.relpath(blob, link.parent))
    return snapshot


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    cache = tmp_path / "hub"
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(cache))
    return cache


@pytest.mark.parametrize("family", SINGLE_FILES)
def test_a_single_file_holds_the_weights_of_its_folder(
    family: str, family_folder: Callable[[str], Path], tmp_path: Path
) -> None:
    folder = family_folder(family)
    file = write_ldm_file(folder, tmp_path / "model.safetensors", family)
    single = Request(str(file), config=folder)
    assert_same(states(single), states(Request(str(folder))))
    described = Facts(open_source(single)), Facts(open_source(Request(str(folder))))
    assert described[0].family == described[1].family
    assert described[0].unet == described[1].unet


@pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.float8_e5m2], ids=str)
def test_eight_bits_are_widened(dtype: torch.dtype, family_folder: Callable[[str], Path], tmp_path: Path) -> None:
    folder = family_folder("sd1")
    file = write_ldm_file(folder, tmp_path / "model.safetensors", "sd1", dtype)
    rounded = [{n: t.to(dtype).float() for n, t in state.items()} for state in states(Request(str(folder)))]
    assert_same(states(Request(str(file), config=folder)), rounded)


def test_the_hub_cache_holds_the_weights_of_the_folder(sd1: Path, hub: Path) -> None:
    write_hub_cache(hub, sd1)
    assert_same(states(Request(NAME)), states(Request(str(sd1))))


def test_files_of_a_repository_that_no_pipeline_reads_need_not_be_there(sd1: Path, hub: Path) -> None:
    """A current client lists all files of the repository beside the snapshot, and fetches those of the pipeline."""
    snapshot = write_hub_cache(hub, sd1)
    files = [str(path.relative_to(sd1)) for path in sd1.rglob("*") if path.is_file()]
    entries = {name: {"size": 1, "blob_id": "0" * 40} for name in [*files, "README.md", "v1-5-pruned.safetensors"]}
    trees = snapshot.parents[1] / "trees"
    trees.mkdir()
    listing = json.dumps({"format_version": 1, "files": entries})
    (trees / f"{snapshot.name}.json").write_text(listing, encoding="utf-8")
    assert_same(states(Request(NAME)), states(Request(str(sd1))))


@pytest.mark.parametrize("revision", ["fp16", "refs/pr/7"])
def test_a_revision_of_the_hub_cache_is_named(
    revision: str, sd1: Path, hub: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_hub_cache(hub, sd1, revision)
    assert_same(states(Request(f"{NAME}@{revision}")), states(Request(str(sd1))))
    code, line = refused(capsys, NAME, "--output", tmp_path / "bundle")
    assert (code, "revision main" in line, f"{NAME}@{revision}" in line) == (66, True, True)


def test_a_folder_that_holds_one_file_instead_says_so(
    family_folder: Callable[[str], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_ldm_file(family_folder("sd1"), tmp_path / "repository/model.safetensors", "sd1")
    code, line = refused(capsys, file.parent, "--output", tmp_path / "bundle")
    assert (code, f"give one file of it: {file}" in line) == (66, True)


def test_an_incomplete_snapshot_is_named_file_by_file(
    sd1: Path, hub: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    snapshot = write_hub_cache(hub, sd1)
    for name in (UNET, "vae/config.json"):
        (snapshot / name).resolve().unlink()
    shutil.rmtree(snapshot / "text_encoder")
    code, line = refused(capsys, NAME, "--output", tmp_path / "bundle")
    assert code == 66
    for name in (UNET, "vae/config.json", "text_encoder/config.json", "text_encoder/model.safetensors"):
        assert name in line


def test_a_name_that_is_not_in_the_cache(hub: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, line = refused(capsys, "someone/else", "--output", tmp_path / "bundle")
    assert (code, "hf download someone/else" in line) == (66, True)


def assert_same_bundles(ours: Path, theirs: Path, folder: Path) -> None:
    """Equal weights, graphs of the same operators, and pictures of the same bytes."""
    for name in MODULES:
        a, b = torch.jit.load(ours / name), torch.jit.load(theirs / name)
        assert_same([dict(a.state_dict())], [dict(b.state_dict())])
        kinds = [[node.kind() for node in module.inlined_graph.nodes()] for module in (a, b)]
        assert kinds[0] == kinds[1]
    options = ("--steps", 3, "--dtype", "float32", "-N", "a blue cat")
    pictures = [drawn_with(bundle, folder, PROMPT, options, SEEDS[:2]) for bundle in (ours, theirs)]
    assert pictures[0].std() > 5
    assert pictures[0].tobytes() == pictures[1].tobytes()


def test_bundles_of_three_layouts_are_the_same(
    family_folder: Callable[[str], Path], family_bundle: Callable[[str], Path], hub: Path, tmp_path: Path
) -> None:
    folder = family_folder("sd1")
    write_hub_cache(hub, folder)
    file = write_ldm_file(folder, tmp_path / "single.safetensors", "sd1")
    options = ("--dtype", "float32")
    for bundle in (
        exported(Path(NAME), tmp_path / "cache", *options),
        exported(file, tmp_path / "file", *options, "--config", str(folder)),
    ):
        assert_same_bundles(bundle, family_bundle("sd1"), tmp_path)
    assert list(manifest(tmp_path / "file")["source"]["weights"]) == ["single.safetensors"]
    assert manifest(tmp_path / "cache")["source"] == manifest(family_bundle("sd1"))["source"]


def test_the_bundle_of_a_single_file_of_sdxl_is_that_of_its_folder(
    family_folder: Callable[[str], Path], family_bundle: Callable[[str], Path], tmp_path: Path
) -> None:
    folder = family_folder("sdxl")
    file = write_ldm_file(folder, tmp_path / "single.safetensors", "sdxl")
    bundle = exported(file, tmp_path / "file", "--dtype", "float32", "--config", str(folder))
    assert_same_bundles(bundle, family_bundle("sdxl"), tmp_path)


def test_the_bundle_of_a_sharded_half_precision_variant_is_that_of_the_whole(
    copy: Path, sd1_bundle: Path, tmp_path: Path
) -> None:
    for part, kind, size in (("unet", UNet2DConditionModel, "100KB"), ("text_encoder", CLIPTextModel, "50KB")):
        model = kind.from_pretrained(copy / part).half()
        next((copy / part).glob("*.safetensors")).unlink()
        model.save_pretrained(copy / part, variant="fp16", max_shard_size=size)
        assert len(list((copy / part).glob("*-of-*.safetensors"))) > 1
    bundle = exported(copy, tmp_path / "bundle", "--dtype", "float16")
    assert_same_bundles(bundle, sd1_bundle, tmp_path)


@pytest.mark.parametrize(
    ("changes", "prediction_type", "expected", "size", "notes"),
    [
        ({}, None, "v_prediction", 96, 1),
        ({}, "v_prediction", "v_prediction", 96, 0),
        ({}, "epsilon", "epsilon", 64, 0),
    ],
)
def test_what_a_file_of_sd2_predicts_is_assumed_or_told(
    changes: dict,
    prediction_type: str | None,
    expected: str,
    size: int,
    notes: int,
    family_folder: Callable[[str], Path],
    tmp_path: Path,
) -> None:
    file = write_ldm_file(family_folder("sd2"), tmp_path / "model.safetensors", "sd2")
    source = open_source(Request(str(file), prediction_type=prediction_type))
    assert source.config("scheduler")["prediction_type"] == expected
    assert source.config("unet")["sample_size"] == size
    assert len(source.notes) == notes


def test_a_file_that_says_what_it_predicts_is_believed(family_folder: Callable[[str], Path], tmp_path: Path) -> None:
    file = write_ldm_file(family_folder("sdxl"), tmp_path / "model.safetensors", "sdxl")
    save_file(load_file(file) | {"v_pred": torch.zeros(0), "ztsnr": torch.zeros(0)}, file)
    scheduler = open_source(Request(str(file))).config("scheduler")
    assert (scheduler["prediction_type"], scheduler["rescale_betas_zero_snr"]) == ("v_prediction", True)


def test_another_vae_as_folder_model_or_file(family_folder: Callable[[str], Path], tmp_path: Path) -> None:
    folder = family_folder("sd1")
    other = write_family(tmp_path / "other", "sd1", seed=5)
    original = write_ldm_file(other, tmp_path / "original.safetensors", "sd1")
    prefix = "first_stage_model."
    bare = {n.removeprefix(prefix): t for n, t in load_file(original).items() if n.startswith(prefix)}
    save_file(bare, tmp_path / "bare.safetensors")
    places = [
        other / "vae",
        other,
        other / "vae/diffusion_pytorch_model.safetensors",
        original,
        tmp_path / "bare.safetensors",
    ]
    expected = [*states(Request(str(folder)))[:2], *states(Request(str(other)))[2:]]
    for place in places:
        assert_same(states(Request(str(folder), vae=str(place))), expected)


def test_the_configuration_of_another_vae_comes_with_its_folder(
    family_folder: Callable[[str], Path], tmp_path: Path
) -> None:
    playground, sdxl = family_folder("playground"), family_folder("sdxl")
    facts = Facts(open_source(Request(str(sdxl), vae=str(playground))))
    assert facts.vae.latents_std == [8.4927, 5.9022, 6.5498, 5.2299]
    assert facts.vae.scaling_factor == 0.5


def test_sharded_variants_are_read(family_folder: Callable[[str], Path], tmp_path: Path) -> None:
    copy = Path(shutil.copytree(family_folder("sd1"), tmp_path / "copy"))
    for part, kind in (("unet", UNet2DConditionModel), ("vae", AutoencoderKL)):
        model = kind.from_pretrained(copy / part).half()
        next((copy / part).glob("*.safetensors")).unlink()
        model.save_pretrained(copy / part, variant="fp16", max_shard_size="100KB")
        assert len(list((copy / part).glob("*-of-*.safetensors"))) > 1
    halves = [{n: t.half().float() for n, t in state.items()} for state in states(Request(str(family_folder("sd1"))))]
    halves[0] = states(Request(str(copy)))[0]  # the text encoder was left alone
    assert_same(states(Request(str(copy))), halves)


@pytest.mark.parametrize("variant", ["fp16", "non_ema"])
def test_a_whole_variant_is_read_where_shards_are_not_there(
    variant: str, family_folder: Callable[[str], Path], tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(family_folder("sd1"), tmp_path / "copy"))
    (copy / UNET).rename(copy / f"unet/diffusion_pytorch_model.{variant}.safetensors")
    index = {"weight_map": {"conv_in.weight": "diffusion_pytorch_model-00001-of-00002.safetensors"}}
    (copy / "unet/diffusion_pytorch_model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
    assert_same(states(Request(str(copy))), states(Request(str(family_folder("sd1")))))


def test_tokenizers_of_a_single_file(
    family_folder: Callable[[str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = family_folder("sdxl")
    file = write_ldm_file(folder, tmp_path / "model.safetensors", "sdxl")
    given = open_source(Request(str(file), tokenizer=folder))
    assert given.tokenizer("text_encoder_2").folder == folder / "tokenizer_2"
    assert given.tokenizer("text_encoder_2").config["pad_token"] == "!"
    plain = open_source(Request(str(file), tokenizer=folder / "tokenizer"))
    assert plain.tokenizer("text_encoder_2").folder == folder / "tokenizer"
    monkeypatch.setattr("export.single_file.CLIP_VOCABULARY", tmp_path / "nowhere")
    monkeypatch.setattr("export.convert.components", lambda *_: [])
    monkeypatch.setattr("export.convert._bytes_needed", lambda _: 0)
    code, line = refused(capsys, file, "--output", tmp_path / "bundle")
    assert (code, "fetch_clip_vocab.py" in line, "--tokenizer" in line) == (66, True, True)


def test_configurations_are_json_of_four_families() -> None:
    from export.single_file import CONFIGS

    assert sorted(path.stem for path in CONFIGS.glob("*.json")) == ["sd1", "sd2", "sdxl", "sdxl_refiner"]
    for path in CONFIGS.glob("*.json"):
        assert {"model_index", "unet", "vae", "scheduler", "tokenizers"} <= json.loads(path.read_text()).keys()
