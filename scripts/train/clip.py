"""Trains the text encoder contrastively against a small image tower (CLIP, arXiv 2103.00020).

    python scripts/train/clip.py --minutes 18

Pairs: picture-English, picture-Chinese, English-Chinese. Scenes that say the same are not negatives
of each other. Object, colour, count and background are also read off every embedding by linear heads
shared by all three, which ties the languages together early. Checkpoint: clip.pt in --root.
"""

from __future__ import annotations

import time

import numpy as np
import torch
import torch.nn.functional as F
from checkpoint import (
    Budget,
    Ema,
    common_arguments,
    load_state,
    prepare_cpu,
    save_atomic,
    set_learning_rate,
    use_fast_malloc,
)
from records import Split, batches
from text import WIDTH, TextTower, caption_table, load_tokenizer
from torch import Tensor, nn

SLOTS = ("concept", "colour", "count", "background")


class ImageTower(nn.Module):
    """(N, 3, 64, 64) -> (N, 192), not normalised; works on half the resolution."""

    def __init__(self) -> None:
        super().__init__()

        def stage(inside: int, outside: int) -> list[nn.Module]:
            return [nn.Conv2d(inside, outside, 3, stride=2, padding=1),
                    nn.GroupNorm(8, outside), nn.SiLU(),
                    nn.Conv2d(outside, outside, 3, padding=1), nn.GroupNorm(8, outside), nn.SiLU()]

        self.body = nn.Sequential(nn.AvgPool2d(2), *stage(3, 32), *stage(32, 64), *stage(64, 128))
        self.head = nn.Linear(128 * 16, WIDTH)

    def forward(self, image: Tensor) -> Tensor:
        return self.head(self.body(image).flatten(1))


class Clip(nn.Module):
    """Both towers, the temperature and the slot heads."""

    def __init__(self, vocabulary: int, sizes: list[int]) -> None:
        super().__init__()
        self.text, self.image = TextTower(vocabulary), ImageTower()
        self.log_scale = nn.Parameter(torch.tensor(2.66))  # 1 / 0.07, as in the paper
        self.heads = nn.ModuleList(nn.Linear(WIDTH, size) for size in sizes)

    def contrast(self, a: Tensor, b: Tensor, same: Tensor) -> Tensor:
        """InfoNCE of pairs (N, W); `same` (N, N) marks pairs that are no negatives."""
        scale = self.log_scale.clamp(max=4.6).exp()
        logits = scale * F.normalize(a, dim=1) @ F.normalize(b, dim=1).T
        logits = logits.masked_fill(same & ~torch.eye(len(a), dtype=torch.bool), -1e4)
        target = torch.arange(len(a))
        return 0.5 * (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target))

    def read_slots(self, embedding: Tensor, truth: Tensor) -> Tensor:
        """Cross-entropy of the slot heads; truth int64 (N, slots)."""
        return sum(F.cross_entropy(head(embedding), truth[:, k]) for k, head in enumerate(self.heads))


def slot_table(records: list[dict], names: list[list]) -> Tensor:
    """int64 (N, slots): which name each record has in each slot."""
    numbers = [{name: k for k, name in enumerate(values)} for values in names]
    return torch.tensor([[number[record[slot]] for slot, number in zip(SLOTS, numbers, strict=True)]
                         for record in records])


@torch.no_grad()
def validate(clip: Clip, split: Split, truth: Tensor, ids: np.ndarray, rows: np.ndarray) -> str:
    """Top-1 retrieval among 256 pairs that all differ, and slots read off the text, per language."""
    _, first = np.unique(truth.numpy(), axis=0, return_index=True)
    pick = np.sort(np.random.default_rng(0).permutation(first)[:256])
    seen = F.normalize(clip.image(split.pictures(pick)).float(), dim=1)
    report = []
    for language in range(2):
        text = clip.text(torch.from_numpy(ids[rows[pick, language, 0]].astype(np.int64)))
        top = (F.normalize(text, dim=1) @ seen.T).argmax(dim=1)
        right = [(head(text).argmax(dim=1) == truth[pick, k]).float().mean().item()
                 for k, head in enumerate(clip.heads)]
        report.append(f"{'en' if language == 0 else 'zh'} top-1 "
                      f"{(top == torch.arange(len(pick))).float().mean():.3f} slots "
                      + "/".join(f"{value:.3f}" for value in right))
    return ", ".join(report)


