"""How good a classifier is: what it gave for examples whose classes are known, and what follows from that.

N examples · K classes
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

TWO_SIDED_95 = 1.959963984540054  # of the standard normal distribution
SMALLEST = 1e-300  # a probability of zero has no logarithm


@dataclass(frozen=True)
class Evaluation:
    """The classes of examples, and the probabilities that a network gave.

    Attributes:
        classes: (K) their names.
        names: (N) what the examples are called.
        targets: (N,) the true classes' numbers.
        probabilities: (N, K).
    """

    classes: Sequence[str]
    names: Sequence[str]
    targets: NDArray[np.int64]
    probabilities: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.targets)

    @cached_property
    def predicted(self) -> NDArray[np.int64]:
        """(N,) the likeliest classes' numbers; of equally likely ones the first."""
        predicted: NDArray[np.int64] = self.probabilities.argmax(axis=1)
        return predicted

    @property
    def right(self) -> int:
        """How many examples got their class."""
        return int((self.predicted == self.targets).sum())

    @property
    def accuracy(self) -> float:
        """The part of the examples that got their class."""
        return self.right / len(self)

    @property
    def interval(self) -> tuple[float, float]:
        """Where the accuracy on ever more such examples lies, with 95 % confidence."""
        return wilson_interval(self.right, len(self))

    @property
    def cross_entropy(self) -> float:
        """The mean of −ln p of the true class, in nats."""
        true = self.probabilities[np.arange(len(self)), self.targets]
        return float(-np.log(np.maximum(true, SMALLEST)).mean())

    @cached_property
    def confusion(self) -> NDArray[np.int64]:
        """(K, K): how many examples of the row's class were taken for the column's."""
        count = len(self.classes)
        pairs = np.bincount(self.targets * count + self.predicted, minlength=count * count)
        return pairs.reshape(count, count).astype(np.int64)

    @property
    def precision(self) -> NDArray[np.float64]:
        """(K,): of what was taken for the class, the part that is of it; NaN where nothing was."""
        return _share(self.confusion.diagonal(), self.confusion.sum(axis=0))

    @property
    def recall(self) -> NDArray[np.float64]:
        """(K,): of what is of the class, the part that was taken for it; NaN where nothing is."""
        return _share(self.confusion.diagonal(), self.confusion.sum(axis=1))

    def worst(self, count: int) -> NDArray[np.int64]:
        """The numbers of the wrong answers that the network was surest of, the surest first."""
        wrong = np.flatnonzero(self.predicted != self.targets)
        sureness = self.probabilities[wrong, self.predicted[wrong]]
        return wrong[np.argsort(-sureness, kind="stable")][:count]


def wilson_interval(successes: int, trials: int, deviations: float = TWO_SIDED_95) -> tuple[float, float]:
    """The interval in which the true proportion lies: (p + z²/2n ± z √(p(1−p)/n + z²/4n²)) / (1 + z²/n).

    Wilson 1927. Unlike p ± z √(p(1−p)/n) it stays between 0 and 1, and is true near them too.
    """
    proportion, square = successes / trials, deviations**2 / trials
    middle = proportion + square / 2
    half = deviations * math.sqrt(proportion * (1 - proportion) / trials + square / (4 * trials))
    return max(0.0, (middle - half) / (1 + square)), min(1.0, (middle + half) / (1 + square))


def _share(part: NDArray[np.int64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    share: NDArray[np.float64] = np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)
    return share
