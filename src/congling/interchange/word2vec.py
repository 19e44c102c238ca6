"""word2vec's files, text and binary, as its C tool and gensim write them, and GloVe's, which lack the first line.

    text    "<words> <width>\\n", then for each word "<word> <number> … <number>\\n"
    binary  the same first line, then for each word "<word> " and ``width`` float32, little-endian; the C tool writes a
            "\\n" behind each vector, gensim does not
    counts  a file beside it, "<word> <count>\\n"

Mikolov et al. 2013, code.google.com/archive/p/word2vec. Numbers are written with the fewest digits that give the same
float32 again, so a vector comes back to the last bit; of a GloVe word that holds spaces the last ``width`` fields
are the vector.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, Literal, cast

import numpy as np

from congling.errors import UserError
from congling.interchange.word2vec_binary import binary_rows, write_binary
from congling.interchange.word2vec_files import VectorFile, bad_word_file, header_of
from congling.interchange.word2vec_text import text_rows, write_text
from congling.interchange.word_table import Counts, GrowingTable, Vectors, WordTable, safe_words
from congling.language import _
from congling.learning.atomic import atomic_file

Format = Literal["word2vec-text", "word2vec-binary", "glove"]
Errors = Literal["strict", "replace", "ignore"]
Report = Callable[[int, int | None], None]  # of so many words, so many are done; None where nobody knows how many
REPORT_EVERY = 4_096  # words
LOOKED_AT = 1 << 20  # bytes, to tell text from numbers

_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f]")  # what four bytes of a number nearly always hold, and text does not


def read_word2vec(
    path: Path,
    *,
    binary: bool | None = None,
    no_header: bool = False,
    limit: int | None = None,
    encoding: str = "utf-8",
    errors: Errors = "strict",
    counts_path: Path | None = None,
    report: Report | None = None,
) -> WordTable:
    """Read words and vectors; a name that ends in .gz is gunzipped.

    Args:
        binary: None looks at the first bytes.
        no_header: the first line is a word already (GloVe). A file whose first line is no header needs no word of it.
        limit: how many words to read; the rest of the file is not looked at.
        encoding, errors: of the words. The C tool cuts long words in mid-character: ``replace`` or ``ignore`` takes
            what is left of them.
        counts_path: the side file with each word's count.

    Raises:
        UserError: the file is missing, empty, no such file, shorter or longer than its first line says, a word is not
            of that encoding, a number is none.
    """
    with VectorFile.open(path) as file:
        header = None if no_header else header_of(file)
        is_binary = looks_binary(file, header is None) if binary is None else binary
        if is_binary and header is None:
            raise bad_word_file(
                path, _("the first line must be two numbers: how many words, and how many numbers each")
            )
        width = header.width if header else _width_of(file)
        rows = limit
        if header:
            rows = header.words if limit is None else min(limit, header.words)
            file.check_room(replace(header, words=rows), is_binary)
            file.read(header.bytes)
        parts = (binary_rows if is_binary else text_rows)(file, width, rows, bool(header))
        table = _gathered(parts, GrowingTable(width, file.most_rows(rows, width)), rows, path, encoding, errors, report)
        if header and limit is None:
            file.check_end(header)
    if not table.words:
        raise bad_word_file(path, _("there is no word in it"))
    if counts_path is None:
        return table
    counts, remarks = read_counts(counts_path, table.words)
    return WordTable(table.words, table.vectors, counts, table.remarks + remarks)


def format_of(path: Path) -> Format:
    """Which of the formats a file has, by its first bytes.

    Raises:
        UserError: it is missing or empty.
    """
    with VectorFile.open(path) as file:
        header = header_of(file)
        if looks_binary(file, header is None):
            return "word2vec-binary"
        return "word2vec-text" if header else "glove"


def looks_binary(file: VectorFile, headerless: bool) -> bool:
    """Whether what follows the first line is no text."""
    header = None if headerless else header_of(file)
    if header is None:
        return False
    line = file.peek(header.bytes, LOOKED_AT).lstrip(b"\r\n").partition(b"\n")[0]
    fields = line.split()[: -1 if len(line) == LOOKED_AT else None]  # the last one may be half a number
    return (
        _CONTROL.search(line) is not None or len(fields) < 2 or not all(map(_is_number, fields[-2:][-header.width :]))
    )


def write_word2vec(
    path: Path,
    words: Sequence[str],
    vectors: Vectors,
    *,
    binary: bool = False,
    counts: Counts | None = None,
    counts_path: Path | None = None,
    report: Report | None = None,
) -> list[str]:
    """Write words and vectors (V, D), most frequent first; whole or not at all, gzipped if the name ends in .gz.

    Args:
        counts, counts_path: the side file, where both are given.

    Returns:
        Remarks: on words that hold spaces, which became ``_``.
    """
    safe, remarks = safe_words(words)
    with _file_to_write(path) as file:
        file.write(f"{len(safe)} {vectors.shape[1]}\n".encode())
        write = write_binary if binary else write_text
        for first in range(0, len(safe), REPORT_EVERY):
            last = min(first + REPORT_EVERY, len(safe))
            write(file, safe[first:last], np.ascontiguousarray(vectors[first:last], np.float32))
            if report is not None:
                report(last, len(safe))
    if counts is not None and counts_path is not None:
        with atomic_file(counts_path) as file:
            for word, count in zip(safe, counts.tolist(), strict=True):
                file.write(f"{word} {count}\n".encode())
    return remarks


def counts_beside(path: Path) -> Path:
    """Where the counts of a file of vectors lie: ``vectors.txt.vocab`` beside ``vectors.txt``."""
    return path.with_name(path.name.removesuffix(".gz") + ".vocab")


def read_counts(path: Path, words: Sequence[str]) -> tuple[Counts, list[str]]:
    """Each word's count out of the side file (0 where it is not there), and remarks.

    Raises:
        UserError: the file is missing or empty, not UTF-8, or a line is no word with a number.
    """
    from congling.data.text.lines import read_lines

    found: dict[str, int] = {}
    for number, line in enumerate(read_lines(path), start=1):
        word, _space, count = line.rstrip().rpartition(" ")
        if not (word and count.isascii() and count.isdigit() and len(count) < 19):
            message = _("{path}, line {number}: {line} is no word with its count")
            raise UserError(message.format(path=path, number=number, line=repr(line[:60])))
        found.setdefault(word, int(count))
    missing = [word for word in words if word not in found]
    message = _("{path} has no count for {count} of the words, {word} for one: 0 was taken")
    remarks = [message.format(path=path, count=len(missing), word=missing[0])] if missing else []
    return np.array([found.get(word, 0) for word in words], np.int64), remarks


@contextmanager
def _file_to_write(path: Path) -> Iterator[BinaryIO]:
    with atomic_file(path) as file:
        if path.suffix != ".gz":
            yield file
            return
        with gzip.GzipFile("", "wb", fileobj=file, mtime=0) as packed:
            yield cast(BinaryIO, packed)


def _gathered(
    parts: Iterator[tuple[list[bytes], Vectors]],
    table: GrowingTable,
    rows: int | None,
    path: Path,
    encoding: str,
    errors: Errors,
    report: Report | None,
) -> WordTable:
    done = 0
    for raw, vectors in parts:
        try:
            words = [word.decode(encoding, errors) for word in raw]
        except UnicodeDecodeError:
            raise _undecodable(path, raw, encoding, done) from None
        except LookupError:
            raise UserError(_("there is no encoding {name}").format(name=encoding)) from None
        table.take(words, vectors)
        done += len(words)
        if report is not None:
            report(done, rows)
    return table.finished()


def _undecodable(path: Path, raw: Sequence[bytes], encoding: str, done: int) -> UserError:
    for place, word in enumerate(raw):
        if _decodes(word, encoding):
            continue
        message = _(
            "{path}: word {number}, {word}, is not {encoding}. word2vec's C tool cuts long words in mid-character: "
            "--errors replace takes what is left; another encoding must be named (--encoding gb18030)"
        )
        return UserError(
            message.format(path=path, number=done + place + 1, word=ascii(word)[1:60], encoding=encoding.upper())
        )
    raise AssertionError(raw)


def _decodes(word: bytes, encoding: str) -> bool:
    try:
        word.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _width_of(file: VectorFile) -> int:
    """How many numbers stand in the first line of a file without a header."""
    fields = file.peek(0, LOOKED_AT).partition(b"\n")[0].split()
    if len(fields) < 2 or not _is_number(fields[-1]):
        raise bad_word_file(file.path, _("its first line is neither a header nor a word with numbers"))
    return len(fields) - 1


def _is_number(field: bytes) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return b"_" not in field
