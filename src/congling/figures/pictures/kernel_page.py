"""The page of known kernels: each filter's picture beside its numbers, and any pixel calculated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from congling.figures.page import page
from congling.figures.pictures.packing import pixels
from congling.figures.pictures.texts import pixel_texts
from congling.language import _


@dataclass(frozen=True)
class FilterSeen:
    """A filter and what it made of the picture.

    Attributes:
        kernels: (K, K) each; of two, the result is √(a² + b²).
        divisor: of their numbers as people write them, such as 9 in 1/9.
        gain, middle: the grey level is middle + gain · result, cut off at 0 and 255.
        grey: (Y, X).
    """

    title: str
    text: str
    kernels: tuple[NDArray[np.float64], ...]
    divisor: int
    gain: float
    middle: float
    grey: NDArray[np.uint8]


def kernel_page(
    title: str,
    remarks: Sequence[str],
    picture: NDArray[np.uint8],
    filters: Sequence[FilterSeen],
    place: tuple[int, int],
) -> str:
    """A self-contained page in the current language.

    Args:
        title: of the picture (Y, X); ``remarks`` say how it was fitted.
        place: row and column of the pixel that is calculated first.
    """
    padding = filters[0].kernels[0].shape[0] // 2
    return page(
        title=_("Kernels that people thought of") + " · congling",
        body="kernels.html",
        texts=_texts() | {"name": title, "remarks": _("; ").join(remarks)},
        styles=["translation.css", "picture.css", "kernels.css"],
        scripts=["heatmap.js", "picture_pixels.js", "pixel_sum.js", "kernels.js"],
        data={
            "picture": pixels(picture[None]),
            "continued": pixels(np.pad(picture, padding, mode="edge")[None]),
            "padding": padding,
            "place": list(place),
            "filters": [_filter(each) for each in filters],
        },
    )


def _filter(each: FilterSeen) -> dict[str, object]:
    return {
        "title": each.title,
        "text": each.text,
        "kernels": [kernel.tolist() for kernel in each.kernels],
        "divisor": each.divisor,
        "gain": each.gain,
        "middle": each.middle,
        "grey": pixels(each.grey[None]),
    }


def _texts() -> dict[str, str]:
    return pixel_texts() | {
        "contents": _("Contents"),
        "inspect": _("a small table of numbers, slid over a picture"),
        "heading": _("Kernels that people thought of"),
        "introduction": _(
            "A kernel is a small table of numbers. It is laid on every place of a picture in turn; each of its numbers "
            "is multiplied with the pixel below it, and the sum becomes the pixel of a new picture. These kernels were "
            "thought of by people. A convolution layer does the same sum, but it finds its numbers by itself, from "
            "examples."
        ),
        "filters_title": _("What they do"),
        "filters_text": _(
            "The kernel stands below its picture. Beyond its edge the picture goes on as its edge is. Choose one, and "
            "point at a pixel: below, it is calculated."
        ),
        "sums_title": _("One pixel, calculated"),
        "goes_in": _("The picture"),
        "sum_place": _("{name}, row {row}, column {column}:"),
        "root": _("√({first}² + {second}²)"),
        "to_grey": _("as grey: {middle} + {gain} · the sum, cut off at 0 and 255, rounded"),
        "to_grey_plain": _("as grey: cut off at 0 and 255, rounded"),
        "in_the_picture": _("in the picture above"),
    }
