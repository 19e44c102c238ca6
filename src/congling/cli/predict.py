"""``congling predict RUN INPUT …``: the run's task decides what an input is and what is answered."""

from __future__ import annotations

from congling.cli.by_task import by_task
from congling.language import _


def main(arguments: list[str]) -> int:
    """Predict; only answers go to stdout."""
    return by_task("predict", arguments, _("Give a trained run inputs, and print what it answers."))
