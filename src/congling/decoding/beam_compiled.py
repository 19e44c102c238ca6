"""``beam.beam_search`` of a compiled Transformer as one compiled function, from the first piece to the last end.

B sentences · K = beam · N running rows, M grown ones, of B · K at most · T positions, the most there may be
V vocabulary, padding included
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from congling.decoding.candidates_compiled import LANES, best_continuations, forbid_repeats
from congling.decoding.hypotheses import Floats, Whole
from congling.equations.compiling import part, whole, zero
from congling.equations.softmax_kernels import log_softmax
from congling.networks.prepared_kernels import Past, next_logits, past_for, room_for

if TYPE_CHECKING:
    from congling.networks.prepared_compiled import CompiledDecoder


@whole
def search(
    decoder: CompiledDecoder,
    pad_id: int,
    end_id: int,
    banned: Whole,
    no_repeat_ngram: int,
    max_lengths: Whole,
    beam: int,
    n_best: int,
    length_penalty: float,
) -> tuple[Whole, Whole, Floats, Whole]:
    """What the trellis of the plain twin comes to, and what it found; the arguments are its own, as arrays.

    Returns:
        The trellis: parents, pieces and log-probabilities, (T, B · K) each, of which a position's first rows are
        filled; and what was found, (F, 4): sentence, length, row and whether it ended.
    """
    sentences, most, rows = len(max_lengths), max_lengths.max(), len(max_lengths) * beam
    room, past = room_for(decoder, rows, most), past_for(decoder, rows, most)
    scores = np.empty((rows, len(decoder.weights.projection_bias)), np.float32)
    lanes, powers = np.empty(LANES, np.float32), np.empty(scores.shape[1], np.int32)
    parents, pieces = np.empty((2, most, rows), np.int64)
    values = np.empty((most, rows), np.float32)
    finds = _finds(sentences, beam, n_best)
    running, grown = _rows(rows), _rows(rows)
    last, from_row, goes_on = np.full(rows, pad_id), np.empty(rows, np.int64), np.empty(rows, np.bool_)
    selected, prefix = np.empty_like(past.ancestors), np.empty(most, np.int64)
    length, count = zero(), sentences
    while count:
        next_logits(decoder, last[:count], length, past, running.owner, room, scores)
        log_softmax(scores[:count], powers)
        if no_repeat_ngram:
            for row in range(count):
                _walk_back(parents, pieces, running.at[row], prefix[:length])
                forbid_repeats(scores[row], prefix[:length], no_repeat_ngram)
        newest, value, owner, free = pieces[length], values[length], running.owner[:count], beam - finds.finished
        more = best_continuations(scores, running.total, owner, free, banned, lanes, from_row, newest, value)
        for row in range(more):
            parent = from_row[row]
            parents[length, row] = running.at[parent]
            grown.owner[row], grown.total[row] = owner[parent], running.total[parent] + value[row]
        length += 1
        _collect(finds, running, count, grown, newest[:more] == end_id, length, max_lengths, length_penalty, goes_on)
        count = 0
        for row in range(more):
            if goes_on[row]:
                for position in range(length):
                    selected[count, position] = past.ancestors[from_row[row], position]
                selected[count, length] = count
                running.owner[count], running.total[count], running.at[count] = grown.owner[row], grown.total[row], row
                last[count] = newest[row]
                count += 1
        past, selected = Past(past.written, selected), past.ancestors
    return parents[:length], pieces[:length], values[:length], finds.found[: finds.filled[0]]


@part
def _walk_back(parents: Whole, pieces: Whole, row: int, prefix: Whole) -> None:
    """Into ``prefix`` what the ``row`` of its last position has, as ``Trellis.prefixes``."""
    for position in range(len(prefix) - 1, -1, -1):
        prefix[position] = pieces[position, row]
        row = parents[position, row]


class _Rows(NamedTuple):
    """``beam._Rows``, with room for all that there may be; before the first piece row n begins sentence n."""

    owner: Whole
    total: Floats
    at: Whole


@part
def _rows(count: int) -> _Rows:
    return _Rows(np.arange(count), np.zeros(count, np.float32), np.arange(count))


class _Finds(NamedTuple):
    """What is finished: ``finished``, ``best`` and ``found`` of the plain twin."""

    finished: Whole  # (B)
    best: NDArray[np.float64]  # (B, n_best)
    found: Whole  # (F or more, 4)
    filled: Whole  # (1) F


@part
def _finds(sentences: int, beam: int, n_best: int) -> _Finds:
    most = 2 * sentences * beam  # every place once finished, and once full or without a way on
    best = np.full((sentences, n_best), -np.inf)
    return _Finds(np.zeros(sentences, np.int64), best, np.empty((most, 4), np.int64), np.zeros(1, np.int64))


@part
def _collect(
    finds: _Finds,
    running: _Rows,
    count: int,
    grown: _Rows,
    ended: NDArray[np.bool_],
    length: int,
    max_lengths: Whole,
    length_penalty: float,
    goes_on: NDArray[np.bool_],
) -> None:
    """``_Search.collect`` of the plain twin, for the first ``count`` running rows and the M grown ones.

    Args:
        ended: (M) which of them have ended.
        goes_on: (M or more) written: which are neither ended nor full, and could still bring a better score.
    """
    scores = np.empty(len(ended), np.float64)  # calculated once: another time they may be rounded otherwise
    for row in range(len(ended)):
        if ended[row]:
            sentence = grown.owner[row]
            scores[row] = grown.total[row] / length**length_penalty
            finds.finished[sentence] += 1
            _insert(finds.best[sentence], scores[row])
    for row in range(len(ended)):
        if ended[row] and scores[row] >= finds.best[grown.owner[row], -1]:
            _keep(finds, grown, row, length, True)
    silent = np.ones(len(max_lengths), np.bool_)
    for row in range(len(ended)):
        silent[grown.owner[row]] = False
    for row in range(count):
        if silent[running.owner[row]] and finds.finished[running.owner[row]] == 0:
            _keep(finds, running, row, length - 1, False)
    for row in range(len(ended)):
        sentence = grown.owner[row]
        longest = max_lengths[sentence]
        full = longest <= length
        if full and not ended[row] and finds.finished[sentence] == 0:
            _keep(finds, grown, row, length, False)
        bound = longest if length_penalty >= 0 else length + 1
        attainable = grown.total[row] / bound**length_penalty
        goes_on[row] = not ended[row] and not full and attainable > finds.best[sentence, -1]


@part
def _insert(best: NDArray[np.float64], score: float) -> None:
    """Put a score where it belongs in the order of the best ones, if anywhere."""
    place = len(best) - 1
    if not score > best[place]:
        return
    while place > 0 and best[place - 1] < score:
        best[place] = best[place - 1]
        place -= 1
    best[place] = score


@part
def _keep(finds: _Finds, rows: _Rows, row: int, length: int, finished: bool) -> None:
    found = finds.found[finds.filled[0]]
    found[0], found[1], found[2], found[3] = rows.owner[row], length, rows.at[row], finished
    finds.filled[0] += 1
