"""What counting alone foretells: an n-gram model with interpolated Witten–Bell smoothing, to compare a network with.

    p(w | h) = (c(h w) + t(h) p(w | h')) / (c(h) + t(h))

c counts, t(h) is how many different pieces have followed h, and h' is h without its first piece (Witten and Bell 1991,
method C; interpolated as in Chen and Goodman 1999). Below the shortest history all pieces are equally likely.
N pieces · V vocabulary · n the order
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from congling.errors import UserError
from congling.language import _
from congling.tasks.language_model.scores import Score

Keys = NDArray[np.int64]


class WittenBell:
    """The counts of a text's n-grams up to an order, as sorted arrays.

    Args:
        ids: (N,) pieces, all below ``vocabulary``.
        vocabulary: V.
        order: n; a piece is foretold from the n − 1 before it. V to the n must fit into 63 bits.
    """

    def __init__(self, ids: NDArray[np.int32], vocabulary: int, order: int = 3) -> None:
        if vocabulary**order >= 2**63:
            raise ValueError(f"the {order}-grams of {vocabulary} pieces cannot be numbered in 63 bits")
        self.vocabulary, self.order = vocabulary, order
        self._levels = [_Counts(_ngrams(ids, size, vocabulary), vocabulary) for size in range(1, order + 1)]

    def log_probabilities(self, ids: NDArray[np.int32]) -> NDArray[np.float64]:
        """ln p of each piece but the first n − 1, given the n − 1 before it: (N − n + 1,)."""
        wanted = _ngrams(ids, self.order, self.vocabulary)
        probability = np.full(len(wanted), 1 / self.vocabulary)
        for size, level in enumerate(self._levels, start=1):
            probability = level.interpolated(wanted % self.vocabulary**size, probability)
        logarithms: NDArray[np.float64] = np.log(probability)
        return logarithms


class _Counts:
    """How often each n-gram of one size occurs, how often each history, and with how many different pieces."""

    def __init__(self, ngrams: Keys, vocabulary: int) -> None:
        self._vocabulary = vocabulary
        self._ngrams, self._counts = np.unique(ngrams, return_counts=True)
        # n-grams of one history stand together: their number is the t(h), the sum of their counts the c(h).
        self._histories, first, self._kinds = np.unique(
            self._ngrams // vocabulary, return_index=True, return_counts=True
        )
        self._totals = np.add.reduceat(self._counts, first) if len(first) else self._counts

    def interpolated(self, ngrams: Keys, shorter: NDArray[np.float64]) -> NDArray[np.float64]:
        """p(w | h) of each n-gram from p(w | h'); a history that never occurred adds nothing."""
        histories = ngrams // self._vocabulary
        count = _looked_up(self._ngrams, self._counts, ngrams)
        total = _looked_up(self._histories, self._totals, histories)
        kinds = _looked_up(self._histories, self._kinds, histories)
        known = np.maximum(total + kinds, 1)
        return np.where(total > 0, (count + kinds * shorter) / known, shorter)


def _ngrams(ids: NDArray[np.int32], size: int, vocabulary: int) -> Keys:
    """Each n-gram as one number, its last piece in the lowest place: (N − n + 1,)."""
    keys = np.zeros(max(0, len(ids) - size + 1), np.int64)
    for place in range(size):
        keys = keys * vocabulary + ids[place : place + len(keys)]
    return keys


def _looked_up(keys: Keys, values: NDArray[np.int64], wanted: Keys) -> NDArray[np.int64]:
    """The value of each wanted key; 0 where it is not there."""
    if not len(keys):
        return np.zeros(len(wanted), np.int64)
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[place] == wanted, values[place], 0)


def score_by_counting(
    learned: NDArray[np.int32], ids: NDArray[np.int32], vocabulary: int, characters: float, order: int = 3
) -> Score:
    """How surprised an n-gram model of the text ``learned`` is by another one, of so many ``characters``.

    Raises:
        UserError: the other text is shorter than one n-gram.
    """
    if len(ids) < order:
        message = _("a text of {count} pieces is too short for the baseline, which needs {order}")
        raise UserError(message.format(count=len(ids), order=order))
    found = WittenBell(learned, vocabulary, order).log_probabilities(ids)
    return Score(-float(found.sum()), len(found), characters * len(found) / len(ids))
