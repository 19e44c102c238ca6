"""Options as ``run.yaml`` keeps them, read back into their dataclasses: every name and every value is looked at.

A hand that edits ``run.yaml`` makes mistakes; they come out here, by name, and not as an odd error in a network.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from congling.errors import UserError
from congling.language import _
from congling.learning.runs import Run
from congling.tasks.translation_options import TranslationOptions

T = TypeVar("T")
TASK = "translation"


def options_of(run: Run) -> TranslationOptions:
    """The options that a run was trained with, from its ``run.yaml``.

    Raises:
        UserError: the run is of another task, or its ``run.yaml`` was edited into something else.
    """
    if run.task != TASK:
        raise UserError(_("{run} was trained for {task}, not for translation").format(run=run.path, task=run.task))
    stored = {name: value for name, value in run.config.items() if name != "languages"}
    for needed in ("vocabulary", "network", "training"):
        stored.setdefault(needed, None)
    try:
        options = restored(TranslationOptions, stored)
        options.check()
    except UserError as error:
        raise _not_understood(run, str(error)) from error
    options.run = run.path
    return options


def languages_of(run: Run) -> tuple[str, str]:
    """The languages that a run translates from and to, from its ``run.yaml``; errors as ``options_of``."""
    match run.config.get("languages"):
        case [str(source), str(target)]:
            return source, target
        case other:
            raise _not_understood(run, _cannot_be("config.languages", other))


def _cannot_be(name: str, value: object) -> str:
    return _("{name} cannot be {value}").format(name=name, value=repr(value))


def _not_understood(run: Run, reason: str) -> UserError:
    return UserError(_("{path}: {reason}. Undo the edit").format(path=run.file("run.yaml"), reason=reason))


def restored(options_class: type[T], stored: object, within: str = "config") -> T:
    """The options that ``dataclasses.asdict`` and YAML made ``stored`` of.

    Args:
        within: where in the file ``stored`` stands, for the message. An option that it lacks has its default:
            an older congling did not know it.

    Raises:
        UserError: naming the entry that is unknown or of a wrong kind. Ranges are the class's ``check`` to refuse.
    """
    if not isinstance(stored, Mapping):
        raise UserError(_("{name} is no mapping").format(name=within))
    hints = typing.get_type_hints(options_class)
    for name in stored:
        if name not in hints:
            raise UserError(_("{name} is unknown").format(name=f"{within}.{name}"))
    values = {name: _restored_value(hints[name], value, f"{within}.{name}") for name, value in stored.items()}
    return options_class(**values)


def _restored_value(hint: Any, value: object, within: str) -> object:
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return restored(hint, value, within)
    for kind in typing.get_args(hint) if isinstance(hint, types.UnionType) else [hint]:
        if _is(kind, value):
            return _converted(kind, value)
    raise UserError(_cannot_be(within, value))


def _is(kind: Any, value: object) -> bool:
    """Whether YAML keeps a value of this kind so."""
    if typing.get_origin(kind) is typing.Literal:
        return value in typing.get_args(kind)
    if typing.get_origin(kind) is tuple:
        inside = typing.get_args(kind)
        return isinstance(value, list) and len(value) == len(inside) and all(map(_is, inside, value))
    if isinstance(value, bool):
        return kind is bool
    kept_as: dict[Any, tuple[type, ...]] = {float: (int, float), Path: (str,)}
    return isinstance(value, kept_as.get(kind, (kind,)))


def _converted(kind: Any, value: Any) -> object:
    if kind in (Path, float):
        return kind(value)
    return tuple(value) if typing.get_origin(kind) is tuple else value
