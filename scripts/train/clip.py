"""Trains the text encoder contrastively against a small image tower (CLIP, arXiv 2103.00020).

    python scripts/train/clip.py --minutes 18

Pairs: picture-English, picture-Chinese, English-Chinese. Scenes that say the same are not negatives
of each other. What is in the scene (SLOTS) is also read off every embedding by linear heads shared by
all three, which ties the languages together early. Checkpoint: clip.pt in --root.
"""

from __future__ import annotations

import argparse

import numpy as np
import torch
import torch.nn.functional as F
from checkpoint import common_arguments, prepare
from muon import Optimizers
from records import Split, random_rows, to_tensor
from text import LANGUAGES, WIDTH, Captions, TextTower, build_captions, load_captions, load_tokenizer
from torch import Tensor, nn
from training import Run, Stage

SLOTS = ("concept", "colour", "count", "size", "background", "style", "relation", "concept2", "colour2")


class ImageTower(nn.Module):
    """(N, 3, 128, 128) -> (N, 192), not normalised; works on half the resolution."""

    def __init__(self) -> None:
        super().__init__()

        def stage(inside: int, outside: int) -> list[nn.Module]:
            return [
                nn.Conv2d(inside, outside, 3, stride=2, padding=1),
                nn.GroupNorm(8, outside),
                nn.SiLU(),
                nn.Conv2d(outside, outside, 3, padding=1),
                nn.GroupNorm(8, outside),
                nn.SiLU(),
            ]

        self.body = nn.Sequential(nn.AvgPool2d(2), *stage(3, 32), *stage(32, 64), *stage(64, 128), *stage(128, 128))
        self.head = nn.Linear(128 * 16, WIDTH)

    def forward(self, image: Tensor) -> Tensor:
        return self.head(self.body(image).flatten(1))


class Clip(nn.Module):
    """Both towers, the temperature and the slot heads."""

    def __init__(self, vocabulary: int, length: int, sizes: list[int]) -> None:
        super().__init__()
        self.text, self.image = TextTower(vocabulary, length), ImageTower()
        self.log_scale = nn.Parameter(torch.tensor(2.66))  # 1 / 0.07, as in the paper
        self.heads = nn.ModuleList(nn.Linear(WIDTH, size) for size in sizes)

    def contrast(self, a: Tensor, b: Tensor, same: Tensor) -> Tensor:
        """InfoNCE of pairs (N, W); `same` (N, N) marks pairs that are no negatives, the diagonal included."""
        scale = self.log_scale.clamp(max=4.6).exp()
        logits = scale * F.normalize(a, dim=1) @ F.normalize(b, dim=1).T
        target = torch.arange(len(a), device=a.device)
        logits = logits.masked_fill(same & (target[:, None] != target), -1e4)
        return 0.5 * (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target))

    def read_slots(self, embedding: Tensor, truth: Tensor) -> Tensor:
        """Cross-entropy of the slot heads; truth int64 (N, slots)."""
        return sum(F.cross_entropy(head(embedding), truth[:, k]) for k, head in enumerate(self.heads))


def slot_table(records: list[dict], names: list[list]) -> Tensor:
    """int64 (N, slots): which name each record has in each slot."""
    numbers = [{name: k for k, name in enumerate(values)} for values in names]
    return torch.tensor(
        [[number[record[slot]] for slot, number in zip(SLOTS, numbers, strict=True)] for record in records]
    )


def validate(clip: Clip, images: Tensor, truth: Tensor, captions: Captions) -> dict:
    """Top-1 retrieval among pairs that all differ, and slots read off the text, per language."""
    seen = F.normalize(clip.image(to_tensor(images)), dim=1)
    found = {}
    for number, language in enumerate(LANGUAGES):
        text = clip.text(captions.ids[captions.rows[:, number, 0].long()].long())
        top = (F.normalize(text, dim=1) @ seen.T).argmax(dim=1)
        found[f"{language} top-1"] = (top == torch.arange(len(top), device=top.device)).float().mean().item()
        for k, (slot, head) in enumerate(zip(SLOTS, clip.heads, strict=True)):
            found[f"{language} {slot}"] = (head(text).argmax(dim=1) == truth[:, k]).float().mean().item()
    return found


def build_stage(args: argparse.Namespace, device: torch.device) -> Stage:
    data = args.data or args.root / "data"
    train, held = Split(data / "train"), Split(data / "heldout")
    tokenizer = load_tokenizer(args.root)
    captions = Captions(**load_captions(train, tokenizer, args.root / "captions.npz"), device=device)
    names = [sorted({r[slot] for r in train.records} | {r[slot] for r in held.records}) for slot in SLOTS]
    truth, held_truth = slot_table(train.records, names).to(device), slot_table(held.records, names)
    images = train.images.to(device)

    _, first = np.unique(held_truth.numpy(), axis=0, return_index=True)
    pick = np.sort(np.random.default_rng(0).permutation(first)[:256])
    held_captions = Captions(**build_captions([held.records[k] for k in pick], tokenizer), device=device)
    held_images, held_truth = held.images[pick].to(device), held_truth[pick].to(device)

    clip = Clip(tokenizer.get_piece_size(), captions.length, [len(values) for values in names]).to(device)
    optimizer = Optimizers(clip, outer=None, beta=0.98, weight_decay=0.05)

    def loss() -> tuple[Tensor, Tensor]:
        rows = random_rows(len(images), args.batch, device)
        ids = torch.cat([captions.draw(rows, language) for language in range(len(LANGUAGES))])
        key = truth[rows]
        same = (key[:, None] == key[None]).all(dim=2)
        with torch.autocast(device.type, torch.bfloat16):
            seen, both = clip.image(to_tensor(images[rows])), clip.text(ids)
        seen, (en, zh) = seen.float(), both.float().chunk(2)
        contrast = sum(clip.contrast(a, b, same) for a, b in ((seen, en), (seen, zh), (en, zh)))
        slots = sum(clip.read_slots(x, key) for x in (seen, en, zh))
        return contrast + 0.5 * slots, torch.stack((contrast, slots))

    print(
        f"text encoder: {sum(p.numel() for p in clip.text.encoder.parameters())} parameters, "
        f"{len(captions.ids)} different captions of at most {captions.length} ids",
        flush=True,
    )
    return Stage(
        "clip",
        clip,
        optimizer,
        args.batch,
        args.learning_rate,
        0.998,
        loss,
        ("contrast", "slots"),
        lambda: validate(clip, held_images, held_truth, held_captions),
        {"names": names},
    )


def main() -> None:
    parser = common_arguments(__doc__.splitlines()[0], minutes=60)
    parser.add_argument("--batch", type=int, default=1024 if torch.cuda.is_available() else 192)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    args = parser.parse_args()
    Run(build_stage(args, prepare(args)), args).go()


if __name__ == "__main__":
    main()
