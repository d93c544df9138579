"""What single files say of themselves beside the weights: flags among the tensors, texts in the header."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import diffusers
import pytest
import torch
from export import single_file
from export.manifest import Facts
from export.open_source import Request, open_source
from exported import edit_header, edit_tensors, exported, manifest, refused
from family_pictures import Case, assert_equal_pictures, drawn_by_diffusers, drawn_by_the_program, load_pipeline
from ldm_file import write_ldm_file
from torch import Tensor

Folder = Callable[[str], Path]
MEAN, STD = [-1.6574, 1.886, -1.383, 2.5155], [8.4927, 5.9022, 6.5498, 5.2299]
EDM = {"edm_mean": torch.tensor(MEAN).view(1, 4, 1, 1), "edm_std": torch.tensor(STD).view(1, 4, 1, 1)}
VELOCITY = {"edm_vpred.sigma_max": torch.tensor(120.0), "edm_vpred.sigma_min": torch.tensor(0.002)}


@pytest.fixture
def write(family_folder: Folder, tmp_path: Path) -> Callable[..., Path]:
    """A file of the family with further tensors and metadata."""

    def file_of(family: str, tensors: dict[str, Tensor] | None = None, metadata: dict[str, Any] | None = None) -> Path:
        file = write_ldm_file(family_folder(family), tmp_path / "source" / "model.safetensors", family)
        edit_tensors(file, lambda t: t.update(tensors or {}))
        edit_header(file, lambda header: header.update(__metadata__=metadata or {"format": "pt"}))
        return file

    return file_of


@pytest.fixture
def small_xl(family_folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The built-in configuration of SDXL with a tiny model's sizes, so that its files need no --config."""
    folder = family_folder("sdxl")
    facts = json.loads((single_file.CONFIGS / "sdxl.json").read_text(encoding="utf-8"))
    for part in ("text_encoder", "text_encoder_2", "unet", "vae"):
        facts[part] = json.loads((folder / part / "config.json").read_text(encoding="utf-8"))
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs/sdxl.json").write_text(json.dumps(facts), encoding="utf-8")
    monkeypatch.setattr(single_file, "CONFIGS", tmp_path / "configs")
    return folder


def as_playground(pipe: diffusers.DiffusionPipeline) -> None:
    pipe.scheduler = diffusers.EDMDPMSolverMultistepScheduler()
    pipe.vae.register_to_config(latents_mean=MEAN, latents_std=STD, scaling_factor=0.5)


def as_cosxl(pipe: diffusers.DiffusionPipeline) -> None:
    pipe.scheduler = diffusers.EDMEulerScheduler(
        sigma_max=120.0, sigma_data=1.0, prediction_type="v_prediction", sigma_schedule="exponential"
    )


def as_velocity(pipe: diffusers.DiffusionPipeline) -> None:
    pipe.scheduler = type(pipe.scheduler).from_config(pipe.scheduler.config, prediction_type="v_prediction")


KINDS: dict[str, tuple[dict[str, Tensor], dict[str, str], Callable[[diffusers.DiffusionPipeline], None]]] = {
    "Playground 2.5": (EDM, {}, as_playground),
    "CosXL": (VELOCITY, {}, as_cosxl),
    "v-prediction by the makers' metadata": ({}, {"modelspec.prediction_type": "v"}, as_velocity),
    "v-prediction by ComfyUI's metadata": ({}, {"modelspec.predict_key": "v"}, as_velocity),
}


@pytest.mark.parametrize("kind", KINDS)
def test_pictures_of_a_file_that_tells_its_kind(
    kind: str, write: Callable[..., Path], small_xl: Path, tmp_path: Path
) -> None:
    tensors, metadata, change = KINDS[kind]
    file = write("sdxl", tensors, metadata)
    options = ("--dtype", "float32", "--tokenizer", str(small_xl))
    bundle = exported(file, tmp_path / "bundle", *options)
    case = Case(kind, "sdxl", 5)
    pipe = load_pipeline(small_xl, case)
    change(pipe)
    size = (72, 104)
    ours = drawn_by_the_program(bundle, tmp_path, case, size)
    assert_equal_pictures(ours, drawn_by_diffusers(pipe, case, size))


