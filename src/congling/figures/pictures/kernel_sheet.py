"""Filtered pictures side by side as one PNG, each with its kernel's numbers below; no words, so that none are wrong."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from congling.errors import UserError
from congling.figures.theme import DAY
from congling.language import _

COLUMNS = 3
SIDE = 300  # pixels of a filtered picture
GAP, CELL_WIDTH, CELL_HEIGHT = 28, 46, 26
MOST_DIGITS = 3


def kernel_sheet(
    pictures: Sequence[NDArray[np.uint8]],
    kernels: Sequence[tuple[NDArray[np.float64], ...]],
    divisors: Sequence[int],
    path: Path,
) -> None:
    """Write pictures (Y, X) to a file, each with its kernels (K, K), whose numbers are written over its divisor.

    Raises:
        UserError: it cannot be written, or its name is that of no format.
    """
    rows = -(-len(pictures) // COLUMNS)
    tallest = max(len(each[0]) for each in kernels) * CELL_HEIGHT
    width, height = COLUMNS * (SIDE + GAP) + GAP, rows * (SIDE + tallest + 2 * GAP) + GAP
    sheet = Image.new("RGB", (width, height), DAY.paper)
    for number, picture in enumerate(pictures):
        left = GAP + number % COLUMNS * (SIDE + GAP)
        top = GAP + number // COLUMNS * (SIDE + tallest + 2 * GAP)
        sheet.paste(Image.fromarray(picture).resize((SIDE, SIDE), Image.Resampling.NEAREST).convert("RGB"), (left, top))
        for place, kernel in enumerate(kernels[number]):
            x = left + place * (len(kernel) * CELL_WIDTH + 8)
            _write_kernel(sheet, kernel, divisors[number], x, top + SIDE + 10)
    try:
        sheet.save(path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UserError(_("{path} cannot be written: {reason}").format(path=path, reason=reason)) from None


def _write_kernel(sheet: Image.Image, kernel: NDArray[np.float64], divisor: int, left: int, top: int) -> None:
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=14)
    largest = float(np.abs(kernel).max()) or 1.0
    for row, numbers in enumerate(kernel):
        for column, value in enumerate(numbers):
            x, y = left + column * CELL_WIDTH, top + row * CELL_HEIGHT
            background = _colour(value / largest)
            pen.rectangle((x, y, x + CELL_WIDTH - 3, y + CELL_HEIGHT - 3), fill=background)
            middle = (x + CELL_WIDTH / 2 - 1, y + CELL_HEIGHT / 2 - 1)
            written = f"{value * divisor:.{MOST_DIGITS}g}" + (f"/{divisor}" if divisor > 1 else "")
            pen.text(middle, written, fill=_ink_on(background), font=font, anchor="mm")


def _colour(share: float) -> tuple[int, int, int]:
    """Of the diverging scale, for a number from −1 to 1."""
    stops = [tuple(int(stop[at : at + 2], 16) for at in (1, 3, 5)) for stop in DAY.diverging]
    place = (share + 1) / 2 * (len(stops) - 1)
    first = min(int(place), len(stops) - 2)
    red, green, blue = (
        round(a + (b - a) * (place - first)) for a, b in zip(stops[first], stops[first + 1], strict=True)
    )
    return red, green, blue


def _ink_on(background: tuple[int, int, int]) -> str:
    red, green, blue = ((channel / 255) ** 2.2 for channel in background)
    return "#000000" if 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.18 else "#ffffff"  # where both are as clear
