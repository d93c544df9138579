"""Measures what a trained model draws against what it was asked for.

    python scripts/train/evaluate.py --model models/stickers

The same readings are taken from real renders, from the VAE's round trips of them and from generated
pictures, for scenes whose (object, colour) pair was trained on ("val") and for pairs that never were
("heldout"). Real renders bound what a reading can give; the round trips show what the VAE costs. Then
guidance and steps are varied, and negative prompts are tried. Writes evaluation.json, evaluation.md and
contact_sheet.png.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict
from itertools import islice
from pathlib import Path

import numpy as np
import oracles
import torch
from checkpoint import default_device
from classifier import Judge, Thing, identify, identify_each, load_judge
from concepts import NATURAL
from contact_sheet import contact_sheet
from generator import Generator
from psnr import psnr
from records import to_tensor
from report import markdown
from scipy import ndimage

SPLITS = ("val", "heldout")
LANGUAGES = ("en", "zh")
# relation -> the axis it is about, and the sign that puts the first thing named first
SIDES = {"left": ("x", 1), "right": ("x", -1), "above": ("y", 1), "below": ("y", -1)}
GUIDANCES = (1, 1.5, 2, 2.5, 3, 4, 6)
STEPS = (1, 2, 4, 6, 8, 12, 20)
RED_THINGS = ("an apple", "a strawberry", "a ladybug", "a fire truck", "a rose", "a tomato")
THINGS = ("a cat", "a car", "a tree", "a guitar", "a fish", "a house")
# what is not wanted -> prompts that show it, the negative prompt, whether a picture has it
NEGATIVES: dict[str, tuple[tuple[str, ...], str, Callable[[np.ndarray], bool]]] = {
    "red things, --negative red": (RED_THINGS, "red", lambda p: oracles.object_colour(p) == "red"),
    'things on white, --negative "on a white background"': (
        THINGS,
        "on a white background",
        lambda p: oracles.background(p) == "white",
    ),
}
Drawn = list[tuple[np.ndarray, str]]  # pictures and their captions


def load_scenes(folder: Path, count: int) -> tuple[np.ndarray, list[dict]]:
    """The first `count` pictures and records of a split."""
    with (folder / "scenes.jsonl").open(encoding="utf-8") as lines:
        records = [json.loads(line) for line in islice(lines, count)]
    return np.array(np.load(folder / "images.npy", mmap_mode="r")[:count]), records


def alone(picture: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The picture with nothing but one of its objects."""
    near = ndimage.binary_dilation(mask, iterations=2)
    rows = np.broadcast_to(oracles.border_rows(picture)[:, None], picture.shape)
    return np.where(near[..., None], picture, np.rint(rows).astype(np.uint8))


def pair_in_order(picture: np.ndarray, things: list[Thing], relation: str) -> list[dict]:
    """Name and colour of the two largest objects, the one nearer to the relation's side first."""
    axis, sign = SIDES[relation]
    masks = oracles.objects(picture)[:2]
    found = [
        {
            "concept": thing.name,
            "colour": oracles.object_colour(alone(picture, mask)),
            "at": sign * getattr(thing, axis),
        }
        for thing, mask in zip(things, masks, strict=False)
    ]
    return sorted(found, key=lambda one: one["at"])


def readings(judge: Judge, pictures: np.ndarray, wanted: list[dict]) -> list[dict]:
    """What the oracles and the judge see, per picture; where two things are wanted, "pair" in their order."""
    result = [asdict(oracles.read(picture)) for picture in pictures]
    for seen, concept in zip(result, identify(judge, pictures), strict=True):
        seen["concept"] = concept
    pairs = [i for i, record in enumerate(wanted) if record["relation"] in SIDES]
    for i, things in zip(pairs, identify_each(judge, pictures[pairs]), strict=True):
        result[i]["pair"] = pair_in_order(pictures[i], things, wanted[i]["relation"])
    return result


def _share(hits: list[bool]) -> float | None:
    return float(np.mean(hits)) if hits else None


def _colour_hit(seen: dict, wanted: dict) -> bool:
    """Natural colours are not asked for by name and not judged."""
    return wanted["colour"] == NATURAL or seen["colour"] == wanted["colour"]


