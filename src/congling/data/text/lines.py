"""Lines of text files, strictly: UTF-8, ended by ``\\n`` or ``\\r\\n`` and by nothing else, plain or gzipped.

Programs differ in what else they take for the end of a line, and two parallel files that are cut differently are
misaligned from there on.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, cast

from congling.errors import UserError
from congling.language import _

# What Python, an editor or another toolkit may take for the end of a line; only "\n" is one, anywhere here.
_INNER_LINE_ENDS = re.compile("[\r\n\v\f\x1c-\x1e\x85\u2028\u2029]")


def raw_lines(path: Path) -> Iterator[bytes]:
    """The lines of a file, gunzipped if its name ends in .gz, as bytes without the ``\\n`` that ends each.

    Raises:
        UserError: at once, for a missing or empty file or a folder; later, for a damaged gzip file.
    """
    require_file(path)
    return _raw_lines(path)


def read_lines(path: Path) -> Iterator[str]:
    """The lines of a UTF-8 file: ``\\n`` ends a line, or ``\\r\\n``, and nothing else does.

    Any other character that some program takes for a line end (a lone carriage return, U+2028 …) becomes a space, and
    a byte-order mark at the start is dropped.

    Raises:
        UserError: as ``raw_lines``, and for a line that is not UTF-8, with its number.
    """
    return _decoded(path, raw_lines(path))


def count_lines(path: Path) -> int:
    """The number of lines of a file; a last line without its ``\\n`` counts."""
    return sum(1 for _line in raw_lines(path))


def require_file(path: Path) -> None:
    """Raise a ``UserError`` where the path is no file with something in it; a pipe may still prove empty."""
    if path.is_dir():
        raise UserError(_("{path} is a folder, not a file").format(path=path))
    if not path.exists():
        raise UserError(_("there is no file {path}").format(path=path))
    if path.is_file() and path.stat().st_size == 0:
        raise UserError(_("{path} is empty").format(path=path))


def not_utf8(path: Path, number: int) -> str:
    """The message for a line, counted from 1, that is not UTF-8."""
    return _("{path}, line {number}: not UTF-8; if it is GBK: iconv -f GB18030 -t UTF-8 {path} > NEW_FILE").format(
        path=path, number=number
    )


def one_line(text: str) -> str:
    """The text with a space for every character that some program takes for the end of a line."""
    return _INNER_LINE_ENDS.sub(" ", text)


def _raw_lines(path: Path) -> Iterator[bytes]:
    try:
        with _open(path) as file:
            for raw in file:  # a binary file's lines end at b"\n" only
                yield raw.removesuffix(b"\n")
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UserError(_("{path} is not a whole gzip file: {reason}").format(path=path, reason=error)) from None
    except PermissionError:
        raise UserError(_("{path} may not be read: permission denied").format(path=path)) from None


def _open(path: Path) -> BinaryIO:
    return cast(BinaryIO, gzip.open(path, "rb")) if path.suffix == ".gz" else path.open("rb")


def _decoded(path: Path, lines: Iterable[bytes]) -> Iterator[str]:
    for number, raw in enumerate(lines, start=1):
        try:
            line = raw.removesuffix(b"\r").decode("utf-8")
        except UnicodeDecodeError:
            raise UserError(not_utf8(path, number)) from None
        yield one_line(line.removeprefix("\ufeff") if number == 1 else line)


def require_equal_lines(source: Path, source_lines: int, target: Path, target_lines: int) -> None:
    """Refuse two files of which line n cannot translate line n, for one has more lines.

    Raises:
        UserError: with both files and both numbers.
    """
    if source_lines != target_lines:
        raise UserError(
            _("{source} has {source_lines} lines but {target} has {target_lines}").format(
                source=source, source_lines=source_lines, target=target, target_lines=target_lines
            )
        )
