"""Tables on standard output: for people on a terminal, and for ``grep`` and ``cut`` anywhere else."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from congling.cli.help import console


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table for people on a terminal; elsewhere lines of tab-separated cells."""
    if not sys.stdout.isatty():
        for row in (header, *rows):
            print("\t".join(cell.replace("\n", " | ") for cell in row))
        return
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False)
    for title in header:
        table.add_column(title, overflow="fold")  # Chinese has no spaces to break at; cut nothing off
    for row in rows:
        table.add_row(*map(Text, row))
    console().print(table)
