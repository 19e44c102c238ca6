"""The column of a table that is to be predicted: whether it is a number or a class, and which classes there are."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from congling.data.tables.cells import Column
from congling.errors import UserError
from congling.language import _

Kind = Literal["auto", "regression", "classes"]
FEW = 10  # so many different whole numbers look like classes
MOST_CLASSES = 1000


@dataclass(frozen=True)
class Target:
    """The cells as they are learned: ``values`` (N, 1) numbers or (N,) class numbers, where ``present`` (N,)."""

    name: str
    values: NDArray[np.generic]
    present: NDArray[np.bool_]
    classes: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def interpret(path: Path, cells: Column, kind: Kind) -> Target:
    """The target that the cells of a column, which keeps its texts, are.

    Raises:
        UserError: words where a number is to be predicted.
    """
    if kind == "classes" or (kind == "auto" and 2 * cells.words > len(cells.texts)):
        return _classes(cells, [])
    if cells.words:
        message = _(
            "{path}, row {row}, column {column}: {text} is not a finite number; with classes say --kind classes"
        )
        row, text = cells.first
        raise UserError(message.format(path=path, row=row, column=cells.name, text=repr(text)))
    if kind == "auto" and _looks_like_classes(cells.numbers):
        remark = _(
            "{column} is taken as classes, for it holds a few whole numbers; --kind regression takes it as a number"
        )
        return _classes(cells, [remark.format(column=cells.name)])
    values = cells.numbers
    return Target(cells.name, values[:, None], np.isfinite(values))


def require_two(path: Path, target: Target, values: NDArray[np.generic]) -> None:
    """Refuse a target that is the same in all rows (``values``, of those that are learned from)."""
    different = np.unique(values)
    if len(different) < 2:
        value = target.classes[int(different[0])] if target.classes else _numeral(float(different[0]))
        message = _("{path}: column {column} is {value} in every row: there is nothing to learn")
        raise UserError(message.format(path=path, column=target.name, value=value))


def require_few(path: Path, target: Target) -> None:
    """Refuse classes of which there are nearly as many as rows: names, or numbers that are none."""
    count, rows = len(target.classes), len(target.values)
    if count > min(MOST_CLASSES, max(2, rows // 2)):
        message = _("{path}: column {column} has {count} different values in {rows} rows: too many to be classes")
        raise UserError(message.format(path=path, column=target.name, count=count, rows=rows))


def _looks_like_classes(values: NDArray[np.float64]) -> bool:
    there = values[np.isfinite(values)]
    different = np.unique(there)
    return bool(0 < len(different) <= FEW and 3 * len(different) <= len(there) and (different % 1 == 0).all())


def _classes(cells: Column, remarks: list[str]) -> Target:
    names, numbers, present = _named(cells) if cells.words else _numbered(cells.numbers)
    return Target(cells.name, numbers, present, names, remarks)


def _named(cells: Column) -> tuple[list[str], NDArray[np.int64], NDArray[np.bool_]]:
    """Classes by words: only an empty cell is missing, for NA or None may well be a class."""
    names = sorted({text for text in cells.texts if text})
    number = {name: place for place, name in enumerate(names)} | {"": 0}
    return names, np.array([number[text] for text in cells.texts]), np.array([bool(text) for text in cells.texts])


def _numbered(values: NDArray[np.float64]) -> tuple[list[str], NDArray[np.int64], NDArray[np.bool_]]:
    """Classes by numbers: 1 and 1.0 are the same one."""
    present = np.isfinite(values)
    different = np.unique(values[present])
    return list(map(_numeral, different.tolist())), np.searchsorted(different, np.where(present, values, 0)), present


def _numeral(value: float) -> str:
    """A class's number with all its digits: two that differ must not have one name."""
    return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
