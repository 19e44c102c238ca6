"""A typed dataclass is the command's options: ``parse(Options, arguments, prog=..., description=...)``.

The values are converted by tyro. The help and the messages are ours: one line each, in the user's language.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from typing import NoReturn, TypeVar

from congling.cli.help import print_help
from congling.cli.option import MANY, REQUIRED, Option, options_of
from congling.errors import UsageError
from congling.language import _
from congling.nearest import did_you_mean

T = TypeVar("T")


class OptionError(UsageError):
    """An option or an argument is wrong; ``prog`` is the command that it was given to."""

    def __init__(self, message: str, prog: str) -> None:
        super().__init__(message)
        self.prog = prog


def exclude(first: str, second: str) -> NoReturn:
    """Refuse two options, or an option and an argument, that mean nothing together."""
    message = _("{first} and {second} exclude each other: give one of them")
    raise UsageError(message.format(first=first, second=second))


def parse(options_class: type[T], arguments: Sequence[str], prog: str, description: str, default: T | None = None) -> T:
    """Build the options from the arguments of a command.

    Args:
        options_class: a dataclass; the fields of dataclasses inside it become groups of options without a prefix.
        arguments: what follows ``prog`` on the command line.
        prog: the command, ``"congling train translation"``.
        description: what the command does, already translated; stands at the head of the help.
        default: values to use in place of the class's defaults.

    Raises:
        OptionError: an unknown option, a wrong value, a missing or a superfluous argument.
        SystemExit: with code 0, after the help was asked for and printed.
    """
    options = list(options_of(options_class, default))
    spoken = _before_separator(arguments)
    if asks_for_help(arguments):
        print_help(options, prog, description)
        raise SystemExit(0)
    _refuse_unknown(options, spoken, prog)
    return _convert(options_class, options, _gathered(options, arguments), prog, default)


def _convert(
    options_class: type[T], options: list[Option], arguments: Sequence[str], prog: str, default: T | None
) -> T:
    import tyro

    complaint = io.StringIO()
    markers = (tyro.conf.OmitArgPrefixes, tyro.conf.HelptextFromCommentsOff)
    instead = tyro.MISSING_NONPROP if default is None else default
    try:
        with contextlib.redirect_stderr(complaint):
            outcome: tuple[T, list[str]] = tyro.cli(
                options_class,
                args=list(arguments),
                prog=prog,
                config=markers,
                default=instead,
                add_help=False,
                return_unknown_args=True,
            )
    except SystemExit:
        message = _wrong_value(options, arguments) or _missing(options, arguments) or _unframed(complaint.getvalue())
        raise OptionError(message, prog) from None
    parsed, superfluous = outcome
    if superfluous:
        raise OptionError(_("there is no place for {argument}").format(argument=repr(superfluous[0])), prog)
    return parsed


def _refuse_unknown(options: list[Option], spoken: Sequence[str], prog: str) -> None:
    known = [flag for option in options for flag in option.flags]
    for word in spoken:
        name = _flag_of(word)
        if name and name not in known:
            message = _("there is no option {option}").format(option=word.split("=")[0])
            otherwise = _("see {command} --help").format(command=prog)
            raise OptionError(message + did_you_mean(name, known, otherwise), prog)


def asks_for_help(arguments: Sequence[str]) -> bool:
    """Whether one of the words is ``--help``; behind ``--`` it is a word like any other."""
    spoken = _before_separator(arguments)
    return "--help" in spoken or "-h" in spoken


def separated(options: Sequence[Option], arguments: Sequence[str]) -> tuple[list[list[str]], list[str]]:
    """Each flag with the words that are its values, and the words that belong to no flag."""
    arity_of = {flag: option.arity for option in options for flag in option.flags}
    spoken = _before_separator(arguments)
    groups, loose, wanted = list[list[str]](), list[str](), 0
    for word in spoken:
        if name := _flag_of(word):
            groups.append([word])
            arity = arity_of.get(name, 0)
            wanted = len(arguments) if arity == MANY else arity - ("=" in word)
        elif wanted > 0:
            groups[-1].append(word)
            wanted -= 1
        else:
            loose.append(word)
    return groups, [*loose, *arguments[len(spoken) + 1 :]]


def _gathered(options: list[Option], arguments: Sequence[str]) -> list[str]:
    """The options first, each that takes many values once, then the loose words together.

    Tyro would take the last of ``--target a --target b`` alone, and of ``RUN 1 --json 2`` only the words before --json.
    """
    several = {flag: option.flag for option in options if option.arity == MANY for flag in option.flags}
    groups, loose = separated(options, arguments)
    kept, many = list[list[str]](), dict[str, list[str]]()
    for flag, *values in groups:
        name = several.get(_flag_of(flag) or "")
        if name is None:
            kept.append([flag, *values])
        else:
            many.setdefault(name, []).extend([*flag.split("=", 1)[1:], *values])
    kept += [[name, *values] for name, values in many.items()]
    return [*(word for group in kept for word in group), *(["--", *loose] if loose else [])]


def _wrong_value(options: list[Option], arguments: Sequence[str]) -> str | None:
    """The first option whose values do not convert when they stand alone, in words."""
    for option, values in _given(options, arguments):
        if option.arity > 0 and len(values) < option.arity:
            return _("{option} wants {expectation} after it").format(option=option.flag, expectation=option.expectation)
        if option.arity and not _converts(option, values):
            return _("{option} wants {expectation}, not {value}").format(
                option=option.flag, expectation=option.expectation, value=repr(" ".join(values))
            ) + (did_you_mean(values[0], option.choices) if option.choices else "")
    return None


def _missing(options: list[Option], arguments: Sequence[str]) -> str | None:
    """The required options and arguments that were not given, in words."""
    given = [option for option, _values in _given(options, arguments)]
    absent = [option for option in options if option.default is REQUIRED and option not in given]
    if not absent:
        return None
    first = absent[0]
    message = _("{option} is missing").format(option=first.flag)
    return message + _(": ") + first.help if first.help else message


def _given(options: list[Option], arguments: Sequence[str]) -> list[tuple[Option, list[str]]]:
    """Each option on the command line with the values that belong to it, positional arguments last."""
    by_flag = {flag: option for option in options for flag in option.flags}
    groups, loose = separated(options, arguments)
    given = [(by_flag[_flag_of(flag) or ""], [*flag.split("=", 1)[1:], *values]) for flag, *values in groups]
    return given + _placed([option for option in options if option.positional], loose)


def _placed(positional: list[Option], loose: list[str]) -> list[tuple[Option, list[str]]]:
    placed = []
    for option in positional:
        count = len(loose) if option.arity == MANY else option.arity
        if loose:
            placed.append((option, loose[:count]))
        loose = loose[count:]
    return placed


def _converts(option: Option, values: list[str]) -> bool:
    import tyro

    try:
        with contextlib.redirect_stderr(io.StringIO()):
            tyro.cli(option.annotation, args=values, add_help=False, config=(tyro.conf.Positional,))
    except SystemExit:
        return False
    return True


def _flag_of(word: str) -> str | None:
    """The flag that a word of the command line is, spelled with dashes; None for a value, as ``-5`` and ``-`` are."""
    name = word.split("=")[0]
    if len(name) < 2 or name[0] != "-" or not name.lstrip("-")[:1].isalpha():
        return None
    return name.replace("_", "-") if name.startswith("--") else name


def _before_separator(arguments: Sequence[str]) -> Sequence[str]:
    return arguments[: arguments.index("--")] if "--" in arguments else arguments


def _unframed(text: str) -> str:
    """Tyro's framed message as one line: only for what the checks above did not put in words."""
    return " ".join(text.translate(dict.fromkeys(range(0x2500, 0x2580), " ")).split())
