"""Greedy search: at every position the likeliest piece."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from congling.decoding.candidates import forbid_repeats, likeliest
from congling.decoding.hypotheses import Floats, Hypothesis, Whole, hypotheses_of, require_lengths
from congling.decoding.steps import Steps, compiled_search
from congling.decoding.unroll import Hear, Written, unroll


@torch.no_grad()
def greedy_search(
    steps: Steps,
    source: Tensor,
    source_padding: Tensor,
    *,
    end_id: int,
    pad_id: int,
    max_lengths: Tensor,
    banned: Sequence[int] = (),
    no_repeat_ngram: int = 0,
    record_alternatives: int = 0,
    hear: Hear | None = None,
) -> list[Hypothesis]:
    """The greedy hypothesis of every sentence, in order; sentences that have ended leave the batch.

    Args:
        steps: the network.
        source: (B, S) int64 pieces.
        source_padding: (B, S) bool, True at padding.
        end_id: the piece that ends a hypothesis.
        pad_id: the piece from which the decoder starts.
        max_lengths: (B,) int64, at least 1: the greatest number of pieces, the end included.
        banned: pieces that are never chosen; the scores stay the model's own log-probabilities.
        no_repeat_ngram: no n-gram of this many pieces comes twice; 0 lets everything repeat.
        record_alternatives: how many of each position's likeliest pieces, banned or not, to keep.
        hear: told of each piece as soon as it is chosen.
    """
    if not len(source):
        return []
    forbidden = torch.tensor(list(banned), dtype=torch.int64, device=source.device)
    limits = max_lengths.cpu().numpy()
    require_lengths(limits)
    if not (record_alternatives or hear):
        compiled = compiled_search(steps, _compiled, source, source_padding, int(limits.max()))
        if compiled is not None:
            return hypotheses_of(*compiled(pad_id, end_id, forbidden.numpy(), no_repeat_ngram, limits), end_id)

    def choose(log_probabilities: Tensor, written: Written) -> tuple[Whole, Floats]:
        if no_repeat_ngram:
            log_probabilities = forbid_repeats(log_probabilities, written.pieces, no_repeat_ngram)
        return likeliest(log_probabilities, forbidden)

    return unroll(
        steps,
        steps.start(source, source_padding),
        choose,
        end_id=end_id,
        pad_id=pad_id,
        max_lengths=max_lengths.to(source.device),
        record_alternatives=record_alternatives,
        hear=hear,
    )


def _compiled() -> Callable[..., tuple[Whole, Floats, Whole]]:
    from congling.decoding import greedy_compiled  # numba, which it imports, takes longer than a few sentences

    return greedy_compiled.search
