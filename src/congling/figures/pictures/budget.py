"""How much of a network a page can hold: which channels of each layer, and which of them at every step."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from congling.figures.pictures.view import Array, SeenConvolution

BYTES_NOW = 1_900_000  # of the weights that were kept; base64 makes four of three
BYTES_BEFORE = 800_000  # of all steps before
INPUT_NUMBERS = 400_000  # of all layers' inputs, which the arithmetic needs
MOST_STEPS = 14  # before the weights that were kept
FEWEST = 4  # channels of a layer, whatever they cost
CHOICES = (1024, 512, 256, 128, 96, 64, 48, 32, 24, 16, 12, 8, 6, FEWEST)


@dataclass(frozen=True)
class Kept:
    """What of a convolution goes into the page.

    Attributes:
        channels: numbers of its output channels, the most active first.
        moving: how many of these, from the first on, are there at every step.
        exact: whether its input is there, to calculate with.
    """

    channels: list[int]
    moving: int
    exact: bool


def kept_of(convolutions: Sequence[SeenConvolution], steps: int) -> list[Kept]:
    """For each convolution what is kept, with so many steps before the last."""
    most = _most(convolutions, _bytes_now, BYTES_NOW)
    moving = _most(convolutions, _bytes_before, BYTES_BEFORE // max(1, steps), CHOICES[CHOICES.index(16) :])
    kept, numbers = [], 0
    for layer in convolutions:
        numbers += layer.inputs.size
        channels = most_active(layer)[:most]
        kept.append(Kept(channels, min(moving, len(channels)), numbers <= INPUT_NUMBERS))
    return kept


def most_active(layer: SeenConvolution) -> list[int]:
    """The channels of a layer, those whose answer differs most from place to place first."""
    strength = np.nan_to_num(layer.activated.astype(np.float64).std(axis=(1, 2)))
    return [int(channel) for channel in np.argsort(-strength, kind="stable")]


def some_steps(steps: Sequence[int]) -> list[int]:
    """At most ``MOST_STEPS`` of them, spread evenly, the first and the last among them."""
    if len(steps) <= MOST_STEPS:
        return list(steps)
    return [steps[round(place)] for place in np.linspace(0, len(steps) - 1, MOST_STEPS)]


def _most(
    convolutions: Sequence[SeenConvolution],
    cost: Callable[[SeenConvolution], int],
    room: int,
    choices: Iterable[int] = CHOICES,
) -> int:
    """The largest number of channels a layer that there is room for."""
    for most in choices:
        if sum(min(most, len(layer.sums)) * cost(layer) for layer in convolutions) <= room:
            return most
    return FEWEST


def _bytes_now(layer: SeenConvolution) -> int:
    """Of one channel: kernel and sums exactly, the rest to look at."""
    return 4 * (math.prod(layer.kernels.shape[1:]) + _area(layer.sums)) + _looked_at(layer)


def _bytes_before(layer: SeenConvolution) -> int:
    """Of one channel at one step, all to look at."""
    drawn = min(3, int(layer.kernels.shape[1]))  # kernels over more channels are drawn as their mean
    return drawn * _area(layer.kernels) + _area(layer.sums) + _looked_at(layer)


def _looked_at(layer: SeenConvolution) -> int:
    return _area(layer.activated) + (0 if layer.pooled is None else _area(layer.pooled))


def _area(maps: Array) -> int:
    rows, columns = maps.shape[-2:]
    return int(rows) * int(columns)
