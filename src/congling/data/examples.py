"""Batches of examples that all have the same shape: rows of numbers, or pictures, each with what is wanted of it.

N examples of the set · B examples of a batch
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from congling.data.going_on import require_same_origin
from congling.errors import UserError
from congling.language import _


@dataclass(frozen=True)
class ExampleBatch:
    """Some examples, row by row: ``inputs`` (B, …) and ``targets``, (B, O) numbers or (B,) class numbers."""

    inputs: Tensor
    targets: Tensor

    def __len__(self) -> int:
        return len(self.inputs)

    def to(self, device: torch.device) -> ExampleBatch:
        """The same examples on a device."""
        if self.inputs.device == device:
            return self
        return ExampleBatch(self.inputs.to(device), self.targets.to(device))


class ExampleBatches:
    """The endless stream of training batches, epoch after epoch, which goes on from any state that it was in.

    In each epoch every example comes once, in an order drawn anew; the last batch may be smaller. A batch of the whole
    set keeps the set's order: nothing in a sum over it would change.

    Args:
        inputs, targets: the examples, one a row.
        batch_size: B; None, or N and more, for the whole set at each step.
        seed: with the epoch's number, decides the order.

    Attributes:
        epoch: number of whole epochs that were given.
    """

    def __init__(self, inputs: Tensor, targets: Tensor, batch_size: int | None, seed: int) -> None:
        if not len(inputs):
            raise UserError(_("there are no examples to train on"))
        if len(inputs) != len(targets):
            raise ValueError(f"{len(inputs)} inputs cannot belong to {len(targets)} targets")
        self._whole = ExampleBatch(inputs, targets)
        self.batch_size, self.seed = min(batch_size or len(inputs), len(inputs)), seed
        self._start_epoch(0)

    def __len__(self) -> int:
        """Examples in an epoch."""
        return len(self._whole)

    @property
    def epoch_fraction(self) -> float:
        """How much of the current epoch was given, from 0 to (not including) 1."""
        return float(self._position / len(self))

    def __iter__(self) -> Iterator[ExampleBatch]:
        return self

    def __next__(self) -> ExampleBatch:
        if self.batch_size == len(self):
            self.epoch += 1
            return self._whole
        rows = self._order[self._position : self._position + self.batch_size]
        self._position += len(rows)
        if self._position == len(self):
            self._start_epoch(self.epoch + 1)
        whole = self._whole
        return ExampleBatch(whole.inputs.index_select(0, rows), whole.targets.index_select(0, rows))

    def state(self) -> dict[str, int]:
        """Where the stream is, in plain numbers: the examples given of this epoch, and what the order hangs on."""
        return {"epoch": self.epoch, "position": self._position, **self._origin()}

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a state: the next batches are those of the stream that gave it.

        Raises:
            UserError: when the stream of the state had another number of examples, batch size or seed.
        """
        require_same_origin(state, self._origin())
        self._start_epoch(state["epoch"])
        self._position = state["position"]

    def _origin(self) -> dict[str, int]:
        return {"examples": len(self), "batch_size": self.batch_size, "seed": self.seed}

    def _start_epoch(self, epoch: int) -> None:
        self.epoch, self._position = epoch, 0
        if self.batch_size < len(self):
            order = np.random.default_rng([self.seed, epoch]).permutation(len(self))
            self._order = torch.from_numpy(order).to(self._whole.inputs.device)
