"""What ``run.yaml`` says of a translator: its options and its languages."""

from __future__ import annotations

from congling.learning.runs import Run
from congling.tasks.stored_options import cannot_be, not_understood, options_of
from congling.tasks.translation.options import TASK, TranslationOptions


def translation_options_of(run: Run) -> TranslationOptions:
    """The options that a translator was trained with; errors as ``options_of``."""
    return options_of(run, TranslationOptions, TASK, beside=("languages",))


def languages_of(run: Run) -> tuple[str, str]:
    """The languages that a run translates from and to; errors as ``options_of``."""
    match run.config.get("languages"):
        case [str(source), str(target)]:
            return source, target
        case other:
            raise not_understood(run, cannot_be("config.languages", other))
