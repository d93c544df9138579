"""Says what is in a picture without any network: background, object colour, count.

Needs numpy, scipy and pillow only. A picture is uint8 (H, W, 3). Colours are compared in OKLab (Ottosson
2020) with the chroma stretched, so that a shade of a colour stays that colour.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from concepts import BACKGROUNDS, COLOURS
from oklab import oklab
from PIL import Image
from scipy import ndimage

BORDER = 1 / 32  # width of the frame that counts as background, as a share of the edge
FOREGROUND = 0.085  # OKLab distance from the background of its row
CHROMA = 2.0  # stretch of a and b against L
SMALL, BIG = 0.41, 0.73  # longest edge of a small and of a big object, as shares of the picture's
COLOURFUL = 0.11  # stretched chroma above which a pixel is not black, white or grey


def _stretched(rgb: np.ndarray) -> np.ndarray:
    return oklab(rgb) * np.array([1.0, CHROMA, CHROMA], np.float32)


def nearest_colour(rgb: np.ndarray) -> str:
    """The colour name for one sRGB 0..255 colour, such as the main fill of a piece of art."""
    palette = _stretched(np.array(list(COLOURS.values())))
    squares = ((_stretched(np.asarray(rgb, np.float32)) - palette) ** 2).sum(-1)
    return list(COLOURS)[int(squares.argmin())]


def _nearest(rgb: np.ndarray) -> np.ndarray:
    """Colours (N, 3) -> index (N,) of the nearest named colour; what is colourful is no grey."""
    palette = _stretched(np.array(list(COLOURS.values())))
    lab = _stretched(rgb)
    squares = ((lab[:, None] - palette) ** 2).sum(-1)
    colourful = np.linalg.norm(lab[:, 1:], axis=1) > COLOURFUL
    greys = np.linalg.norm(palette[:, 1:], axis=1) < COLOURFUL
    squares[np.ix_(colourful, greys)] += 1.0
    return np.argmin(squares, axis=1)


def border_rows(picture: np.ndarray) -> np.ndarray:
    """Background colour of every row (H, 3) float32: the median of the row's left and right ends."""
    width = picture.shape[1]
    frame = max(2, round(width * BORDER))
    ends = np.concatenate((picture[:, :frame], picture[:, -frame:]), axis=1).astype(np.float32)
    return np.median(ends, axis=1)


def background(picture: np.ndarray) -> str:
    """Name of the background whose bands fit the rows' ends best."""
    rows = _stretched(border_rows(picture))
    height = len(rows)
    scores = {}
    for b in BACKGROUNDS.values():
        want = np.empty((height, 3), np.float32)
        top = 0
        for lower, rgb in b.bands:
            want[top : round(lower * height)] = rgb
            top = round(lower * height)
        scores[b.name] = float(np.linalg.norm(rows - _stretched(want), axis=1).mean())
    return min(scores, key=scores.get)


def foreground(picture: np.ndarray) -> np.ndarray:
    """Mask (H, W) bool of what differs from the background of its row."""
    rows = oklab(border_rows(picture))
    return np.linalg.norm(oklab(picture) - rows[:, None], axis=2) > FOREGROUND


def objects(picture: np.ndarray) -> list[np.ndarray]:
    """Masks (H, W) of the separate objects, largest first; crumbs are left out."""
    height, width = picture.shape[:2]
    mask = foreground(picture)
    near = ndimage.binary_dilation(mask)
    labels, found = ndimage.label(near, np.ones((3, 3), int))
    areas = np.bincount(labels[mask], minlength=found + 1)[1:]
    if found == 0 or areas.max() < 0.004 * height * width:
        return []
    keep = [i for i in np.argsort(-areas) if areas[i] >= 0.25 * areas.max()]
    return [mask & (labels == i + 1) for i in keep]


def count(picture: np.ndarray) -> int:
    """Number of separate objects."""
    return len(objects(picture))


def size(picture: np.ndarray) -> str | None:
    """Name of the size of the largest object; None if there is no object."""
    masks = objects(picture)
    if not masks:
        return None
    ys, xs = np.nonzero(masks[0])
    edge = max(np.ptp(ys), np.ptp(xs)) / len(picture)
    return "small" if edge < SMALL else "big" if edge > BIG else "medium"


def object_colour(picture: np.ndarray) -> str | None:
    """Name of the colour most pixels of the objects have; None if there is no object."""
    masks = objects(picture)
    if not masks:
        return None
    votes = np.bincount(_nearest(picture[np.any(masks, axis=0)]), minlength=len(COLOURS))
    return list(COLOURS)[int(votes.argmax())]


def crops(picture: np.ndarray, edge: int = 32) -> np.ndarray:
    """Each object alone, (K, edge, edge, 4) float32 in [0, 1]: RGB, black outside the object, and mask.

    The square around an object's box is scaled to `edge`; holes count as part of the object.
    """
    found = []
    for mask in objects(picture):
        ys, xs = np.nonzero(mask)
        top, left, bottom, right = ys.min(), xs.min(), ys.max() + 1, xs.max() + 1
        solid = ndimage.binary_fill_holes(np.pad(mask[top:bottom, left:right], 1))[1:-1, 1:-1]
        side = max(bottom - top, right - left) + 2
        square = np.zeros((side, side, 4), np.uint8)
        y, x = (side - bottom + top) // 2, (side - right + left) // 2
        inside = solid[..., None]
        square[y : y + bottom - top, x : x + right - left] = np.concatenate(
            (picture[top:bottom, left:right] * inside, inside * np.uint8(255)), axis=2
        )
        # Four single channels: an RGBA resize would divide by the mask again.
        found.append(
            np.stack(
                [
                    np.asarray(Image.fromarray(square[..., c]).resize((edge, edge), Image.Resampling.BILINEAR))
                    for c in range(4)
                ],
                axis=-1,
            )
        )
    return np.array(found, np.float32).reshape(-1, edge, edge, 4) / 255


@dataclass(frozen=True)
class Reading:
    """What the oracles see in one picture."""

    background: str
    colour: str | None
    count: int
    size: str | None


def read(picture: np.ndarray) -> Reading:
    return Reading(background(picture), object_colour(picture), count(picture), size(picture))
