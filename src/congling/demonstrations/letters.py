"""Small pictures of letters, drawn by this file: always there, so that augmentation can be shown without fetching.

N pictures · Y, X height and width, 12 each. Each picture is a letter of 7 × 5 points, turned and shifted at random,
with some noise. They are made for the purpose, and easier than real pictures.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from congling.data.pictures.augmentation import Augmentation, augment
from congling.tasks.function_fitting.data import FunctionData, Part, Scale

EVERY_LETTER = {
    "F": "##### #.... #.... ####. #.... #.... #....",
    "G": ".###. #...# #.... #.### #...# #...# .###.",
    "J": "..### ...#. ...#. ...#. ...#. #..#. .##..",
    "L": "#.... #.... #.... #.... #.... #.... #####",
    "P": "####. #...# #...# ####. #.... #.... #....",
    "R": "####. #...# #...# ####. #.#.. #..#. #...#",
}
SIDE = 12
IN_THE_WORLD = Augmentation(rotate=20, shift=0.12, noise=0.1)  # how the letters come, in every part
PARTS = (5, 40, 100)  # pictures of a letter for training, validation and test


def letters(seed: int) -> FunctionData:
    """Pictures (N, 144) of all letters, as many of each, in training, validation and test parts."""
    train, valid, test = (_part(count, seed, number) for number, count in enumerate(PARTS))
    names = [f"pixel-{row}-{column}" for row in range(SIDE) for column in range(SIDE)]
    return FunctionData(
        train, valid, test, names, "letter", list(EVERY_LETTER), [], Scale.none(len(names)), Scale.none(0)
    )


def with_copies(data: FunctionData, how: Augmentation, count: int, seed: int) -> FunctionData:
    """The same, and for training so many copies of each picture, each changed in another way."""
    pictures = torch.from_numpy(data.train.inputs).view(-1, 1, SIDE, SIDE)
    rows = np.arange(len(pictures))
    copies = [augment(pictures, how, seed=seed, epoch=epoch, rows=rows) for epoch in range(count)]
    targets = np.tile(data.train.targets, count + 1)
    return replace(data, train=Part(_as_inputs(torch.cat([pictures, *copies])), targets))


def _part(each: int, seed: int, number: int) -> Part:
    plain = torch.stack([_drawn(rows) for rows in EVERY_LETTER.values()]).repeat(each, 1, 1, 1)  # (N, 1, Y, X)
    pictures = augment(plain, IN_THE_WORLD, seed=seed, epoch=number, rows=np.arange(len(plain)))
    return Part(_as_inputs(pictures), np.tile(np.arange(len(EVERY_LETTER), dtype=np.int64), each))


def _as_inputs(pictures: Tensor) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """(N, 1, Y, X) to (N, Y·X)."""
    return pictures.flatten(1).double().numpy()


def _drawn(rows: str) -> Tensor:
    """Seven rows of five points in the middle of a picture (1, Y, X)."""
    picture = torch.zeros(1, SIDE, SIDE, dtype=torch.float64)
    picture[0, 2:9, 3:8] = torch.tensor([[float(point == "#") for point in row] for row in rows.split()])
    return picture
