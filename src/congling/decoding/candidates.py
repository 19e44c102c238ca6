"""Which pieces may come next: the best ones, without those that are banned or would repeat what was said.

Nothing is renormalised: a piece that may come keeps its log-probability under the model.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view
from torch import Tensor

from congling.decoding.hypotheses import Floats, Whole

NEVER = float("-inf")
FOLD = 128  # columns into which a long row of probabilities is folded to find its best ones
MANY_ROWS = 16  # for fewer rows folding costs more than it saves


def best_pieces(log_probabilities: Tensor, count: int, banned: Tensor) -> tuple[Tensor, Tensor]:
    """The ``count`` likeliest pieces of each row that are not banned, best first.

    Args:
        log_probabilities: (N, V); it is not changed.
        count: how many; there are fewer columns in the answer where V is smaller.
        banned: (X,) int64 pieces that never come.

    Returns:
        Log-probabilities and pieces, both (N, count); −inf stands where a row has no further piece.
    """
    if count == 1:
        values, pieces = _top(log_probabilities, 1)  # cheaper than more of them, and mostly enough
        if not torch.isin(pieces, banned).any():
            return values, pieces
    values, pieces = likely_pieces(log_probabilities, count, banned)
    if not len(banned):
        return values, pieces
    values, order = values.topk(min(count, values.shape[1]), dim=1)
    return values, pieces.gather(1, order)


def best_continuations(
    log_probabilities: Tensor, total: Floats, owner: Whole, free: Whole, banned: Tensor
) -> tuple[Whole, Whole, Floats]:
    """The best continuations of all rows of each sentence, as many as it has free places.

    Args:
        log_probabilities: (N, V); it is not changed.
        total: (N,) the log-probability of each row so far.
        owner: (N,) the sentence of each row, of B; a sentence's rows stand together.
        free: (B,) places.
        banned: (X,) int64 pieces that never come.

    Returns:
        The row that goes on, the piece that it goes on with and that piece's log-probability: (M,) each, by sentence
        and then best first.
    """
    most = int(free.max())
    likely = likely_pieces(log_probabilities, most, banned)  # (N, k): no sentence can take more of one row
    values, pieces = (each.cpu().numpy() for each in likely)
    totals, columns = total[:, None] + values, values.shape[1]
    rows = np.arange(len(owner))
    place = rows - np.searchsorted(owner, owner)  # among the rows of its sentence
    width = int(place.max()) + 1
    grid, row_at = np.full((len(free) * width, columns), NEVER, totals.dtype), np.zeros(len(free) * width, np.int64)
    grid[owner * width + place], row_at[owner * width + place] = totals, rows
    by_sentence = grid.reshape(len(free), -1)
    index = np.argsort(-by_sentence, axis=1, kind="stable")[:, :most]
    taken = np.arange(index.shape[1]) < free[:, None]
    sentence, rank = (taken & (np.take_along_axis(by_sentence, index, 1) > NEVER)).nonzero()
    cell = index[sentence, rank]
    parents, columns_taken = row_at[sentence * width + cell // columns], cell % columns
    return parents, pieces[parents, columns_taken], values[parents, columns_taken]


def likeliest(log_probabilities: Tensor, banned: Tensor) -> tuple[Whole, Floats]:
    """The likeliest piece of each row that is not banned, and its log-probability, (N,) each; −inf where there is none.

    The arguments are those of ``best_continuations``.
    """
    values, pieces = best_pieces(log_probabilities, 1, banned)
    return pieces.squeeze(1).cpu().numpy(), values.squeeze(1).cpu().numpy()


def likely_pieces(log_probabilities: Tensor, count: int, banned: Tensor) -> tuple[Tensor, Tensor]:
    """The ``best_pieces`` and perhaps a few others, with −inf for the banned ones that are among them.

    (N, V) to log-probabilities and pieces, both (N, k) with k ≥ ``count``, as far as there are so many.
    """
    # As many more as are banned: the vocabulary is then read once and never copied.
    values, pieces = _top(log_probabilities, min(count + len(banned), log_probabilities.shape[1]))
    return (values.masked_fill(torch.isin(pieces, banned), NEVER) if len(banned) else values), pieces


def _top(values: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The largest ``count`` of each row and where they stand, both (N, count), largest first.

    PyTorch's maximum and top-k go through a row number by number, while the maxima of columns are vectorised: a long
    row is folded to (V / FOLD, FOLD), and only the best columns are looked through. No other can hold one of the best.
    """
    rows, vocabulary = values.shape
    lines = vocabulary // FOLD
    if rows < MANY_ROWS or count > FOLD or lines < 2:
        return values.topk(count, dim=1) if count > 1 else values.max(dim=1, keepdim=True)
    folded = values[:, : lines * FOLD].reshape(rows, lines, FOLD)
    columns = folded.amax(dim=1).topk(count, dim=1).indices.unsqueeze(1)  # (N, 1, count)
    first = torch.arange(0, lines * FOLD, FOLD, device=values.device).view(-1, 1)
    rest = torch.arange(lines * FOLD, vocabulary, device=values.device)
    kept = torch.cat([folded.gather(2, columns.expand(-1, lines, -1)).flatten(1), values[:, lines * FOLD :]], dim=1)
    places = torch.cat([(columns + first).flatten(1), rest.expand(rows, -1)], dim=1)
    best, index = kept.topk(count, dim=1)
    return best, places.gather(1, index)


def forbid(log_probabilities: Tensor, banned: Tensor) -> Tensor:
    """A copy (N, V) in which the ``banned`` (X,) pieces have −inf; they may lie beyond V, as padding often does."""
    return log_probabilities.index_fill(1, banned[banned < log_probabilities.shape[1]], NEVER)


def forbid_repeats(log_probabilities: Tensor, prefix: Whole, size: int) -> Tensor:
    """−inf for each piece that would complete an n-gram of ``size`` pieces which the row already has.

    It stops a model that says the same two words for ever. The end never repeats, so a row can always stop.

    Args:
        log_probabilities: (N, V); it is not changed, and handed back itself where nothing would repeat.
        prefix: (N, t) the pieces so far.
        size: n; 0 forbids nothing, 1 forbids every piece that was used.
    """
    length = prefix.shape[1]
    if size < 1 or length < size:
        return log_probabilities
    ngrams = sliding_window_view(prefix, size, axis=1)  # (N, t − n + 1, n)
    tail = prefix[:, None, length - size + 1 :]  # (N, 1, n − 1)
    rows, places = (ngrams[..., :-1] == tail).all(axis=-1).nonzero()
    if not len(rows):
        return log_probabilities
    allowed = log_probabilities.clone()
    allowed[torch.from_numpy(rows), torch.from_numpy(ngrams[rows, places, -1])] = NEVER
    return allowed
