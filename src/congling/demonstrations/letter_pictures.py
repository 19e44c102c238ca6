"""Larger pictures of letters, drawn by this file, for networks that see: nothing has to be fetched.

N pictures · Y, X height and width, 30 each, as in the story of the full connection. Each picture is a letter of 14 × 10
pixels, turned a little, with some noise. It stands in the middle, so that it can be moved by seven pixels and is still
whole, or somewhere near it.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from congling.data.pictures.augmentation import Augmentation, augment
from congling.data.pictures.sets import PARTS, PictureSet
from congling.demonstrations.letters import EVERY_LETTER
from congling.demonstrations.pictures_in_memory import in_memory

SIDE = 30
POINT = 2  # pixels that a point of a letter is wide and high
IN_THE_MIDDLE = Augmentation(rotate=15, noise=0.15)
ANYWHERE = Augmentation(rotate=20, shift=0.12, noise=0.15)
VALID, TEST = 5, 20  # pictures of each letter


def letter_pictures(each: int, anywhere: bool, seed: int) -> PictureSet:
    """So many pictures of each letter to learn from, and others to validate and to test with."""
    counts = {"train": each, "valid": VALID, "test": TEST}
    targets = np.tile(np.arange(len(EVERY_LETTER)), sum(counts.values()))
    part_of = np.repeat([PARTS[part] for part in counts], [len(EVERY_LETTER) * count for count in counts.values()])
    plain = torch.stack([_drawn(rows) for rows in EVERY_LETTER.values()])[torch.from_numpy(targets)]  # (N, 1, Y, X)
    how, rows = ANYWHERE if anywhere else IN_THE_MIDDLE, _rows(counts)
    pictures = augment(plain, how, seed=seed, epoch=0, rows=rows)
    pixels = (255 * pictures).round().to(torch.uint8).numpy()
    return in_memory(pixels, targets.astype(np.int64), part_of.astype(np.uint8), list(EVERY_LETTER))


def _rows(counts: dict[str, int]) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """What decides the chance of each picture: the unseen ones stay the same, however many are learned from."""
    most = 1_000_000
    parts = (most * number + np.arange(len(EVERY_LETTER) * count) for number, count in enumerate(counts.values()))
    return np.concatenate(list(parts))


def _drawn(rows: str) -> Tensor:
    """Seven rows of five points in the middle of a picture (1, Y, X)."""
    points = torch.tensor([[float(point == "#") for point in row] for row in rows.split()])
    letter = points.repeat_interleave(POINT, dim=0).repeat_interleave(POINT, dim=1)
    height, width = letter.shape
    top, left = (SIDE - height) // 2, (SIDE - width) // 2
    picture = torch.zeros(1, SIDE, SIDE)
    picture[0, top : top + height, left : left + width] = letter
    return picture
