"""A file of word vectors, opened for reading: its first line, and whether there is as much in it as the line says."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from congling.data.text.lines import require_file
from congling.errors import UserError
from congling.interchange.word_table import FIRST_ROWS
from congling.language import _

LONGEST_HEADER = 64
WIDEST = 100_000  # numbers a word: room for these is made before the first is read
_MARK = b"\xef\xbb\xbf"  # Windows' editors begin a file with it


@dataclass(frozen=True)
class Header:
    """The first line: V words of D numbers each; ``bytes`` is the line's length."""

    words: int
    width: int
    bytes: int


class VectorFile:
    """Bytes in order, with a look ahead.

    Attributes:
        path: of the file, for messages.
        size: in bytes; None for a gzipped one, whose contents may be of any length.
    """

    def __init__(self, path: Path, stream: BinaryIO, size: int | None) -> None:
        self.path, self.size = path, size
        self._stream, self._ahead, self._place = stream, b"", 0

    @classmethod
    @contextmanager
    def open(cls, path: Path) -> Iterator[VectorFile]:
        """Open a file, gunzipped if its name ends in .gz.

        Raises:
            UserError: it is missing, empty, a folder, forbidden, or a damaged gzip file.
        """
        require_file(path)
        is_packed = path.suffix == ".gz"
        try:
            with cast(BinaryIO, gzip.open(path, "rb")) if is_packed else path.open("rb") as stream:
                file = cls(path, stream, None if is_packed else path.stat().st_size)
                if file.peek(0, 3) == _MARK:
                    file.read(3)
                yield file
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise UserError(_("{path} is not a whole gzip file: {reason}").format(path=path, reason=error)) from None
        except PermissionError:
            raise UserError(_("{path} may not be read: permission denied").format(path=path)) from None

    def peek(self, start: int, length: int) -> bytes:
        """Bytes from ``start`` on, counted from here, that are read again later; fewer at the end of the file."""
        lacking = start + length - self._waiting
        if lacking > 0:
            self.put_back(self._taken(self._waiting) + self._stream.read(lacking))
        return self._ahead[self._place + start : self._place + start + length]

    def read(self, length: int) -> bytes:
        """The next bytes; fewer at the end of the file."""
        taken = self._taken(length)
        return taken + self._stream.read(length - len(taken)) if len(taken) < length else taken

    def put_back(self, taken: bytes) -> None:
        """Let bytes be read again."""
        self._ahead, self._place = taken + self._taken(self._waiting), 0

    def line(self, longest: int) -> bytes:
        """The next line with its ``\\n``; empty at the end of the file. One that is longer comes without its end."""
        end = self._ahead.find(b"\n", self._place, self._place + longest)
        if end >= 0:
            return self._taken(end + 1 - self._place)
        taken = self._taken(longest)
        return taken + self._stream.readline(longest - len(taken)) if len(taken) < longest else taken

    @property
    def _waiting(self) -> int:
        """How many bytes were looked at and not read."""
        return len(self._ahead) - self._place

    def _taken(self, length: int) -> bytes:
        """So many of these, or all."""
        place, self._place = self._place, min(self._place + length, len(self._ahead))
        return self._ahead[place : self._place]

    def most_rows(self, rows: int | None, width: int) -> int | None:
        """For how many rows to make room at first."""
        if self.size is None:
            return None if rows is None else min(rows, FIRST_ROWS)
        fitting = self.size // (2 + 2 * width) + 1  # a letter, a space, and two bytes at least for a number
        return min(fitting, FIRST_ROWS) if rows is None else min(fitting, rows)

    def check_room(self, header: Header | None, binary: bool) -> None:
        """Refuse a header that promises more than the file can hold, or nothing, before there is room made for it.

        Raises:
            UserError: with both numbers.
        """
        if header is None:
            return
        if header.words == 0 or header.width == 0:
            raise bad_word_file(self.path, _("there is no word in it"))
        if header.width > WIDEST:
            message = _("its first line promises {width} numbers for each word, and none has so many")
            raise bad_word_file(self.path, message.format(width=header.width))
        if self.size is None:
            return
        least = header.words * (2 + (4 if binary else 2) * header.width) - 1  # the last line may lack its end
        if least > self.size:
            message = _(
                "its first line promises {words} words of {width} numbers, {least} bytes at least, but the file has "
                "{size}: it was cut off, or the line lies. --limit takes so many of the words that are there"
            )
            numbers = {"words": header.words, "width": header.width, "least": least, "size": self.size}
            raise bad_word_file(self.path, message.format(**numbers))

    def check_end(self, header: Header) -> None:
        """Refuse a file that goes on where its first line says that it ends.

        Raises:
            UserError: for anything but line ends.
        """
        if self.read(4_096).strip():
            message = _(
                "it goes on behind the {words} words that its first line promises, so the line or the file is damaged. "
                "--limit {words} takes these alone"
            )
            raise bad_word_file(self.path, message.format(words=header.words))


def header_of(file: VectorFile) -> Header | None:
    """The first line, if it is two whole numbers; None for a word and its vector. It stays to be read."""
    start = file.peek(0, LONGEST_HEADER)
    line, found, _rest = start.partition(b"\n")
    fields = line.split()
    if not found or len(fields) != 2 or not all(field.isdigit() and len(field) < 19 for field in fields):
        return None
    return Header(int(fields[0]), int(fields[1]), len(line) + 1)


def bad_word_file(path: Path, problem: str) -> UserError:
    """The error about a file that is no file of word vectors, or a damaged one."""
    return UserError(_("{path} is no whole file of word vectors: {problem}").format(path=path, problem=problem))
