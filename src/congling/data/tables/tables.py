"""Tables of numbers: the user's own examples out of a CSV or TSV file, with every odd cell named."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from congling.data.tables.cells import Column, TableFile, number_of
from congling.data.tables.targets import Kind, interpret, require_few, require_two
from congling.errors import UsageError, UserError
from congling.language import _
from congling.nearest import did_you_mean

LEAST_ROWS = 3  # one each to learn from, to validate and to test
NAMED_ROWS = 5


@dataclass(frozen=True)
class Table:
    """Rows of which every wanted cell is there.

    Attributes:
        inputs: (N, I) float64.
        targets: (N, 1) float64, or class numbers (N,) int64.
        input_names, target_name: the columns.
        classes: the names of the classes; none for a number to predict.
        remarks: what the user should know of how the file was read, in sentences.
    """

    inputs: NDArray[np.float64]
    targets: NDArray[np.generic]
    input_names: list[str]
    target_name: str
    classes: list[str]
    remarks: list[str]


def read_numbers(
    path: Path, inputs: Sequence[str] = (), target: str | None = None, kind: Kind = "auto", *, to_learn: bool = True
) -> Table:
    """Read the columns of a table that numbers are predicted from, and the one to predict.

    Args:
        inputs: columns; all named ones but the target where none are given.
        target: the column to predict; by default the last one that is no input.
        kind: whether the target is a number, a class, or whichever its cells look like.
        to_learn: refuse what cannot be learned from: hardly any rows, a target that is always the same, nearly as many
            classes as rows.

    Raises:
        UserError: a cell that is no number (with its row, column and text), a row of another length, too few rows, a
            target that is always the same.
        UsageError: no such column, or a target among the inputs.
    """
    file = TableFile(path)
    names, wanted = _chosen(file, list(inputs), target)
    columns, cells = [Column(name) for name in names], Column(wanted, keeps_texts=True)
    rows = file.read([*columns, cells])
    values = _numbers(path, columns)
    found = interpret(path, cells, kind)
    if to_learn:
        require_few(path, found)
    whole = found.present & np.isfinite(values).all(axis=1)
    kept, targets = values[whole], found.values[whole]
    if len(kept) < (LEAST_ROWS if to_learn else 1):
        message = _("{path} has {rows} rows in which no wanted cell is missing; at least {least} are needed")
        raise UserError(message.format(path=path, rows=len(kept), least=LEAST_ROWS if to_learn else 1))
    remarks = [*found.remarks, *_missing(path, rows[~whole])]
    if to_learn:
        require_two(path, found, targets)
        remarks += [*_nameless(file), *_constant(path, names, kept)]
    return Table(kept, targets, names, wanted, found.classes, remarks)


def read_inputs(path: Path, names: Sequence[str]) -> NDArray[np.float64]:
    """The columns of those names alone (N, I), to predict from.

    Raises:
        UserError: as ``read_numbers``, and for a missing cell: each row is to get its answer.
    """
    file = TableFile(path)
    _require(file, names)
    columns = [Column(name) for name in names]
    rows = file.read(columns)
    values = _numbers(path, columns)
    for row, place in zip(*np.nonzero(np.isnan(values)), strict=True):
        message = _("{path}, row {row}, column {column}: a number is missing")
        raise UserError(message.format(path=path, row=rows[row], column=names[place]))
    return values


# Columns -------------------------------------------------------------------------------------------------------------


def _chosen(file: TableFile, inputs: list[str], target: str | None) -> tuple[list[str], str]:
    """The columns to predict from, and the one to predict."""
    known = [name for name in file.names if name]
    _require(file, inputs if target is None else [*inputs, target])
    if target is None:
        target = next((name for name in reversed(known) if name not in inputs), None)
    elif target in inputs:
        message = _("{column} cannot be an input and the target: leave it out of --inputs")
        raise UsageError(message.format(column=target))
    inputs = list(dict.fromkeys(inputs)) or [name for name in known if name != target]
    if target is None or not inputs:
        message = _(
            "{path} needs at least two columns with names: one to predict, and one to predict it from; between cells "
            "stands a comma, a semicolon or a tab"
        )
        raise UserError(message.format(path=file.path))
    return inputs, target


def _require(file: TableFile, names: Sequence[str]) -> None:
    known = [name for name in file.names if name]
    for name in names:
        if name not in known:
            message = _("{path} has no column {column}; its columns are {columns}")
            message = message.format(path=file.path, column=name, columns=", ".join(known))
            raise UsageError(message + did_you_mean(name, known))


def _numbers(path: Path, columns: Sequence[Column]) -> NDArray[np.float64]:
    """The columns side by side (N, I), NaN where a number is missing."""
    for column in columns:
        if column.words:
            raise UserError(_no_number(path, column))
    return np.stack([column.numbers for column in columns], axis=1)


def _no_number(path: Path, column: Column) -> str:
    row, text = column.first
    hint = _("; write decimals with a point") if number_of(text.replace(",", ".")) is not None else ""
    if 2 * column.words > len(column.values) and not hint:
        message = _(
            "{path}: column {column} holds words, such as {text} in row {row}, but an input must be a number: "
            "choose the columns with --inputs, or write the words as numbers"
        )
        return message.format(path=path, row=row, column=column.name, text=repr(text))
    message = _("{path}, row {row}, column {column}: {text} is not a finite number")
    return message.format(path=path, row=row, column=column.name, text=repr(text)) + hint


# Remarks -------------------------------------------------------------------------------------------------------------


def _missing(path: Path, rows: NDArray[np.int64]) -> Iterator[str]:
    if len(rows):
        named = ", ".join(map(str, rows[:NAMED_ROWS])) + (" …" if len(rows) > NAMED_ROWS else "")
        message = _("{path}: {count} rows with missing values are left out: {rows}")
        yield message.format(path=path, count=len(rows), rows=named)


def _nameless(file: TableFile) -> Iterator[str]:
    if "" in file.names:
        yield _("{path}: columns without a name are left out").format(path=file.path)


def _constant(path: Path, names: Sequence[str], values: NDArray[np.float64]) -> Iterator[str]:
    for name, column in zip(names, values.T, strict=True):
        if (column == column[0]).all():
            message = _("{path}: column {column} is {value:g} in every row, so that nothing can be predicted from it")
            yield message.format(path=path, column=name, value=column[0])
