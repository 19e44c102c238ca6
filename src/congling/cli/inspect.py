"""``congling inspect RUN INPUT``: the run's task decides what an input is, and what there is to see."""

from __future__ import annotations

from congling.cli.by_task import by_task
from congling.language import _


def main(arguments: list[str]) -> int:
    """Look inside; values and the names of written files go to stdout."""
    return by_task("inspect", arguments, _("Look inside a trained run while it computes one example."))
