"""A diffusers folder on disk, read without executing anything: one file, shards or variants for each part."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from .errors import ExitCode, ExportError, bad_data
from .json_file import read_json
from .safetensors_header import PICKLES, pickle_error
from .source import TEXT_PARTS, Source, TokenizerSource
from .weights import Weights, pieces_of

# Preferred first: the full-precision file, then the variants that publishers use.
_VARIANTS = ("", "fp16", "bf16")
# diffusers before 0.17 saved the VAE's attention under these names.
_OLD_ATTENTION = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}
# What lies beside a text encoder's own tensors and is nothing to its text: the other half of CLIP, a projection.
_IDLE_TEXT = re.compile(
    r"vision_model\..*|visual_projection\.weight|text_projection\.weight|logit_scale|.*\.position_ids"
)
_LIBRARIES = ("diffusers", "transformers")
_OLD_ATTENTION_NAME = re.compile(r"(.*attentions\.\d+\.)(query|key|value|proj_attn)(\..*)")


class DiffusersFolder(Source):
    """`unet/`, `vae/`, `text_encoder/`, `tokenizer/`, `scheduler/`, ... as diffusers saves them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        index = path / "model_index.json"
        self.index = read_json(index) if index.exists() else {}
        self.text_parts = tuple(part for part in TEXT_PARTS if self._has(part))
        self.notes = tuple(self._scheduler_notes())
        missing = [file for part in self.parts for file in self._missing(part)]
        if missing:
            names = ", ".join(str(file.relative_to(path)) for file in missing)
            raise ExportError(
                ExitCode.NO_INPUT,
                f"{path} lacks {names}; SOURCE must be a whole diffusers folder: fetch what is missing"
                + _or_one_file(path),
            )

    @property
    def parts(self) -> tuple[str, ...]:
        """The folders that the model needs."""
        texts = self.text_parts or TEXT_PARTS[:1]
        return (*texts, *(_tokenizer_of(part) for part in texts), "unet", "vae", "scheduler")

    def _has(self, part: str) -> bool:
        """The index says so, or where there is none, the folder is there."""
        if isinstance(entry := self.index.get(part), list):
            return any(entry)
        return (self.path / part).is_dir()

    def config(self, part: str) -> dict[str, Any]:
        """As the class that model_index.json names reads it: diffusers goes by the index."""
        config = read_json(self._config_file(part))
        kind = class_in_index(self.index, part, self.path)
        if part == "scheduler":
            return config | ({"_class_name": kind} if kind else {})
        if part.startswith("text_encoder"):
            return _text_config(config) | ({"architectures": [kind]} if kind else {})
        return config

    def _scheduler_notes(self) -> Iterator[str]:
        path = self._config_file("scheduler")
        named = class_in_index(self.index, "scheduler", self.path)
        told = read_json(path).get("_class_name") if path.exists() else None
        if named and told and told != named:
            yield f"{path} names {told}, model_index.json {named}, which is what diffusers uses, and what is taken"

    def where(self, part: str) -> str:
        return str(self._config_file(part))

    def _config_file(self, part: str) -> Path:
        return self.path / part / ("scheduler_config.json" if part == "scheduler" else "config.json")

    def overrides(self) -> dict[str, Any]:
        path = self.path / "txt2img.json"
        return read_json(path) if path.exists() else {}

    def tokenizer(self, part: str) -> TokenizerSource:
        folder = _tokenizer_of(part)
        return TokenizerSource(self.path / folder, kind=class_in_index(self.index, folder, self.path))

    def weights(self, part: str, names: Iterable[str]) -> Weights:
        return named_pieces(part, self.part_files(part), names)

    def weight_files(self) -> list[Path]:
        return [file for part in (*self.text_parts, "unet", "vae") for file in self.part_files(part)]

    def part_files(self, part: str) -> list[Path]:
        """The safetensors files of a part: one, or the shards that its index lists."""
        return weight_files_of(self.path / part)

    def _missing(self, part: str) -> list[Path]:
        """Files that the part should have. Links into nowhere, as in an incomplete hub cache, count as missing."""
        folder = self.path / part
        if part.startswith("tokenizer"):
            return [] if folder.is_dir() else [folder / "tokenizer_config.json"]
        config = self._config_file(part)
        missing = [] if config.exists() else [config]
        if part == "scheduler":
            return missing
        return missing + [file for file in self.part_files(part) if not file.exists()]


