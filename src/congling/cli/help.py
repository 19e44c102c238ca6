"""The help of a command: its options in groups, two columns, as wide as the terminal."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from congling.cli.option import REQUIRED, Option
from congling.language import _

if TYPE_CHECKING:
    from rich.console import Console

WIDTH_OF_A_PIPE = 100  # columns, where the output is no terminal
COLUMN_OF_FLAGS = 34  # columns at most; a longer flag has its help on the next line


def console(width_of_a_pipe: int = WIDTH_OF_A_PIPE) -> Console:
    """A console on standard output; plain text where that is no terminal."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else width_of_a_pipe
    return Console(file=sys.stdout, width=width, highlight=False, markup=False, emoji=False, soft_wrap=False)


def print_help(options: Sequence[Option], prog: str, description: str) -> None:
    """Print the usage, what the command does, and every option under the title of its group."""
    out = console()
    positional = [option for option in options if option.positional]
    usage = " ".join([prog, *map(_usage, positional), _("[options]")])
    out.print(_("Usage: {usage}").format(usage=usage), style="bold")
    out.print()
    out.print(description)
    if positional:
        _print_group(out, _("Arguments"), positional)
    for title in dict.fromkeys(option.group for option in options if not option.positional):
        inside = [option for option in options if option.group == title and not option.positional]
        _print_group(out, title or _("Options"), inside)


def _usage(option: Option) -> str:
    name = option.flag + ("…" if option.arity not in (0, 1) else "")
    return name if option.default is REQUIRED else f"[{name}]"


def _print_group(out: Console, title: str, options: Sequence[Option]) -> None:
    from rich.padding import Padding
    from rich.text import Text

    out.print()
    out.print(title, style="bold")
    width = min(COLUMN_OF_FLAGS, max(len(_flags(option)) for option in options) + 2)
    for option in options:
        flags, text = _flags(option), Text(option.help)
        text.append((" " if option.help else "") + _default(option), style="dim")
        if len(flags) + 2 > width:
            out.print(Padding(Text(flags, style="cyan"), (0, 0, 0, 2)))
            out.print(Padding(text, (0, 0, 0, 2 + width)))
        else:
            out.print(_columns(Text(flags, style="cyan"), text, width))


def _columns(left: Any, right: Any, width: int) -> Any:
    from rich.padding import Padding
    from rich.table import Table

    grid = Table.grid(padding=0)
    grid.add_column(width=width, no_wrap=True)
    grid.add_column(overflow="fold")  # Chinese has no spaces: what is wider than the column goes on below, uncut
    grid.add_row(left, right)
    return Padding(grid, (0, 0, 0, 2))


def _flags(option: Option) -> str:
    if option.positional:
        return option.flag
    name = f"--[no-]{option.flag[2:]}" if option.is_switch and option.default is not False else option.flag
    return " ".join(filter(None, [", ".join([*option.aliases, name]), option.placeholder]))


def _default(option: Option) -> str:
    if option.default is REQUIRED:
        return _("(required)")
    if option.default is True:
        return _("(default: yes)")
    if option.default in (None, False, "", (), []):
        return ""
    values = option.default if isinstance(option.default, list | tuple) else [option.default]
    return _("(default: {value})").format(value=" ".join(map(str, values)))
