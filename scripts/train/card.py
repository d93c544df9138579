"""Fills the model card with evaluate.py's figures and puts it, with the contact sheet, into the bundle.

python scripts/train/card.py --output models/stickers
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

from concepts import BACKGROUNDS, COLOURS, load_concepts
from report import markdown

TEMPLATE = Path(__file__).with_name("card.md")


def card(figures: dict) -> str:
    """The model card as Markdown."""
    concepts = load_concepts().values()
    shapes = sum(c.is_shape for c in concepts)
    return TEMPLATE.read_text(encoding="utf-8").format(
        concept_count=len(concepts),
        concepts=", ".join(f"{c.english[0][0]} {c.chinese[0]}" for c in concepts),
        colours=", ".join(COLOURS),
        scenes=", ".join(f"{b.english[0]} ({b.chinese[0]})" for b in BACKGROUNDS.values() if not b.is_plain),
        figures=markdown(figures),
        art_count=len(concepts) - shapes,
        shape_count=shapes,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--evaluation", type=Path, default=Path("build/train/evaluation"), help="evaluate.py's folder")
    parser.add_argument("--output", type=Path, default=Path("models/stickers"))
    args = parser.parse_args()
    figures = json.loads((args.evaluation / "evaluation.json").read_text())
    (args.output / "README.md").write_text(card(figures), encoding="utf-8")
    shutil.copyfile(args.evaluation / "contact_sheet.png", args.output / "contact_sheet.png")


if __name__ == "__main__":
    main()
