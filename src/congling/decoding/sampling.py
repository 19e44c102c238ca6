"""Sampling: pieces drawn by their probability, as far as temperature, top-k and top-p let them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from congling.decoding.candidates import NEVER, forbid, forbid_repeats
from congling.decoding.hypotheses import Floats, Hypothesis, Whole
from congling.decoding.steps import Steps
from congling.decoding.unroll import Hear, Written, unroll
from congling.errors import UsageError
from congling.language import _


def tempered(log_probabilities: Tensor, temperature: float) -> Tensor:
    """log p / τ, not normalised: τ < 1 sharpens, τ > 1 flattens. (N, V) → (N, V)."""
    return log_probabilities / temperature


def top_k_only(logits: Tensor, k: int) -> Tensor:
    """−inf for all but the ``k`` likeliest pieces of each row (ties stay); 0 keeps all. (N, V) → (N, V)."""
    if not 0 < k < logits.shape[-1]:
        return logits
    least = logits.topk(k, dim=-1).values[..., -1:]
    return logits.masked_fill(logits < least, NEVER)


def top_p_only(logits: Tensor, p: float) -> Tensor:
    """−inf outside the nucleus: the fewest pieces whose probability reaches ``p`` (Holtzman et al. 2020, §3.1).

    (N, V) → (N, V); 1 keeps all.
    """
    if p >= 1:
        return logits
    probabilities, order = logits.softmax(dim=-1).sort(dim=-1, descending=True)
    before = probabilities.cumsum(dim=-1) - probabilities  # what the likelier pieces have together
    outside = torch.zeros_like(order, dtype=torch.bool).scatter(-1, order, before >= p)  # in the vocabulary's order
    return logits.masked_fill(outside, NEVER)


def draw(logits: Tensor, uniform: Tensor) -> Tensor:
    """The piece at which the cumulative probability passes ``uniform`` (N,) in [0, 1). (N, V) → (N,) int64."""
    cumulative = logits.softmax(dim=-1).cumsum(dim=-1)
    total = cumulative[..., -1:]
    # Rounding must not reach the total itself: beyond it stand only impossible pieces.
    threshold = torch.minimum(uniform.unsqueeze(-1) * total, torch.nextafter(total, torch.zeros_like(total)))
    place = torch.searchsorted(cumulative, threshold, right=True).squeeze(-1)
    return place.clamp(max=logits.shape[-1] - 1)


@torch.no_grad()
def sample(
    steps: Steps,
    source: Tensor,
    source_padding: Tensor,
    *,
    generator: torch.Generator,
    samples: int = 1,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    end_id: int,
    pad_id: int,
    max_lengths: Tensor,
    banned: Sequence[int] = (),
    no_repeat_ngram: int = 0,
    hear: Hear | None = None,
) -> list[list[Hypothesis]]:
    """Drawn hypotheses of every sentence, in the order in which they were drawn.

    Their log-probabilities are the model's own, at temperature 1. The same generator state gives the same samples,
    and a row's sample does not change with how long the other rows run.

    Args:
        steps: the network.
        source: (B, S) int64 pieces.
        source_padding: (B, S) bool, True at padding.
        generator: the source of randomness.
        samples: how many hypotheses for each sentence.
        temperature: above 0; see ``tempered``.
        top_k: see ``top_k_only``.
        top_p: above 0 and at most 1; see ``top_p_only``.
        end_id: the piece that ends a hypothesis.
        pad_id: the piece from which the decoder starts.
        max_lengths: (B,) int64, at least 1: the greatest number of pieces, the end included.
        banned: pieces that are never drawn.
        no_repeat_ngram: no n-gram of this many pieces comes twice; 0 lets everything repeat.
        hear: told of each piece as soon as it is drawn; row ``samples`` · sentence + sample.

    Raises:
        UsageError: a number is out of its range.
    """
    _check(samples, temperature, top_k, top_p)
    if not len(source):
        return []
    forbidden = torch.tensor(list(banned), dtype=torch.int64, device=source.device)
    sentence = torch.arange(len(source), device=source.device).repeat_interleave(samples)

    def drawn(log_probabilities: Tensor, written: Written) -> tuple[Whole, Floats]:
        if no_repeat_ngram:
            log_probabilities = forbid_repeats(log_probabilities, written.pieces, no_repeat_ngram)
        allowed = forbid(log_probabilities, forbidden)
        logits = top_p_only(top_k_only(tempered(allowed, temperature), top_k), top_p)
        # For every row that ever was, so that those that have left change nothing for the others.
        uniform = torch.rand(len(sentence), generator=generator, device=generator.device)
        pieces = draw(logits, uniform.to(logits)[torch.from_numpy(written.running)])
        return pieces.cpu().numpy(), allowed.gather(1, pieces.unsqueeze(1)).squeeze(1).cpu().numpy()

    state = steps.select(steps.start(source, source_padding), sentence)
    lengths = max_lengths.to(source.device)[sentence]
    rows = unroll(steps, state, drawn, end_id=end_id, pad_id=pad_id, max_lengths=lengths, hear=hear)
    return [rows[first : first + samples] for first in range(0, len(rows), samples)]


def _check(samples: int, temperature: float, top_k: int, top_p: float) -> None:
    if samples < 1:
        raise UsageError(_("cannot draw {samples} samples; take 1 or more").format(samples=samples))
    if not (temperature > 0 and math.isfinite(temperature)):
        message = _("cannot sample at temperature {temperature}; take one above 0, such as 0.7, or do not sample")
        raise UsageError(message.format(temperature=temperature))
    if top_k < 0:
        raise UsageError(_("top-k {top_k} is below 0; take 0 for all pieces, or how many to keep").format(top_k=top_k))
    if not 0 < top_p <= 1:
        raise UsageError(_("top-p {top_p} is no probability; take one above 0 and at most 1").format(top_p=top_p))
