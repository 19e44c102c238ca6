"""Beam search: the best few hypotheses of every sentence run side by side.

A sentence has ``beam`` places. At each position the best continuations of its running hypotheses take the places that
are free; one that reaches the end keeps its place for good, so a sentence is over when all its places are finished,
and a beam of one is greedy search. A hypothesis leaves earlier when no continuation of it can come among the
``n_best``, since log-probabilities only fall; its place goes to others, so that in rare cases the search goes on with
other hypotheses than the plain one would.

B sentences, N running rows of all of them (at most B · beam), K = beam, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from congling.decoding.candidates import NEVER, best_continuations, forbid_repeats
from congling.decoding.hypotheses import Floats, Hypothesis, Whole, length_normalised, require_lengths
from congling.decoding.steps import Steps, compiled_search, select_rows, take_step
from congling.decoding.trellis import Trellis
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
    search = _Search(beam, n_best, length_penalty, end_id, pad_id, forbidden, no_repeat_ngram, limits)
    compiled = compiled_search(steps, _compiled, source, source_padding, int(limits.max()))
    if compiled is not None:
        banned_ids, alpha = forbidden.numpy(), float(length_penalty)
        search.take(*compiled(pad_id, end_id, banned_ids, no_repeat_ngram, limits, beam, n_best, alpha))
        return search.results()
    running, state = search.begin(), steps.start(source, source_padding)
    while len(running):
        last = torch.from_numpy(search.last(running)).to(source.device)
        log_probabilities, state = take_step(steps, state, last, search.trellis.length)
        parents, grown = search.grow(running, log_probabilities)
        goes_on = search.collect(running, grown)
        if not goes_on.all():
            parents, grown = parents[goes_on], grown.select(goes_on)
        if len(parents):
            state = select_rows(steps, state, parents, len(running), source.device)
        running = grown
    return search.results()


def _compiled() -> Callable[..., tuple[Whole, Whole, Floats, Whole]]:
    from congling.decoding import beam_compiled  # numba, which it imports, takes longer than a few sentences

    return beam_compiled.search


def _check(beam: int, n_best: int) -> None:
    if beam < 1:
        raise UsageError(_("a beam of {beam} searches nothing; take 1 or more").format(beam=beam))
    if not 1 <= n_best <= beam:
        message = _("{n_best} best translations cannot come from a beam of {beam}; take 1 to {beam}, or a wider beam")
        raise UsageError(message.format(n_best=n_best, beam=beam))


@dataclass(frozen=True)
class _Rows:
    """Hypotheses, one a row.

    Attributes:
        owner: (N,) the place in the batch of the sentence that the row belongs to.
        total: (N,) its log-probability.
        at: (N,) the row of the trellis with which it ends.
    """

    owner: Whole
    total: Floats
    at: Whole

    def __len__(self) -> int:
        return len(self.owner)

    def select(self, rows: Whole | NDArray[np.bool_]) -> _Rows:
        """The given rows: indices (M,) or a mask (N,)."""
        return _Rows(self.owner[rows], self.total[rows], self.at[rows])


@dataclass
class _Search:
    """The rules of one search and what it has found."""

    beam: int
    n_best: int
    length_penalty: float
    end_id: int
    pad_id: int
    banned: Tensor
    no_repeat_ngram: int
    max_lengths: Whole  # (B,)
    trellis: Trellis = field(default_factory=Trellis)
    finished: Whole = field(init=False)  # (B,) how many places are finished
    best: NDArray[np.float64] = field(init=False)  # (B, n_best) of what is finished, descending; −inf for none
    found: list[list[tuple[int, int, bool]]] = field(init=False)  # for each sentence: length, row, whether it ended

    def __post_init__(self) -> None:
        require_lengths(self.max_lengths)
        sentences = len(self.max_lengths)
        self.finished = np.zeros_like(self.max_lengths)
        self.best = np.full((sentences, self.n_best), NEVER)
        self.found = [[] for _ in range(sentences)]

    def begin(self) -> _Rows:
        """One empty hypothesis for each sentence."""
        each = np.arange(len(self.max_lengths))
        return _Rows(each, np.zeros(len(each), np.float32), each)

    def last(self, running: _Rows) -> Whole:
        """(N,) the last piece of each row; at the very start the piece from which the decoder starts."""
        return self.trellis.newest[running.at] if self.trellis.length else np.full_like(running.owner, self.pad_id)

    def grow(self, running: _Rows, log_probabilities: Tensor) -> tuple[Whole, _Rows]:
        """The continuations that take the free places, by sentence and then best first, and each one's parent row."""
        if self.no_repeat_ngram:
            prefixes = self.trellis.prefixes(running.at)
            log_probabilities = forbid_repeats(log_probabilities, prefixes, self.no_repeat_ngram)
        parents, pieces, values = best_continuations(
            log_probabilities, running.total, running.owner, self.beam - self.finished, self.banned
        )
        self.trellis.grow(running.at[parents], pieces, values)
        return parents, _Rows(running.owner[parents], running.total[parents] + values, np.arange(len(parents)))

    def collect(self, running: _Rows, grown: _Rows) -> NDArray[np.bool_]:
        """Keep what has finished, and what can go no further in a sentence of which nothing has finished.

        Returns (M,): which grown rows are neither ended nor full, and could still bring their sentence a better score.
        """
        length, ended = self.trellis.length, self.trellis.newest == self.end_id
        if ended.any():
            self._finish(grown.select(ended), length)
        if silent := set(running.owner.tolist()).difference(grown.owner.tolist()):
            self._give_up(running.select(np.isin(running.owner, [*silent])), length - 1)
        longest = self.max_lengths[grown.owner]
        over = ended | (longest <= length)
        if over.any():
            self._give_up(grown.select(over & ~ended), length)
        goes_on: NDArray[np.bool_] = ~over & (self._attainable(grown.total, longest) > self.best[grown.owner, -1])
        return goes_on

    def _finish(self, ended: _Rows, length: int) -> None:
        scores = length_normalised(ended.total, length, self.length_penalty)
        for owner, score in zip(ended.owner.tolist(), scores.tolist(), strict=True):  # mostly one or two
            self.finished[owner] += 1
            best = self.best[owner]
            best[:] = sorted([*best, score], reverse=True)[: self.n_best]
        self._keep(ended.select(scores >= self.best[ended.owner, -1]), length, finished=True)

    def _give_up(self, rows: _Rows, length: int) -> None:
        """Keep rows that can go no further as unfinished, unless their sentence has something better to show."""
        self._keep(rows.select(self.finished[rows.owner] == 0), length, finished=False)

    def _keep(self, rows: _Rows, length: int, finished: bool) -> None:
        for sentence, row in zip(rows.owner.tolist(), rows.at.tolist(), strict=True):
            self.found[sentence].append((length, row, finished))

    def _attainable(self, total: Floats, longest: Whole) -> Floats:
        """(M,) a score that no continuation exceeds: the total cannot rise, and the length ends within two bounds.

        With α ≥ 0 the greatest length is the kindest to a negative total, with α < 0 the next one.
        """
        bound = longest if self.length_penalty >= 0 else self.trellis.length + 1
        return length_normalised(total, bound, self.length_penalty)

    def take(self, parents: Whole, pieces: Whole, values: Floats, found: Whole) -> None:
        """What ``beam_compiled.search`` gives."""
        for each in zip(parents, pieces, values, strict=True):
            self.trellis.grow(*each)
        for sentence, length, row, finished in found.tolist():
            self.found[sentence].append((length, row, bool(finished)))

    def results(self) -> list[list[Hypothesis]]:
        """For each sentence the best hypotheses, best first."""
        best = []
        for found in self.found:
            hypotheses = [self._hypothesis(*each) for each in found]
            best.append(sorted(hypotheses, key=lambda h: h.score, reverse=True)[: self.n_best])
        return best

    def _hypothesis(self, length: int, row: int, finished: bool) -> Hypothesis:
        pieces, values = self.trellis.path(length, row)
        return Hypothesis.of(pieces[: length - finished], values, finished, self.length_penalty)
