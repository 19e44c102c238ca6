"""Hypotheses: ways to continue a source, and what the model thinks of them.

While a search goes on they live with the processor, in NumPy: there are hundreds of numbers to move about at each
position, and PyTorch takes longer to begin an operation than NumPy to finish it. Only the network's own tensors stay on
its device.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

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

    @classmethod
    def of(
        cls,
        ids: list[int],
        token_log_probabilities: list[float],
        finished: bool,
        length_penalty: float = 0.0,
        alternatives: list[list[tuple[int, float]]] | None = None,
    ) -> Hypothesis:
        """With the sum and the score that follow from the rest."""
        total = sum(token_log_probabilities)
        score = length_normalised(total, max(len(token_log_probabilities), 1), length_penalty)
        return cls(ids, total, score, finished, token_log_probabilities, alternatives or [])


def hypotheses_of(
    pieces: Whole,
    values: NDArray[Any],
    lengths: Whole,
    end_id: int,
    alternatives: Sequence[list[list[tuple[int, float]]]] | None = None,
) -> list[Hypothesis]:
    """One for each row; it is finished where it has the end.

    Args:
        pieces: (B, T), the end included; ``values`` (B, T) their log-probabilities.
        lengths: (B,) how many of the T each row has.
        alternatives: of each row, one entry a position.
    """
    found = []
    for row, length in enumerate(lengths.tolist()):
        ids, log_probabilities = pieces[row, :length].tolist(), values[row, :length].tolist()
        finished = ids[-1:] == [end_id]
        others = alternatives[row] if alternatives else None
        found.append(Hypothesis.of(ids[: length - finished], log_probabilities, finished, alternatives=others))
    return found


def length_normalised(log_probability: Number, length: Whole | int, length_penalty: float) -> Number:
    """log p(y) / |y|^α: the score of a hypothesis of ``length`` pieces, the end included (Wu et al. 2016, §7).

    They divide by ((5 + |y|) / 6)^α; we divide by the length alone, as Marian does. α = 0 leaves the log-probability,
    α = 1 is the mean over the pieces.
    """
    return log_probability / length**length_penalty  # type: ignore[return-value]


def require_lengths(max_lengths: Whole) -> None:
    """Refuse rows that may have no piece at all."""
    if len(max_lengths) and max_lengths.min() < 1:
        raise ValueError(f"a greatest length must be at least 1, not {max_lengths.min()}")
