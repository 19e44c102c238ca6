"""The cells of a CSV or TSV file, column by column: which are numbers, which are missing, and which are neither.

The first row names the columns; rows are counted as a spreadsheet shows them, so that the names are row 1.
"""

from __future__ import annotations

import csv
import itertools
import math
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from congling.data.text.lines import not_utf8, raw_lines, require_file
from congling.errors import UserError
from congling.language import _

MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "?"})  # small letters
_ENDINGS = (".csv", ".tsv", ".txt")


@dataclass
class Column:
    """The cells of one column.

    Attributes:
        values: the numbers; NaN for what is missing or no number.
        texts: the cells as they stand, where ``keeps_texts``.
        words: how many cells are neither a finite number nor missing.
        first: the row and the text of the first such cell.
    """

    name: str
    keeps_texts: bool = False
    values: array[float] = field(default_factory=lambda: array("d"))
    texts: list[str] = field(default_factory=list)
    words: int = 0
    first: tuple[int, str] = (0, "")
    _known: dict[str, str] = field(default_factory=dict)  # each text once in memory, however many rows hold it

    def add(self, row: int, cell: str) -> None:
        """One more cell."""
        cell = cell.strip()
        value = number_of(cell)
        if value is None:
            self.first = self.first if self.words else (row, cell)
            self.words += 1
        self.values.append(math.nan if value is None else value)
        if self.keeps_texts:
            self.texts.append(self._known.setdefault(cell, cell))

    @property
    def numbers(self) -> NDArray[np.float64]:
        """``values`` as an array (N,)."""
        return np.array(self.values, np.float64)


def number_of(cell: str) -> float | None:
    """The finite number that a cell holds, NaN where it says that none is there, None where it says anything else."""
    try:
        value = float(cell)
    except ValueError:
        return math.nan if cell.lower() in MISSING else None
    return None if math.isinf(value) or "_" in cell else value


class TableFile:
    """An open table: ``names`` of its columns, some of which may be empty, and then its rows, which are read once.

    Raises:
        UserError: for a file of another kind, and where the first row holds no names.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._rows = _rows(path)
        self.names = _names(path, next(self._rows, (1, []))[1])

    def read(self, columns: Sequence[Column]) -> NDArray[np.int64]:
        """Add the cells of all rows to the columns, which are found by their names; gives the rows' numbers.

        Raises:
            UserError: for a row that has more or fewer cells than there are names.
        """
        places = [(column, self.names.index(column.name)) for column in columns]
        numbers = array("q")
        for number, cells in self._rows:
            if len(cells) != len(self.names):
                message = _("{path}, row {row}: {count} cells under {names} names")
                raise UserError(message.format(path=self.path, row=number, count=len(cells), names=len(self.names)))
            numbers.append(number)
            for column, place in places:
                column.add(number, cells[place])
        return np.array(numbers, np.int64)


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The number and the cells of each row that is not blank, the names first."""
    require_file(path)
    ending = path.name.lower().removesuffix(".gz")
    if not ending.endswith(_ENDINGS):
        message = _("{path} is no table that can be read here: save it as CSV, under a name that ends in {endings}")
        raise UserError(message.format(path=path, endings=", ".join(_ENDINGS)))
    lines = _lines(path)
    head = next(lines, "")
    reader = csv.reader(
        itertools.chain([head], lines), delimiter=_delimiter(ending, head), skipinitialspace=True, strict=True
    )
    number = 0
    try:
        for number, cells in enumerate(reader, start=1):
            if cells:
                yield number, cells
    except csv.Error as error:
        message = _('{path}, row {row}: a cell that begins with " must end with " before the next separator')
        raise UserError(message.format(path=path, row=number + 1)) from error


def _lines(path: Path) -> Iterator[str]:
    for number, raw in enumerate(raw_lines(path), start=1):
        try:
            yield raw.removesuffix(b"\r").decode("utf-8-sig" if number == 1 else "utf-8") + "\n"
        except UnicodeDecodeError:
            raise UserError(not_utf8(path, number)) from None


def _delimiter(ending: str, head: str) -> str:
    """A tab in a .tsv file; else whichever of comma, semicolon and tab mostly stands between the names."""
    return "\t" if ending.endswith(".tsv") else max(",;\t", key=head.count)


def _names(path: Path, cells: list[str]) -> list[str]:
    names = [cell.strip() for cell in cells]
    if all(number_of(name) is not None for name in names):
        raise UserError(_("{path}: the first row must name the columns").format(path=path))
    for number, name in enumerate(names):
        if name and name in names[:number]:
            message = _("{path} has two columns {name}: give one of them another name")
            raise UserError(message.format(path=path, name=name))
    return names
