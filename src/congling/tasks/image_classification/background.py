"""Light on dark or dark on light: what the pictures of a set have as their ground, and how another one gets the same.

A handwritten digit is white on black in the data sets, and black on white on everybody's desk.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from congling.data.pictures.pictures import Pixels

Ground = Literal["dark", "light"]

DARK, LIGHT = 0.25, 0.75  # of white, on the mean over a picture's edge
NEARLY_ALL = 0.95
LOOKED_AT = 512
OTHER_SIDE = 0.5  # where a ground begins to be the other one: paper on a photograph is not white


def edge_means(pixels: Pixels) -> NDArray[np.float64]:
    """How light each of (N, C, Y, X) pictures is along its edge, 0 to 1: (N,)."""
    edge = np.concatenate([pixels[:, :, 0], pixels[:, :, -1], pixels[:, :, :, 0], pixels[:, :, :, -1]], axis=2)
    means: NDArray[np.float64] = edge.mean(axis=(1, 2)) / 255
    return means


def ground_of(pixels: Pixels) -> Ground | None:
    """What nearly all of these pictures have around them; None where they differ, as photographs do."""
    if not len(pixels):
        return None
    means = edge_means(pixels)
    if float((means < DARK).mean()) >= NEARLY_ALL:
        return "dark"
    return "light" if float((means > LIGHT).mean()) >= NEARLY_ALL else None


def has_other_ground(picture: Pixels, ground: Ground | None) -> bool:
    """Whether a picture (C, Y, X) has the opposite of such a ground."""
    mean = float(edge_means(picture[None])[0])
    return (ground == "dark" and mean > OTHER_SIDE) or (ground == "light" and mean < OTHER_SIDE)


def inverted(picture: Pixels) -> Pixels:
    """The picture (C, Y, X) with light and dark exchanged: its ground becomes black or white, its opposite the other.

    What is as light as the edge goes to the very end, so that grey paper becomes as black as the pictures' ground is,
    and the rest is stretched until the farthest pixel is at the other end.
    """
    ground = float(edge_means(picture[None])[0]) * 255
    away = (ground - picture.astype(np.float64)) * (
        1 if ground > 127.5 else -1
    )  # how far from the ground, to the other end
    farthest = away.max()
    share = np.clip(away / farthest, 0, 1) if farthest > 0 else np.zeros_like(away)
    return np.round(255 * (share if ground > 127.5 else 1 - share)).astype(np.uint8)
