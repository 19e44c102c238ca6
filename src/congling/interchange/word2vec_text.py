"""Lines of words and numbers, in and out, many at a time: Arrow reads and writes the numbers, to the last bit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import BinaryIO

import numpy as np
import pyarrow as arrow
import pyarrow.compute as compute

from congling.interchange.word2vec_files import VectorFile, bad_word_file
from congling.interchange.word_table import Vectors
from congling.language import _

CHUNK = 400_000  # numbers at a time
LONGEST_WORD = 4_096  # bytes
LONGEST_NUMBER = 64
Lines = list[tuple[bytes, bytes]]  # of each a word, and its numbers with a space between two


def text_rows(
    file: VectorFile, width: int, rows: int | None, must_be_there: bool
) -> Iterator[tuple[list[bytes], Vectors]]:
    """The words and vectors (n, D) of the next lines, chunk by chunk; empty lines are passed over.

    Args:
        rows: how many there are to be; None for all.
        must_be_there: whether fewer are an error.

    Raises:
        UserError: a line that has not the right number of numbers, with its number; the file ends too soon.
    """
    done, number = 0, 1 + must_be_there
    while rows is None or done < rows:
        room = max(1, CHUNK // width)
        lines, numbers = _next_lines(file, width, room if rows is None else min(room, rows - done), number)
        if not lines:
            break
        yield [word for word, _rest in lines], _vectors(file, lines, numbers, width)
        done, number = done + len(lines), numbers[-1] + 1
    if must_be_there and rows is not None and done < rows:
        message = _("it ends after {done} of the {rows} words that its first line promises: it was cut off")
        raise bad_word_file(file.path, message.format(done=done, rows=rows))


def write_text(file: BinaryIO, words: Sequence[str], vectors: Vectors) -> None:
    """Write a line a word; each number with the fewest digits that give the same float32 again."""
    rows, width = vectors.shape
    digits = arrow.array(vectors.ravel()).cast(arrow.string())
    edges = arrow.array(np.arange(0, rows * width + 1, width, dtype=np.int32))
    joined = compute.binary_join(arrow.ListArray.from_arrays(edges, digits), " ").to_pylist()
    file.write("".join(f"{word} {line}\n" for word, line in zip(words, joined, strict=True)).encode())


def _next_lines(file: VectorFile, width: int, count: int, number: int) -> tuple[Lines, list[int]]:
    """Up to so many lines, cut into word and numbers, and the number of each in the file."""
    lines: Lines = []
    numbers: list[int] = []
    longest = LONGEST_WORD + LONGEST_NUMBER * width
    while len(lines) < count and (raw := file.line(longest)):
        line = raw.rstrip(b" \r\n\t")
        if line:
            lines.append(_cut(file, line, width, number, whole=len(raw) < longest))
            numbers.append(number)
        number += 1
    return lines, numbers


def _cut(file: VectorFile, line: bytes, width: int, number: int, whole: bool) -> tuple[bytes, bytes]:
    word, _space, rest = line.partition(b" ")
    if word and rest.count(b" ") == width - 1 and rest:
        return word, rest
    fields = line.split()  # more than one space between two numbers, tabs, or a word that holds spaces
    spelled, values = fields[:-width], fields[-width:]
    holds_numbers = len(spelled) > 1 and _are_numbers(spelled[1:])  # one number too many is no word's part
    if spelled and whole and _are_numbers(values) and not holds_numbers:
        return b" ".join(spelled), b" ".join(values)
    message = _("line {number} has {found} numbers instead of {width}: {line}")
    shown = ascii(line[:40])[2:-1] + ("…" if len(line) > 40 else "")
    raise bad_word_file(
        file.path, message.format(number=number, found=max(0, len(fields) - 1), width=width, line=shown)
    )


def _are_numbers(fields: Sequence[bytes]) -> bool:
    try:
        return all(float(field) is not None for field in fields)
    except ValueError:
        return False


def _vectors(file: VectorFile, lines: Lines, numbers: Sequence[int], width: int) -> Vectors:
    try:
        return _parsed([rest for _word, rest in lines]).reshape(len(lines), width)
    except (arrow.ArrowInvalid, UnicodeDecodeError):
        for number, (_word, rest) in zip(numbers, lines, strict=True):
            for field in rest.split(b" "):
                _require_number(file, field, number)
        raise


def _parsed(lines: Sequence[bytes]) -> Vectors:
    fields = compute.split_pattern(arrow.array(lines, arrow.large_binary()).cast(arrow.large_string()), " ")
    numbers: Vectors = compute.list_flatten(fields).cast(arrow.float32()).to_numpy(zero_copy_only=False)
    return numbers


def _require_number(file: VectorFile, field: bytes, number: int) -> None:
    try:
        arrow.array([field]).cast(arrow.string()).cast(arrow.float32())
    except (arrow.ArrowInvalid, UnicodeDecodeError):
        message = _("line {number}: {field} is no number")
        raise bad_word_file(file.path, message.format(number=number, field=ascii(field[:40])[1:])) from None
