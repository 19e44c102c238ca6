"""The handwritten digits of the data set ``mnist-5k``: a table with a picture a row."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv

from congling.data.pictures.folders import LabelledPicture
from congling.errors import UserError
from congling.language import _

SIDE = 28
CLASSES = [str(digit) for digit in range(10)]


def read_digits(path: Path | str) -> Iterator[LabelledPicture]:
    """The digits of a CSV file (``.csv`` or ``.csv.gz``): 28 · 28 pixels from 0 to 255, then the digit; no header.

    Raises:
        UserError: the file is not that.
    """
    try:
        columns = csv.read_csv(path, csv.ReadOptions(autogenerate_column_names=True)).columns
        table = np.stack([column.to_numpy() for column in columns], axis=1)
        pixels, digits = table[:, :-1], table[:, -1]
        if pixels.shape[1] != SIDE * SIDE or table.dtype != np.int64 or not _fit(pixels, 255) or not _fit(digits, 9):
            raise ValueError
    except (OSError, ValueError, pa.ArrowException):
        message = _("{path} is no table of {side}×{side} pixels and a digit a row")
        raise UserError(message.format(path=path, side=SIDE)) from None
    pictures = pixels.astype(np.uint8).reshape(-1, 1, SIDE, SIDE)
    for row, (picture, digit) in enumerate(zip(pictures, digits, strict=True), start=1):
        yield LabelledPicture(f"{row}", int(digit), picture)


def _fit(values: NDArray[np.int64], most: int) -> bool:
    return bool(((values >= 0) & (values <= most)).all())
