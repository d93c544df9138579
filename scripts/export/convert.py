"""Exports a model: one module at a time, each verified, the manifest last."""

import shutil
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import diffusers
import torch
import transformers

from .archive import save
from .bundle_folder import (
    building,
    check_space,
    check_target,
    describe_files,
    write_manifest,
)
from .components import Component, components
from .errors import bad_data
from .manifest import Facts
from .source import DiffusersFolder
from .tokenizers import export_tokenizer
from .tracing import trace
from .verify import ask, check_dtypes, verify

DTYPES = {
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
    "float32": torch.float32,
}
_SUPPORTED_PIPELINES = ("StableDiffusionPipeline",)
_SPACE_MARGIN = 64 * 1024 * 1024  # graphs, tokenizer, model.json
# Files that travel with a model's weights: its card and its terms.
_COMPANIONS = ("README.md", "LICENSE*", "LICENCE*", "NOTICE*")


@dataclass(frozen=True)
class Options:
    """What to export, and how."""

    source: Path
    output: Path
    dtype: str = "float16"
    vae_dtype: str = "float32"
    name: str | None = None
    force: bool = False


def export(options: Options, say: Callable[[str], None]) -> Path:
    """Writes the bundle and returns its folder; `say` gets a line of progress at a time."""
    _quieten()
    target = options.output.resolve()
    check_target(target, options.force)
    source = DiffusersFolder(options.source)
    if source.pipeline_class not in _SUPPORTED_PIPELINES:
        raise bad_data(
            f"{source.path}: {source.pipeline_class} is not supported yet; "
            f"{', '.join(_SUPPORTED_PIPELINES)} is"
        )
    facts = Facts(source)
    dtype, vae_dtype = DTYPES[options.dtype], DTYPES[options.vae_dtype]
    modules = components(source, dtype, vae_dtype)
    for module in modules:
        module.check(source)
    check_space(target, _bytes_needed(source, dtype, vae_dtype))
    for note in facts.notes():
        say(f"note: {note}")
    with building(target) as work:
        _write_bundle(work, options, source, facts, modules, say)
    return target


def _write_bundle(
    work: Path,
    options: Options,
    source: DiffusersFolder,
    facts: Facts,
    modules: list[Component],
    say: Callable[[str], None],
) -> None:
    positions = facts.text_encoder.get("max_position_embeddings", 77)
    tokenizer = export_tokenizer(source.path / "tokenizer", work, "tokenizer", positions)
    for module in modules:
        _export_module(work, source, module, say)
    names = [str(path.relative_to(work)) for path in work.rglob("*") if path.is_file()]
    manifest = facts.manifest(
        name=options.name or facts.overrides.get("name") or options.output.resolve().name,
        dtype=DTYPES[options.dtype],
        vae_dtype=DTYPES[options.vae_dtype],
        tokenizers=[tokenizer],
        files=describe_files(work, names),
    )
    _copy_companions(source.path, work)
    write_manifest(work, manifest)


def _export_module(
    work: Path, source: DiffusersFolder, module: Component, say: Callable[[str], None]
) -> None:
    """Asks the eager model, traces, writes and compares, holding one copy of the weights."""
    start = time.monotonic()
    references = [
        ask(module.load(source), module.run, module.cases, dtype)
        for dtype in check_dtypes(module.dtype)
    ]
    # Traced in float32, which every CPU is fast at; the graph does not know the precision.
    traced = trace(module.wrap(module.load(source).float()), module.example, module.file)
    path = work / module.file
    save(traced.to(module.dtype), path)
    del traced
    difference = verify(path, module.dtype, module.cases, references)
    size, seconds = path.stat().st_size / 1e6, time.monotonic() - start
    say(f"{module.file}: {size:.1f} MB, verified (difference {difference:.1e}), {seconds:.1f} s")


def _bytes_needed(source: DiffusersFolder, dtype: torch.dtype, vae_dtype: torch.dtype) -> int:
    """All modules, and the largest of them twice: a copy without debug records is written last."""
    text_encoder = source.parameter_count("text_encoder") * dtype.itemsize
    unet = source.parameter_count("unet") * dtype.itemsize
    vae = source.parameter_count("vae") * vae_dtype.itemsize
    return text_encoder + unet + vae + max(text_encoder, unet, vae) + _SPACE_MARGIN


def _quieten() -> None:
    """The libraries' advice is for other uses; what matters here is checked."""
    diffusers.utils.logging.set_verbosity_error()
    transformers.utils.logging.set_verbosity_error()
    warnings.filterwarnings("ignore", module=r"torch\.jit|torch\.onnx")


def _copy_companions(source: Path, work: Path) -> None:
    for pattern in _COMPANIONS:
        for path in source.glob(pattern):
            if path.is_file():
                shutil.copyfile(path, work / path.name)
