"""Larger pictures of letters, drawn by this file, for networks that see: nothing has to be fetched.

N pictures · Y, X height and width, 30 each as in the story of the full connection. Each picture is a letter of
14 × 10 points, a little turned, with some noise, in the middle unless it is said otherwise; so it can be moved by eight
pixels, and is still whole.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from congling.data.augmentation import Augmentation, augment
from congling.data.picture_sets import PARTS, PictureSet
from congling.data.pictures import PictureShape
from congling.demonstrations.letters import EVERY_LETTER

SIDE = 30
POINT = 2  # pixels of a letter's point
IN_THE_MIDDLE = Augmentation(rotate=15, noise=0.15)
ANYWHERE = Augmentation(rotate=20, shift=0.12, noise=0.15)


def letter_pictures(seed: int, how: Augmentation, train: int, valid: int = 10, test: int = 60) -> PictureSet:
    """A set in memory with so many pictures of each letter in each part; ``how`` is what the world does to them."""
    counts = dict(train=train, valid=valid, test=test)
    targets = np.concatenate([np.tile(np.arange(len(EVERY_LETTER)), count) for count in counts.values()])
    part_of = np.repeat([PARTS[part] for part in counts], [len(EVERY_LETTER) * count for count in counts.values()])
    plain = torch.stack([_drawn(rows) for rows in EVERY_LETTER.values()])[torch.from_numpy(targets)]  # (N, 1, Y, X)
    drawn = augment(plain, how, seed=seed, epoch=0, rows=np.arange(len(plain)))
    learned = drawn[torch.from_numpy(part_of == PARTS["train"])]
    return PictureSet(
        shape=PictureShape(1, SIDE),
        classes=list(EVERY_LETTER),
        names=[str(number) for number in range(len(plain))],
        targets=targets.astype(np.int64),
        part_of=part_of.astype(np.uint8),
        pixels=(255 * drawn).round().to(torch.uint8).numpy(),
        mean=np.array([float(learned.mean())]),
        deviation=np.array([float(learned.std())]),
        skipped=[],
        repeated=0,
    )


def _drawn(rows: str) -> Tensor:
    """Seven rows of five points, each so many pixels, in the middle of a picture (1, Y, X)."""
    points = torch.tensor([[float(point == "#") for point in row] for row in rows.split()])
    letter = points.repeat_interleave(POINT, 0).repeat_interleave(POINT, 1)
    (height, width), picture = letter.shape, torch.zeros(1, SIDE, SIDE)
    top, left = (SIDE - height) // 2, (SIDE - width) // 2
    picture[0, top : top + height, left : left + width] = letter
    return picture
