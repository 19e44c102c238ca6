"""``greedy.greedy_search`` of a compiled Transformer as one compiled function, from the first piece to the last end.

N rows, each a sentence that has not ended, of B · T positions, the most there may be · V vocabulary
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from congling.decoding.candidates_compiled import forbid_repeats
from congling.decoding.hypotheses import Floats, Whole
from congling.equations.compiling import part, whole, zero
from congling.equations.softmax_kernels import first, largest, log_sum_of_exponentials
from congling.networks.prepared_kernels import next_logits, past_for, room_for

if TYPE_CHECKING:
    from congling.networks.prepared_compiled import CompiledDecoder


@whole
def search(
    decoder: CompiledDecoder, pad_id: int, end_id: int, banned: Whole, no_repeat_ngram: int, max_lengths: Whole
) -> tuple[Whole, Floats, Whole]:
    """The likeliest piece of each sentence after the other, until its end.

    The arguments are those of the plain twin, as arrays.

    Returns:
        The pieces (B, T), the end included where it was reached, their log-probabilities (B, T), and how many of them
        each sentence has, (B,).
    """
    sentences, most = len(max_lengths), max_lengths.max()
    pieces, values = np.empty((sentences, most), np.int64), np.empty((sentences, most), np.float32)
    counts = np.empty(sentences, np.int64)
    room, past = room_for(decoder, sentences, most), past_for(decoder, sentences, most)
    logits = np.empty((sentences, len(decoder.weights.projection_bias)), np.float32)
    powers = np.empty(logits.shape[1], np.int32)
    running, last = np.arange(sentences), np.full(sentences, pad_id)
    position, count = zero(), sentences
    while count:
        next_logits(decoder, last[:count], position, past, running, room, logits)
        position, going_on = position + 1, 0
        for row in range(count):
            sentence = running[row]
            log_sum = log_sum_of_exponentials(logits[row], powers)
            forbid_repeats(logits[row], pieces[sentence, : position - 1], no_repeat_ngram)
            piece, logit = _largest_allowed(logits[row], banned)
            value = logit - log_sum
            if not value > -np.inf:
                counts[sentence] = position - 1
                continue
            pieces[sentence, position - 1], values[sentence, position - 1] = piece, value
            counts[sentence] = position
            if piece != end_id and position < max_lengths[sentence]:
                running[going_on], last[going_on] = sentence, piece
                past.ancestors[going_on] = sentence
                going_on += 1
        count = going_on
    return pieces, values, counts


@part
def _largest_allowed(logits: Floats, banned: Whole) -> tuple[int, np.float32]:
    """The piece with the largest of the ``logits`` (V − 1), and that; those of banned pieces are overwritten."""
    for piece in banned:
        if piece < len(logits):
            logits[piece] = -np.inf
    greatest = largest(logits)
    return first(logits, greatest), greatest
