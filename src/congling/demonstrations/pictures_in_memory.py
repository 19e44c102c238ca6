"""A picture set that was never on the disk, for trainings that leave nothing behind.

N pictures · C channels · Y, X height and width
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from congling.data.pictures.pictures import PictureShape, Pixels
from congling.data.pictures.sets import PictureSet
from congling.data.text.splits import TRAIN


def in_memory(
    pixels: Pixels, targets: NDArray[np.int64], part_of: NDArray[np.uint8], classes: Sequence[str]
) -> PictureSet:
    """Pictures (N, C, Y, X) with their classes' numbers (N,) and parts (N,) as a set."""
    channels, side = pixels.shape[1:3]
    learned = pixels[part_of == TRAIN] / 255
    return PictureSet(
        shape=PictureShape(channels, side),
        classes=list(classes),
        names=[str(number) for number in range(1, len(pixels) + 1)],
        targets=targets,
        part_of=part_of,
        pixels=pixels,
        mean=learned.mean(axis=(0, 2, 3)),
        deviation=learned.std(axis=(0, 2, 3)),
        skipped=[],
        repeated=0,
    )
