"""Pages that a verb writes: their names are its result, on stdout; that a browser opens them is a remark."""

from __future__ import annotations

from pathlib import Path

from congling.cli.training import say
from congling.language import _


def write_page(path: Path, page: str) -> None:
    """Write the only page whole or not at all, name it, and say what opens it.

    Raises:
        UserError: the disk is full or forbidden.
    """
    write_and_name(path, page)
    say_what_opens_it()


def write_and_name(path: Path, content: str) -> None:
    """Write one page or picture of several; name it.

    Raises:
        UserError: the disk is full or forbidden.
    """
    from congling.learning.atomic import write_atomically

    write_atomically(path, content)
    print(path)


def say_what_opens_it() -> None:
    """After the last of several."""
    say(_("open it in a browser"))
