"""Writes the training data: pictures, captions with their truth, and the tokenizer.

    python scripts/train/data.py                # 300,000 + 2,000 + 2,000 scenes of 128 px

Every scene depends on (seed, split, index) only, so the result does not depend on the number of
processes. A split that is already there with the same arguments is left as it is.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import multiprocessing
import os
import random
import time
from pathlib import Path

import numpy as np
from captions import DROP_OTHER, captions
from scenes import NONE, Studio
from tokenizer import train_tokenizer

SPLITS = {"train": 0, "val": 1, "heldout": 2}
CHUNK = 1000

_studio: Studio  # per process, made before the fork


def make_scene(split: str, index: int, seed: int, studio: Studio) -> tuple[np.ndarray, dict]:
    """Picture (size, size, 3) uint8 and its record."""
    rng = np.random.default_rng((seed, SPLITS[split], index))
    scene = studio.random_scene(rng, held_out=split == "heldout")
    picture = studio.draw(scene, rng)
    words = random.Random(f"{seed}/{split}/{index}")
    english, chinese = captions(
        scene,
        studio.concepts,
        studio.default_background(scene.things, scene.style),
        words,
        DROP_OTHER if split == "train" else 0.0,
    )
    seen = [studio.seen_colour(name, scene.style, colour) for name, colour in scene.things]
    record = dataclasses.asdict(scene) | {
        "seen_colour": seen[0],
        "seen_colour2": seen[1] if len(seen) > 1 else NONE,
        "held_out": scene.held_out,
        "en": english,
        "zh": chinese,
    }
    return picture, record


def _chunk(job: tuple[str, int, int, int, Path]) -> tuple[int, str]:
    """Fill rows [start, stop) of a split's pictures; return its records as lines."""
    split, start, stop, seed, path = job
    pictures = np.lib.format.open_memmap(path, mode="r+")
    lines = []
    for index in range(start, stop):
        pictures[index], record = make_scene(split, index, seed, _studio)
        lines.append(json.dumps(record, ensure_ascii=False, separators=(",", ":")))
    return stop - start, "\n".join(lines) + "\n"


def write_split(split: str, count: int, seed: int, size: int, folder: Path, jobs: int) -> None:
    """Write images.npy (count, size, size, 3) uint8 and scenes.jsonl, complete or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "images.part.npy"
    np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=(count, size, size, 3))
    work = [(split, s, min(s + CHUNK, count), seed, path) for s in range(0, count, CHUNK)]
    began, done = time.monotonic(), 0
    with (
        multiprocessing.get_context("fork").Pool(jobs) as pool,
        (folder / "scenes.part").open("w", encoding="utf-8") as out,
    ):
        for made, lines in pool.imap(_chunk, work):
            out.write(lines)
            done += made
            rate = done / (time.monotonic() - began)
            print(f"\r{split}: {done}/{count} scenes, {rate:.0f}/s", end="", flush=True)
    print()
    path.replace(folder / "images.npy")
    (folder / "scenes.part").replace(folder / "scenes.jsonl")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("build/train"), help="folder for everything")
    parser.add_argument("--art", type=Path, help="folder of the art (default: OUTPUT/art)")
    parser.add_argument("--train", type=int, default=300_000, help="number of training scenes")
    parser.add_argument("--val", type=int, default=2_000, help="fresh scenes of seen pairs")
    parser.add_argument("--heldout", type=int, default=2_000, help="scenes of pairs never trained on")
    parser.add_argument("--size", type=int, default=128, help="edge of the pictures in px")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes")
    parser.add_argument("--force", action="store_true", help="write again what is already there")
    args = parser.parse_args()

    global _studio
    _studio = Studio(args.art or args.output / "art", args.size, args.jobs)
    train_tokenizer(_studio.concepts, args.output / "tokenizer.model")
    for split in SPLITS:
        count = getattr(args, split)
        folder = args.output / "data" / split
        recipe = json.dumps({"count": count, "size": args.size, "seed": args.seed})
        note = folder / "recipe.json"
        if not args.force and note.exists() and note.read_text() == recipe:
            print(f"{split}: {count} scenes are already there")
            continue
        note.unlink(missing_ok=True)
        write_split(split, count, args.seed, args.size, folder, args.jobs)
        note.write_text(recipe)


if __name__ == "__main__":
    main()
