"""The text in pieces: what is worked at in one go, by one thread, at one learning rate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MOST_WORDS = 10_000  # of a piece, about, and of a sentence at most: the rest of a longer one counts as another
LEAST_WORDS = 100
PIECES = 32  # of an epoch at least, so that the learning rate falls in small steps on a small text too


@dataclass(frozen=True)
class Pieces:
    """Which sentences make up each piece.

    Attributes:
        starts: (sentences + 1,) where each sentence starts in the text, and where the last one ends.
        limits: (pieces + 1,) the first sentence of each piece, and the number of sentences.
    """

    starts: NDArray[np.int64]
    limits: NDArray[np.int64]

    @classmethod
    def of(cls, starts: NDArray[np.int64]) -> Pieces:
        """Cut the text into pieces at the ends of sentences; only sentences that are too long are cut inside."""
        words = int(starts[-1])
        size = min(MOST_WORDS, max(LEAST_WORDS, words // PIECES))
        starts = _without_long_sentences(starts)
        firsts = np.searchsorted(starts[:-1], np.arange(0, words, size, dtype=np.int64))
        return cls(starts, np.unique(np.append(firsts, len(starts) - 1)))

    def __len__(self) -> int:
        return len(self.limits) - 1

    @property
    def words_before(self) -> NDArray[np.int64]:
        """(pieces + 1,) how many words come before each piece, and all of them."""
        return self.starts[self.limits]


def _without_long_sentences(starts: NDArray[np.int64]) -> NDArray[np.int64]:
    lengths = np.diff(starts)
    parts = np.maximum(1, -(-lengths // MOST_WORDS))
    if (parts == 1).all():
        return starts
    firsts = np.repeat(starts[:-1], parts)
    within = np.arange(len(firsts)) - np.repeat(np.cumsum(parts) - parts, parts)
    return np.append(firsts + within * MOST_WORDS, starts[-1])