def test_a_file_of_playground_describes_what_its_folder_does(
    write: Callable[..., Path], small_xl: Path, family_folder: Folder, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(family_folder("playground"), tmp_path / "folder"))
    diffusers.EDMDPMSolverMultistepScheduler().save_pretrained(folder / "scheduler")
    index = folder / "model_index.json"
    index.write_text(index.read_text().replace("EulerDiscreteScheduler", "EDMDPMSolverMultistepScheduler"))
    ours, theirs = (Facts(open_source(Request(str(place)))) for place in (write("sdxl", EDM), folder))
    assert ours.scheduler_facts == theirs.scheduler_facts
    assert ours.defaults == theirs.defaults
    for key in ("latents_mean", "latents_std", "scaling_factor"):
        assert ours.vae[key] == theirs.vae[key]


@pytest.mark.parametrize(
    ("metadata", "prediction", "size"),
    [
        ({"modelspec.architecture": "stable-diffusion-v2-512"}, "epsilon", 64),
        ({"modelspec.architecture": "stable-diffusion-v2-768-v"}, "v_prediction", 96),
        ({"modelspec.prediction_type": "epsilon"}, "epsilon", 64),
        ({"modelspec.prediction_type": " V "}, "v_prediction", 96),
    ],
    ids=str,
)
def test_metadata_tells_what_a_file_of_sd2_predicts(
    metadata: dict[str, str], prediction: str, size: int, write: Callable[..., Path]
) -> None:
    source = open_source(Request(str(write("sd2", metadata=metadata))))
    assert (source.config("scheduler")["prediction_type"], source.config("unet")["sample_size"]) == (prediction, size)
    assert source.notes == ()


def test_the_size_of_the_metadata_is_the_bundles(write: Callable[..., Path]) -> None:
    source = open_source(Request(str(write("sd1", metadata={"modelspec.resolution": "768x512"}))))
    assert source.config("unet")["sample_size"] == [64, 96]  # height, width of the latent
    assert source.notes == ()


NOTED: dict[str, tuple[str, dict[str, Tensor], dict[str, Any], str | None, str]] = {
    "entries of no known meaning": (
        "sd1",
        {},
        {"epoch": 3, "notes": None, "tags": ["a"]},
        None,
        "'epoch', 'notes', 'tags'",
    ),
    "a part of the timesteps": ("sd1", {}, {"modelspec.timestep_range": "0,200"}, None, "timestep_range"),
    "a clip skip": ("sd1", {}, {"modelspec.encoder_layer": "2"}, None, "--clip-skip 2"),
    "another architecture": (
        "sd1",
        {},
        {"modelspec.architecture": "stable-diffusion-xl-v1-base"},
        None,
        "those of sd1",
    ),
    "an unknown architecture": ("sd1", {}, {"modelspec.architecture": "pixart"}, None, "pixart"),
    "an unknown prediction": ("sd1", {}, {"modelspec.prediction_type": "flow"}, None, "'flow'"),
    "no size": ("sd1", {}, {"modelspec.resolution": "large"}, None, "'large'"),
    "a prediction that the user denies": ("sdxl", {"v_pred": torch.zeros(0)}, {}, "epsilon", "epsilon is taken"),
    "no signal at the end, of noise": ("sdxl", {"ztsnr": torch.zeros(0)}, {}, None, "goes with v-prediction"),
    "noise levels of its own": ("sd1", {"alphas_cumprod": torch.linspace(1, 0, 1000)}, {}, None, "trained_betas"),
    "noise levels of whole numbers": ("sd1", {"alphas_cumprod": torch.ones(1000).long()}, {}, None, "I64"),
    "a scale of its own": ("sd1", {"scale_factor": torch.tensor(0.3)}, {}, None, "0.3"),
}


@pytest.mark.parametrize("what", NOTED)
def test_is_named_in_a_note(what: str, write: Callable[..., Path]) -> None:
    family, tensors, metadata, prediction, words = NOTED[what]
    notes = open_source(Request(str(write(family, tensors, metadata)), prediction_type=prediction)).notes
    assert len(notes) == 1
    assert words in notes[0]


