"""The end of a training whose numbers left for infinity."""

from __future__ import annotations

from congling.errors import UserError
from congling.learning.runs import Run


class Diverged(UserError):
    """A loss, a gradient or a weight was not finite; the listeners have heard everything up to there.

    Attributes:
        run: where the curve is kept; None for a training in memory.
    """

    def __init__(self, message: str, run: Run | None) -> None:
        super().__init__(message)
        self.run = run