def main() -> None:
    parser = common_arguments(__doc__.splitlines()[0], minutes=18)
    parser.add_argument("--batch", type=int, default=192)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    args = parser.parse_args()
    use_fast_malloc()
    prepare_cpu(args.threads, args.seed)
    train, held = Split(args.root / "data/train"), Split(args.root / "data/heldout")
    tokenizer = load_tokenizer(args.root)
    ids, rows = caption_table(train.records, tokenizer, args.root / "captions.npz")
    held_ids, held_rows = caption_table(held.records, tokenizer)
    names = [sorted({r[slot] for r in train.records} | {r[slot] for r in held.records}) for slot in SLOTS]
    truth, held_truth = slot_table(train.records, names), slot_table(held.records, names)
    clip = Clip(tokenizer.get_piece_size(), [len(values) for values in names])
    optimizer = torch.optim.AdamW(clip.parameters(), lr=args.learning_rate, betas=(0.9, 0.98),
                                  weight_decay=0.05, fused=True)
    ema, step, spent = Ema(clip, 0.998), 0, 0.0
    path = args.root / "clip.pt"
    if args.resume and path.exists():
        state = load_state(path)
        clip.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        ema.weights, step, spent = state["ema"], state["step"], state["spent_s"]
    budget, saved, began, first = Budget(args.minutes, spent), time.monotonic(), time.monotonic(), step

    def save() -> None:
        live = {k: v.clone() for k, v in clip.state_dict().items()}
        clip.load_state_dict(ema.weights)
        print(f"step {step}: held-out {validate(clip, held, held_truth, held_ids, held_rows)}", flush=True)
        clip.load_state_dict(live)
        save_atomic({"model": live, "ema": ema.weights, "step": step, "names": names,
                     "optimizer": optimizer.state_dict(), "spent_s": budget.spent_s()}, path)

    print(f"text encoder: {sum(p.numel() for p in clip.text.encoder.parameters())} parameters, "
          f"{len(ids)} different captions, from step {step}", flush=True)
    rng = np.random.default_rng(args.seed + step)
    for batch in batches(len(train), args.batch, args.seed + step):
        if budget.is_over():
            break
        set_learning_rate(optimizer, budget.learning_rate(args.learning_rate, step))
        batch = np.sort(batch)
        choice = rng.integers(4, size=(2, len(batch)))
        english, chinese = (torch.from_numpy(ids[rows[batch, k, choice[k]]].astype(np.int64))
                            for k in range(2))
        key = truth[batch]
        same = (key[:, None] == key[None]).all(dim=2)
        with torch.autocast("cpu", torch.bfloat16):
            seen, both = clip.image(train.pictures(batch)), clip.text(torch.cat((english, chinese)))
        seen, (en, zh) = seen.float(), both.float().chunk(2)
        loss = sum(clip.contrast(a, b, same) for a, b in ((seen, en), (seen, zh), (en, zh)))
        loss = loss + 0.5 * sum(clip.read_slots(x, key) for x in (seen, en, zh))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(clip.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        ema.update(clip, step)
        step += 1
        if step % 50 == 0:
            rate = (step - first) * args.batch / (time.monotonic() - began)
            print(f"step {step} loss {loss.item():.3f} {rate:.0f} scenes/s "
                  f"{budget.spent_s() / 60:.1f} min", flush=True)
        if time.monotonic() - saved > args.save_every:
            save()
            saved = time.monotonic()
    save()


if __name__ == "__main__":
    main()