def test_a_scale_of_its_own_is_used(write: Callable[..., Path]) -> None:
    assert (
        open_source(Request(str(write("sd1", {"scale_factor": torch.tensor(0.3)})))).config("vae")["scaling_factor"]
        == 0.3
    )
    rounded = write("sd1", {"scale_factor": torch.tensor(0.18215).half()})
    assert "scaling_factor" not in open_source(Request(str(rounded))).config("vae")


def test_noise_levels_without_signal_at_the_end_are_followed(write: Callable[..., Path]) -> None:
    """As a model of SD 1 with v-prediction is saved that was trained so."""
    table = diffusers.DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", rescale_betas_zero_snr=True
    ).alphas_cumprod
    source = open_source(Request(str(write("sd1", {"alphas_cumprod": table.half()})), prediction_type="v_prediction"))
    scheduler = source.config("scheduler")
    assert (scheduler["rescale_betas_zero_snr"], scheduler["_class_name"]) == (True, "DDIMScheduler")


@pytest.mark.parametrize(
    ("tensors", "words"),
    [
        (EDM, ("EDM", "edm_mean")),
        (VELOCITY, ("EDM", "edm_vpred.sigma_max says v_prediction")),
        ({"v_pred": torch.zeros(0), "ztsnr": torch.zeros(0)}, ("v_pred says v_prediction", "ztsnr")),
        ({"scale_factor": torch.tensor(0.3)}, ("0.3",)),
    ],
    ids=["Playground", "CosXL", "v-prediction", "scale"],
)
def test_what_config_says_against_the_file_is_named(
    tensors: dict[str, Tensor], words: tuple[str, ...], write: Callable[..., Path], family_folder: Folder
) -> None:
    """The configurations of --config hold, as those of from_single_file do in diffusers."""
    folder = family_folder("sdxl")
    source = open_source(Request(str(write("sdxl", tensors)), config=folder))
    assert source.config("scheduler")["_class_name"] == "EulerDiscreteScheduler"
    assert all(word in "\n".join(source.notes) for word in words)


REFUSED: dict[str, tuple[dict[str, Tensor], dict[str, str], list[str]]] = {
    "half of the statistics": ({"edm_mean": EDM["edm_mean"]}, {}, ["edm_mean", "edm_std"]),
    "statistics without spread": (EDM | {"edm_std": torch.zeros(4)}, {}, ["edm_std"]),
    "statistics of other channels": ({n: t.flatten()[:3].clone() for n, t in EDM.items()}, {}, ["3", "4 channels"]),
    "levels that are none": (
        VELOCITY | {"edm_vpred.sigma_max": torch.tensor(float("nan"))},
        {},
        ["edm_vpred.sigma_max"],
    ),
    "levels in the wrong order": (VELOCITY | {"edm_vpred.sigma_min": torch.tensor(200.0)}, {}, ["edm_vpred.sigma_min"]),
    "a flag that the metadata denies": (
        {"v_pred": torch.zeros(0)},
        {"modelspec.prediction_type": "epsilon"},
        ["v_pred", "modelspec.prediction_type", "--prediction-type"],
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_refuses(what: str, write: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tensors, metadata, words = REFUSED[what]
    file = write("sdxl", tensors, metadata)
    code, line = refused(capsys, file, "--output", tmp_path / "bundle")
    assert (code, str(file) in line) == (65, True)
    assert all(word in line for word in words)


def test_notes_reach_the_terminal(write: Callable[..., Path], small_xl: Path, tmp_path: Path, capsys) -> None:
    file = write("sdxl", metadata={"modelspec.encoder_layer": "2"})
    exported(file, tmp_path / "bundle", "--dtype", "float32", "--tokenizer", str(small_xl))
    assert "note: " in (said := capsys.readouterr().err)
    assert "--clip-skip 2" in said
    assert manifest(tmp_path / "bundle")["scheduler"]["prediction_type"] == "epsilon"
