"""``congling predict RUN INPUT …``: the run's task decides what an input is and what is answered."""

from __future__ import annotations

from congling.cli import translate


def main(arguments: list[str]) -> int:
    """For a translation run, the same as ``congling translate``: so far the only task."""
    return translate.main(arguments, "congling predict")
