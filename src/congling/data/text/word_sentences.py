"""Sentences as lists of words, one at a time, from the files that hold them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from congling.data.text.lines import read_lines
from congling.data.text.words import SettledSplit, Split, require_jieba, splitter, splitting_of

LONGEST = 10_000  # words of a sentence; a longer line is cut, as gensim does it
LOOKED_AT = 1000  # lines, to find out how a text is to be split
PUNCTUATION = "w"  # the tag of signs in the corpora of Peking University


def settled_split(paths: Sequence[Path], split: Split) -> SettledSplit:
    """How to split the lines of these files: as was wished, or for ``auto`` as the beginning of each looks.

    Raises:
        UserError: a file is missing, empty or not UTF-8; jieba is needed and missing.
    """
    settled = split
    if settled == "auto":
        each = max(1, LOOKED_AT // len(paths))
        settled = splitting_of(line for path in paths for line in islice(read_lines(path), each))
    if settled == "jieba":
        require_jieba()
    return settled


def read_sentences(paths: Iterable[Path], split: SettledSplit, *, lower_case: bool = False) -> Iterator[list[str]]:
    """The words of each line of some files, plain or gzipped; errors as ``read_lines``."""
    words_of = splitter(split)
    for path in paths:
        for line in read_lines(path):
            yield from cut(words_of(line.lower() if lower_case else line))


def read_tagged(path: Path, *, lower_case: bool = False) -> Iterator[list[str]]:
    """The words of a file with lines of ``词/n  词/v …``, without the signs, which have the tag ``w``."""
    for line in read_lines(path):
        pairs = (token.rpartition("/") for token in (line.lower() if lower_case else line).split())
        yield from cut([word for word, _slash, tag in pairs if word and tag != PUNCTUATION])


def cut(words: list[str]) -> Iterator[list[str]]:
    """The words as sentences that are not too long; nothing of no words."""
    for start in range(0, len(words), LONGEST):
        yield words[start : start + LONGEST]
