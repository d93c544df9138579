"""The OKLab colour space (Bjorn Ottosson, 2020), in which equal steps look equally large."""

from __future__ import annotations

import numpy as np


def _linear(rgb: np.ndarray) -> np.ndarray:
    c = np.asarray(rgb, np.float32) / np.float32(255)
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4).astype(np.float32)


LINEAR = _linear(np.arange(256))  # of every uint8 value


def oklab(rgb: np.ndarray) -> np.ndarray:
    """sRGB 0..255 (..., 3) -> OKLab (..., 3), L in 0..1."""
    rgb = np.asarray(rgb)
    linear = LINEAR[rgb] if rgb.dtype == np.uint8 else _linear(rgb)
    lms = linear @ np.array(
        [
            [0.4122214708, 0.2119034982, 0.0883024619],
            [0.5363325363, 0.6806995451, 0.2817188376],
            [0.0514459929, 0.1073969566, 0.6299787005],
        ],
        np.float32,
    )
    return np.cbrt(lms) @ np.array(
        [
            [0.2104542553, 1.9779984951, 0.0259040371],
            [0.7936177850, -2.4285922050, 0.7827717662],
            [-0.0040720468, 0.4505937099, -0.8086757660],
        ],
        np.float32,
    )


def from_oklab(lab: np.ndarray) -> np.ndarray:
    """OKLab colours (..., 3) -> sRGB 0..255 uint8, clipped into the gamut."""
    lms = np.asarray(lab, np.float64) @ np.array(
        [
            [1.0, 1.0, 1.0],
            [0.3963377774, -0.1055613458, -0.0894841775],
            [0.2158037573, -0.0638541728, -1.2914855480],
        ]
    )
    linear = lms**3 @ np.array(
        [
            [4.0767416621, -1.2684380046, -0.0041960863],
            [-3.3077115913, 2.6097574011, -0.7034186147],
            [0.2309699292, -0.3413193965, 1.7076147010],
        ]
    )
    linear = np.clip(linear, 0.0, 1.0)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.rint(255 * encoded).astype(np.uint8)


def distance(one: np.ndarray, other: np.ndarray) -> float:
    """OKLab distance of two sRGB 0..255 colours."""
    return float(np.linalg.norm(oklab(np.asarray(one)) - oklab(np.asarray(other))))
