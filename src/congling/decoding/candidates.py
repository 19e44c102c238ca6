"""Which pieces may come next: the best ones, without those that are banned or would repeat what was said.

Nothing is renormalised: a piece that may come keeps its log-probability under the model.
"""

from __future__ import annotations

import torch
from torch import Tensor

NEVER = float("-inf")


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
        values, pieces = log_probabilities.max(dim=1, keepdim=True)  # far cheaper than a top-k, and mostly enough
        if not torch.isin(pieces, banned).any():
            return values, pieces
    vocabulary = log_probabilities.shape[1]
    # As many more as are banned: the vocabulary is then read once and never copied.
    values, pieces = log_probabilities.topk(min(count + len(banned), vocabulary), dim=1)
    if not len(banned):
        return values, pieces
    values, order = values.masked_fill(torch.isin(pieces, banned), NEVER).topk(min(count, vocabulary), dim=1)
    return values, pieces.gather(1, order)


def forbid(log_probabilities: Tensor, banned: Tensor) -> Tensor:
    """A copy (N, V) in which the ``banned`` (X,) pieces have −inf; they may lie beyond V, as padding often does."""
    return log_probabilities.index_fill(1, banned[banned < log_probabilities.shape[1]], NEVER)


def forbid_repeats(log_probabilities: Tensor, prefix: Tensor, size: int) -> Tensor:
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
    ngrams = prefix.unfold(1, size, 1)  # (N, t − n + 1, n)
    tail = prefix[:, length - size + 1 :].unsqueeze(1)  # (N, 1, n − 1)
    rows, places = (ngrams[..., :-1] == tail).all(dim=-1).nonzero(as_tuple=True)
    if not len(rows):
        return log_probabilities
    allowed = log_probabilities.clone()
    allowed[rows, ngrams[rows, places, size - 1]] = NEVER
    return allowed
