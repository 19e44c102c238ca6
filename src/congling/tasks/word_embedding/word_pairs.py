"""How good word vectors are against people's judgements of how alike two words are.

n pairs of words
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from congling.data.text.lines import read_lines
from congling.errors import UserError
from congling.language import _

if TYPE_CHECKING:
    from congling.tasks.word_embedding.word_vectors import WordVectors

TWO_SIDED_95 = 1.959963984540054  # of the standard normal distribution
FEWEST = 4  # pairs that an interval can be given for


@dataclass(frozen=True)
class WordPair:
    """Two words, and how alike people found them, on any scale."""

    first: str
    second: str
    judged: float


@dataclass(frozen=True)
class PairScores:
    """People's judgements of n pairs beside the cosines of the vectors.

    Attributes:
        judged, cosines: (n,) of the pairs whose two words are known.
        pairs: how many there were.
        unknown: words without a vector, each once.
    """

    judged: NDArray[np.float64]
    cosines: NDArray[np.float64]
    pairs: int
    unknown: list[str]

    def __len__(self) -> int:
        return len(self.judged)

    @property
    def coverage(self) -> float:
        """The part of the pairs whose two words are known."""
        return len(self) / self.pairs if self.pairs else 0.0

    @cached_property
    def pearson(self) -> float:
        """The correlation of judgements and cosines; NaN for fewer than two pairs, or where all are the same."""
        return pearson(self.judged, self.cosines)

    @cached_property
    def spearman(self) -> float:
        """The correlation of their ranks."""
        return spearman(self.judged, self.cosines)

    @property
    def interval(self) -> tuple[float, float]:
        """Where Spearman's correlation over ever more such pairs lies, with 95 % confidence."""
        return spearman_interval(self.spearman, len(self))


def read_pairs(path: Path) -> list[WordPair]:
    """Lines of two words and a number between tabs, or between spaces or commas where there is no tab; ``#`` begins a
    remark, and a first line without a number is a heading.

    Raises:
        UserError: another line, or there is none.
    """
    pairs = list[WordPair]()
    for number, line in enumerate(read_lines(path), start=1):
        cells = _cells(line)
        if not cells or line.startswith("#"):
            continue
        judged = _number(cells[2]) if len(cells) >= 3 else None
        if judged is not None:
            pairs.append(WordPair(cells[0], cells[1], judged))
        elif number > 1:
            message = _("{path}, line {line}: not two words and how alike they are, a number, between tabs")
            raise UserError(message.format(path=path, line=number))
    if not pairs:
        raise UserError(_("{path} holds no pairs: lines of two words and a number between tabs").format(path=path))
    return pairs


def score_pairs(vectors: WordVectors, pairs: Sequence[WordPair]) -> PairScores:
    """The cosine of each pair whose words are known, whatever their case."""
    find = vectors.vocabulary.id_in_any_case
    numbers = [(find(pair.first), find(pair.second)) for pair in pairs]
    known = [place for place, (one, other) in enumerate(numbers) if one is not None and other is not None]
    rows = np.array([numbers[place] for place in known], np.int64).reshape(-1, 2)
    units = [vectors.vectors[side].astype(np.float64) / vectors.norms[side, None] for side in rows.T]
    cosines: NDArray[np.float64] = (units[0] * units[1]).sum(axis=1)
    words = (word for pair in pairs for word in (pair.first, pair.second))
    unknown = list(dict.fromkeys(word for word in words if find(word) is None))
    return PairScores(np.array([pairs[place].judged for place in known]), cosines, len(pairs), unknown)


def pearson(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Σ (x−x̄)(y−ȳ) / √(Σ (x−x̄)² Σ (y−ȳ)²); NaN where that is 0/0."""
    if len(one) < 2:
        return math.nan
    x, y = one - one.mean(), other - other.mean()
    squares = float((x @ x) * (y @ y))
    return min(1.0, max(-1.0, float(x @ y) / math.sqrt(squares))) if squares > 0 else math.nan


def spearman(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Pearson's correlation of the ranks; equal values share the mean of their ranks (Spearman 1904)."""
    return pearson(_ranks(one), _ranks(other))


def spearman_interval(correlation: float, count: int) -> tuple[float, float]:
    """tanh(artanh r ± z √((1 + r²/2) / (n − 3))): Bonett & Wright 2000; (−1, 1) for fewer than four pairs."""
    if count < FEWEST or math.isnan(correlation):
        return -1.0, 1.0
    if abs(correlation) == 1:
        return correlation, correlation
    half = TWO_SIDED_95 * math.sqrt((1 + correlation**2 / 2) / (count - 3))
    return math.tanh(math.atanh(correlation) - half), math.tanh(math.atanh(correlation) + half)


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    _distinct, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: NDArray[np.float64] = (last - (counts - 1) / 2)[places]
    return ranks


def _cells(line: str) -> list[str]:
    if "\t" in line:
        return [cell.strip() for cell in line.split("\t")]
    return line.replace(",", " ").split()


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
