"""Exports a model: one module at a time, each verified, the manifest last."""

import gc
import shutil
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
from .errors import bad_data, describing
from .manifest import Facts
from .memory import return_freed_memory
from .open_source import Request, open_source
from .progress import Progress
from .source import PIPELINES, Source
from .text_encoder import text_config
from .tokenizers import export_tokenizer
from .tracing import trace
from .verify import ask, check_dtypes, verify

DTYPES = {
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
    "float32": torch.float32,
}
_SPACE_MARGIN = 64 * 1024 * 1024  # graphs, tokenizers, model.json
# Files that travel with a model's weights: its card and its terms.
_COMPANIONS = ("README.md", "LICENSE*", "LICENCE*", "NOTICE*")


@dataclass(frozen=True)
class Options:
    """What to export, and how."""

    request: Request
    output: Path
    dtype: str = "float16"
    vae_dtype: str = "float32"
    name: str | None = None
    force: bool = False


def export(options: Options, say: Callable[[str], None]) -> Path:
    """Writes the bundle and returns its folder; `say` gets a line of progress at a time."""
    _quieten()
    return_freed_memory()
    target = options.output.resolve()
    check_target(target, options.force)
    source = open_source(options.request)
    if source.pipeline_class not in PIPELINES:
        raise bad_data(f"{source.path}: {source.pipeline_class} is not supported; {', '.join(PIPELINES)} are")
    with describing(str(source.path)):
        facts = Facts(source)
    modules = components(source, DTYPES[options.dtype], DTYPES[options.vae_dtype])
    for leftover in source.leftovers():
        raise bad_data(leftover)
    for module in modules:
        module.check()
    check_space(target, _bytes_needed(modules))
    for note in facts.notes():
        say(f"note: {note}")
    with building(target) as work:
        _write_bundle(work, options, source, facts, modules, say)
    return target


def _write_bundle(
    work: Path,
    options: Options,
    source: Source,
    facts: Facts,
    modules: list[Component],
    say: Callable[[str], None],
) -> None:
    tokenizers = [_export_tokenizer(work, source, part) for part in source.text_parts]
    progress = Progress(say, sum(module.bytes for module in modules))
    for module in modules:
        _export_module(work, module, progress)
    progress.stage("model.json: hashing")
    names = [str(path.relative_to(work)) for path in work.rglob("*") if path.is_file()]
    manifest = facts.manifest(
        name=options.name or facts.overrides.get("name") or options.output.resolve().name,
        dtype=DTYPES[options.dtype],
        vae_dtype=DTYPES[options.vae_dtype],
        tokenizers=tokenizers,
        files=describe_files(work, names),
    )
    if source.path.is_dir():
        _copy_companions(source.path, work)
    write_manifest(work, manifest)
    progress.done()


def _export_tokenizer(work: Path, source: Source, part: str) -> dict[str, Any]:
    """The entry of `tokenizers` for one text encoder."""
    name = part.replace("text_encoder", "tokenizer")
    text = text_config(source.config(part), source.where(part))
    tokenizer = source.tokenizer(part)
    with describing(tokenizer.where):
        entry = export_tokenizer(tokenizer, work, name, text.max_position_embeddings, text.vocab_size)
    if added := source.added_tokens(part):
        if entry["type"] != "clip-bpe":
            raise bad_data(f"{source.path}: only CLIP's tokenizer takes embeddings")
        _check_reachable(added, entry, source.path)
        entry["added"] = entry.get("added", {}) | added
    return entry


def _check_reachable(added: dict[str, list[int]], entry: dict[str, Any], where: Path) -> None:
    """Special texts are taken out of a prompt first: SD 2 pads with "!", and no text with one in it would be found."""
    for token in added:
        remedy = "give another with --embedding FILE:TOKEN"
        if token in entry.get("added", {}):
            raise bad_data(f"{where}: its tokenizer has the token '{token}' of an embedding already; {remedy}")
        for text in entry.get("special", {}):
            if text in token:
                raise bad_data(
                    f"{where}: the token '{token}' of an embedding has {text!r} in it, which this model's tokenizer "
                    f"takes out of every prompt; {remedy}"
                )


def _export_module(work: Path, module: Component, progress: Progress) -> None:
    """Asks the eager model, traces, writes and compares, holding one copy of the weights."""
    start = time.monotonic()
    references = []
    for dtype in check_dtypes(module.dtype):
        progress.stage(f"{module.file}: the original in {str(dtype).removeprefix('torch.')}", module.bytes / 5)
        references.append(ask(module.load(), module.run, module.cases, module.inputs, dtype))
    progress.stage(f"{module.file}: tracing", module.bytes / 5)
    path = work / module.file
    _trace(module, path)
    progress.stage(f"{module.file}: comparing", 2 * module.bytes / 5)
    difference = verify(path, module.dtype, module.cases, module.inputs, references)
    size, seconds = path.stat().st_size / 1e6, time.monotonic() - start
    progress.say(f"{module.file}: {size:.1f} MB, verified (difference {difference:.1e}), {seconds:.1f} s")


def _trace(module: Component, path: Path) -> None:
    """Traced in float32, which every CPU is fast at; the graph does not know the precision."""
    traced = trace(module.wrap(module.load().float()), module.example, module.file)
    gc.collect()  # the eager model, whose weights are about to be rounded, is part of a cycle
    save(traced.to(module.dtype), path)


def _bytes_needed(modules: list[Component]) -> int:
    """All modules, and the largest of them twice: a copy without debug records is written last."""
    sizes = [module.bytes for module in modules]
    return sum(sizes) + max(sizes) + _SPACE_MARGIN


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
