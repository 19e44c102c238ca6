"""One hypothesis a row, a piece at a time, until it ends: the loop that greedy search and sampling share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from congling.decoding.candidates import NEVER
from congling.decoding.hypotheses import Floats, Hypothesis, Whole, hypotheses_of, require_lengths
from congling.decoding.steps import Steps, select_rows, take_step


class Written:
    """What the rows have so far: room for all that they may come to, filled position by position.

    Args:
        max_lengths: (B,) the greatest number of pieces of each row.

    Attributes:
        running: (N,) those of the B rows that go on.
        length: how many pieces each of these has.
    """

    def __init__(self, max_lengths: Whole) -> None:
        require_lengths(max_lengths)
        rows, most = len(max_lengths), int(max_lengths.max(initial=0))
        self.running, self.length = np.arange(rows), 0
        self._pieces, self._values = np.empty((rows, most), np.int64), np.empty((rows, most), np.float64)
        self._max_lengths, self._lengths = max_lengths, np.zeros(rows, np.int64)

    @property
    def pieces(self) -> Whole:
        """(N, length) of those that go on."""
        return self._pieces[self.running, : self.length]

    def last(self, pad_id: int) -> Whole:
        """(N,) the last piece of each; at the very start ``pad_id``, from which the decoder starts."""
        return self._pieces[self.running, self.length - 1] if self.length else np.full_like(self.running, pad_id)

    def write(self, pieces: Whole, values: Floats, end_id: int) -> NDArray[np.bool_]:
        """Each row's next piece and its log-probability, (N,) each. Gives which of the N rows go on, (N,).

        One for which nothing is possible any more (−inf or NaN) stops unfinished with what it has.
        """
        rows, possible = self.running, values > NEVER
        self._pieces[rows, self.length], self._values[rows, self.length] = pieces, values
        self.length += 1
        goes_on: NDArray[np.bool_] = possible & (pieces != end_id) & (self._max_lengths[rows] > self.length)
        if not goes_on.all():
            self._lengths[rows] = self.length - ~possible
            self.running = rows[goes_on]
        return goes_on

    def hypotheses(self, end_id: int, alternatives: Sequence[list[list[tuple[int, float]]]]) -> list[Hypothesis]:
        """Every row, once none goes on."""
        return hypotheses_of(self._pieces, self._values, self._lengths, end_id, alternatives)


Choose = Callable[[Tensor, Written], tuple[Whole, Floats]]
"""From log-probabilities (N, V) and the rows so far to the next pieces (N,) and their log-probabilities (N,)."""
Hear = Callable[[int, int], None]
"""Told of each row and the piece that it goes on with, as soon as it is chosen; the end is a piece too."""


def unroll(
    steps: Steps,
    state: Any,
    choose: Choose,
    *,
    end_id: int,
    pad_id: int,
    max_lengths: Tensor,
    record_alternatives: int = 0,
    hear: Hear | None = None,
) -> list[Hypothesis]:
    """Extend every row by what ``choose`` says until its end or its greatest length; ended rows leave the batch.

    A row for which nothing is possible any more (−inf or NaN) stops unfinished with what it has.

    Args:
        state: of one row for each entry of ``max_lengths``.
        max_lengths: (B,) int64, the greatest number of pieces, the end included.
        record_alternatives: how many of each position's best pieces to keep in the hypothesis.
        hear: for whoever shows the pieces while they come.
    """
    device, written = max_lengths.device, Written(max_lengths.cpu().numpy())
    alternatives: list[list[list[tuple[int, float]]]] = [[] for _ in range(len(max_lengths))]
    while len(written.running):
        last = torch.from_numpy(written.last(pad_id)).to(device)
        log_probabilities, state = take_step(steps, state, last, written.length)
        if record_alternatives:
            _record(alternatives, written.running, log_probabilities, record_alternatives)
        pieces, values = choose(log_probabilities, written)
        if hear is not None:
            for row, piece, value in zip(written.running.tolist(), pieces.tolist(), values.tolist(), strict=True):
                if value > NEVER:
                    hear(row, piece)
        goes_on = written.write(pieces, values, end_id)
        if goes_on.any() and not goes_on.all():
            state = select_rows(steps, state, goes_on.nonzero()[0], len(goes_on), device)
    return written.hypotheses(end_id, alternatives)


def _record(
    alternatives: list[list[list[tuple[int, float]]]], rows: Whole, log_probabilities: Tensor, count: int
) -> None:
    values, pieces = log_probabilities.topk(min(count, log_probabilities.shape[1]), dim=1)  # (N, count)
    for row, ids, each in zip(rows.tolist(), pieces.tolist(), values.tolist(), strict=True):
        alternatives[row].append(list(zip(ids, each, strict=True)))
