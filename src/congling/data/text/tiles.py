"""Sequence packing: several sentence pairs share one row of a batch, so that every batch has one of a few shapes.

A *tile* is a row of a batch, so many source and so many target positions wide, into which whole sentence pairs are put
one after the other. Rows of ever new shapes cost more than the little padding at the ends of tiles: a library for
matrix products compiles a kernel for each new shape, and a vector unit works badly on rows of eleven numbers. And a
batch holds sentences of all lengths, not of one.

One tile after the other is filled by norm-based greedy (Panigrahy et al. 2011, "Heuristics for Vector Bin Packing"):
of the pairs that still fit, the one that leaves the least room, on both sides together, comes next. So the longest
pairs come first, pairs whose sides are unlike meet those that are unlike the other way, and short ones fill the gaps.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Lengths = NDArray[np.integer]

SENTENCES_A_TILE = 4  # on average at least: with fewer, tiles cannot be filled well
NARROWEST, WIDEST, STEP = 64, 512, 2
NO_ROOM = np.iinfo(np.int64).max


@dataclass(frozen=True)
class TileSize:
    """How many positions a tile has on each side, ends of sentences included."""

    source: int
    target: int

    def times(self, factor: int) -> TileSize:
        """A tile that is so many times as wide."""
        return TileSize(self.source * factor, self.target * factor)

    def tiles_in(self, batch_tokens: int) -> int:
        """How many of them make a batch: as many as keep the wider side to the budget, and one at least."""
        return max(1, batch_tokens // max(self.source, self.target))


def tile_size(source_lengths: Lengths, target_lengths: Lengths) -> TileSize:
    """A tile for sentences like these (N): the longer side a power of two, the other in proportion to it."""
    source, target = float(source_lengths.mean()) + 1, float(target_lengths.mean()) + 1
    wide = NARROWEST
    while wide < min(WIDEST, SENTENCES_A_TILE * max(source, target)):
        wide *= 2
    narrow = min(wide, STEP * round(wide * min(source, target) / max(source, target) / STEP + 0.25))
    return TileSize(narrow, wide) if source < target else TileSize(wide, narrow)


def pack(
    source_lengths: Lengths, target_lengths: Lengths, size: TileSize, batch_tokens: int, generator: np.random.Generator
) -> list[tuple[TileSize, list[list[int]]]]:
    """Sentence pairs into tiles, and tiles into batches: for each batch the size of its tiles, and the rows in each.

    Every row stands in exactly one tile. A pair that does not fit into a tile gets one that is two, four … times as
    wide; the other tiles of its batch are as wide, and shorter sentences fill them.

    Args:
        source_lengths, target_lengths: (N,) with the ends.
        size: of an ordinary tile.
        batch_tokens: the budget of ``TileSize.tiles_in``.
        generator: decides which tiles meet in a batch, and the order of the batches.
    """
    unpacked, by_size = _Unpacked(source_lengths, target_lengths), defaultdict[TileSize, list[list[int]]](list)
    while unpacked.rows:
        wide = unpacked.size_for_all(size)
        for _tile in range(wide.tiles_in(batch_tokens)):
            if unpacked.rows:
                by_size[wide].append(unpacked.fill(wide))
    batches = [
        (wide, batch)
        for wide, tiles in by_size.items()
        for batch in _cut(tiles, wide.tiles_in(batch_tokens), generator)
    ]
    return [batches[number] for number in generator.permutation(len(batches))]


class _Unpacked:
    """The pairs that are in no tile yet, K kinds of them: pairs of equal lengths are one kind.

    Attributes:
        source, target: (K) the lengths of each kind.
        rows: for each kind its rows.
    """

    def __init__(self, source_lengths: Lengths, target_lengths: Lengths) -> None:
        lengths = np.stack([source_lengths, target_lengths]).astype(np.int64)
        (self.source, self.target), kinds, counts = np.unique(lengths, axis=1, return_inverse=True, return_counts=True)
        in_order = np.argsort(kinds.ravel(), kind="stable")  # NumPy 2.0 gives (1, N)
        self.rows: list[list[int]] = [rows.tolist() for rows in np.split(in_order, counts.cumsum()[:-1])]

    def size_for_all(self, size: TileSize) -> TileSize:
        """Two, four … times a tile's ``size``, if some pair needs that."""
        while self.source.max() > size.source or self.target.max() > size.target:
            size = size.times(2)
        return size

    def fill(self, size: TileSize) -> list[int]:
        """Take as many pairs as one tile holds."""
        tile: list[int] = []
        source_room, target_room = size.source, size.target
        while self.rows:
            source_left, target_left = source_room - self.source, target_room - self.target
            norms = (source_left * size.target) ** 2 + (target_left * size.source) ** 2  # as parts of the whole
            norms[(source_left < 0) | (target_left < 0)] = NO_ROOM
            kind = int(norms.argmin())
            if norms[kind] == NO_ROOM:
                break
            source_room, target_room = int(source_left[kind]), int(target_left[kind])
            tile.append(self._take(kind))
        return tile

    def _take(self, kind: int) -> int:
        row = self.rows[kind].pop()
        if not self.rows[kind]:
            del self.rows[kind]
            self.source, self.target = np.delete(self.source, kind), np.delete(self.target, kind)
        return row


def _cut(tiles: list[list[int]], tiles_in_batch: int, generator: np.random.Generator) -> Iterator[list[list[int]]]:
    order = generator.permutation(len(tiles))
    for start in range(0, len(order), tiles_in_batch):
        yield [tiles[number] for number in order[start : start + tiles_in_batch]]
