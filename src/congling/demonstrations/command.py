"""The command line that repeats a training: what its options have that the defaults do not."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any

from congling.tasks.function_fitting_options import FunctionFittingOptions


def command(options: FunctionFittingOptions, seed: int) -> str:
    """``congling train function-fitting --hidden 64 64 --seed 1``, ready for a shell."""
    seeded = replace(options, training=replace(options.training, seed=seed))
    words = [word for flag in _differences(seeded, FunctionFittingOptions()) for word in flag]
    return shlex.join(["congling", "train", "function-fitting", *words])


def _differences(options: Any, default: Any) -> Iterator[list[str]]:
    for field in fields(options):
        value, usual = getattr(options, field.name), getattr(default, field.name)
        if is_dataclass(value):
            yield from _differences(value, usual)
        elif value != usual or field.name == "seed":
            yield _flag("--" + field.name.replace("_", "-"), value)


def _flag(flag: str, value: Any) -> list[str]:
    if isinstance(value, bool):
        return [flag]  # every switch is off by default
    if isinstance(value, list | tuple):
        return [flag, *map(str, value)]
    return [flag, f"{value:g}" if isinstance(value, float) else str(value)]
