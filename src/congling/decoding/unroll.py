"""One hypothesis a row, a piece at a time, until it ends: the loop that greedy search and sampling share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from torch import Tensor

from congling.decoding.candidates import NEVER
from congling.decoding.hypotheses import Hypothesis, Running
from congling.decoding.steps import Steps, take_step

Choose = Callable[[Tensor, Running], tuple[Tensor, Tensor]]
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
    running = Running.begin(max_lengths)
    found: dict[int, Hypothesis] = {}
    alternatives: list[list[list[tuple[int, float]]]] = [[] for _ in range(len(running))]
    while len(running):
        log_probabilities, state = take_step(steps, state, running.last(pad_id), running.length)
        if record_alternatives:
            _record(alternatives, running, log_probabilities, record_alternatives)
        pieces, values = choose(log_probabilities, running)
        possible = values > NEVER
        grown = running.followed_by(pieces, values)
        if hear is not None:
            heard = grown.select(possible)
            for owner, piece in zip(heard.owner.tolist(), heard.pieces[:, -1].tolist(), strict=True):
                hear(owner, piece)
        leaves = _collect(found, running, grown, possible, end_id, max_lengths)
        if leaves.any():  # mostly not: then nothing is copied
            stays = (~leaves).nonzero().squeeze(1)
            state = steps.select(state, stays) if len(stays) else None
            grown = grown.select(stays)
        running = grown
    return [replace(found[row], alternatives=alternatives[row]) for row in range(len(found))]


def _collect(
    found: dict[int, Hypothesis], running: Running, grown: Running, possible: Tensor, end_id: int, max_lengths: Tensor
) -> Tensor:
    """(N,) which rows leave; those that have no next piece, have ended or are full go into ``found``."""
    ended = possible & (grown.pieces[:, -1] == end_id)
    leaves = ~possible | ended | (max_lengths[grown.owner] <= grown.length)
    if leaves.any():
        found.update(running.select(~possible).hypotheses(finished=False))
        found.update(grown.select(ended).hypotheses(finished=True))
        found.update(grown.select(leaves & possible & ~ended).hypotheses(finished=False))
    return leaves


def _record(
    alternatives: list[list[list[tuple[int, float]]]], running: Running, log_probabilities: Tensor, count: int
) -> None:
    values, pieces = log_probabilities.topk(min(count, log_probabilities.shape[1]), dim=1)  # (N, count)
    for owner, ids, each in zip(running.owner.tolist(), pieces.tolist(), values.tolist(), strict=True):
        alternatives[owner].append(list(zip(ids, each, strict=True)))
