"""What the tests of scripts/export_model.py share: running it, and spoiling its sources."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import export_model
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

UNET, VAE, TEXT = (
    "unet/diffusion_pytorch_model.safetensors",
    "vae/diffusion_pytorch_model.safetensors",
    "text_encoder/model.safetensors",
)


def exported(source: Path, bundle: Path, *options: str) -> Path:
    """Runs the exporter, which must succeed."""
    assert export_model.main([str(source), "--output", str(bundle), *options]) == 0
    return bundle


def manifest(bundle: Path) -> dict[str, Any]:
    """The bundle's model.json."""
    return json.loads((bundle / "model.json").read_text(encoding="utf-8"))


def edit_json(path: Path, **values: Any) -> None:
    """Sets keys of a JSON file, which may be new."""
    content = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    path.write_text(json.dumps(content | values), encoding="utf-8")


def edit_tensors(path: Path, edit: Callable[[dict[str, Tensor]], Any]) -> None:
    """Changes the tensors of a safetensors file."""
    tensors = load_file(path)
    edit(tensors)
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path)


def edit_header(path: Path, edit: Callable[[dict[str, Any]], Any]) -> None:
    """Changes what a safetensors file says of its tensors, and leaves their bytes."""
    content = path.read_bytes()
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:end])
    edit(header)
    raw = json.dumps(header).encode()
    path.write_bytes(len(raw).to_bytes(8, "little") + raw + content[end:])


def write_pickle(path: Path) -> None:
    """What torch.save writes, whatever the file is called."""
    buffer = io.BytesIO()
    torch.save({"state_dict": {}}, buffer)
    path.write_bytes(buffer.getvalue())


def refused(capsys: pytest.CaptureFixture[str], *argv: str | Path) -> tuple[int, str]:
    """Exit code and the one line of a failing run."""
    capsys.readouterr()
    code = export_model.main([str(argument) for argument in argv])
    captured = capsys.readouterr()
    lines = captured.err.splitlines()
    assert captured.out == ""
    assert [line for line in lines if ": error: " in line] == lines[-1:]
    assert lines[-1].startswith("export_model: error: ")
    return code, lines[-1]
