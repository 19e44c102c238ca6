"""How good word vectors are at questions of analogy: a is to b as c is to what?

n questions · V vocabulary · D numbers of a vector
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from congling.data.text.lines import read_lines
from congling.errors import UserError
from congling.language import _

if TYPE_CHECKING:
    from congling.tasks.word_embedding.word_vectors import WordVectors

AT_ONCE = 1 << 24  # cosines of questions with words that are in memory together


@dataclass(frozen=True)
class Analogy:
    """a is to b as c is to d."""

    a: str
    b: str
    c: str
    d: str


@dataclass(frozen=True)
class SectionScores:
    """Questions of one kind: how many there were, had four known words, and were answered right."""

    name: str
    questions: int
    known: int
    right: int


@dataclass(frozen=True)
class AnalogyScores:
    """The questions of all sections."""

    sections: list[SectionScores]

    @property
    def total(self) -> SectionScores:
        """All of them together."""
        sums = [sum(getattr(section, name) for section in self.sections) for name in ("questions", "known", "right")]
        return SectionScores("", *sums)

    @property
    def coverage(self) -> float:
        """The part of the questions whose four words are known."""
        return self.total.known / self.total.questions if self.sections else 0.0

    @property
    def accuracy(self) -> float:
        """The part of these that was answered right; NaN where there is none."""
        return self.total.right / self.total.known if self.total.known else math.nan


def read_analogies(path: Path) -> dict[str, list[Analogy]]:
    """Section -> its questions: lines of four words; a line ``: name`` begins a section.

    Raises:
        UserError: another line, or there is none.
    """
    sections: dict[str, list[Analogy]] = {}
    name = ""
    for number, line in enumerate(read_lines(path), start=1):
        words = line.split()
        if line.startswith(":"):
            name = line[1:].strip()
        elif len(words) == 4:
            sections.setdefault(name, []).append(Analogy(*words))
        elif words:
            message = _('{path}, line {line}: neither four words nor ": " and the name of a section')
            raise UserError(message.format(path=path, line=number))
    if not sections:
        raise UserError(_("{path} holds no questions: lines of four words, a is to b as c is to d").format(path=path))
    return sections


def score_analogies(vectors: WordVectors, sections: dict[str, list[Analogy]]) -> AnalogyScores:
    """How often the word nearest to b − a + c, of unit vectors, is d; a, b and c themselves are no answers, and case
    does not count (Mikolov et al. 2013a, section 4.1)."""
    find, found = vectors.vocabulary.id_in_any_case, list[SectionScores]()
    for name, questions in sections.items():
        numbers = ([find(word) for word in (each.a, each.b, each.c, each.d)] for each in questions)
        known = np.array([row for row in numbers if None not in row], np.int64).reshape(-1, 4)
        right = sum(_right(vectors, some) for some in _portions(known, max(1, AT_ONCE // len(vectors))))
        found.append(SectionScores(name, len(questions), len(known), right))
    return AnalogyScores(found)


def _right(vectors: WordVectors, questions: NDArray[np.int64]) -> int:
    """How many of (n, 4) questions are answered right."""
    rows = vectors.vectors[questions[:, :3]] / vectors.norms[questions[:, :3], None]  # (n, 3, D)
    wanted = rows[:, 1] - rows[:, 0] + rows[:, 2]
    scores = wanted @ vectors.vectors.T / vectors.norms  # (n, V)
    np.put_along_axis(scores, questions[:, :3], -np.inf, axis=1)
    answers = scores.argmax(axis=1)
    words = vectors.words
    return sum(
        words[answer].casefold() == words[expected].casefold()
        for answer, expected in zip(answers.tolist(), questions[:, 3].tolist(), strict=True)
    )


def _portions(rows: NDArray[np.int64], size: int) -> Iterator[NDArray[np.int64]]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size]
