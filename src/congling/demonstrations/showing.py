"""A showing: something that is calculated before the reader's eyes. It claims nothing, and trains nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol


class Shown(Protocol):
    """What a showing came to."""

    def report(self) -> str:
        """What standard output gets, but for the title and the statement."""

    def to_json(self) -> dict[str, Any]:
        """The same for a program."""

    def page(self) -> str:
        """One offline HTML page."""

    def save_png(self, path: Path) -> None:
        """Write what can be seen as a picture."""


@dataclass(frozen=True)
class Showing:
    """What ``congling demonstrate`` can show.

    Attributes:
        name: what the command line calls it.
        road: the item of the road from zero, such as "4.2".
        title: one line.
        statement: what is to be seen, a sentence or two.
        show: calculates it for the picture of a file, or for one of its own.
    """

    name: str
    road: str
    title: str
    statement: str
    show: Callable[[Path | None], Shown]
