"""Measures what a trained model draws against what it was asked for.

    python scripts/train/evaluate.py --model build/train/model

The same readings are taken from real renders, from the VAE's round trips of them and from generated
pictures, for scenes whose (object, colour) pair was trained on ("val") and for pairs that never were
("heldout"). Real renders bound what a reading can give; the round trips show what the VAE costs.
Writes evaluation.json, evaluation.md and contact_sheet.png.
"""

from __future__ import annotations

import argparse
import json
import time
from itertools import islice
from pathlib import Path

import numpy as np
import oracles
import torch
from classifier import Judge, identify, load_judge
from concepts import NATURAL
from contact_sheet import contact_sheet
from generator import Generator
from report import markdown

SPLITS = ("val", "heldout")
LANGUAGES = ("en", "zh")


def load_scenes(folder: Path, count: int) -> tuple[np.ndarray, list[dict]]:
    """The first `count` pictures and records of a split."""
    with (folder / "scenes.jsonl").open(encoding="utf-8") as lines:
        records = [json.loads(line) for line in islice(lines, count)]
    return np.array(np.load(folder / "images.npy", mmap_mode="r")[:count]), records


def readings(judge: Judge, pictures: np.ndarray) -> list[dict]:
    """What the oracles and the judge see, per picture."""
    named = identify(judge, pictures)
    result = []
    for picture, concept in zip(pictures, named, strict=True):
        seen = oracles.read(picture)
        result.append({"concept": concept, "colour": seen.colour, "count": seen.count, "background": seen.background})
    return result


def _share(hits: list[bool]) -> float | None:
    return float(np.mean(hits)) if hits else None


def score(seen: list[dict], wanted: list[dict]) -> dict[str, float | None]:
    """Share of right readings. Natural colours are not asked for by name and not judged."""
    pairs = list(zip(seen, wanted, strict=True))
    hit = {key: [s[key] == w[key] for s, w in pairs] for key in ("concept", "background", "count")}
    colour = [w["colour"] == NATURAL or s["colour"] == w["colour"] for s, w in pairs]
    result = {
        "object": _share(hit["concept"]),
        "colour": _share([c for c, (_, w) in zip(colour, pairs, strict=True) if w["colour"] != NATURAL]),
        "background": _share(hit["background"]),
        "count": _share(hit["count"]),
    }
    for n in range(1, 5):
        result[f"count {n}"] = _share([h for h, (_, w) in zip(hit["count"], pairs, strict=True) if w["count"] == n])
    result["all"] = _share([all(h) for h in zip(*hit.values(), colour, strict=True)])
    return result


def psnr(one: np.ndarray, other: np.ndarray) -> float:
    """dB, from the mean squared error over all pictures."""
    error = np.mean((one.astype(np.float32) - other.astype(np.float32)) ** 2)
    return float(10 * np.log10(255**2 / error))


def _thumbnails(pictures: np.ndarray, edge: int = 16) -> np.ndarray:
    """(N, H, W, 3) uint8 -> (N, edge * edge * 3) float32 in [0, 1], area averaged."""
    n, height, width, _ = pictures.shape
    x = pictures.reshape(n, edge, height // edge, edge, width // edge, 3)
    return x.mean((2, 4), dtype=np.float32).reshape(n, -1) / 255


def nearest(pictures: np.ndarray, library: np.ndarray, chunk: int = 4000) -> np.ndarray:
    """Root mean square distance (N,) of each picture's thumbnail to the nearest of the library."""
    query = torch.from_numpy(_thumbnails(pictures))
    best = torch.full((len(query),), torch.inf)
    for start in range(0, len(library), chunk):
        part = torch.from_numpy(_thumbnails(library[start : start + chunk]))
        best = torch.minimum(best, torch.cdist(query, part).amin(1))
    return (best / query.shape[1] ** 0.5).numpy()


def memorisation(generated: np.ndarray, renders: np.ndarray, library: np.ndarray) -> dict[str, float | int]:
    """Generated pictures of held-out pairs should be no nearer to the training set than renders are."""
    ours, fresh = nearest(generated, library), nearest(renders, library)
    return {
        "library": len(library),
        "generated": float(np.median(ours)),
        "renders": float(np.median(fresh)),
        "ratio": float(np.median(ours) / np.median(fresh)),
        "copies": float(np.mean(ours < np.quantile(fresh, 0.01))),
    }


def evaluate(args: argparse.Namespace) -> tuple[dict, np.ndarray, list[str]]:
    """All figures, and pictures with their captions for the contact sheet."""
    judge, model = load_judge(args.judge), Generator(args.model)
    figures: dict = {
        "pictures": args.count,
        "steps": args.steps,
        "guidance": args.guidance,
        "seed": args.seed,
        "scores": {},
        "psnr": {},
    }
    shown, names = [], []
    for split in SPLITS:
        renders, records = load_scenes(args.data / split, args.count)
        rebuilt = model.round_trip(renders)
        figures["psnr"][split] = psnr(rebuilt, renders)
        figures["scores"][f"renders, {split}"] = score(readings(judge, renders), records)
        figures["scores"][f"round trips, {split}"] = score(readings(judge, rebuilt), records)
        for language in LANGUAGES:
            captions = [r[language][0] for r in records]
            seeds = [args.seed + i for i in range(len(captions))]
            began = time.monotonic()
            pictures = model.draw(captions, seeds, renders.shape[1], args.steps, args.guidance)
            figures["seconds per picture"] = (time.monotonic() - began) / len(captions)
            seen = readings(judge, pictures)
            figures["scores"][f"generated, {split}, {language}"] = score(seen, records)
            figures["scores"][f"shuffled captions, {split}, {language}"] = score(seen, records[1:] + records[:1])
            np.save(args.output / f"generated-{split}-{language}.npy", pictures)
            if language == "en":
                shown.append(pictures[: args.shown])
                names += captions[: args.shown]
        if split == "heldout" and args.library:
            english = np.load(args.output / "generated-heldout-en.npy")
            library = np.load(args.data / "train" / "images.npy", mmap_mode="r")[: args.library]
            figures["memorisation"] = memorisation(english, renders, library)
    return figures, np.concatenate(shown), names


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, default=Path("build/train/model"))
    parser.add_argument("--data", type=Path, default=Path("build/train/data"))
    parser.add_argument("--judge", type=Path, default=Path(__file__).with_name("judge.safetensors"))
    parser.add_argument("--output", type=Path, default=Path("build/train/evaluation"))
    parser.add_argument("--count", type=int, default=400, help="scenes of each split")
    parser.add_argument("--shown", type=int, default=24, help="pictures of each split on the sheet")
    parser.add_argument(
        "--library", type=int, default=160_000, help="training pictures searched for copies; 0 leaves it out"
    )
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--guidance", type=float, default=3.0)
    parser.add_argument("--seed", type=int, default=1000)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.set_flush_denormal(True)
    args.output.mkdir(parents=True, exist_ok=True)
    figures, pictures, captions = evaluate(args)
    (args.output / "evaluation.json").write_text(json.dumps(figures, indent=2) + "\n")
    (args.output / "evaluation.md").write_text(markdown(figures))
    contact_sheet(pictures, captions).save(args.output / "contact_sheet.png", optimize=True)
    print(markdown(figures))


if __name__ == "__main__":
    main()
