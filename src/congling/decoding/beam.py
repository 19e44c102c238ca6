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

import torch
from torch import Tensor

from congling.decoding.candidates import NEVER, best_pieces, forbid_repeats
from congling.decoding.hypotheses import Hypothesis, Running, length_normalised
from congling.decoding.steps import Steps, select_rows, take_step
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
    search = _Search(beam, n_best, length_penalty, end_id, forbidden, no_repeat_ngram, max_lengths.to(source.device))
    running, state = Running.begin(search.max_lengths), steps.start(source, source_padding)
    while len(running):
        log_probabilities, state = take_step(steps, state, running.last(pad_id), running.length)
        parents, grown = search.grow(running, log_probabilities)
        search.collect(running, grown)
        stays = search.still_running(grown).nonzero().squeeze(1)
        state = select_rows(steps, state, parents[stays], len(running)) if len(stays) else None
        running = grown.select(stays)
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
    max_lengths: Tensor  # (B,)
    finished: Tensor = field(init=False)  # (B,) how many places are finished
    best: Tensor = field(init=False)  # (B, n_best) the best finished scores, descending, −inf where there is none
    found: list[list[Hypothesis]] = field(init=False)  # for each sentence

    def __post_init__(self) -> None:
        sentences = len(self.max_lengths)
        self.finished = torch.zeros_like(self.max_lengths)
        self.best = torch.full((sentences, self.n_best), NEVER, device=self.max_lengths.device)
        self.found = [[] for _ in range(sentences)]

    def grow(self, running: Running, log_probabilities: Tensor) -> tuple[Tensor, Running]:
        """The continuations that take the free places, by sentence and then best first, and each one's parent row."""
        allowed = forbid_repeats(log_probabilities, running.pieces, self.no_repeat_ngram)
        values, pieces = best_pieces(allowed, self.beam, self.banned)  # (N, k): no sentence can take more of one row
        parents, columns = self._best_of_each_sentence(running, running.total.unsqueeze(1) + values)
        return parents, running.extended(parents, pieces[parents, columns], values[parents, columns])

    def _best_of_each_sentence(self, running: Running, totals: Tensor) -> tuple[Tensor, Tensor]:
        """Rows and columns of the best ``totals`` (N, k) of each sentence, as many as it has free places."""
        columns = totals.shape[1]
        sentences = len(self.max_lengths)
        rows = torch.arange(len(running), device=totals.device)
        place = rows % self.beam  # the rows of a sentence stand together, so no two of them get the same place
        row_at = rows.new_zeros(sentences, self.beam).index_put((running.owner, place), rows)
        grid = totals.new_full((sentences, self.beam, columns), NEVER).index_put((running.owner, place), totals)
        best, index = grid.flatten(1).topk(self.beam, dim=1)  # (B, K)
        free = (self.beam - self.finished).unsqueeze(1)  # (B, 1)
        taken = (torch.arange(self.beam, device=totals.device) < free) & (best > NEVER)
        sentence, rank = taken.nonzero(as_tuple=True)
        cell = index[sentence, rank]
        return row_at[sentence, cell // columns], cell % columns

    def collect(self, running: Running, grown: Running) -> None:
        """Keep what has finished, and what can go no further in a sentence of which nothing has finished."""
        ended = grown.pieces[:, -1] == self.end_id
        if ended.any():
            self._finish(grown.select(ended))
        continued = torch.zeros_like(self.finished, dtype=torch.bool).index_fill(0, grown.owner, True)
        self._give_up(running.select(~continued[running.owner]))
        self._give_up(grown.select(~ended & self._full(grown)))

    def _finish(self, ended: Running) -> None:
        scores = ended.scores(self.length_penalty)
        self.finished = self.finished.index_add(0, ended.owner, torch.ones_like(ended.owner))
        place = torch.arange(len(ended), device=scores.device) % self.beam
        new = scores.new_full((len(self.finished), self.beam), NEVER).index_put((ended.owner, place), scores)
        self.best = torch.cat([self.best, new], dim=1).topk(self.n_best, dim=1).values
        self._keep(ended.select(scores >= self.best[ended.owner, -1]), finished=True)

    def _give_up(self, rows: Running) -> None:
        """Keep rows that can go no further as unfinished, unless their sentence has something better to show."""
        self._keep(rows.select(self.finished[rows.owner] == 0), finished=False)

    def _keep(self, rows: Running, finished: bool) -> None:
        for sentence, hypothesis in rows.hypotheses(finished, self.length_penalty) if len(rows) else ():
            self.found[sentence].append(hypothesis)

    def _full(self, grown: Running) -> Tensor:
        return self.max_lengths[grown.owner] <= grown.length

    def still_running(self, grown: Running) -> Tensor:
        """(M,) whether a row is neither ended nor full, and could still bring its sentence a better score."""
        ended = grown.pieces[:, -1] == self.end_id
        return ~ended & ~self._full(grown) & (self._attainable(grown) > self.best[grown.owner, -1])

    def _attainable(self, grown: Running) -> Tensor:
        """(M,) a score that no continuation exceeds: the total cannot rise, and the length ends within two bounds.

        With α ≥ 0 the greatest length is the kindest to a negative total, with α < 0 the next one.
        """
        longest = length_normalised(grown.total, self.max_lengths[grown.owner], self.length_penalty)
        shortest = length_normalised(grown.total, grown.length + 1, self.length_penalty)
        return torch.maximum(longest, shortest)

    def results(self) -> list[list[Hypothesis]]:
        """For each sentence the best hypotheses, best first."""
        return [sorted(found, key=lambda h: h.score, reverse=True)[: self.n_best] for found in self.found]
