"""The command line that repeats a training: what its options have that the defaults do not."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from congling.demonstrations.claim import Options, but
from congling.learning.options import flag
from congling.tasks.function_fitting import options as function_fitting_options
from congling.tasks.function_fitting.options import FunctionFittingOptions
from congling.tasks.image_classification import options as image_classification_options
from congling.tasks.image_classification.options import ImageClassificationOptions
from congling.tasks.translation import options as translation_options
from congling.tasks.translation.options import TranslationOptions

TASKS: dict[type, str] = {
    FunctionFittingOptions: function_fitting_options.TASK,
    ImageClassificationOptions: image_classification_options.TASK,
    TranslationOptions: translation_options.TASK,
}


def command(options: Options, seed: int) -> str:
    """``congling train function-fitting --hidden 64 64 --seed 1``, ready for a shell."""
    seeded, usual = but(options, seed=seed), type(options)()
    words = [word for option in _differences(seeded, usual) for word in option]
    return shlex.join(["congling", "train", TASKS[type(options)], *words])


def _differences(options: Any, default: Any) -> Iterator[list[str]]:
    for field in fields(options):
        value, usual = getattr(options, field.name), getattr(default, field.name)
        if is_dataclass(value):
            yield from _differences(value, usual)
        elif value != usual or field.name == "seed":
            yield _typed(flag(field.name), value)


def _typed(option: str, value: Any) -> list[str]:
    if isinstance(value, bool):
        return [option if value else f"--no-{option[2:]}"]
    if isinstance(value, list | tuple):
        return [option, *map(str, value)]
    return [option, f"{value:g}" if isinstance(value, float) else str(value)]
