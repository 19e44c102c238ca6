"""One hypothesis a row, a piece at a time, until it ends: the loop that greedy search and sampling share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from enum import IntEnum
from typing import Any

import numpy as np
from torch import Tensor

from congling.decoding.candidates import NEVER
from congling.decoding.hypotheses import Floats, Hypothesis, Running, Whole
from congling.decoding.steps import Steps, select_rows, take_step

Choose = Callable[[Tensor, Running], tuple[Whole, Floats]]
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
        max_lengths: (N,) int64, the greatest number of pieces, the end included.
        record_alternatives: how many of each position's best pieces to keep in the hypothesis.
        hear: for whoever shows the pieces while they come.
    """
    device, limits = max_lengths.device, max_lengths.tolist()
    running = Running.begin(max_lengths.cpu().numpy())
    found: dict[int, Hypothesis] = {}
    alternatives: list[list[list[tuple[int, float]]]] = [[] for _ in range(len(running))]
    while len(running):
        log_probabilities, state = take_step(steps, state, running.last(pad_id, device), running.length)
        if record_alternatives:
            _record(alternatives, running, log_probabilities, record_alternatives)
        pieces, values = choose(log_probabilities, running)
        grown = running.followed_by(pieces, values)
        fates = _fates(running, pieces, values, end_id, limits)
        if hear is not None:
            for owner, piece, fate in zip(running.owner.tolist(), pieces.tolist(), fates, strict=True):
                if fate != Fate.IMPOSSIBLE:
                    hear(owner, piece)
        if any(fates):  # mostly not: then nothing is copied
            _collect(found, running, grown, fates)
            stays = _rows(fates, Fate.GOES_ON)
            state = select_rows(steps, state, stays, len(running), device) if len(stays) else None
            grown = grown.select(stays)
        running = grown
    return [replace(found[row], alternatives=alternatives[row]) for row in range(len(found))]


class Fate(IntEnum):
    """What becomes of a row."""

    GOES_ON = 0
    ENDED = 1
    FULL = 2
    IMPOSSIBLE = 3  # it has no next piece


def _fates(running: Running, pieces: Whole, values: Floats, end_id: int, limits: Sequence[int]) -> list[Fate]:
    """One for each row; in plain numbers, which for a few rows take less time than a single operation on tensors."""
    fates, length = [], running.length + 1
    for owner, piece, value in zip(running.owner.tolist(), pieces.tolist(), values.tolist(), strict=True):
        if not value > NEVER:
            fates.append(Fate.IMPOSSIBLE)
        elif piece == end_id:
            fates.append(Fate.ENDED)
        else:
            fates.append(Fate.FULL if limits[owner] <= length else Fate.GOES_ON)
    return fates


def _collect(found: dict[int, Hypothesis], running: Running, grown: Running, fates: Sequence[Fate]) -> None:
    """Keep the rows that leave; those that have no next piece stay as they were before."""
    found.update(running.select(_rows(fates, Fate.IMPOSSIBLE)).hypotheses(finished=False))
    found.update(grown.select(_rows(fates, Fate.ENDED)).hypotheses(finished=True))
    found.update(grown.select(_rows(fates, Fate.FULL)).hypotheses(finished=False))


def _rows(fates: Sequence[Fate], wanted: Fate) -> Whole:
    """Where the rows with one fate stand."""
    return np.array([row for row, fate in enumerate(fates) if fate == wanted], np.int64)


def _record(
    alternatives: list[list[list[tuple[int, float]]]], running: Running, log_probabilities: Tensor, count: int
) -> None:
    values, pieces = log_probabilities.topk(min(count, log_probabilities.shape[1]), dim=1)  # (N, count)
    for owner, ids, each in zip(running.owner.tolist(), pieces.tolist(), values.tolist(), strict=True):
        alternatives[owner].append(list(zip(ids, each, strict=True)))
