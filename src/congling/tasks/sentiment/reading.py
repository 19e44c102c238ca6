"""How the reading of a text moves as its words come in: the network's answer to each beginning of the text.

M words · K classes
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from congling.data.text.scripts import count_scripts

SPACE = "▁"  # how SentencePiece writes the space before a word
LETTERS_JOIN = (
    "Latin",
    "Cyrillic",
    "Greek",
    "Hangul",
    "Arabic",
    "Hebrew",
    "Devanagari",
)  # scripts of which a word has many


@dataclass(frozen=True)
class Reading:
    """What a network makes of a text, word by word.

    Attributes:
        text: as it was given.
        classes: (K) their names.
        words: (M) those that were read.
        ends: (M) how many pieces were read when the word had come in.
        probabilities: (M + 1, K): before the first word, and after each.
        pieces: all that were read, without the end.
        left_out: pieces of the text that were not read, because it is too long.
    """

    text: str
    classes: Sequence[str]
    words: list[str]
    ends: list[int]
    probabilities: NDArray[np.float64]
    pieces: list[str]
    left_out: int = 0

    @property
    def answer(self) -> int:
        """The number of the likeliest class after the last word."""
        return int(self.probabilities[-1].argmax())

    def moves(self, number: int) -> NDArray[np.float64]:
        """(M,): by how much each word moved the probability of a class."""
        moved: NDArray[np.float64] = np.diff(self.probabilities[:, number])
        return moved

    def strongest(self, number: int, count: int) -> list[int]:
        """The places of the words that moved a class's probability most, the strongest first."""
        places: list[int] = np.argsort(-np.abs(self.moves(number)), kind="stable")[:count].tolist()
        return places


def words_of(pieces: Sequence[str]) -> tuple[list[str], list[int]]:
    """Pieces put together into words that a person would point at, and how many pieces stand before each word's end.

    A piece goes on with the word before it where no space stands between them, and letters of a script whose words have
    several letters meet: ``▁goo d`` is one word, ``这 本`` are two.
    """
    words, ends = list[str](), list[int]()
    for place, piece in enumerate(pieces, start=1):
        shown = piece.replace(SPACE, " ").strip()
        begins = piece.startswith(SPACE)
        if words and not words[-1]:  # a space alone: it belongs to the word that follows
            words[-1], ends[-1] = shown, place
        elif words and shown and not begins and _joins(words[-1], shown):
            words[-1], ends[-1] = words[-1] + shown, place
        else:
            words.append(shown)
            ends.append(place)
    return words, ends


def _joins(before: str, after: str) -> bool:
    return _has_long_words(before[-1]) and _has_long_words(after[0])


def _has_long_words(character: str) -> bool:
    return (
        character in "'’" or any(count_scripts(character)[script] for script in LETTERS_JOIN) or character.isdecimal()
    )
