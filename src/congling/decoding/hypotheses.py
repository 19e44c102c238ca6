"""Hypotheses: those that still run, as rows of arrays, and those that have ended, as plain values.

What is small lives with the processor, in NumPy: there are hundreds of numbers to move about at each position, and
PyTorch takes longer to begin an operation than NumPy to finish it. Only the network's own tensors stay on its device.
N is the number of rows that run, t the number of pieces that each of them has so far.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Whole = NDArray[np.int64]
Floats = NDArray[np.float32]
Number = TypeVar("Number", float, Floats)


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


def length_normalised(log_probability: Number, length: Whole | int, length_penalty: float) -> Number:
    """log p(y) / |y|^α: the score of a hypothesis of ``length`` pieces, the end included (Wu et al. 2016, §7).

    They divide by ((5 + |y|) / 6)^α; we divide by the length alone, as Marian does. α = 0 leaves the log-probability,
    α = 1 is the mean over the pieces.
    """
    return log_probability / length**length_penalty  # type: ignore[return-value]


@dataclass(frozen=True)
class Running:
    """The hypotheses that still run, a row each.

    Attributes:
        owner: (N,) the place in the batch of the sentence that the row belongs to.
        pieces: (N, t) int64.
        log_probabilities: (N, t) of each piece.
        total: (N,) the sum of these.
    """

    owner: Whole
    pieces: Whole
    log_probabilities: Floats
    total: Floats

    @classmethod
    def begin(cls, max_lengths: Whole) -> Running:
        """One empty hypothesis for each entry of ``max_lengths``, each of which must be at least 1."""
        require_lengths(max_lengths)
        rows = len(max_lengths)
        pieces, log_probabilities = np.empty((rows, 0), np.int64), np.empty((rows, 0), np.float32)
        return cls(np.arange(rows), pieces, log_probabilities, np.zeros(rows, np.float32))

    def __len__(self) -> int:
        return len(self.owner)

    @property
    def length(self) -> int:
        """How many pieces each row has."""
        return int(self.pieces.shape[1])

    def last(self, pad_id: int, device: torch.device) -> Tensor:
        """(N,) the last piece of each row; at the very start ``pad_id``, from which the decoder starts."""
        last = self.pieces[:, -1] if self.length else np.full_like(self.owner, pad_id)
        return torch.from_numpy(np.ascontiguousarray(last)).to(device)

    def select(self, rows: Whole | NDArray[np.bool_]) -> Running:
        """The given rows: indices (M,) or a mask (N,)."""
        return Running(self.owner[rows], self.pieces[rows], self.log_probabilities[rows], self.total[rows])

    def followed_by(self, pieces: Whole, log_probabilities: Floats) -> Running:
        """Each row with one of ``pieces`` (N,) behind it."""
        return Running(
            self.owner,
            np.concatenate([self.pieces, pieces[:, None]], axis=1),  # (N, t + 1)
            np.concatenate([self.log_probabilities, log_probabilities[:, None]], axis=1),  # (N, t + 1)
            self.total + log_probabilities,
        )

    def scores(self, length_penalty: float) -> Floats:
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
        return [(owner, hypothesis(ids, each, finished, length_penalty)) for owner, ids, each in columns]


def hypothesis(
    ids: list[int],
    each: list[float],
    finished: bool,
    length_penalty: float = 0.0,
    alternatives: list[list[tuple[int, float]]] | None = None,
) -> Hypothesis:
    """With its sum and its score. The arguments are the attributes; ``each`` are the log-probabilities."""
    total = sum(each)
    score = length_normalised(total, max(len(each), 1), length_penalty)
    return Hypothesis(ids, total, score, finished, each, alternatives or [])


def require_lengths(max_lengths: Whole) -> None:
    """Refuse rows that may have no piece at all."""
    if len(max_lengths) and max_lengths.min() < 1:
        raise ValueError(f"a greatest length must be at least 1, not {max_lengths.min()}")
