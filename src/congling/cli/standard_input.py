"""Lines of standard input, for the verbs that take their inputs from there when the command line has none."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from congling.errors import UserError
from congling.language import _


class StandardInput:
    """The lines, which must be UTF-8; only a line feed ends one, and a byte-order mark before the first is dropped.

    They end before a line that is not UTF-8, so that whoever reads many at once still answers those before it;
    ``check`` raises the error afterwards.
    """

    def __init__(self) -> None:
        self._error: UserError | None = None

    def __iter__(self) -> Iterator[str]:
        for number, raw in enumerate(sys.stdin.buffer, start=1):
            try:
                text = raw.decode("utf-8").removesuffix("\n").removesuffix("\r")
            except UnicodeDecodeError:
                self._error = UserError(_("standard input, line {number}: not UTF-8").format(number=number))
                return
            yield text.removeprefix("\ufeff") if number == 1 else text

    def check(self) -> None:
        """Raise what ended the lines before the input's end.

        Raises:
            UserError: naming the line.
        """
        if self._error is not None:
            raise self._error
