"""Options as ``run.yaml`` keeps them, read back into their dataclasses: every name and every value is looked at.

A hand that edits ``run.yaml`` makes mistakes; they come out here, by name, and not as an odd error in a network.
"""

from __future__ import annotations

import dataclasses
import itertools
import types
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

from congling.errors import UserError
from congling.language import _
from congling.learning.runs import Run

T = TypeVar("T")


class StorableOptions(Protocol):
    """A task's options: a dataclass of groups of options."""

    run: Path | None

    def check(self) -> None: ...


Options = TypeVar("Options", bound=StorableOptions)


def options_of(run: Run, options_class: type[Options], task: str, beside: Sequence[str] = ()) -> Options:
    """The options that a run of ``task`` was trained with, from its ``run.yaml``.

    Args:
        beside: what the task keeps in ``run.yaml`` beside its options.

    Raises:
        UserError: the run is of another task, or its ``run.yaml`` was edited into something else.
    """
    if run.task != task:
        message = _("{run} was trained for {task}, not for {wanted}")
        raise UserError(message.format(run=run.path, task=run.task, wanted=task))
    stored = {name: value for name, value in run.config.items() if name not in beside}
    for needed in _groups(options_class) - {"data"}:  # what was made of the data lies in the run
        stored.setdefault(needed, None)
    try:
        options = restored(options_class, stored)
        options.check()
    except UserError as error:
        raise not_understood(run, str(error)) from error
    options.run = run.path
    return options


def cannot_be(name: str, value: object) -> str:
    """That an entry cannot have such a value."""
    return _("{name} cannot be {value}").format(name=name, value=repr(value))


def not_understood(run: Run, reason: str) -> UserError:
    """The error of a ``run.yaml`` that was edited into something else."""
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
    hints = _hints(options_class)
    for name in stored:
        if name not in hints:
            raise UserError(_("{name} is unknown").format(name=f"{within}.{name}"))
    values = {name: _restored_value(hints[name], value, f"{within}.{name}") for name, value in stored.items()}
    return options_class(**values)


def _restored_value(hint: Any, value: object, within: str) -> object:
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return restored(hint, value, within)
    for kind in typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else [hint]:
        if _is(kind, value):
            return _converted(kind, value)
    raise UserError(cannot_be(within, value))


def _is(kind: Any, value: object) -> bool:
    """Whether YAML keeps a value of this kind so."""
    inside = typing.get_args(kind)
    if typing.get_origin(kind) is typing.Literal:
        return value in inside
    if typing.get_origin(kind) is tuple:
        return isinstance(value, list) and len(value) == len(inside) and all(map(_is, inside, value))
    if typing.get_origin(kind) is list:
        return isinstance(value, list) and all(_is(inside[0], each) for each in value)
    if isinstance(value, bool):
        return kind is bool
    kept_as: dict[Any, tuple[type, ...]] = {float: (int, float), Path: (str,)}
    return isinstance(value, kept_as.get(kind, (kind,)))


def _converted(kind: Any, value: Any) -> object:
    if typing.get_origin(kind) in (tuple, list):
        inside = itertools.cycle(typing.get_args(kind))  # a tuple's kinds one by one, a list's one again and again
        return typing.get_origin(kind)(_converted(each, element) for each, element in zip(inside, value, strict=False))
    return kind(value) if kind in (Path, float) else value


def _hints(options_class: type) -> dict[str, Any]:
    """The kind of each option; class variables are none."""
    hints = typing.get_type_hints(options_class)
    return {field.name: hints[field.name] for field in dataclasses.fields(options_class)}


def _groups(options_class: type) -> set[str]:
    return {name for name, hint in _hints(options_class).items() if dataclasses.is_dataclass(hint)}
