"""A small grey picture drawn in code, for showings that were given none: edges of every kind, and soft light."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

DRAWN_SIDE = 192
FINER = 4  # drawn so many times larger, so that its edges are smooth


def drawn_picture() -> NDArray[np.uint8]:
    """A house below mountains (Y, X): flat, upright and slanting edges, a circle, stripes, and a soft sky."""
    side = DRAWN_SIDE * FINER
    sky = np.linspace(120, 235, side)[:, None] + np.linspace(-20, 20, side)[None, :]
    image = Image.fromarray(sky.clip(0, 255).astype(np.uint8))
    pen = ImageDraw.Draw(image)

    def at(*points: float) -> list[float]:
        return [point / 100 * side for point in points]

    pen.ellipse(at(68, 10, 86, 28), fill=252)
    pen.polygon(at(-10, 72, 26, 26, 60, 72), fill=96)
    pen.polygon(at(26, 26, 34, 36, 26, 40, 19, 35), fill=240)
    pen.polygon(at(32, 72, 66, 40, 108, 72), fill=70)
    pen.rectangle(at(0, 68, 100, 100), fill=150)
    for stripe in range(6):
        top = 74 + 4.6 * stripe
        pen.rectangle(at(0, top, 100, top + 1.2), fill=112)
    pen.rectangle(at(42, 60, 66, 84), fill=205)
    pen.polygon(at(38, 61, 54, 46, 70, 61), fill=40)
    pen.rectangle(at(50, 70, 58, 84), fill=55)
    for left in (44, 60):
        pen.rectangle(at(left, 64, left + 4, 69), fill=85)
    return np.asarray(image.resize((DRAWN_SIDE, DRAWN_SIDE), Image.Resampling.BOX), np.uint8)
