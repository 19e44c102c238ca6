"""Hypotheses: those that still run, as rows of tensors, and those that have ended, as plain values.

N is the number of rows that run, t the number of pieces that each of them has so far.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar

import torch
from torch import Tensor

Number = TypeVar("Number", float, Tensor)


@dataclass(frozen=True)
class Hypothesis:
    """One way to continue a source: a translation and what the model thinks of it.

    Attributes:
        ids: the pieces, without the end.
        log_probability: the model's log-probability of the pieces and, where finished, of the end; in nats.
        score: ``log_probability`` over length to the power of the length penalty; searches rank by it.
        finished: whether the end was reached before the greatest length.
        token_log_probabilities: of each piece and, where finished, of the end; they sum to ``log_probability``.
        alternatives: for each position the best pieces with their log-probabilities, best first; empty unless recorded.
    """

    ids: list[int]
    log_probability: float
    score: float
    finished: bool
    token_log_probabilities: list[float]
    alternatives: list[list[tuple[int, float]]] = field(default_factory=list)


def length_normalised(log_probability: Number, length: Number | int, length_penalty: float) -> Number:
    """log p(y) / |y|^α: the score of a hypothesis of ``length`` pieces, the end included (Wu et al. 2016, §7).

    They divide by ((5 + |y|) / 6)^α; we divide by the length alone, as Marian does. α = 0 leaves the log-probability,
    α = 1 is the mean over the pieces.
    """
    normalised: Number = log_probability / length**length_penalty
    return normalised


@dataclass(frozen=True)
class Running:
    """The hypotheses that still run, a row each.

    Attributes:
        owner: (N,) the place in the batch of the sentence that the row belongs to.
        pieces: (N, t) int64.
        log_probabilities: (N, t) of each piece.
        total: (N,) the sum of these.
    """

    owner: Tensor
    pieces: Tensor
    log_probabilities: Tensor
    total: Tensor

    @classmethod
    def begin(cls, max_lengths: Tensor) -> Running:
        """One empty hypothesis for each entry of ``max_lengths``, each of which must be at least 1."""
        if max_lengths.numel() and int(max_lengths.min()) < 1:
            raise ValueError(f"a greatest length must be at least 1, not {int(max_lengths.min())}")
        rows, device = len(max_lengths), max_lengths.device
        return cls(
            torch.arange(rows, device=device),
            torch.empty(rows, 0, dtype=torch.int64, device=device),
            torch.empty(rows, 0, device=device),
            torch.zeros(rows, device=device),
        )

    def __len__(self) -> int:
        return len(self.owner)

    @property
    def length(self) -> int:
        """How many pieces each row has."""
        return self.pieces.shape[1]

    def last(self, pad_id: int) -> Tensor:
        """(N,) the last piece of each row; at the very start ``pad_id``, from which the decoder starts."""
        return self.pieces[:, -1] if self.length else torch.full_like(self.owner, pad_id)

    def select(self, rows: Tensor) -> Running:
        """The given rows: indices (M,) or a mask (N,)."""
        if rows.dtype == torch.bool:
            if rows.all():
                return self
            rows = rows.nonzero().squeeze(1)
        each = (self.owner, self.pieces, self.log_probabilities, self.total)
        return Running(*(column.index_select(0, rows) for column in each))

    def followed_by(self, pieces: Tensor, log_probabilities: Tensor) -> Running:
        """Each row with one of ``pieces`` (N,) behind it."""
        return Running(
            self.owner,
            torch.cat([self.pieces, pieces.unsqueeze(1)], dim=1),  # (N, t + 1)
            torch.cat([self.log_probabilities, log_probabilities.unsqueeze(1)], dim=1),  # (N, t + 1)
            self.total + log_probabilities,
        )

    def scores(self, length_penalty: float) -> Tensor:
        """(N,) the length-normalised scores."""
        return length_normalised(self.total, max(self.length, 1), length_penalty)

    def hypotheses(self, finished: bool, length_penalty: float = 0.0) -> list[tuple[int, Hypothesis]]:
        """Every row as a hypothesis with its owner; where ``finished``, the last piece is the end."""
        columns = zip(
            self.owner.tolist(),
            self.pieces[:, : self.length - finished].tolist(),
            self.log_probabilities.tolist(),
            strict=True,
        )
        return [(owner, _hypothesis(ids, each, finished, length_penalty)) for owner, ids, each in columns]


def _hypothesis(ids: list[int], each: list[float], finished: bool, length_penalty: float) -> Hypothesis:
    total = sum(each)
    return Hypothesis(ids, total, length_normalised(total, max(len(each), 1), length_penalty), finished, each)
