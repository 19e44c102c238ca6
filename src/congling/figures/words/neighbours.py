"""Which words are nearest to which, by the cosine in the full space: what a map in the plane can only hint at."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
ROWS = 512  # words at a time, so that V × V similarities are never there at once


def unit(vectors: Array) -> Array:
    """Each vector (V, D) made length 1; a vector of zeros stays one."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1), np.float32)


def nearest_words(vectors: Array, count: int) -> tuple[NDArray[np.int64], Array]:
    """For each word the other words with the largest cosines, the nearest first.

    Args:
        vectors: (V, D).
        count: how many; fewer where there are fewer other words.

    Returns:
        Their places (V, count) and their cosines (V, count).
    """
    units = unit(vectors)
    count = min(count, len(units) - 1)
    places = np.empty((len(units), count), np.int64)
    cosines = np.empty((len(units), count), np.float32)
    for first in range(0, len(units), ROWS):
        rows = np.arange(first, min(first + ROWS, len(units)))
        similar = units[rows] @ units.T  # (rows, V)
        similar[np.arange(len(rows)), rows] = -np.inf  # a word is no neighbour of its own
        places[rows], cosines[rows] = _largest(similar, count)
    return places, cosines


def _largest(similar: Array, count: int) -> tuple[NDArray[np.int64], Array]:
    if count == 0:
        return np.empty((len(similar), 0), np.int64), np.empty((len(similar), 0), np.float32)
    some = np.argpartition(-similar, count - 1, axis=1)[:, :count]
    order = np.argsort(-np.take_along_axis(similar, some, axis=1), axis=1, kind="stable")
    places = np.take_along_axis(some, order, axis=1)
    return places, np.take_along_axis(similar, places, axis=1)
