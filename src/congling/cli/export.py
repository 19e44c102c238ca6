"""``congling export RUN --to FORMAT``: the run's task decides which formats there are."""

from __future__ import annotations

from congling.cli.by_task import by_task
from congling.language import _


def main(arguments: list[str]) -> int:
    """Write; the names of the written files go to stdout."""
    return by_task("export", arguments, _("Write a trained run in a format that other programs read."))
