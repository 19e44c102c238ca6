"""Word2vec's fast path: what ``plain`` does, compiled by numba, for several threads at once on the same two matrices.

The threads take no locks: Recht et al. 2011, "Hogwild!". Each update touches a few rows of many, so that they seldom
meet, and an update that another thread overwrites is missed once.

V vocabulary · D width · K negatives · W window
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from congling.equations.compiling import part, whole
from congling.learning.word2vec.draws import FIRST, SECOND, STEP
from congling.learning.word2vec.prefetch import prefetch_row

Matrix = NDArray[np.floating[Any]]
_SURELY_WRONG = -30.0  # σ is below 1e-13: its logarithm is the score itself
_TINY = 1e-150  # a product of probabilities that is smaller makes room for more
_U30, _U27, _U31, _U32 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(32)
_STEP, _FIRST, _SECOND, _LOW = np.uint64(STEP), np.uint64(FIRST), np.uint64(SECOND), np.uint64(0xFFFFFFFF)


@whole
def learn_piece(
    ids: NDArray[np.int32],
    starts: NDArray[np.int64],
    first: int,
    last: int,
    words: Matrix,
    contexts: Matrix,
    keep: NDArray[np.uint64],
    thresholds: NDArray[np.uint64],
    aliases: NDArray[np.int32],
    window: int,
    negative: int,
    cbow: bool,
    mean: bool,
    rate: Any,
    stream: Any,
) -> tuple[float, int]:
    """Learn from the sentences ``first`` … ``last`` − 1; returns the sum of the losses and the number of updates.

    Args:
        words, contexts: (V, D) of one float type; changed in place.
        keep: (V,) of ``keep_thresholds``; ``thresholds`` and ``aliases`` (V,) of ``alias_tables``.
        window, negative, cbow, mean: as in ``Word2VecSettings``.
        rate: the learning rate, of the matrices' type.
        stream: where the stream of random numbers begins, as a uint64.
    """
    width = words.shape[1]
    longest = 0
    for sentence in range(first, last):
        longest = max(longest, starts[sentence + 1] - starts[sentence])
    kept = np.empty(longest, np.int64)
    rows, counts = np.empty((2 * window, negative + 1), np.int64), np.empty(2 * window, np.int64)
    around, predicted = np.empty(2 * window, np.int64), np.empty(width, words.dtype)
    change, steps = np.empty(width, words.dtype), np.empty(negative + 1, words.dtype)
    loss, updates = 0.0, 0
    for sentence in range(first, last):
        length, stream = _thin_out(ids, starts[sentence], starts[sentence + 1], keep, stream, kept)
        for place in range(length):
            stream += _STEP
            reach: Any = 1 + np.int64(((_stirred(stream) >> _U32) * np.uint64(window)) >> _U32)
            begin, end = max(0, place - reach), min(length, place + reach + 1)
            if end - begin < 2:
                continue
            if place + window < length:
                prefetch_row(words, kept[place + window])
            neighbours = around[: _gather(kept, begin, end, place, around)]
            centre = kept[place : place + 1]
            inputs, positives = (neighbours, centre) if cbow else (centre, neighbours)
            for number in range(len(positives)):
                counts[number], stream = _draw(positives[number], contexts, thresholds, aliases, stream, rows[number])
            for number in range(len(positives)):
                _sum_rows(words, inputs, mean, predicted)
                loss += _learn(predicted, contexts, rows[number, : counts[number]], rate, steps, change)
                for input in inputs:  # each takes the whole change, of a mean too: see plain
                    _add(change, words[input])
            updates += len(positives)
    return loss, updates


@part
def _stirred(number: Any) -> Any:
    """64 random bits: ``draws.stirred``."""
    number = (number ^ (number >> _U30)) * _FIRST
    number = (number ^ (number >> _U27)) * _SECOND
    return number ^ (number >> _U31)


@part
def _thin_out(
    ids: NDArray[np.int32], begin: int, end: int, keep: NDArray[np.uint64], stream: Any, kept: NDArray[np.int64]
) -> tuple[int, Any]:
    """Some occurrences of frequent words are left out; returns how many words stay, and the stream."""
    length = 0
    for place in range(begin, end):
        stream += _STEP
        word = ids[place]
        if (_stirred(stream) >> _U32) < keep[word]:
            kept[length] = word
            length += 1
    return length, stream


@part
def _gather(kept: NDArray[np.int64], begin: int, end: int, place: int, around: NDArray[np.int64]) -> int:
    """The neighbours of a place, from left to right; returns how many they are."""
    count = 0
    for other in range(begin, end):
        if other != place:
            around[count] = kept[other]
            count += 1
    return count


@part
def _draw(
    positive: int,
    contexts: Matrix,
    thresholds: NDArray[np.uint64],
    aliases: NDArray[np.int32],
    stream: Any,
    rows: NDArray[np.int64],
) -> tuple[int, Any]:
    """The positive and K negatives, less those that are the positive; returns how many they are, and the stream."""
    prefetch_row(contexts, positive)
    rows[0] = positive
    count = 1
    for _negative in range(len(rows) - 1):
        stream += _STEP
        bits = _stirred(stream)
        column = np.int64(((bits >> _U32) * np.uint64(len(thresholds))) >> _U32)
        word = column if (bits & _LOW) < thresholds[column] else np.int64(aliases[column])
        if word != positive:
            prefetch_row(contexts, word)
            rows[count] = word
            count += 1
    return count, stream


@part
def _sum_rows(words: Matrix, inputs: NDArray[np.int64], mean: bool, predicted: Matrix) -> None:
    """The sum or the mean of rows, into ``predicted``."""
    predicted[:] = words[inputs[0]]
    for other in range(1, len(inputs)):
        _add(words[inputs[other]], predicted)
    if mean and len(inputs) > 1:
        share = words.dtype.type(1) / words.dtype.type(len(inputs))
        for d in range(len(predicted)):
            predicted[d] *= share


@part
def _learn(
    predicted: Matrix, contexts: Matrix, rows: NDArray[np.int64], rate: Any, steps: Matrix, change: Matrix
) -> float:
    """One update of the predicted words, the first of ``rows`` being the positive; returns the loss before it.

    By the chain rule, with the scores s = h · c and the derivatives ∂L/∂s = σ(s) − [positive], every row changes by
    −η ∂L/∂s h, and −η Σ ∂L/∂s c is left in ``change``.
    """
    for row in range(len(rows)):
        steps[row] = _dot(predicted, contexts[rows[row]])
    loss = _losses(steps, len(rows), rate)
    count = _merge(rows, steps)
    change[:] = 0
    row = 0
    while row + 1 < count:  # two at a time: their sum is fetched and put back half as often
        _move_two(contexts[rows[row]], steps[row], contexts[rows[row + 1]], steps[row + 1], predicted, change)
        row += 2
    if row < count:
        _move(contexts[rows[row]], steps[row], predicted, change)
    return loss


@part
def _losses(steps: Matrix, count: int, rate: Any) -> float:
    """Scores become −η ∂L/∂s, in place; returns the loss −Σ log σ(±s).

    The probabilities σ(±s) are multiplied, so that their logarithm is taken once.
    """
    one = steps.dtype.type(1)
    loss, product = 0.0, 1.0
    probability: Any
    for row in range(count):
        score = steps[row] if row == 0 else -steps[row]  # larger is better
        if score < _SURELY_WRONG:
            missing = one
            loss -= score
        else:
            odds = math.exp(-score)
            probability = one / (one + odds)
            missing = odds * probability  # 1 − σ, exact where σ is nearly 1
            product *= probability
            if product < _TINY:
                loss -= math.log(product)
                product = 1.0
        steps[row] = rate * missing if row == 0 else -rate * missing
    return loss - math.log(product)


@part
def _merge(rows: NDArray[np.int64], steps: Matrix) -> int:
    """A word that was drawn twice takes both its steps at once: the second would else start from a changed row.

    Returns how many different rows there are.
    """
    count = 1
    for row in range(1, len(rows)):
        known = 1
        while known < count and rows[known] != rows[row]:
            known += 1
        if known < count:
            steps[known] += steps[row]
        else:
            rows[count], steps[count] = rows[row], steps[row]
            count += 1
    return count


@part
def _dot(a: Matrix, b: Matrix) -> Any:
    total = a.dtype.type(0)
    for d in range(len(a)):
        total += a[d] * b[d]
    return total


@part
def _add(change: Matrix, row: Matrix) -> None:
    for d in range(len(row)):
        row[d] += change[d]


@part
def _move(row: Matrix, step: Any, predicted: Matrix, change: Matrix) -> None:
    for d in range(len(row)):
        before = row[d]
        change[d] += step * before
        row[d] = before + step * predicted[d]


@part
def _move_two(first: Matrix, step: Any, second: Matrix, other_step: Any, predicted: Matrix, change: Matrix) -> None:
    for d in range(len(first)):
        before, other_before = first[d], second[d]
        change[d] += step * before + other_step * other_before
        first[d] = before + step * predicted[d]
        second[d] = other_before + other_step * predicted[d]
