"""Words and vectors of float32, in and out, as bytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import BinaryIO

import numpy as np

from congling.interchange.word2vec_files import VectorFile, bad_word_file
from congling.interchange.word_table import Vectors
from congling.language import _

CHUNK = 1 << 20  # bytes at a time
LONGEST_WORD = 4_096  # bytes; the C tool's are 100 at most, gensim's any


def binary_rows(
    file: VectorFile, width: int, rows: int | None, must_be_there: bool
) -> Iterator[tuple[list[bytes], Vectors]]:
    """The words and vectors (n, D), chunk by chunk. ``must_be_there`` is so of every binary file.

    Raises:
        UserError: the file ends too soon, or there is no word where one should be.
    """
    assert rows is not None and must_be_there
    done, rest, size = 0, b"", max(CHUNK, 4 * (LONGEST_WORD + 4 * width))
    while done < rows:
        chunk = file.read(size)
        words, places, used = _scan(rest + chunk, width, rows - done)
        if words:
            yield words, _vectors(rest + chunk, places, width)
        done, rest = done + len(words), (rest + chunk)[used:]
        if done < rows and (not chunk or _has_no_word(rest)):
            raise _ended(file, done, rows, cut_off=not chunk and not _has_no_word(rest))
    file.put_back(rest)


def write_binary(file: BinaryIO, words: Sequence[str], vectors: Vectors) -> None:
    """Write each word, a space and its vector, with nothing behind it, as gensim does."""
    little = vectors.astype("<f4", copy=False)
    file.write(b"".join(word.encode() + b" " + vector.tobytes() for word, vector in zip(words, little, strict=True)))


def _scan(data: bytes, width: int, rows: int) -> tuple[list[bytes], list[int], int]:
    """The words that are there with their whole vectors, where these begin, and where what was not used begins."""
    words: list[bytes] = []
    places: list[int] = []
    start, length = 0, 4 * width
    while len(words) < rows:
        space = data.find(b" ", start, start + LONGEST_WORD)
        if space < 0 or space + 1 + length > len(data):
            break
        words.append(data[start:space].lstrip(b"\n"))  # the C tool ends each vector with one
        places.append(space + 1)
        start = space + 1 + length
    return words, places, start


def _vectors(data: bytes, places: Sequence[int], width: int) -> Vectors:
    vectors = np.empty((len(places), width), np.float32)
    for row, place in enumerate(places):
        vectors[row] = np.frombuffer(data, "<f4", width, place)
    return vectors


def _has_no_word(rest: bytes) -> bool:
    """Whether no space ends a word where one begins."""
    return len(rest) >= LONGEST_WORD and b" " not in rest[:LONGEST_WORD]


def _ended(file: VectorFile, done: int, rows: int, cut_off: bool) -> Exception:
    if cut_off:
        message = _("it ends after {done} of the {rows} words that its first line promises: it was cut off")
    else:
        message = _(
            "after {done} of {rows} words there is none where one should be: its first line lies, or it is damaged"
        )
    return bad_word_file(file.path, message.format(done=done, rows=rows))
