"""Lays pictures out in a grid with their captions beneath."""

from __future__ import annotations

import textwrap

import numpy as np
from PIL import Image, ImageDraw, ImageFont

CELL = 128  # px, edge a picture is shown at
LINE = 13  # px, height of a line of text
LINES = 3


def contact_sheet(pictures: np.ndarray, captions: list[str], columns: int = 8) -> Image.Image:
    """Pictures (N, H, W, 3) uint8; captions that the built-in font cannot write are left out."""
    rows = -(-len(pictures) // columns)
    pitch = (CELL + 8, CELL + 8 + LINES * LINE)
    sheet = Image.new("RGB", (columns * pitch[0] + 8, rows * pitch[1] + 8), "#f0f0f0")
    ink, font = ImageDraw.Draw(sheet), ImageFont.load_default(11)
    for i, (picture, caption) in enumerate(zip(pictures, captions, strict=True)):
        x, y = 8 + i % columns * pitch[0], 8 + i // columns * pitch[1]
        sheet.paste(Image.fromarray(picture).resize((CELL, CELL), Image.Resampling.NEAREST), (x, y))
        if caption.isascii():
            text = "\n".join(textwrap.wrap(caption, 21)[:LINES])
            ink.multiline_text((x, y + CELL + 1), text, fill="#303030", font=font, spacing=1)
    return sheet
