"""Rows of numbers to predict from: out of the words of a command, or of lines as in a CSV file."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress

from congling.errors import UsageError, UserError
from congling.language import _
from congling.nearest import did_you_mean

Row = list[float]
DELIMITERS = ",;\t，；"  # the last two are what a Chinese keyboard writes


def rows_of_words(words: Sequence[str], names: Sequence[str]) -> list[Row]:
    """``-0.5`` where one number is wanted, ``0.5,1.2`` where two are; two words alone may also be one row of two.

    Args:
        names: of the inputs, in order.

    Raises:
        UsageError: naming the word that is no such row.
    """
    rows = [_cells(word, len(names)) for word in words]
    if 1 < len(names) == len(rows) and all(len(cells) == 1 for cells in rows):
        rows = [[cells[0] for cells in rows]]
    try:
        return [
            _row(cells, names, _("argument {number}").format(number=number))
            for number, cells in enumerate(rows, start=1)
        ]
    except UserError as error:
        raise UsageError(str(error)) from error


def rows_of_lines(lines: Iterable[str], names: Sequence[str], place: Callable[[int], str]) -> Iterator[Row]:
    """A row a line, empty lines left out; a first line may name the columns, in any order and with others among them.

    Args:
        place: names a line by its number from 1, for the message.

    Raises:
        UserError: naming the line, the column and the cell that is no finite number, or the column that the first
            line should name.
    """
    columns: list[int] | None = None
    numbered = ((number, cells) for number, line in enumerate(lines, start=1) if (cells := _cells(line, len(names))))
    for count, (number, cells) in enumerate(numbered):
        if count == 0 and set(names) <= set(cells):
            columns = [cells.index(name) for name in names]
        elif count == 0 and _are_names(cells):
            raise UserError(_unnamed(next(name for name in names if name not in cells), cells, place(number)))
        elif columns is None:
            yield _row(cells, names, place(number))
        elif max(columns) < len(cells):
            yield _row([cells[column] for column in columns], names, place(number))
        else:
            message = _("{place}: fewer cells than the first line names columns")
            raise UserError(message.format(place=place(number)))


def _cells(line: str, wanted: int) -> list[str]:
    """The cells of a line: set apart by comma, semicolon or tab; where there is none of these, by spaces."""
    delimiter = max(DELIMITERS, key=line.count)
    if delimiter not in line:
        return line.split() if wanted > 1 else [line.strip()] if line.strip() else []
    return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter))]


def _are_names(cells: Sequence[str]) -> bool:
    """Whether several cells, and not one number among them, are the names of other columns."""
    return len(cells) > 1 and all(cell and _finite(cell) is None for cell in cells)


def _unnamed(name: str, cells: Sequence[str], place: str) -> str:
    message = _("{place}: there is no column {column} among {columns}")
    return message.format(place=place, column=name, columns=", ".join(cells)) + did_you_mean(name, cells)


def _row(cells: Sequence[str], names: Sequence[str], place: str) -> Row:
    if len(cells) != len(names):
        message = _("{place}: numbers found: {count}; needed: {wanted} ({names})")
        raise UserError(message.format(place=place, count=len(cells), wanted=len(names), names=",".join(names)))
    return [_number(cell, place, name if len(names) > 1 else "") for cell, name in zip(cells, names, strict=True)]


def _number(cell: str, place: str, column: str) -> float:
    if column:
        place = _("{place}, column {column}").format(place=place, column=column)
    return number_of(cell, place)


def number_of(text: str, place: str) -> float:
    """The finite number that a text says.

    Raises:
        UserError: it says none.
    """
    number = _finite(text)
    if number is None:
        raise UserError(_("{place}: {text} is not a finite number").format(place=place, text=repr(text)))
    return number


def _finite(text: str) -> float | None:
    with suppress(ValueError):
        number = float(text)
        if math.isfinite(number) and "_" not in text:
            return number
    return None