def class_in_index(index: dict[str, Any], part: str, where: Path) -> str | None:
    """The class that a model_index.json names for a part."""
    entry = index.get(part)
    if not isinstance(entry, list) or len(entry) != 2 or not all(isinstance(name, str) for name in entry):
        return None
    if entry[0] not in _LIBRARIES:
        kind = ".".join(entry)
        raise bad_data(f"{where}/model_index.json: {part} is {kind}, code of its own, which is not supported")
    return entry[1]


def _text_config(config: dict[str, Any]) -> dict[str, Any]:
    """The half of a whole CLIP model that reads text, as transformers takes it."""
    inner = config.get("text_config")
    return inner if config.get("model_type") == "clip" and isinstance(inner, dict) else config


def named_pieces(part: str, files: list[Path], names: Iterable[str]) -> Weights:
    """The tensors of a part's files under the names of the module's parameters."""
    pieces = pieces_of(files)
    if part.startswith("text_encoder"):
        targets = {_core_text_name(name): name for name in names}
        found = {targets.get(_core_text_name(name), name): piece for name, piece in pieces.items()}
        wanted = set(targets.values())
        return {name: piece for name, piece in found.items() if name in wanted or not _IDLE_TEXT.fullmatch(name)}
    return {_today(name): piece for name, piece in pieces.items()} if part == "vae" else pieces


def weight_files_of(folder: Path) -> list[Path]:
    """The safetensors files of a folder that diffusers or transformers saved a model to: the first variant that is
    whole, or else files of which some are missing."""
    stem = "model" if folder.name.startswith("text_encoder") else "diffusion_pytorch_model"
    incomplete = None
    for files in _candidates(folder, stem):
        if all(file.exists() for file in files):
            return files
        incomplete = incomplete or files
    if incomplete is not None:
        return incomplete
    if folder.is_dir() and (pickles := sorted(p for p in folder.iterdir() if p.suffix in PICKLES)):
        raise pickle_error(pickles[0])
    return [folder / f"{stem}.safetensors"]


def _candidates(folder: Path, stem: str) -> Iterator[list[Path]]:
    """What each variant consists of, preferred ones first; last of all one of an unusual name, if there is but one."""
    for variant in _VARIANTS:
        dotted = f".{variant}" if variant else ""
        if (single := folder / f"{stem}{dotted}.safetensors").exists():
            yield [single]
        for name in (f"{stem}{dotted}.safetensors.index.json", f"{stem}.safetensors.index{dotted}.json"):
            if (folder / name).exists():
                yield _shards(folder / name)
    known = {f"{stem}.{variant}.safetensors" for variant in _VARIANTS}
    others = [path for path in folder.glob(f"{stem}.*.safetensors") if path.exists() and path.name not in known]
    if len(others) == 1:
        yield others


def _or_one_file(folder: Path) -> str:
    """A hint at a model in one file, which many repositories hold beside or instead of the folders."""
    files = sorted(path for path in folder.glob("*.safetensors") if path.exists())
    return f"; or give one file of it: {', '.join(str(path) for path in files[:3])}" if files else ""


def _core_text_name(name: str) -> str:
    """Without the `text_model.` that only some classes and versions of transformers have."""
    return name.removeprefix("text_model.")


def _today(name: str) -> str:
    """Old attention names of AutoencoderKL -> today's."""
    found = _OLD_ATTENTION_NAME.fullmatch(name)
    return f"{found[1]}{_OLD_ATTENTION[found[2]]}{found[3]}" if found else name


def _tokenizer_of(part: str) -> str:
    return part.replace("text_encoder", "tokenizer")


def _shards(index: Path) -> list[Path]:
    weight_map = read_json(index).get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise bad_data(f"{index} has no 'weight_map'; fetch it again")
    names = sorted({str(name) for name in weight_map.values()})
    for name in names:
        if Path(name).name != name or not name.endswith(".safetensors"):
            raise bad_data(f"{index} names '{name}', which is no safetensors file beside it")
    return [index.parent / name for name in names]
