"""Words with their vectors on the way from or to a file, and words that every format can hold."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from congling.errors import UserError
from congling.language import _

Vectors = NDArray[np.float32]
Counts = NDArray[np.int64]

# Readers cut at different characters: the C tool at ASCII's spaces, Python's split at U+3000 and U+0085 too.
_SPACES = re.compile(r"[\s\0]+")
FIRST_ROWS = 65_536  # to begin with, where a file's length does not tell how many there may be


@dataclass(frozen=True)
class WordTable:
    """What a file of word vectors holds.

    Attributes:
        words: in the file's order, the most frequent first as a rule; none twice.
        vectors: (V, D).
        counts: (V), how often each word occurred; None where no side file tells it.
        remarks: what a person should know, such as words that were left out.
    """

    words: list[str]
    vectors: Vectors
    counts: Counts | None = None
    remarks: list[str] = field(default_factory=list)


class GrowingTable:
    """Takes words and vectors chunk by chunk; memory is that of the result, however long the file.

    Args:
        width: D.
        rows: how many there are to be at most, as far as it is known.
    """

    def __init__(self, width: int, rows: int | None) -> None:
        self._places: dict[str, int] = {}
        self._vectors = np.empty((FIRST_ROWS if rows is None else rows, width), np.float32)
        self._repeated: list[str] = []

    def __len__(self) -> int:
        return len(self._places)

    def take(self, words: Sequence[str], vectors: Vectors) -> None:
        """Append rows; of a word that comes again, only the first counts."""
        places, needed = self._places, len(self) + len(words)
        if needed > len(self._vectors):  # realloc of so large a piece moves pages, not bytes
            self._vectors.resize((max(needed, 3 * len(self._vectors) // 2), self._vectors.shape[1]), refcheck=False)
        if len(set(words)) == len(words) and places.keys().isdisjoint(words):
            self._vectors[len(places) : needed] = vectors
            places.update(zip(words, range(len(places), needed), strict=True))
            return
        for word, vector in zip(words, vectors, strict=True):
            if word in places:
                self._repeated.append(word)
            else:
                self._vectors[len(places)] = vector
                places[word] = len(places)

    def finished(self) -> WordTable:
        """The table, with a remark on the words that came more than once."""
        self._vectors.resize((len(self), self._vectors.shape[1]), refcheck=False)
        remarks = []
        if self._repeated:
            message = _("{count} words come more than once, {word} for one; the first vector of each was taken")
            remarks.append(message.format(count=len(self._repeated), word=self._repeated[0]))
        return WordTable(list(self._places), self._vectors, None, remarks)


def safe_words(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """The words without spaces, tabs and line ends, which end a word in every format; and remarks on the changed ones.

    Each run of them becomes ``_``. Where that word is there already, a number makes the changed one another word:
    ``New York`` beside ``New_York`` becomes ``New_York_2``.
    """
    changed = {place: _SPACES.sub("_", word) or "_" for place, word in enumerate(words) if not _is_safe(word)}
    if not changed:
        return list(words), []
    taken = {word for place, word in enumerate(words) if place not in changed}
    safe = list(words)
    for place, word in changed.items():
        safe[place] = _free(word, taken)
        taken.add(safe[place])
    first = next(iter(changed))
    message = _("{count} words hold spaces, which would end them: {word} became {name}, for one")
    return safe, [message.format(count=len(changed), word=repr(words[first]), name=safe[first])]


def usable(table: WordTable, path: Path) -> WordTable:
    """The table as a vocabulary can hold it: no spaces in words, and only numbers that are numbers.

    Raises:
        UserError: no word is left.
    """
    words, remarks = safe_words(table.words)
    counts, vectors = table.counts, table.vectors
    finite = np.asarray(np.isfinite(vectors).all(axis=1))
    if not finite.all():
        bad = int(np.argmin(finite))
        message = _("{count} words were left out, whose vectors hold a NaN or an infinity: {word}, for one")
        remarks.append(message.format(count=int((~finite).sum()), word=words[bad]))
        words = [word for word, is_finite in zip(words, finite.tolist(), strict=True) if is_finite]
        vectors, counts = vectors[finite], None if counts is None else counts[finite]
    if not words:
        raise UserError(_("{path}: no word is left").format(path=path))
    return WordTable(words, vectors, counts, table.remarks + remarks)


def _is_safe(word: str) -> bool:
    return bool(word) and not _SPACES.search(word)


def _free(word: str, taken: set[str]) -> str:
    number, free = 1, word
    while free in taken:
        number += 1
        free = f"{word}_{number}"
    return free
