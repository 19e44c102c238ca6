"""How fast something goes, over the last seconds: several threads are done with their pieces all at once."""

from __future__ import annotations

from collections import deque

SECONDS = 2.0  # that are looked back


class Speed:
    """How many a second.

    Args:
        now: the time when it begins, in seconds.
    """

    def __init__(self, now: float) -> None:
        self._marks = deque([(now, 0)])  # when, and how many were done until then

    def after(self, count: int, now: float) -> float:
        """So many more are done."""
        done = self._marks[-1][1] + count
        while len(self._marks) > 1 and self._marks[1][0] <= now - SECONDS:
            self._marks.popleft()
        begun, before = self._marks[0]
        self._marks.append((now, done))
        return (done - before) / max(now - begun, 1e-9)
