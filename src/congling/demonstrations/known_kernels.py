"""``known-kernels``: the filters of image processing on any picture, each with its numbers and one pixel calculated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from congling.demonstrations.showing import Showing
from congling.language import _

if TYPE_CHECKING:
    from congling.demonstrations.picture_filters import Filter, Numbers

NAME = "known-kernels"
MOST_SIDE = 256  # pixels; enough to look at


@dataclass(frozen=True)
class FilteredPicture:
    """A picture and what each filter makes of it.

    Attributes:
        title: of the picture.
        remarks: how it was fitted.
        picture: (Y, X), grey levels.
        filters: in the order of the page.
    """

    title: str
    remarks: Sequence[str]
    picture: NDArray[np.uint8]
    filters: Sequence[Filter]

    @cached_property
    def results(self) -> dict[str, Numbers]:
        """(Y, X) of each filter by name; may be negative or above 255."""
        return {each.name: each.apply(self.picture.astype(np.float64)) for each in self.filters}

    @cached_property
    def place(self) -> tuple[int, int]:
        """Row and column of the strongest edge, a pixel worth calculating."""
        row, column = np.unravel_index(self.results["edges"].argmax(), self.picture.shape)
        return int(row), int(column)

    def patch(self) -> Numbers:
        """What the kernels see at ``place`` (K, K)."""
        row, column = self.place
        continued: Numbers = np.pad(self.picture.astype(np.float64), 1, mode="edge")
        return continued[row : row + 3, column : column + 3]

    def report(self) -> str:
        """A block a filter: its kernel, the range of its results, and one pixel calculated."""
        row, column = self.place
        lines = [*self.remarks] + ([""] if self.remarks else [])
        where = _("The pixel in row {row}, column {column} and its neighbours:").format(row=row, column=column)
        lines += [where, *_rows(self.patch()), ""]
        for each in self.filters:
            lines += [*self._block(each), ""]
        return "\n".join(lines[:-1])

    def _block(self, each: Filter) -> list[str]:
        results, patch = self.results[each.name], self.patch()
        lines = [f"{each.title} ({each.name})", "  " + each.text]
        for kernel in each.kernels:
            lines += _rows(kernel * each.divisor, each.divisor)
        sums = [f"{(patch * kernel).sum():.6g}" for kernel in each.kernels]
        value = sums[0] if len(sums) == 1 else f"√({sums[0]}² + {sums[1]}²) = {results[self.place]:.6g}"
        calculated = _("  patch × kernel, summed: {value}; over the picture {low:.6g} to {high:.6g}")
        return [*lines, calculated.format(value=value, low=results.min(), high=results.max())]

    def to_json(self) -> dict[str, Any]:
        """Kernels, ranges and the pixel that is calculated."""
        row, column = self.place
        return {
            "showing": NAME,
            "picture": self.title,
            "remarks": list(self.remarks),
            "size": list(self.picture.shape),
            "row": row,
            "column": column,
            "patch": self.patch().tolist(),
            "filters": [
                {
                    "name": each.name,
                    "kernels": [kernel.tolist() for kernel in each.kernels],
                    "value": float(self.results[each.name][self.place]),
                    "low": float(self.results[each.name].min()),
                    "high": float(self.results[each.name].max()),
                }
                for each in self.filters
            ],
        }

    def page(self) -> str:
        """Every filter beside its kernel, and any pixel calculated."""
        from congling.figures.pictures.kernel_page import FilterSeen, kernel_page

        seen = [
            FilterSeen(
                each.title,
                each.text,
                each.kernels,
                each.divisor,
                each.gain,
                each.middle,
                each.grey(self.results[each.name]),
            )
            for each in self.filters
        ]
        return kernel_page(self.title, self.remarks, self.picture, seen, self.place)

    def save_png(self, path: Path) -> None:
        """Every filter's picture with its kernel below."""
        from congling.figures.pictures.kernel_sheet import kernel_sheet

        pictures = [each.grey(self.results[each.name]) for each in self.filters]
        kernel_sheet(pictures, [each.kernels for each in self.filters], [each.divisor for each in self.filters], path)


def known_kernels() -> Showing:
    """The showing."""
    return Showing(
        name=NAME,
        road="4.3",
        title=_("Kernels that people thought of"),
        statement=_(
            "One small table of numbers, slid over a picture, blurs it, sharpens it or finds its edges. A convolution "
            "layer does the same; but it finds its numbers by itself."
        ),
        show=filtered_picture,
    )


def filtered_picture(path: Path | None) -> FilteredPicture:
    """The filters on the picture of a file, its middle square in grey, or on one that is drawn here.

    Raises:
        UserError: the picture cannot be read, see ``read_picture``.
    """
    from congling.data.pictures.pictures import PictureShape, read_picture
    from congling.demonstrations.drawn_picture import drawn_picture
    from congling.demonstrations.picture_filters import filters

    if path is None:
        return FilteredPicture(_("a picture drawn in code"), [], drawn_picture(), filters())
    first = read_picture(path, PictureShape(1, 1))  # to know how large it is
    found = read_picture(path, PictureShape(1, min(MOST_SIDE, first.width, first.height)))
    return FilteredPicture(path.name, found.remarks, found.pixels[0], filters())


def _rows(numbers: Numbers, divisor: int = 1) -> list[str]:
    """A small table, a line a row; what all its numbers are divided by stands behind the last one."""
    lines = ["   " + "".join(f"{value:6.4g}" for value in row) for row in numbers]
    if divisor > 1:
        lines[-1] += f"   / {divisor}"
    return lines
