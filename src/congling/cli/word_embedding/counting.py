"""How far a long reading or writing is, told now and then on standard error."""

from __future__ import annotations

import time
from collections.abc import Callable

from congling.language import _

SECONDS = 3.0  # between two remarks; what is done sooner needs none


class Counting:
    """Told how many words are done, of how many.

    Args:
        text: with ``{done}`` and ``{total}``.
        say: takes a remark.
        clock: gives seconds; the tests' own.
    """

    def __init__(self, text: str, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._text, self._say, self._clock = text, say, clock
        self._told = clock()

    def __call__(self, done: int, total: int | None) -> None:
        now = self._clock()
        if now - self._told >= SECONDS:
            self._told = now
            self._say(self._text.format(done=f"{done:,}", total=_("all") if total is None else f"{total:,}"))
