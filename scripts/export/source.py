"""A diffusers folder on disk: its configurations and weight files, read without executing anything.

Other layouts (a single file, the hub's cache) become further classes with the same methods.
"""

import json
from pathlib import Path
from typing import Any

from .errors import ExitCode, ExportError, bad_data
from .safetensors_header import read_header

PICKLES = (".bin", ".ckpt", ".pt", ".pth", ".pkl", ".msgpack", ".h5")
_PICKLE_REMEDY = (
    "get the model's .safetensors files, or convert it where you trust it: "
    "StableDiffusionPipeline.from_pretrained(OLD).save_pretrained(NEW, safe_serialization=True)"
)
# Preferred first: the full-precision file, then the variants that publishers use.
_VARIANTS = ("", "fp16", "bf16")


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file; anything else is an error that names the file."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ExportError(ExitCode.NO_INPUT, f"{path} is missing from the model") from error
    except (OSError, ValueError) as error:
        raise bad_data(f"{path} cannot be read as JSON ({_first_line(error)})") from error
    if not isinstance(value, dict):
        raise bad_data(f"{path} holds no JSON object")
    return value


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


class DiffusersFolder:
    """`unet/`, `vae/`, `text_encoder/`, `tokenizer/`, `scheduler/` as diffusers saves them."""

    def __init__(self, path: Path) -> None:
        _check_source(path)
        self.path = path
        index = path / "model_index.json"
        self.index = read_json(index) if index.exists() else {}
        for part in ("unet", "vae", "text_encoder", "tokenizer", "scheduler"):
            if not (path / part).is_dir():
                raise ExportError(
                    ExitCode.NO_INPUT,
                    f"{path} has no folder '{part}'; SOURCE must be a whole diffusers folder",
                )

    @property
    def pipeline_class(self) -> str:
        """Class name of the pipeline the folder was saved from."""
        return str(self.index.get("_class_name", "StableDiffusionPipeline"))

    def config(self, component: str) -> dict[str, Any]:
        """The component's configuration as its file says, without class defaults."""
        name = "scheduler_config.json" if component == "scheduler" else "config.json"
        return read_json(self.path / component / name)

    def overrides(self) -> dict[str, Any]:
        """Bundle facts of our own (`txt2img.json`), which win over derived ones."""
        path = self.path / "txt2img.json"
        return read_json(path) if path.exists() else {}

    def weight_files(self, component: str) -> list[Path]:
        """The safetensors files of a component: one, or the shards that its index lists."""
        stem = "model" if component.startswith("text_encoder") else "diffusion_pytorch_model"
        folder = self.path / component
        for variant in _VARIANTS:
            dotted = f".{variant}" if variant else ""
            single = folder / f"{stem}{dotted}.safetensors"
            if single.exists():
                return [single]
            for index in (
                folder / f"{stem}{dotted}.safetensors.index.json",
                folder / f"{stem}.safetensors.index{dotted}.json",
            ):
                if index.exists():
                    return _shards(index)
        raise _no_weights(folder, stem)

    def parameter_count(self, component: str) -> int:
        """Number of values in the component's weight files, from their headers alone."""
        return sum(
            entry.numel
            for path in self.weight_files(component)
            for entry in read_header(path).values()
        )


def _check_source(path: Path) -> None:
    if path.is_dir():
        return
    if not path.exists():
        raise ExportError(
            ExitCode.NO_INPUT,
            f"there is no folder {path}; SOURCE is a diffusers folder on this machine",
        )
    if path.suffix in PICKLES:
        raise bad_data(f"{path} is a pickle, which can run code when read; {_PICKLE_REMEDY}")
    raise bad_data(f"{path} is a single file; SOURCE must be a diffusers folder so far")


def _shards(index: Path) -> list[Path]:
    weight_map = read_json(index).get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise bad_data(f"{index} has no 'weight_map'; fetch it again")
    names = sorted({str(name) for name in weight_map.values()})
    paths = [index.parent / name for name in names]
    for name, path in zip(names, paths, strict=True):
        if Path(name).name != name or not name.endswith(".safetensors"):
            raise bad_data(f"{index} names '{name}', which is no safetensors file beside it")
        if not path.exists():
            raise ExportError(
                ExitCode.NO_INPUT, f"{path} is missing, {index.name} lists it; fetch it"
            )
    return paths


def _no_weights(folder: Path, stem: str) -> ExportError:
    pickles = sorted(p for p in folder.iterdir() if p.suffix in PICKLES)
    if pickles:
        return bad_data(f"{pickles[0]} is a pickle, which can run code when read; {_PICKLE_REMEDY}")
    return ExportError(ExitCode.NO_INPUT, f"{folder / stem}.safetensors is missing; fetch it")
