"""Batches of pictures for training, each picture a little changed each time that it comes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from congling.data.examples import ExampleBatch, ExampleBatches
from congling.data.pictures.augmentation import Augmentation, augment
from congling.data.pictures.sets import PictureSet, Rows


class PictureBatches:
    """The endless stream of training batches, which goes on from any state that it was in.

    Args:
        pictures: the set.
        rows: which of its pictures; those of the training part as a rule.
        batch_size: B; None for all pictures at each step.
        seed: with the epoch's number, decides the order, and how each picture is changed.
        augmentation: how strongly.
    """

    def __init__(
        self,
        pictures: PictureSet,
        rows: Rows,
        batch_size: int | None,
        seed: int,
        augmentation: Augmentation | None = None,
    ) -> None:
        self.pictures, self.seed, self.augmentation = pictures, seed, augmentation or Augmentation()
        self._order = ExampleBatches(torch.from_numpy(rows), torch.from_numpy(pictures.targets[rows]), batch_size, seed)

    def __len__(self) -> int:
        """Pictures in an epoch."""
        return len(self._order)

    @property
    def epoch(self) -> int:
        """Number of whole epochs that were given."""
        return self._order.epoch

    @property
    def epoch_fraction(self) -> float:
        """How much of the current epoch was given, from 0 to (not including) 1."""
        return self._order.epoch_fraction

    def __iter__(self) -> Iterator[ExampleBatch]:
        return self

    def __next__(self) -> ExampleBatch:
        epoch = self._order.epoch  # of this batch: afterwards it may be the next one's
        chosen = next(self._order)
        rows = chosen.inputs.numpy()
        pictures = augment(self.pictures.pictures(rows), self.augmentation, seed=self.seed, epoch=epoch, rows=rows)
        return ExampleBatch(self.pictures.standardised(pictures), chosen.targets)

    def state(self) -> dict[str, int]:
        """Where the stream is, in plain numbers."""
        return self._order.state()

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a state: the next batches are those of the stream that gave it.

        Raises:
            UserError: when the stream of the state had another number of pictures, batch size or seed.
        """
        self._order.restore(state)
