"""The random numbers of word2vec: a stream for each piece of the text, so that nothing hangs on who works at which.

SplitMix64 (Steele, Lea and Flood 2014, figure 16): a counter that is stirred. ``compiled`` draws the same numbers.
"""

from __future__ import annotations

STEP, FIRST, SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
_MASK = 2**64 - 1


def stirred(number: int) -> int:
    """64 bits that look as if they had nothing to do with those of ``number``; no two numbers give the same."""
    number = ((number ^ (number >> 30)) * FIRST) & _MASK
    number = ((number ^ (number >> 27)) * SECOND) & _MASK
    return number ^ (number >> 31)


def stream_of(seed: int, piece: int) -> int:
    """Where the stream of a piece begins; pieces are counted over all epochs, from 0."""
    return stirred(stirred(seed) ^ piece)


class Draws:
    """A stream of random numbers: whole numbers of 64 bits, or two of 32.

    Attributes:
        state: where it stands.
    """

    def __init__(self, state: int) -> None:
        self.state = state

    def bits(self) -> int:
        """64 random bits."""
        self.state = (self.state + STEP) & _MASK
        return stirred(self.state)

    def below(self, limit: int) -> int:
        """A whole number from 0 to ``limit`` − 1: the upper 32 bits times the limit, without the fraction."""
        return ((self.bits() >> 32) * limit) >> 32

    def chance(self, threshold: int) -> bool:
        """True with the probability ``threshold`` / 2³²: whether the upper 32 bits are below it."""
        return self.bits() >> 32 < threshold

    def word(self, thresholds: list[int], aliases: list[int]) -> int:
        """A word by the tables of ``alias_tables``: the upper 32 bits choose a column, the lower ones its half."""
        bits = self.bits()
        column = ((bits >> 32) * len(thresholds)) >> 32
        return column if bits & 0xFFFFFFFF < thresholds[column] else aliases[column]
