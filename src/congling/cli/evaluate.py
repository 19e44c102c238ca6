"""``congling evaluate RUN``: the run's task decides what is scored, and how."""

from __future__ import annotations

from congling.cli.by_task import by_task
from congling.language import _


def main(arguments: list[str]) -> int:
    """Score; the scores go to stdout."""
    return by_task("evaluate", arguments, _("Score a trained run on held-out data, or on your own."))