def score_single(pairs: list[tuple[dict, dict]]) -> dict[str, float | None]:
    """Readings of scenes with one kind of thing."""
    keys = [key for key in ("concept", "background", "count", "size") if pairs and key in pairs[0][0]]
    hit = {key: [s[key] == w[key] for s, w in pairs] for key in keys}
    colour = [_colour_hit(s, w) for s, w in pairs]
    result = {
        "object": _share(hit.get("concept", [])),
        "colour": _share([c for c, (_, w) in zip(colour, pairs, strict=True) if w["colour"] != NATURAL]),
        "count": _share(hit.get("count", [])),
        "size": _share([h for h, (_, w) in zip(hit.get("size", []), pairs, strict=False) if w["count"] == 1]),
    }
    for n in range(1, 5):
        of_n = zip(hit.get("count", []), pairs, strict=False)
        result[f"count {n}"] = _share([h for h, (_, w) in of_n if w["count"] == n])
    all_keys = [hit[key] for key in ("concept", "background", "count") if key in hit]
    result["all"] = _share([all(h) for h in zip(*all_keys, colour, strict=True)] if pairs else [])
    return result


def score_pairs(pairs: list[tuple[dict, dict]]) -> dict[str, float | None]:
    """Readings of scenes with two things: the right colour, and the right thing, on the right side."""
    colours, names = [], []
    for seen, wanted in pairs:
        one, other = (seen["pair"] + [{"colour": None, "concept": None}] * 2)[:2]
        colours.append(one["colour"] == wanted["seen_colour"] and other["colour"] == wanted["seen_colour2"])
        names.append(one["concept"] == wanted["concept"] and other["concept"] == wanted["concept2"])
    return {"relation": _share(colours), "pair": _share(names)}


def score(seen: list[dict], wanted: list[dict]) -> dict[str, float | None]:
    """Share of right readings."""
    everything = list(zip(seen, wanted, strict=True))
    one_kind = [(s, w) for s, w in everything if w["relation"] not in SIDES]
    related = [(s, w) for s, w in everything if w["relation"] in SIDES and "pair" in s]
    background = _share([s["background"] == w["background"] for s, w in everything])
    return score_single(one_kind) | {"background": background} | score_pairs(related)


def shuffled(records: list[dict]) -> list[dict]:
    """Each record with another one's truth, single scenes and pairs by themselves: what chance gives."""
    result = list(records)
    for related in (False, True):
        rows = [i for i, record in enumerate(records) if (record["relation"] in SIDES) == related]
        for i, other in zip(rows, rows[1:] + rows[:1], strict=True):
            # A pair keeps its relation: the readings are in that order.
            result[i] = records[other] | {"relation": records[i]["relation"]}
    return result


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


def evaluate_split(args: argparse.Namespace, split: str, judge: Judge, model: Generator, figures: dict) -> Drawn:
    """Adds a split's figures; returns what the contact sheet shows of it."""
    renders, records = load_scenes(args.data / split, args.count)
    rebuilt = model.round_trip(renders)
    figures["psnr"][split] = psnr(*(to_tensor(torch.from_numpy(x)) for x in (rebuilt, renders)))._asdict()
    singles = [r["count"] for r in records if r["relation"] not in SIDES]
    figures["counted"][split] = [singles.count(n) for n in range(1, 5)]
    scores = figures["scores"]
    scores[f"renders, {split}"] = score(readings(judge, renders, records), records)
    scores[f"round trips, {split}"] = score(readings(judge, rebuilt, records), records)
    english = np.empty(0)
    for language in LANGUAGES:
        captions = [r[language][0] for r in records]
        pictures = model.draw(captions, seeds_from(args.seed, len(captions)), args.steps, args.guidance)
        seen = readings(judge, pictures, records)
        scores[f"generated, {split}, {language}"] = score(seen, records)
        scores[f"shuffled captions, {split}, {language}"] = score(seen, shuffled(records))
        for style in sorted({r["style"] for r in records}):
            rows = [i for i, r in enumerate(records) if r["style"] == style]
            name = f"generated, {split}, {language}, {style}"
            scores[name] = score([seen[i] for i in rows], [records[i] for i in rows])
        if language == "en":
            english = pictures
            figures["missed"][split] = missed_objects(seen, records)
    if split == "heldout" and args.library:
        library = np.load(args.data / "train" / "images.npy", mmap_mode="r")[: args.library]
        figures["memorisation"] = memorisation(english, renders, library)
    return list(zip(english, (r["en"][0] for r in records), strict=True))[: args.shown]


