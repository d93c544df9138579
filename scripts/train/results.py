"""Packs averaged weights in half precision into a folder of small files, and unpacks them into checkpoints.

    python scripts/train/results.py pack   --root build/train --results FOLDER
    python scripts/train/results.py unpack --root build/train --results FOLDER

For a run on a lent machine, of which only a few small files come back: at most 15 MiB each. unpack
writes vae.pt, clip.pt and unet.pt as the training programs do, without optimizer states, so that
sample.py, assemble.py and further training go on from them.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import tarfile
from pathlib import Path

import torch
from checkpoint import load_state, save_atomic
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

NAMES = ("vae", "clip", "unet")
PART_BYTES = 15_400_000  # under 15 MiB with the header
WEIGHTS = ("model", "ema", "optimizer")
EXTRAS = ("log", "tokenizer.model", "grid.png")  # of the root, for extras.tar


def _parts(weights: dict[str, Tensor]) -> list[dict[str, Tensor]]:
    """Split so that no part is larger than PART_BYTES."""
    parts: list[dict[str, Tensor]] = [{}]
    for name, value in weights.items():
        used = sum(v.nbytes for v in parts[-1].values())
        if parts[-1] and used + value.nbytes > PART_BYTES:
            parts.append({})
        parts[-1][name] = value
    return parts


def pack_weights(checkpoint: Path, folder: Path) -> None:
    """NAME.pt -> NAME.safetensors (NAME-1.safetensors, ...), each complete or not there."""
    state = load_state(checkpoint)
    facts = {k: v for k, v in state.items() if k not in WEIGHTS}
    half = {k: v.half().contiguous() if v.is_floating_point() else v for k, v in state["ema"].items()}
    for number, part in enumerate(_parts(half)):
        name = checkpoint.stem + (f"-{number}" if number else "") + ".safetensors"
        save_file(part, folder / "part", {"facts": json.dumps(facts)})
        os.replace(folder / "part", folder / name)


def pack_judge(path: Path, folder: Path) -> None:
    shutil.copyfile(path, folder / "part")
    os.replace(folder / "part", folder / path.name)


def pack_extras(root: Path, folder: Path) -> None:
    """Logs, tokenizer and sheets of samples in one tar."""
    with tarfile.open(folder / "part", "w:gz") as archive:
        for name in EXTRAS:
            if (root / name).exists():
                archive.add(root / name, name)
    os.replace(folder / "part", folder / "extras.tgz")


def pack(root: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in NAMES:
        if (root / f"{name}.pt").exists():
            pack_weights(root / f"{name}.pt", folder)
    if (root / "judge.safetensors").exists():
        pack_judge(root / "judge.safetensors", folder)
    pack_extras(root, folder)


def unpack(root: Path, folder: Path) -> None:
    root.mkdir(parents=True, exist_ok=True)
    for name in NAMES:
        weights, facts = {}, None
        for path in sorted(folder.glob(f"{name}*.safetensors")):
            with safe_open(path, "pt") as file:
                facts = json.loads(file.metadata()["facts"])
                for key in file.keys():  # noqa: SIM118 (it is no dict)
                    value = file.get_tensor(key)
                    weights[key] = value.float() if value.is_floating_point() else value
        if facts is not None:
            save_atomic({"model": weights, "ema": weights, **facts}, root / f"{name}.pt")
            print(f"{root / name}.pt: step {facts['step']}, {facts['samples']} samples")
    if (folder / "extras.tgz").exists():
        with tarfile.open(folder / "extras.tgz") as archive:
            archive.extractall(root, filter="data")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("action", choices=("pack", "unpack"))
    parser.add_argument("--root", type=Path, default=Path("build/train"))
    parser.add_argument("--results", type=Path, required=True)
    args = parser.parse_args()
    torch.set_num_threads(1)
    (pack if args.action == "pack" else unpack)(args.root, args.results)


if __name__ == "__main__":
    main()
