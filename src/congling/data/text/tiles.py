"""Sequence packing: several sentence pairs share one row of a batch, so that every batch has one of a few shapes.

A *tile* is a row of a batch, so many source and so many target positions wide, into which whole sentence pairs are put
one after the other. Rows of ever new shapes cost more than the little padding at the ends of tiles: a library for
matrix products compiles a kernel for each new shape, and a vector unit works badly on rows of eleven numbers. And a
batch holds sentences of all lengths, not of one.

The tiles are filled first-fit decreasing (Johnson et al. 1974), here with two sizes that must both fit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Lengths = NDArray[np.integer]

SENTENCES_A_TILE = 4  # on average at least: with fewer, tiles cannot be filled well
NARROWEST, WIDEST, STEP = 64, 512, 8


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
    filler = _Filler(source_lengths, target_lengths, size)
    for factor, rows in _widest_first(source_lengths, target_lengths, size):
        for row in rows:
            filler.put(int(row), factor)
        if factor > 1:
            filler.complete(factor, size.times(factor).tiles_in(batch_tokens))
    batches = [
        (size.times(factor), batch)
        for factor, tiles in filler.by_factor().items()
        for batch in _cut(tiles, size.times(factor).tiles_in(batch_tokens), generator)
    ]
    return [batches[number] for number in generator.permutation(len(batches))]


def _widest_first(source: Lengths, target: Lengths, size: TileSize) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """How many times wider a tile must be, and the rows that need it, the longest first; down to 1."""
    share = np.maximum(source / size.source, target / size.target)
    factors = 2 ** np.ceil(np.log2(np.maximum(share, 1))).astype(np.int64)
    for factor in (*np.unique(factors[factors > 1])[::-1], 1):
        rows = np.flatnonzero(factors == factor)
        yield int(factor), rows[np.argsort(-share[rows], kind="stable")]


class _Filler:
    """Tiles that are being filled: what is in each, and how much room it has left on both sides."""

    def __init__(self, source_lengths: Lengths, target_lengths: Lengths, size: TileSize) -> None:
        self.source_lengths, self.target_lengths, self.size = source_lengths, target_lengths, size
        self.tiles: list[list[int]] = []
        self.factors: list[int] = []
        self.room = np.zeros((2, max(64, len(source_lengths))), np.int64)

    def put(self, row: int, factor: int) -> None:
        """Into the first tile with room for it; where there is none, into a new one."""
        source, target = self.source_lengths[row], self.target_lengths[row]
        opened = len(self.tiles)
        fits = (self.room[0, :opened] >= source) & (self.room[1, :opened] >= target)
        place = int(fits.argmax()) if opened else 0
        if not opened or not fits[place]:
            place = self._open(factor)
        self.tiles[place].append(row)
        self.room[0, place] -= source
        self.room[1, place] -= target

    def complete(self, factor: int, tiles_in_batch: int) -> None:
        """Open empty tiles, until those of this width make whole batches: shorter sentences will fill them."""
        while self.factors.count(factor) % tiles_in_batch:
            self._open(factor)

    def _open(self, factor: int) -> int:
        place = len(self.tiles)
        if place == self.room.shape[1]:
            self.room = np.concatenate([self.room, np.zeros_like(self.room)], axis=1)
        self.tiles.append([])
        self.factors.append(factor)
        self.room[:, place] = self.size.source * factor, self.size.target * factor
        return place

    def by_factor(self) -> dict[int, list[list[int]]]:
        """The tiles that hold something, by their width."""
        found: dict[int, list[list[int]]] = {}
        for factor, tile in zip(self.factors, self.tiles, strict=True):
            if tile:
                found.setdefault(factor, []).append(tile)
        return found


def _cut(tiles: list[list[int]], tiles_in_batch: int, generator: np.random.Generator) -> Iterator[list[list[int]]]:
    order = generator.permutation(len(tiles))
    for start in range(0, len(order), tiles_in_batch):
        yield [tiles[number] for number in order[start : start + tiles_in_batch]]
