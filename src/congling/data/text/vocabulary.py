"""One number a word: the words of a text, most frequent first, so that a word's number is its rank from 0."""

from __future__ import annotations

import difflib
import operator
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from congling.data.text.lines import not_utf8, raw_lines
from congling.errors import UserError
from congling.language import _

SPELLINGS = 3  # words that an unknown one may have been meant to be
LOOKED_THROUGH = 50_000  # of the most frequent words, for one that is spelled alike
FIRST_IDEOGRAPH = 0x2E80  # from here on a character is as good as a word, up to those of Korean


class Vocabulary:
    """Words and how often each occurs; a word's id is its place.

    Args:
        words: each once.
        counts: (V,) int64; None where they are not known, as in vectors that somebody else trained.

    Attributes:
        words: most frequent first.
        counts: (V,) int64; zeros where they are not known.
    """

    def __init__(self, words: Sequence[str], counts: ArrayLike | None = None) -> None:
        self.words = list(words)
        self.counts: NDArray[np.int64] = np.zeros(len(self.words), np.int64)
        if counts is not None:
            self.counts = np.asarray(counts, np.int64)
        self._ids = {word: number for number, word in enumerate(self.words)}
        if len(self._ids) != len(self.words):
            raise ValueError("a word occurs twice in the vocabulary")
        if self.counts.shape != (len(self.words),):
            raise ValueError(f"{len(self.words)} words cannot have counts of shape {self.counts.shape}")

    @classmethod
    def count(cls, sentences: Iterable[Sequence[str]], min_count: int = 1, max_size: int | None = None) -> Vocabulary:
        """The words of some sentences; of equally frequent ones the first seen comes first.

        Args:
            min_count: rarer words are left out.
            max_size: at most so many words.

        Raises:
            UserError: no word is left, or there was none.
        """
        counter: Counter[str] = Counter()
        for sentence in sentences:
            counter.update(sentence)
        return cls.of_counts(list(counter), list(counter.values()), min_count, max_size)

    @classmethod
    def of_counts(
        cls, words: Sequence[str], counts: ArrayLike, min_count: int = 1, max_size: int | None = None
    ) -> Vocabulary:
        """The same from words in the order in which they were first seen, each once, and their counts."""
        counted = np.asarray(counts, np.int64)
        _require_some(words, counted, min_count)
        order = np.argsort(-counted, kind="stable")[: int((counted >= min_count).sum())][:max_size]
        return cls([words[place] for place in order.tolist()], counted[order])

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: object) -> bool:
        return word in self._ids

    def __iter__(self) -> Iterator[str]:
        return iter(self.words)

    def id_of(self, word: str) -> int | None:
        """The word's number; None for a word that is not in the vocabulary."""
        return self._ids.get(word)

    def id_in_any_case(self, word: str) -> int | None:
        """The number of the word as it is, else of the most frequent one that differs in case alone."""
        number = self._ids.get(word)
        return self._folded.get(word.casefold()) if number is None else number

    @cached_property
    def _folded(self) -> dict[str, int]:
        folded: dict[str, int] = {}
        for number, word in enumerate(self.words):
            folded.setdefault(word.casefold(), number)
        return folded

    def ids(self, words: Iterable[str]) -> list[int]:
        """The numbers of the words; unknown ones are left out."""
        found = map(self._ids.get, words)
        return [number for number in found if number is not None]

    def nearest_spellings(self, word: str, count: int = SPELLINGS) -> list[str]:
        """Words that somebody who wrote ``word`` may have meant: other case, nearly the same letters, or, as in
        Chinese, words that share characters with it; the likeliest first."""
        other_case = [one for one in (word.lower(), word.capitalize(), word.upper()) if one in self]
        frequent = self.words[:LOOKED_THROUGH]
        alike = difflib.get_close_matches(word, frequent, n=count, cutoff=0.7) if len(word) > 2 else []
        return list(dict.fromkeys([*other_case, *alike, *self._sharing(word, frequent)]))[:count]

    def _sharing(self, word: str, frequent: Sequence[str]) -> list[str]:
        """Words of a script without letters that share characters with this one, those that share most of them first.

        A word counts by how much of the two is shared, and by how much of it stands in the same place.
        """
        wanted = Counter(character for character in word if ord(character) >= FIRST_IDEOGRAPH)
        candidates = [one for one in frequent if len(one) >= min(len(word), 2) and not wanted.keys().isdisjoint(one)]

        def likeness(one: str) -> float:
            counts = Counter(one)
            same_place: float = sum(map(operator.eq, one, word)) / max(len(one), len(word))
            shared: float = (wanted & counts).total() / (wanted | counts).total()
            return shared + same_place

        return sorted(candidates, key=likeness, reverse=True)  # of equals the most frequent first

    def write(self, path: Path | str) -> None:
        """Write ``word count`` lines, as word2vec's vocabulary file has them; the file appears whole or not at all.

        Raises:
            UserError: the file cannot be written.
        """
        lines = (f"{word} {count}\n" for word, count in zip(self.words, self.counts.tolist(), strict=True))
        partial = Path(path).with_name(f".{Path(path).name}.partial")
        try:
            with partial.open("w", encoding="utf-8", newline="\n") as file:
                file.writelines(lines)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
        except OSError as error:
            raise UserError(_("{path} cannot be written: {reason}").format(path=path, reason=error.strerror)) from error

    @classmethod
    def read(cls, path: Path | str) -> Vocabulary:
        """Read what ``write`` wrote.

        Raises:
            UserError: the file is missing, or a line is not a word and its count, each word once.
        """
        words, counts, seen = list[str](), list[int](), set[str]()
        for number, raw in enumerate(
            raw_lines(Path(path)), start=1
        ):  # a word may hold U+0085: read_lines would mend it
            word, count = _word_and_count(Path(path), number, raw)
            if word in seen:
                message = _("{path}, line {line}: the word {word} stands there twice")
                raise UserError(message.format(path=path, line=number, word=word))
            seen.add(word)
            words.append(word)
            counts.append(count)
        return cls(words, counts)


def _word_and_count(path: Path, number: int, raw: bytes) -> tuple[str, int]:
    try:
        word, space, count = raw.decode("utf-8").rpartition(" ")
    except UnicodeDecodeError:
        raise UserError(not_utf8(path, number)) from None
    if not (space and count.isascii() and count.isdigit()):
        message = _("{path}, line {line}: not a word, a space and how often the word occurs")
        raise UserError(message.format(path=path, line=number))
    return word, int(count)


def _require_some(words: Sequence[str], counts: NDArray[np.int64], min_count: int) -> None:
    if not len(words):
        raise UserError(_("there are no words in the text"))
    largest = int(counts.argmax())
    if counts[largest] < min_count:
        message = _("no word occurs {min_count} times; {word}, the most frequent, occurs {count} times: {way_out}")
        way_out = _("give a smaller --min-count, or more text")
        told = {"min_count": min_count, "word": words[largest], "count": counts[largest], "way_out": way_out}
        raise UserError(message.format(**told))
