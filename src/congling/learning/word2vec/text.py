"""A text as the compiled loop takes it, in pieces, with the tables that its words and negatives are drawn by."""

from __future__ import annotations

import mmap
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from congling.errors import UserError
from congling.language import _
from congling.learning.word2vec.compiled import Matrix, learn_piece
from congling.learning.word2vec.draws import stream_of
from congling.learning.word2vec.pieces import Pieces
from congling.learning.word2vec.settings import Word2VecSettings
from congling.learning.word2vec.tables import alias_tables, keep_thresholds

Number = TypeVar("Number", bound=np.generic)


@dataclass(frozen=True)
class Text:
    """A text to learn from.

    Attributes:
        ids: (N,) int32 numbers of words.
        pieces: where sentences and pieces begin.
        keep, thresholds, aliases: (V,) of ``keep_thresholds`` and ``alias_tables``.
        mapping: by which ``ids`` lie on the disk; None for a text in memory.
    """

    ids: NDArray[np.int32]
    pieces: Pieces
    keep: NDArray[np.uint64]
    thresholds: NDArray[np.uint64]
    aliases: NDArray[np.int32]
    settings: Word2VecSettings
    mapping: mmap.mmap | None = None

    @classmethod
    def of(
        cls,
        ids: NDArray[np.int32],
        starts: NDArray[np.int64],
        counts: NDArray[np.int64],
        settings: Word2VecSettings,
    ) -> Text:
        """Make the tables, and look at the text once.

        Args:
            ids: (N,) numbers of words below V, the sentences one after the other.
            starts: (sentences + 1,) where each begins, and N.
            counts: (V,) how often each word stands in the text.

        Raises:
            UserError: there is nothing that could be learned.
        """
        _check(ids, starts, counts)
        pieces = Pieces.of(starts)
        keep = keep_thresholds(counts, settings.sample)
        thresholds, aliases = alias_tables(counts, settings.ns_exponent)
        fixed = Pieces(_fixed(pieces.starts), pieces.limits)
        mapping = getattr(ids, "_mmap", None)  # of a numpy.memmap
        return cls(_fixed(ids), fixed, _fixed(keep), _fixed(thresholds), _fixed(aliases), settings, mapping)

    def learn(self, words: Matrix, contexts: Matrix, number: int, rate: float) -> tuple[float, int]:
        """Learn from a piece; returns the sum of the losses in nats and the number of predictions.

        Args:
            words, contexts: (V, D) of one float type, changed in place.
            number: of the piece, counted over all epochs from 0.
            rate: the learning rate; with 0 nothing changes.
        """
        place = number % len(self.pieces)
        first, last = self.pieces.limits[place : place + 2].tolist()
        return self._learn(words, contexts, first, last, number, rate)

    def warm_up(self) -> None:
        """Compile the loop for float32, which takes seconds when it was never done on this machine."""
        none = np.zeros((1, self.settings.vector_size), np.float32)
        self._learn(none, none, 0, 0, 0, 0.0)

    def let_go(self) -> None:
        """Let the system have the memory of what was read of a text on the disk; it is read again where needed."""
        if self.mapping is not None and hasattr(mmap, "MADV_DONTNEED"):
            self.mapping.madvise(mmap.MADV_DONTNEED)

    def _learn(
        self, words: Matrix, contexts: Matrix, first: int, last: int, number: int, rate: float
    ) -> tuple[float, int]:
        settings = self.settings
        return learn_piece(
            self.ids, self.pieces.starts, first, last, words, contexts, self.keep, self.thresholds, self.aliases,
            settings.window, settings.negative, settings.cbow, settings.cbow_mean, words.dtype.type(rate),
            np.uint64(stream_of(settings.seed, number)),
        )  # fmt: skip


def mean_loss(
    words: Matrix,
    contexts: Matrix,
    ids: NDArray[np.int32],
    starts: NDArray[np.int64],
    counts: NDArray[np.int64],
    settings: Word2VecSettings,
) -> float:
    """The loss of one prediction in nats, on average over a text, with negatives from the counts of the vocabulary.

    The same settings and seed draw the same predictions and negatives, whoever's vectors are looked at. Nobody else
    may change these meanwhile.

    Args:
        words, contexts: (V, D) float32 or float64.
        ids, starts, counts: as of ``Text.of``; held-out text, counts of the training's.

    Raises:
        UserError: no word of the text has a neighbour.
    """
    text = Text.of(ids, starts, counts, settings)
    total, predictions = 0.0, 0
    for number in range(len(text.pieces)):
        loss, count = text.learn(words, contexts, number, 0.0)
        total, predictions = total + loss, predictions + count
    if not predictions:
        raise UserError(_("no word of the text has a neighbour, so that nothing can be predicted"))
    return total / predictions


def _check(ids: NDArray[np.int32], starts: NDArray[np.int64], counts: NDArray[np.int64]) -> None:
    if not len(ids) or not len(counts):
        raise UserError(_("the text holds no word to learn from"))
    if len(counts) < 2:
        raise UserError(_("the text holds one word only, over and over: at least two different ones are needed"))
    lengths = np.diff(starts)
    if starts[0] != 0 or starts[-1] != len(ids) or int(lengths.min()) < 0:
        raise ValueError("the starts are not those of the ids")
    if int(ids.min()) < 0 or int(ids.max()) >= len(counts):
        raise ValueError("a number of a word lies outside the vocabulary")  # the compiled loop would not notice
    if int(lengths.max()) < 2:
        message = _("every sentence holds one word only: without neighbours there is nothing to learn from")
        raise UserError(message)


def _fixed(array: NDArray[Any]) -> NDArray[Any]:
    """A view of one kind, whether the array lies on the disk or in memory: else each kind is compiled for itself."""
    view = np.ascontiguousarray(array).view(np.ndarray)[:]
    view.flags.writeable = False
    return view