def seeds_from(first: int, count: int) -> list[int]:
    return list(range(first, first + count))


def missed_objects(seen: list[dict], wanted: list[dict]) -> list[str]:
    """What was asked for, in which style, and what was seen instead, of scenes with one kind of thing."""
    return [
        f"{w['concept']} ({w['style']}): {s['concept']}"
        for s, w in zip(seen, wanted, strict=True)
        if w["relation"] not in SIDES and s["concept"] != w["concept"]
    ]


def sweep(args: argparse.Namespace, judge: Judge, model: Generator) -> dict[str, dict]:
    """Scores of the same scenes of trained pairs with other guidance, and with other steps."""
    _, records = load_scenes(args.data / "val", args.swept)
    captions = [r["en"][0] for r in records]
    seeds = seeds_from(args.seed, len(captions))
    settings = {f"guidance {x:g}": (args.steps, x) for x in GUIDANCES}
    settings |= {f"steps {n}": (n, args.guidance) for n in STEPS}
    scores = {
        setting: score(readings(judge, model.draw(captions, seeds, *setting), records), records)
        for setting in dict.fromkeys(settings.values())
    }
    return {name: scores[setting] for name, setting in settings.items()}


def negatives(args: argparse.Namespace, model: Generator) -> dict[str, dict[str, float]]:
    """Share of pictures with what is not wanted, without and with a negative prompt that says so."""
    found = {}
    for name, (prompts, negative, has_it) in NEGATIVES.items():
        prompts = [prompt for prompt in prompts for _ in range(args.tries)]
        seeds = seeds_from(args.seed, len(prompts))
        found[name] = {
            key: float(np.mean([has_it(p) for p in model.draw(prompts, seeds, args.steps, args.guidance, words)]))
            for key, words in (("without", None), ("with", [negative] * len(prompts)))
        }
    return found


def evaluate(args: argparse.Namespace) -> tuple[dict, Drawn]:
    """All figures, and pictures with their captions for the contact sheet."""
    judge, model = load_judge(args.judge), Generator(args.model, args.device)
    args.steps = args.steps or model.defaults["steps"]
    args.guidance = args.guidance or model.defaults["guidance"]
    figures: dict = {
        "pictures": args.count,
        "steps": args.steps,
        "guidance": args.guidance,
        "seed": args.seed,
        "scores": {},
        "psnr": {},
        "counted": {},
        "missed": {},
    }
    shown = [row for split in SPLITS for row in evaluate_split(args, split, judge, model, figures)]
    figures["sweep"] = {"pictures": args.swept, "scores": sweep(args, judge, model)}
    figures["negatives"] = negatives(args, model)
    return figures, shown


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, default=Path("models/stickers"), help="a bundle")
    parser.add_argument("--data", type=Path, default=Path("build/train/data"))
    parser.add_argument("--judge", type=Path, default=Path(__file__).with_name("judge.safetensors"))
    parser.add_argument("--output", type=Path, default=Path("build/train/evaluation"))
    parser.add_argument("--count", type=int, default=600, help="scenes of each split")
    parser.add_argument("--shown", type=int, default=24, help="pictures of each split on the sheet")
    parser.add_argument(
        "--library", type=int, default=20_000, help="training pictures searched for copies; 0 leaves it out"
    )
    parser.add_argument("--swept", type=int, default=150, help="scenes for each guidance and number of steps")
    parser.add_argument("--tries", type=int, default=10, help="pictures of each prompt that has a negative one")
    parser.add_argument("--steps", type=int, help="default: the model's")
    parser.add_argument("--guidance", type=float, help="default: the model's")
    parser.add_argument("--seed", type=int, default=1000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default=default_device(), help="cpu or cuda")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.set_flush_denormal(True)
    args.output.mkdir(parents=True, exist_ok=True)
    figures, shown = evaluate(args)
    (args.output / "evaluation.json").write_text(json.dumps(figures, indent=2) + "\n")
    (args.output / "evaluation.md").write_text(markdown(figures))
    sheet = contact_sheet(np.stack([picture for picture, _ in shown]), [caption for _, caption in shown])
    sheet.save(args.output / "contact_sheet.png", optimize=True)
    print(markdown(figures))


if __name__ == "__main__":
    main()
