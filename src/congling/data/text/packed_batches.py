"""Batches of tiles: several sentence pairs in each row, in an order that seed and epoch alone decide.

B  tiles of a batch            S  source positions of a tile, ends included
N  rows of the corpus          T  target positions of a tile, ends included
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from congling.data.text.pair_batches import Batch, IdRows, Packing
from congling.data.text.tiles import TileSize, pack, tile_size
from congling.data.text.tokenizer_files import END_ID
from congling.data.text.training_batches import PairBatches

BATCHES_AT_ONCE = 32  # so many batches' sentences are packed together: more fill the tiles hardly better


def collate_tiles(
    source_ids: IdRows, target_ids: IdRows, tiles: Sequence[Sequence[int]], size: TileSize, pads: tuple[int, int]
) -> Batch:
    """Puts rows of ids, which have no end yet, into tiles.

    Args:
        source_ids, target_ids: for each row its pieces.
        tiles: the rows in each tile.
        size: of every tile.
        pads: ids of the pads of source and target.
    """
    source = _Side([[source_ids[row] for row in tile] for tile in tiles], size.source, pads[0])
    target = _Side([[target_ids[row] for row in tile] for tile in tiles], size.target, pads[1])
    target_input = np.full_like(target.ids, pads[1])
    target_input[:, 1:] = target.ids[:, :-1]
    target_input[target.positions == 0] = pads[1]  # each sentence starts from a pad
    return Batch(
        source=torch.from_numpy(source.ids),
        target_input=torch.from_numpy(target_input),
        target_output=torch.from_numpy(target.ids),
        source_padding=torch.from_numpy(source.sentences < 0),
        source_tokens=source.tokens,
        target_tokens=target.tokens,
        sentences=sum(map(len, tiles)),
        packing=Packing(
            source_sentences=torch.from_numpy(source.sentences),
            # What pads see is of no use to anybody, but they must see something: the sentence before them.
            target_sentences=torch.from_numpy(np.maximum.accumulate(target.sentences, axis=1)),
            source_positions=torch.from_numpy(source.positions),
            target_positions=torch.from_numpy(target.positions),
        ),
    )


class _Side:
    """One side of a batch of tiles: ids, the number of each position's sentence in its tile, its place in it."""

    def __init__(self, tiles: Sequence[Sequence[list[int] | NDArray[Any]]], width: int, pad: int) -> None:
        sentences = [np.asarray(pieces) for tile in tiles for pieces in tile]
        lengths = np.fromiter(map(len, sentences), np.int64, len(sentences)) + 1  # with their ends
        counts = np.fromiter(map(len, tiles), np.int64, len(tiles))
        begins = np.cumsum(lengths) - lengths  # of each sentence, were there one endless tile
        firsts = np.repeat(np.cumsum(counts) - counts, counts)  # the first sentence of each one's tile
        places = np.arange(lengths.sum()) - np.repeat(begins, lengths)
        cells = np.repeat(np.repeat(np.arange(len(tiles)) * width, counts) + begins - begins[firsts], lengths) + places
        self.ids = np.full((len(tiles), width), pad, np.int64)
        self.ids.flat[cells] = END_ID
        self.ids.flat[cells[places < np.repeat(lengths - 1, lengths)]] = np.concatenate(sentences)
        self.sentences = np.full((len(tiles), width), -1, np.int64)  # −1 at pads
        self.sentences.flat[cells] = np.repeat(np.arange(len(sentences)) - firsts, lengths)
        self.positions = np.zeros((len(tiles), width), np.int64)
        self.positions.flat[cells] = places
        self.tokens = len(cells)


class PackedTrainingBatches(PairBatches):
    """Batches of tiles, filled with the sentences of a window at a time."""

    _batches: list[tuple[TileSize, list[list[int]]]]  # of this window

    @cached_property
    def tile(self) -> TileSize:
        """How wide a tile is."""
        return tile_size(self.store.source_lengths, self.store.target_lengths)

    @cached_property
    def _window_rows(self) -> int:
        longer = max(float(self.store.source_lengths.mean()), float(self.store.target_lengths.mean())) + 1
        return max(1, int(BATCHES_AT_ONCE * self.batch_tokens / longer))

    @property
    def epoch_fraction(self) -> float:
        """How much of the current epoch was given, from 0 to (not including) 1."""
        return (self._window + self._position / len(self._batches)) / self._windows

    @property
    def _windows(self) -> int:
        return -(-len(self.store) // self._window_rows)

    def __next__(self) -> Batch:
        size, tiles = self._batches[self._position]
        pads = self.source_pad, self.target_pad
        batch = collate_tiles(self._source_ids, self._target_ids, tiles, size, pads)
        self._position += 1
        if self._position == len(self._batches):
            if self._window + 1 < self._windows:
                self._start_window(self._window + 1)
            else:
                self._start_epoch(self.epoch + 1)
        return batch

    def _place(self) -> dict[str, int]:
        return {"window": self._window, "position": self._position}

    def _go_to(self, place: dict[str, int]) -> None:
        if "window" in place:  # one of ``TrainingBatches`` has none: its epoch begins anew
            self._start_window(place["window"])
            self._position = min(place["position"], len(self._batches) - 1)  # an earlier version may have had more

    def _start_epoch(self, epoch: int) -> None:
        self.epoch = epoch
        self._order = np.random.default_rng([self.seed, epoch]).permutation(len(self.store))
        self._start_window(0)

    def _start_window(self, window: int) -> None:
        self._window, self._position = window, 0
        rows = self._order[window * self._window_rows : (window + 1) * self._window_rows]
        self._source_ids, self._target_ids = self._ids(rows, window)
        lengths = [
            np.fromiter(map(len, side), np.int64, len(rows)) + 1 for side in (self._source_ids, self._target_ids)
        ]
        generator = np.random.default_rng([self.seed, self.epoch, window])
        self._batches = pack(lengths[0], lengths[1], self.tile, self.batch_tokens, generator)
