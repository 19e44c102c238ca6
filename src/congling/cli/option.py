"""What a typed dataclass says about itself as a set of options: names, types, defaults and the help under each field.

A field's help is the string literal that stands under it, a group's title is the first line of the class's docstring;
both go through the catalogue, so ``tools/catalogue.py`` reads them with the same two functions as this file.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import textwrap
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from congling.language import _

REQUIRED = dataclasses.MISSING  # the default of an option that must be given
MANY = -1  # the arity of an option that takes any number of values


@dataclasses.dataclass(frozen=True)
class Option:
    """One field of an options class, as the command line shows it."""

    name: str
    annotation: Any
    default: Any
    help: str
    group: str
    positional: bool
    aliases: tuple[str, ...]

    @property
    def flag(self) -> str:
        """``--learning-rate``; for a positional argument its name in capitals."""
        dashed = self.name.replace("_", "-")
        return dashed.upper() if self.positional else f"--{dashed}"

    @property
    def flags(self) -> tuple[str, ...]:
        """Every spelling that the command line accepts; none for a positional argument."""
        if self.positional:
            return ()
        negation = (f"--no-{self.flag[2:]}",) if self.is_switch else ()
        return (self.flag, *negation, *self.aliases)

    @property
    def is_switch(self) -> bool:
        """Whether the option takes no value: ``--flag`` and ``--no-flag``."""
        return _bare(self.annotation) is bool

    @property
    def type(self) -> Any:
        """The annotation without ``Annotated`` and without ``| None``."""
        bare = _bare(self.annotation)
        if typing.get_origin(bare) in (typing.Union, types.UnionType):
            inside = [part for part in typing.get_args(bare) if part is not type(None)]
            return _bare(inside[0]) if len(inside) == 1 else bare
        return bare

    @property
    def arity(self) -> int:
        """How many values follow the flag; ``MANY`` for any number."""
        if self.is_switch:
            return 0
        if typing.get_origin(self.type) in (list, tuple):
            inside = typing.get_args(self.type)
            return MANY if len(inside) == 1 or Ellipsis in inside else len(inside)
        return 1

    @property
    def choices(self) -> tuple[str, ...]:
        """The values of a ``Literal``; empty for any other type."""
        return tuple(map(str, typing.get_args(self.type))) if typing.get_origin(self.type) is typing.Literal else ()

    @property
    def placeholder(self) -> str:
        """What stands for the value in the help: ``INT``, ``{bpe,unigram}``, ``PATH…``."""
        if self.is_switch:
            return ""
        if self.choices:
            return "{" + ",".join(self.choices) + "}"
        kind = _element(self.type)
        return ("TEXT" if kind is str else kind.__name__.upper()) + ("…" if self.arity == MANY else "")

    @property
    def expectation(self) -> str:
        """What the value must be, in words, for an error message."""
        if self.choices:
            return _("one of {choices}").format(choices=", ".join(self.choices))
        words = {int: _("a whole number"), float: _("a number"), Path: _("a path"), str: _("a text")}
        word = words.get(_element(self.type), self.placeholder)
        if self.arity in (0, 1):
            return word
        many = _("values, each {kind}") if self.arity == MANY else _("{count} values, each {kind},")
        return many.format(kind=word, count=self.arity)


def options_of(options_class: type, default: Any = None, group: str = "") -> Iterator[Option]:
    """The options of a dataclass and of the dataclasses in it, in the order of the fields."""
    import tyro

    hints = typing.get_type_hints(options_class, include_extras=True)
    helps = help_of_fields(options_class)
    for field in dataclasses.fields(options_class):
        annotation, value = hints[field.name], _default(field, default)
        if dataclasses.is_dataclass(bare := _bare(annotation)) and isinstance(bare, type):
            yield from options_of(bare, None if value is REQUIRED else value, _(title(bare.__doc__)))
            continue
        marks = getattr(annotation, "__metadata__", ())
        aliases = tuple(alias for mark in marks for alias in getattr(mark, "aliases", None) or ())
        positional = any(mark is tyro.conf.Positional for mark in marks)
        text = _(helps.get(field.name, ""))
        yield Option(field.name, annotation, value, text, group, positional, aliases)


def help_of_fields(options_class: type) -> dict[str, str]:
    """The literal under each field of the class and of those that it inherits from, as it stands in the catalogue."""
    helps: dict[str, str] = {}
    for ancestor in reversed(options_class.__mro__):
        if dataclasses.is_dataclass(ancestor):
            tree = ast.parse(textwrap.dedent(inspect.getsource(ancestor))).body[0]
            assert isinstance(tree, ast.ClassDef)
            helps |= documented_fields(tree)
    return helps


def documented_fields(tree: ast.ClassDef) -> dict[str, str]:
    """The string literal that follows each annotated field of a class, line breaks folded into spaces."""
    helps: dict[str, str] = {}
    for statement, following in zip(tree.body, tree.body[1:], strict=False):
        match statement, following:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                helps[name] = " ".join(text.split())
    return helps


def title(docstring: str | None) -> str:
    """The first line of a docstring, as it stands in the catalogue."""
    return (docstring or "").strip().split("\n")[0].rstrip(".")


def _default(field: dataclasses.Field[Any], instance: Any) -> Any:
    if instance is not None:
        return getattr(instance, field.name)
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


def _bare(annotation: Any) -> Any:
    return typing.get_args(annotation)[0] if typing.get_origin(annotation) is typing.Annotated else annotation


def _element(kind: Any) -> type:
    """``int`` of ``tuple[int, ...]``; ``str`` for what has no plain name, such as ``int | str``."""
    if typing.get_origin(kind) in (list, tuple):
        kind = typing.get_args(kind)[0]
    return kind if isinstance(kind, type) else str
