"""What the page of words shows, as plain arrays: a sentence, the most frequent words with their neighbours, layouts.

V words of the vocabulary · n words shown · D numbers a word · k neighbours
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from congling.errors import UserError
from congling.figures.words.course import WORDS as COURSE_WORDS
from congling.figures.words.course import Course, course_of
from congling.figures.words.neighbours import nearest_words, unit
from congling.figures.words.projection import Method, Projection, Say, project
from congling.language import _

Array = NDArray[np.float32]

NEIGHBOURS = 12
AROUND = 2  # rows of the matrix above and below a word's own
MOST_PLAIN = 65_535  # words: a neighbour's number has two bytes


@dataclass(frozen=True)
class SentenceWord:
    """A word of the sentence with its three encodings.

    Attributes:
        word: as it was written.
        id: its index; None for a word that the vocabulary does not have, which has no vector either.
        vector: (D), its embedding.
        first: the index of the first of ``rows``.
        rows: (r, D), the matrix around the word's own row.
    """

    word: str
    id: int | None
    vector: Array
    first: int
    rows: Array


@dataclass(frozen=True)
class WordsView:
    """All that the page shows.

    Attributes:
        name: the run's.
        sentence: its words in order.
        total: V.
        ids: (n), of the words shown: the most frequent ones, then those of the sentence that are rarer.
        words: n.
        counts: (n); None where they are not known.
        vectors: (n, D).
        neighbours, cosines: (n, k), among the words shown, by the cosine in all D dimensions.
        layouts: where the words are drawn.
        course: through training; None where there are no frames.
        analogies: words (a, b, c) to begin with, for a − b + c.
        remarks: for the head of the page.
    """

    name: str
    sentence: list[SentenceWord]
    total: int
    ids: list[int]
    words: list[str]
    counts: NDArray[np.int64] | None
    vectors: Array
    neighbours: NDArray[np.int64]
    cosines: Array
    layouts: list[Projection]
    course: Course | None
    analogies: list[tuple[str, str, str]]
    remarks: list[str] = field(default_factory=list)


def view_of_words(
    name: str,
    words: Sequence[str],
    vectors: Array,
    counts: NDArray[np.int64] | None,
    sentence: Sequence[str],
    *,
    shown: int,
    methods: Sequence[Method],
    frames: Mapping[int, Callable[[], Array]],
    analogies: Sequence[tuple[str, str, str]],
    say: Say,
    seed: int = 0,
) -> WordsView:
    """Look at word vectors (V, D).

    Args:
        words: V, the most frequent first.
        sentence: its words.
        shown: how many of the most frequent words to draw.
        methods: of laying them out, the first of which is seen first.
        frames: by step, what gives the vectors (any number, D) of the most frequent words then, in the same order.
        analogies: to begin with.
        say: told what is being computed.

    Raises:
        UserError: a training that diverged left no numbers; UMAP is not installed.
    """
    places = {word: place for place, word in enumerate(words)}
    wanted = [*sentence, *(word for words_of_one in analogies for word in words_of_one)]
    ids = list(range(min(shown, len(words), MOST_PLAIN - len(wanted))))
    ids += sorted({places[word] for word in wanted if places.get(word, 0) >= len(ids)})
    own = vectors[ids]
    if not np.isfinite(own).all():
        message = _("the vectors of {run} are no numbers any more (NaN): look at an earlier step (--checkpoint STEP)")
        raise UserError(message.format(run=name))
    say(_("nearest neighbours of {count} words …").format(count=f"{len(ids):,}"))
    neighbours, cosines = nearest_words(own, NEIGHBOURS)
    return WordsView(
        name=name,
        sentence=[_seen(word, places.get(word), vectors) for word in sentence],
        total=len(words),
        ids=ids,
        words=[words[place] for place in ids],
        counts=None if counts is None else counts[ids],
        vectors=own,
        neighbours=neighbours,
        cosines=cosines,
        layouts=_layouts(own, methods, seed, say),
        course=_course(frames, min(shown, COURSE_WORDS), say),
        analogies=list(analogies),
    )


def _layouts(vectors: Array, methods: Sequence[Method], seed: int, say: Say) -> list[Projection]:
    """Each once: of few words there is but one, whatever was wished. Neighbours are a matter of directions alone."""
    found = [project(vectors if method == "pca" else unit(vectors), method, seed, say) for method in methods]
    return list({projection.method: projection for projection in reversed(found)}.values())[::-1]


def _seen(word: str, place: int | None, vectors: Array) -> SentenceWord:
    if place is None:
        nothing = np.zeros((0, vectors.shape[1]), np.float32)
        return SentenceWord(word, None, nothing.reshape(-1), 0, nothing)
    first = max(0, min(place - AROUND, len(vectors) - 2 * AROUND - 1))
    return SentenceWord(word, place, vectors[place], first, vectors[first : first + 2 * AROUND + 1])


def _course(frames: Mapping[int, Callable[[], Array]], most: int, say: Say) -> Course | None:
    if len(frames) < 2:
        return None
    say(_("{count} steps of the training, each turned onto the next …").format(count=len(frames)))
    read = [frame()[:most] for frame in frames.values()]
    rows = min(map(len, read))  # a frame may hold fewer words than the run
    kept = [(step, frame[:rows]) for step, frame in zip(frames, read, strict=True) if np.isfinite(frame).all()]
    return course_of([step for step, _frame in kept], [frame for _step, frame in kept]) if len(kept) > 1 else None
