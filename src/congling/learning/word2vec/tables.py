"""What the draws of word2vec are made by: how often each word is drawn as a negative, and how often it is left out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from congling.equations.compiling import whole

ONE = 2**32  # a probability of 1, as a threshold for 32 random bits


def keep_thresholds(counts: NDArray[np.int64], sample: float) -> NDArray[np.uint64]:
    """With which probability, times 2³², an occurrence of each word stays in the text.

    √(t / f) + t / f for a word of frequency f, where that is below 1: the C tool's rule, which leaves out fewer than
    the √(t / f) of Mikolov et al. 2013b, eq. 5. A ``sample`` t of 0 leaves out nothing.
    """
    frequency = counts / max(1, counts.sum())
    if not sample:
        return np.full(len(counts), ONE, np.uint64)
    with np.errstate(divide="ignore"):
        ratio = np.divide(sample, frequency)
    keep = np.minimum(1.0, np.sqrt(ratio) + ratio)
    thresholds: NDArray[np.uint64] = np.floor(keep * ONE).astype(np.uint64)
    return thresholds


def alias_tables(counts: NDArray[np.int64], exponent: float) -> tuple[NDArray[np.uint64], NDArray[np.int32]]:
    """Tables to draw a word in proportion to count^exponent with one random number: Vose 1991, after Walker 1977.

    Returns the thresholds, times 2³², and the aliases (V,): of V equally likely columns one is drawn; it means its own
    word below the threshold, its alias from there on.
    """
    weights = counts.astype(np.float64) ** exponent if exponent else np.ones(len(counts))
    weights[counts == 0] = 0
    weights *= len(weights) / weights.sum()
    aliases = np.arange(len(weights), dtype=np.int32)
    _fill_columns(weights, aliases)
    return np.floor(np.clip(weights, 0, 1) * ONE).astype(np.uint64), aliases


@whole
def _fill_columns(weights: NDArray[np.float64], aliases: NDArray[np.int32]) -> None:
    """Fill each column that is less than full from one that is more: its own part stays in ``weights``."""
    low, high = np.empty(len(weights), np.int64), np.empty(len(weights), np.int64)
    lows = highs = 0
    for word in range(len(weights)):
        if weights[word] < 1:
            low[lows] = word
            lows += 1
        else:
            high[highs] = word
            highs += 1
    while lows and highs:
        lows -= 1
        giver = high[highs - 1]
        aliases[low[lows]] = giver
        weights[giver] -= 1 - weights[low[lows]]
        if weights[giver] < 1:
            highs -= 1
            low[lows] = giver
            lows += 1
    for left in range(lows):  # only rounding has left them: they are full
        weights[low[left]] = 1
    for left in range(highs):
        weights[high[left]] = 1
