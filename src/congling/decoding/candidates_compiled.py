"""``candidates.best_continuations`` and ``likeliest``, compiled: one look at each row, not twenty operations on all.

N rows, each a hypothesis · B sentences · V vocabulary · K places of a sentence
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from congling.decoding.hypotheses import Whole
from congling.equations.compiling import part, whole

Numbers = NDArray[Any]  # float32, or float64 where a network computes in it

LANES = 64  # a row is read as lines of so many numbers; the largest of each column are found by vector instructions


@whole
def best_continuations(
    log_probabilities: Numbers, total: Numbers, owner: Whole, free: Whole, banned: Whole
) -> tuple[Whole, Whole, Numbers]:
    """Parents, pieces and log-probabilities, (M,) each. The arguments are those of the plain twin, as arrays."""
    rows, places = len(owner), free.max()
    parents, pieces = np.empty((2, len(free) * places), np.int64)
    values = np.empty(len(parents), log_probabilities.dtype)
    lanes, totals = np.empty(LANES, log_probabilities.dtype), np.empty(places, log_probabilities.dtype)
    row, begun = 0, 0
    while row < rows:
        sentence, found = owner[row], 0
        if free[sentence] == 0:
            row += 1
            continue
        found_of_it = totals[: free[sentence]], parents[begun:], pieces[begun:], values[begun:]
        while row < rows and owner[row] == sentence:
            found = _look_through(log_probabilities[row], total[row], row, banned, lanes, found, found_of_it)
            row += 1
        begun += found
    return parents[:begun], pieces[:begun], values[:begun]


@whole
def likeliest(log_probabilities: Numbers, banned: Whole) -> tuple[Whole, Numbers]:
    """Pieces and log-probabilities, (N,) each. The arguments are those of the plain twin, as arrays."""
    rows = len(log_probabilities)
    pieces, parents = np.zeros((2, rows), np.int64)
    values, totals = np.full((2, rows), -np.inf, log_probabilities.dtype)
    lanes = np.empty(LANES, log_probabilities.dtype)
    for row in range(rows):
        one = slice(row, row + 1)
        best = totals[one], parents[one], pieces[one], values[one]
        _look_through(log_probabilities[row], 0, row, banned, lanes, 0, best)
    return pieces, values


@part
def _look_through(
    row: Numbers,
    so_far: float,
    parent: int,
    banned: Whole,
    lanes: Numbers,
    found: int,
    best: tuple[Numbers, Whole, Whole, Numbers],
) -> int:
    """Put a row's continuations among the ``found`` best ones of its sentence; gives how many there are then.

    Its K best pieces stand in the K columns with the largest maxima, or behind the last whole line.
    """
    lines = len(row) // LANES
    for lane in range(LANES):
        lanes[lane] = -np.inf
    for line in range(lines):
        numbers = row[line * LANES : (line + 1) * LANES]
        for lane in range(LANES):
            lanes[lane] = numbers[lane] if numbers[lane] > lanes[lane] else lanes[lane]
    for _lane in range(LANES if lines else 0):
        lane = int(np.argmax(lanes))
        if not so_far + lanes[lane] > _least(best[0], found):
            break
        lanes[lane] = -np.inf
        found = _consider(row, lane, lines * LANES, LANES, so_far, parent, banned, found, best)
    return _consider(row, lines * LANES, len(row), 1, so_far, parent, banned, found, best)


@part
def _least(totals: Numbers, found: int) -> float:
    """What a continuation must exceed to be among the best."""
    return totals[-1] if found == len(totals) else -np.inf


@part
def _consider(
    row: Numbers,
    first: int,
    end: int,
    stride: int,
    so_far: float,
    parent: int,
    banned: Whole,
    found: int,
    best: tuple[Numbers, Whole, Whole, Numbers],
) -> int:
    """Put each ``stride``-th continuation where it belongs in the order of totals, if anywhere."""
    totals, parents, pieces, values = best
    least = _least(totals, found)
    for piece in range(first, end, stride):
        total = so_far + row[piece]
        if not total > least or _is_in(piece, banned):
            continue
        found = min(found + 1, len(totals))
        place = found - 1
        while place > 0 and totals[place - 1] < total:
            totals[place], values[place] = totals[place - 1], values[place - 1]
            parents[place], pieces[place] = parents[place - 1], pieces[place - 1]
            place -= 1
        totals[place], parents[place], pieces[place], values[place] = total, parent, piece, row[piece]
        least = _least(totals, found)
    return found


@part
def _is_in(piece: int, pieces: Whole) -> bool:
    for each in pieces:  # noqa: SIM110  # numba has no any() of a generator
        if each == piece:
            return True
    return False
