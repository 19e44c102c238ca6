"""Beam search: the best few hypotheses of every sentence run side by side.

A sentence has ``beam`` places. At each position the best continuations of its running hypotheses take the places that
are free; one that reaches the end keeps its place for good, so a sentence is over when all its places are finished,
and a beam of one is greedy search. A hypothesis leaves earlier when no continuation of it can come among the
``n_best``, since log-probabilities only fall; its place goes to others, so that in rare cases the search goes on with
other hypotheses than the plain one would.

B sentences, N running rows of all of them (at most B · beam), K = beam, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from congling.decoding.candidates import NEVER, best_continuations, forbid_repeats
from congling.decoding.hypotheses import Floats, Hypothesis, Running, Whole, length_normalised
from congling.decoding.steps import Steps, is_compiled, select_rows, take_step
from congling.errors import UsageError
from congling.language import _


@torch.no_grad()
def beam_search(
    steps: Steps,
    source: Tensor,
    source_padding: Tensor,
    *,
    beam: int,
    n_best: int = 1,
    length_penalty: float = 0.0,
    end_id: int,
    pad_id: int,
    max_lengths: Tensor,
    banned: Sequence[int] = (),
    no_repeat_ngram: int = 0,
) -> list[list[Hypothesis]]:
    """The best hypotheses of every sentence, in order, each list best first.

    A list holds finished hypotheses only, so it can be shorter than ``n_best``; where none finished within the
    greatest length it holds unfinished ones. It is never empty.

    Args:
        steps: the network.
        source: (B, S) int64 pieces.
        source_padding: (B, S) bool, True at padding.
        beam: places for each sentence.
        n_best: how many hypotheses to give, at most ``beam``.
        length_penalty: α of ``length_normalised``.
        end_id: the piece that ends a hypothesis.
        pad_id: the piece from which the decoder starts.
        max_lengths: (B,) int64, at least 1: the greatest number of pieces, the end included.
        banned: pieces that are never chosen; the scores stay the model's own log-probabilities.
        no_repeat_ngram: no n-gram of this many pieces comes twice; 0 lets everything repeat.

    Raises:
        UsageError: ``beam`` is below 1, or ``n_best`` is not between 1 and ``beam``.
    """
    _check(beam, n_best)
    if not len(source):
        return []
    forbidden = torch.tensor(list(banned), dtype=torch.int64, device=source.device)
    limits = max_lengths.cpu().numpy()
    search = _Search(beam, n_best, length_penalty, end_id, forbidden, no_repeat_ngram, limits)
    running, state = Running.begin(limits), steps.start(source, source_padding)
    while len(running):
        last = running.last(pad_id, source.device)
        log_probabilities, state = take_step(steps, state, last, running.length)
        parents, grown = search.grow(running, log_probabilities, is_compiled(steps))
        goes_on = search.collect(running, grown)
        if not goes_on.all():
            parents, grown = parents[goes_on], grown.select(goes_on)
        if len(parents):
            state = select_rows(steps, state, parents, len(running), source.device)
        running = grown
    return search.results()


def _check(beam: int, n_best: int) -> None:
    if beam < 1:
        raise UsageError(_("a beam of {beam} searches nothing; take 1 or more").format(beam=beam))
    if not 1 <= n_best <= beam:
        message = _("{n_best} best translations cannot come from a beam of {beam}; take 1 to {beam}, or a wider beam")
        raise UsageError(message.format(n_best=n_best, beam=beam))


@dataclass
class _Search:
    """The rules of one search and what it has found."""

    beam: int
    n_best: int
    length_penalty: float
    end_id: int
    banned: Tensor
    no_repeat_ngram: int
    max_lengths: Whole  # (B,)
    finished: Whole = field(init=False)  # (B,) how many places are finished
    best: NDArray[np.float64] = field(init=False)  # (B, n_best) of what is finished, descending; −inf for none
    found: list[list[Hypothesis]] = field(init=False)  # for each sentence

    def __post_init__(self) -> None:
        sentences = len(self.max_lengths)
        self.finished = np.zeros_like(self.max_lengths)
        self.best = np.full((sentences, self.n_best), NEVER)
        self.found = [[] for _ in range(sentences)]

    def grow(self, running: Running, log_probabilities: Tensor, compiled: bool) -> tuple[Whole, Running]:
        """The continuations that take the free places, by sentence and then best first, and each one's parent row."""
        allowed = forbid_repeats(log_probabilities, running.pieces, self.no_repeat_ngram)
        parents, pieces, values = best_continuations(
            allowed, running.total, running.owner, self.beam - self.finished, self.banned, compiled
        )
        return parents, running.select(parents).followed_by(pieces, values)

    def collect(self, running: Running, grown: Running) -> NDArray[np.bool_]:
        """Keep what has finished, and what can go no further in a sentence of which nothing has finished.

        Returns (M,): which grown rows are neither ended nor full, and could still bring their sentence a better score.
        """
        ended = grown.pieces[:, -1] == self.end_id
        if ended.any():
            self._finish(grown.select(ended))
        if silent := set(running.owner.tolist()).difference(grown.owner.tolist()):
            self._give_up(running.select(np.isin(running.owner, [*silent])))
        longest = self.max_lengths[grown.owner]
        over = ended | (longest <= grown.length)
        if over.any():
            self._give_up(grown.select(over & ~ended))
        goes_on: NDArray[np.bool_] = ~over & (self._attainable(grown, longest) > self.best[grown.owner, -1])
        return goes_on

    def _finish(self, ended: Running) -> None:
        scores = ended.scores(self.length_penalty)
        for owner, score in zip(ended.owner.tolist(), scores.tolist(), strict=True):  # mostly one or two
            self.finished[owner] += 1
            best = self.best[owner]
            best[:] = sorted([*best, score], reverse=True)[: self.n_best]
        self._keep(ended.select(scores >= self.best[ended.owner, -1]), finished=True)

    def _give_up(self, rows: Running) -> None:
        """Keep rows that can go no further as unfinished, unless their sentence has something better to show."""
        self._keep(rows.select(self.finished[rows.owner] == 0), finished=False)

    def _keep(self, rows: Running, finished: bool) -> None:
        for sentence, hypothesis in rows.hypotheses(finished, self.length_penalty) if len(rows) else ():
            self.found[sentence].append(hypothesis)

    def _attainable(self, grown: Running, longest: Whole) -> Floats:
        """(M,) a score that no continuation exceeds: the total cannot rise, and the length ends within two bounds.

        With α ≥ 0 the greatest length is the kindest to a negative total, with α < 0 the next one.
        """
        bound = longest if self.length_penalty >= 0 else grown.length + 1
        return length_normalised(grown.total, bound, self.length_penalty)

    def results(self) -> list[list[Hypothesis]]:
        """For each sentence the best hypotheses, best first."""
        return [sorted(found, key=lambda h: h.score, reverse=True)[: self.n_best] for found in self.found]
