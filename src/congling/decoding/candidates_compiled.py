"""``candidates.best_continuations`` and ``forbid_repeats``, compiled: one look at each row, not twenty operations.

N rows, each a hypothesis · B sentences · V vocabulary · K places of a sentence
"""

from __future__ import annotations

import numpy as np

from congling.decoding.hypotheses import Floats, Whole
from congling.equations.compiling import part, zero

LANES = 64  # a row is read as lines of so many numbers; the largest of each column are found by vector instructions


@part
def best_continuations(
    log_probabilities: Floats,
    total: Floats,
    owner: Whole,
    free: Whole,
    banned: Whole,
    lanes: Floats,
    parents: Whole,
    pieces: Whole,
    values: Floats,
) -> int:
    """How many there are, M; the first arguments are those of the plain twin, as arrays.

    Args:
        lanes: (``LANES``) room.
        parents, pieces, values: (M or more) written.
    """
    rows, totals = len(owner), np.empty(free.max(), np.float32)
    row = begun = zero()
    while row < rows:
        sentence, found = owner[row], zero()
        best = totals[: free[sentence]], parents[begun:], pieces[begun:], values[begun:]
        while row < rows and owner[row] == sentence:
            if free[sentence]:
                found = _look_through(log_probabilities[row], total[row], row, banned, lanes, found, best)
            row += 1
        begun += found
    return begun


@part
def forbid_repeats(scores: Floats, prefix: Whole, size: int) -> None:
    """−inf in place in a row's ``scores`` (V) as in the plain twin; ``prefix`` (t) is what the row has."""
    length = len(prefix)
    if size < 1:
        return
    for start in range(length - size + 1):
        repeats = True
        for place in range(size - 1):
            repeats &= prefix[start + place] == prefix[length - size + 1 + place]
        if repeats:
            scores[prefix[start + size - 1]] = -np.inf


@part
def _look_through(
    row: Floats,
    so_far: float,
    parent: int,
    banned: Whole,
    lanes: Floats,
    found: int,
    best: tuple[Floats, Whole, Whole, Floats],
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
def _least(totals: Floats, found: int) -> float:
    """What a continuation must exceed to be among the best."""
    return totals[-1] if found == len(totals) else -np.inf


@part
def _consider(
    row: Floats,
    first: int,
    end: int,
    stride: int,
    so_far: float,
    parent: int,
    banned: Whole,
    found: int,
    best: tuple[Floats, Whole, Whole, Floats],
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
