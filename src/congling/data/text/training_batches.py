"""Endless streams of training batches, in an order that seed and epoch alone decide."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from congling.data.going_on import require_same_origin
from congling.data.text.pair_batches import Batch, IdRows, Rows, collate, plan_epoch
from congling.errors import UserError
from congling.language import _

if TYPE_CHECKING:
    from congling.data.text.token_store import TokenStore
    from congling.data.text.tokenizers import Tokenizer


@dataclass(frozen=True)
class SubwordSampling:
    """Segment the sentences anew in every epoch (see ``Tokenizer.encode_sampled`` for the strength)."""

    source_tokenizer: Tokenizer
    target_tokenizer: Tokenizer
    strength: float


class PairBatches(ABC):
    """What the endless streams of training batches share: they go on from any state that they were in.

    Args:
        store: the pairs; with their text if there is sampling.
        batch_tokens: the budget of a batch.
        seed: with the epoch's number, decides everything that is random here.
        source_pad, target_pad: ids of the pads.
        sampling: draw the segmentation anew in each epoch.

    Attributes:
        epoch: number of whole epochs that were given.
    """

    epoch: int

    def __init__(
        self,
        store: TokenStore,
        *,
        batch_tokens: int,
        seed: int,
        source_pad: int,
        target_pad: int,
        sampling: SubwordSampling | None = None,
    ) -> None:
        if not len(store):
            raise UserError(_("there are no sentence pairs to train on"))
        if sampling is not None and not store.has_text:
            raise ValueError("subword sampling needs a token store that was written with keep_text")
        self.store, self.batch_tokens, self.seed, self.sampling = store, batch_tokens, seed, sampling
        self.source_pad, self.target_pad = source_pad, target_pad
        self._start_epoch(0)

    @property
    @abstractmethod
    def epoch_fraction(self) -> float:
        """How much of the current epoch was given, from 0 to (not including) 1."""

    def __iter__(self) -> Iterator[Batch]:
        return self

    @abstractmethod
    def __next__(self) -> Batch: ...

    def state(self) -> dict[str, int]:
        """Where the stream is, in plain numbers: the next batch, and what the plan was made from."""
        return {"epoch": self.epoch, **self._place(), **self._origin()}

    def restore(self, state: dict[str, int]) -> None:
        """Goes on from a state: the next batches are those of the stream that gave it.

        Raises:
            UserError: when the stream of the state had other data, another budget or another seed.
        """
        require_same_origin(state, self._origin())
        self._start_epoch(state["epoch"])
        self._go_to(state)

    def _origin(self) -> dict[str, int]:
        return {"pairs": len(self.store), "batch_tokens": self.batch_tokens, "seed": self.seed}

    @abstractmethod
    def _start_epoch(self, epoch: int) -> None: ...

    @abstractmethod
    def _place(self) -> dict[str, int]:
        """Where in the epoch the stream is."""

    @abstractmethod
    def _go_to(self, place: dict[str, int]) -> None:
        """Goes to such a place of the epoch that has begun."""

    def _ids(self, rows: Rows, place: int) -> tuple[IdRows, IdRows]:
        """Both sides of some rows; if they are sampled, by two seeds of this ``place`` of this epoch."""
        if self.sampling is None:
            return self.store.rows(rows)
        sources, targets = self.store.texts(rows)
        drawn = np.random.SeedSequence([self.seed, self.epoch, place]).generate_state(2) >> 1
        return (
            self.sampling.source_tokenizer.encode_sampled(sources, self.sampling.strength, int(drawn[0])),
            self.sampling.target_tokenizer.encode_sampled(targets, self.sampling.strength, int(drawn[1])),
        )


class TrainingBatches(PairBatches):
    """Batches of one sentence pair a row; ``batch_tokens`` is the budget of ``plan_epoch``.

    A sampled segmentation has more pieces and may pass it a little.
    """

    @property
    def epoch_fraction(self) -> float:
        """How much of the current epoch was given, from 0 to (not including) 1."""
        return self._position / len(self._plan)

    @property
    def batches_per_epoch(self) -> int:
        """Batches of the current epoch; another epoch may have a few more or less."""
        return len(self._plan)

    def __next__(self) -> Batch:
        source_ids, target_ids = self._ids(self._plan[self._position], self._position)
        batch = collate(source_ids, target_ids, self.source_pad, self.target_pad)
        self._position += 1
        if self._position == len(self._plan):
            self._start_epoch(self.epoch + 1)
        return batch

    def _place(self) -> dict[str, int]:
        return {"position": self._position}

    def _go_to(self, place: dict[str, int]) -> None:
        self._position = place["position"]

    def _start_epoch(self, epoch: int) -> None:
        self.epoch, self._position = epoch, 0
        self._plan = plan_epoch(
            self.store.source_lengths,
            self.store.target_lengths,
            batch_tokens=self.batch_tokens,
            seed=self.seed,
            epoch=epoch,
        )
