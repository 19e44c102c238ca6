"""Text as it stands, with its line breaks: passages, one after the other, of which some end a document.

A passage is a line, or a part of a very long one. Nothing is stripped or folded but the three ways to end a line.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from congling.data.text.lines import not_utf8, raw_lines
from congling.data.text.splits import TEST, TRAIN, VALID
from congling.errors import UserError
from congling.language import _

Documents = Literal["files", "lines", "blank-lines"]
LONGEST = 1000  # characters of a passage; a longer line is cut
BLOCKS = 400  # what is held out is drawn from about so many blocks of passages that stand together
MOST_HELD_OUT = 0.1  # of all characters, for each of two parts
SUFFIXES = (".txt", ".txt.gz")  # of a folder's files


class Passage(NamedTuple):
    """Some text; where it ``ends`` a document, the line break behind it belongs to none and is left out."""

    text: str
    ends: bool

    @property
    def characters(self) -> int:
        """Of the text; the end of a document counts as one, as the line break would that it stands for."""
        return len(self.text) + self.ends


def text_files(paths: Sequence[Path]) -> list[Path]:
    """The files themselves, and of a folder all text files in it, in the order of their names.

    Raises:
        UserError: a folder has none.
    """
    found = list[Path]()
    for path in paths:
        if not path.is_dir():
            found.append(path)
            continue
        inside = sorted(file for file in path.rglob("*") if file.is_file() and file.name.endswith(SUFFIXES))
        if not inside:
            message = _("{path} holds no text files ({endings})")
            raise UserError(message.format(path=path, endings=", ".join(SUFFIXES)))
        found += inside
    return found


def read_passages(paths: Iterable[Path], documents: Documents) -> Iterator[Passage]:
    """The passages of text files; ``documents`` says what ends a document beside a file's end.

    ``files``: nothing. ``lines``: each line is a document, empty ones are left out. ``blank-lines``: empty lines
    stand between documents and belong to none.

    Raises:
        UserError: a file is missing or empty, is not UTF-8 (with the line), or a damaged gzip file.
    """
    for path in paths:
        yield from passages_of(_lines(path), documents)


def passages_of(lines: Iterable[str], documents: Documents) -> Iterator[Passage]:
    """The passages of one file's lines, which have no line breaks; at least one document, unless all is blank."""
    before: str | None = None  # a line whose end is known only when the next one is
    for line in lines:
        blank = documents != "files" and not line.strip()
        if before is not None:
            ends = documents == "lines" or (documents == "blank-lines" and blank)
            yield from _cut(before, ends)
        before = None if blank else line
    if before is not None:
        yield from _cut(before, ends=True)


def hold_out(
    characters: NDArray[np.int64], wanted: tuple[int, int], seed: int
) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    """Which passages to validate with and to test with: blocks of neighbours, drawn from all over the text.

    Neighbours stay together because a network that has read a passage knows much about the next one; blocks come from
    everywhere because the end of a text is often unlike its beginning.

    Args:
        characters: (P,) of each passage.
        wanted: characters to validate and to test with; at most a tenth of all each, and a block.

    Returns:
        The part of each passage, (P,) of ``TRAIN``, ``VALID`` and ``TEST``; and how many characters the two have.
    """
    blocks = np.array_split(np.arange(len(characters)), min(BLOCKS, len(characters)))
    left = np.random.default_rng(seed).permutation(len(blocks)).tolist()
    part_of, given = np.full(len(characters), TRAIN, np.uint8), {VALID: 0, TEST: 0}
    for part, wish in zip(given, wanted, strict=True):
        most = min(wish, MOST_HELD_OUT * float(characters.sum()))
        while given[part] < most and len(left) > 1:  # one is to learn from, however short the text is
            block = blocks[left.pop()]
            part_of[block] = part
            given[part] += int(characters[block].sum())
    return part_of, (given[VALID], given[TEST])


def _lines(path: Path) -> Iterator[str]:
    """The lines of a file, whose ends are ``\\n``, ``\\r\\n`` or ``\\r``; what is behind the last of them is none."""
    for number, raw in enumerate(raw_lines(path), start=1):
        try:
            line = raw.decode("utf-8")
        except UnicodeDecodeError:
            raise UserError(not_utf8(path, number)) from None
        line = line.removeprefix("\ufeff") if number == 1 else line
        yield from line.removesuffix("\r").split("\r")


def _cut(line: str, ends: bool) -> Iterator[Passage]:
    """A line with its break, in parts that are not too long."""
    text = line if ends else line + "\n"
    last = max(0, (len(text) - 1) // LONGEST) * LONGEST
    for start in range(0, last, LONGEST):
        yield Passage(text[start : start + LONGEST], ends=False)
    yield Passage(text[last:], ends)
