"""Kernels that people thought of, long before networks learned theirs: the filters of image processing.

Y, X height and width of a picture
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from congling.equations.convolution import convolution
from congling.language import _

Numbers = NDArray[np.float64]
SIDE = 3


@dataclass(frozen=True)
class Filter:
    """A kernel with a name, or two whose results are joined.

    Attributes:
        name: in JSON; ``title`` is what people read, ``text`` what it does and why.
        kernels: (K, K) each. Of two, the result is √(a² + b²) of what they give.
        divisor: what people write below the kernels' numbers, as in 1/9.
        gain, middle: how results, which may be negative or above 255, become grey: middle + gain · result, cut off.
    """

    name: str
    title: str
    text: str
    kernels: tuple[Numbers, ...]
    divisor: int = 1
    gain: float = 1.0
    middle: float = 0.0

    def apply(self, picture: Numbers) -> Numbers:
        """The results (Y, X) for a picture (Y, X) with grey levels from 0 to 255, continued by its edge's pixels."""
        results = [_slid(picture, kernel) for kernel in self.kernels]
        return results[0] if len(results) == 1 else np.sqrt(sum(result**2 for result in results))

    def grey(self, results: Numbers) -> NDArray[np.uint8]:
        """Results as grey levels; halves are rounded up."""
        levels: NDArray[np.uint8] = np.floor((self.middle + self.gain * results).clip(0, 255) + 0.5).astype(np.uint8)
        return levels


def _slid(picture: Numbers, kernel: Numbers) -> Numbers:
    continued = torch.from_numpy(np.pad(picture, SIDE // 2, mode="edge"))
    slid: Numbers = convolution(continued[None, None], torch.from_numpy(kernel)[None, None])[0, 0].numpy()
    return slid


def filters() -> list[Filter]:
    """The filters, in the current language."""
    return _blurs() + _details() + _edges()


def _kernel(*rows: tuple[float, ...], divided_by: int = 1) -> tuple[Numbers]:
    return (np.array(rows, np.float64) / divided_by,)


def _blurs() -> list[Filter]:
    return [
        Filter(
            "identity",
            _("Identity"),
            _("One in the middle: every pixel stays as it is."),
            _kernel((0, 0, 0), (0, 1, 0), (0, 0, 0)),
        ),
        Filter(
            "box-blur",
            _("Blur (box)"),
            _("The mean of nine pixels: fine detail and noise go."),
            _kernel((1, 1, 1), (1, 1, 1), (1, 1, 1), divided_by=9),
            divisor=9,
        ),
        Filter(
            "gaussian-blur",
            _("Blur (Gaussian)"),
            _("A mean in which near pixels count more; its weights are nearly those of the bell curve."),
            _kernel((1, 2, 1), (2, 4, 2), (1, 2, 1), divided_by=16),
            divisor=16,
        ),
    ]


def _details() -> list[Filter]:
    return [
        Filter(
            "sharpen",
            _("Sharpen"),
            _("The pixel, and once more what it has that its neighbours have not."),
            _kernel((0, -1, 0), (-1, 5, -1), (0, -1, 0)),
        ),
        Filter(
            "outline",
            _("Outline"),
            _("Eight times the pixel less its eight neighbours: zero wherever nothing changes, so that edges remain."),
            _kernel((-1, -1, -1), (-1, 8, -1), (-1, -1, -1)),
        ),
        Filter(
            "emboss",
            _("Emboss"),
            _(
                "The pixel, and below to the right less above to the left: edges get light and shadow, as if they "
                "stood out."
            ),
            _kernel((-2, -1, 0), (-1, 1, 1), (0, 1, 2)),
        ),
    ]


def _edges() -> list[Filter]:
    sideways = _kernel((-1, 0, 1), (-2, 0, 2), (-1, 0, 1))
    downwards = _kernel((-1, -2, -1), (0, 0, 0), (1, 2, 1))
    return [
        Filter(
            "sobel-x",
            _("Sobel, sideways"),
            _("Right less left: light where it gets lighter to the right, dark where darker, grey where neither."),
            sideways,
            gain=0.25,
            middle=128,
        ),
        Filter(
            "sobel-y",
            _("Sobel, downwards"),
            _("Below less above: the same for edges that lie flat."),
            downwards,
            gain=0.25,
            middle=128,
        ),
        Filter(
            "edges",
            _("Strength of edges"),
            _("Both Sobel kernels together, √(x² + y²): how strong an edge is, whichever way it runs."),
            sideways + downwards,
            gain=0.5,
        ),
    ]
