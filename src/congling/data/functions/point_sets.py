"""Sets of points of two classes in the plane, as large as those of TensorFlow Playground (Smilkov et al. 2017).

Each takes the classes (N,) of its points, 0 or 1, and gives the points (N, 2).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Classes = NDArray[np.int64]

RADIUS = 5.0
SPIRAL_TURNS = 1.75
SPIRAL_START = 0.3  # the arms begin so far from the centre, where they would meet


def circle(targets: Classes, generator: np.random.Generator) -> Array:
    """Class 1 within half of the radius, class 0 beyond seven tenths of it, evenly over the radius."""
    low, high = np.where(targets == 1, 0.0, 0.7), np.where(targets == 1, 0.5, 1.0)
    return _polar(RADIUS * generator.uniform(low, high), generator.uniform(0, 2 * math.pi, len(targets)))


def xor(targets: Classes, generator: np.random.Generator) -> Array:
    """Class 1 where both coordinates have the same sign; a narrow cross is left empty."""
    size = generator.uniform(0.3, RADIUS, (len(targets), 2))
    sign = generator.choice([-1.0, 1.0], len(targets))
    signs: Array = np.stack([sign, np.where(targets == 1, sign, -sign)], axis=1)
    return size * signs


def gaussians(targets: Classes, generator: np.random.Generator) -> Array:
    """Normal clouds around (2, 2), class 1, and (−2, −2), class 0, with deviation 1."""
    return np.where(targets == 1, 2.0, -2.0)[:, None] + generator.standard_normal((len(targets), 2))


def spiral(targets: Classes, generator: np.random.Generator) -> Array:
    """Two arms that wind around each other, half a turn apart."""
    along = generator.uniform(0, 1, len(targets))
    return _polar(SPIRAL_START + (RADIUS - SPIRAL_START) * along, math.pi * (2 * SPIRAL_TURNS * along + targets))


def moons(targets: Classes, generator: np.random.Generator) -> Array:
    """Two half circles that reach into each other."""
    angle = generator.uniform(0, math.pi, len(targets))
    side = np.where(targets == 1, 1.0, -1.0)
    return 3 * np.stack([np.cos(angle) - side / 2, side * (np.sin(angle) - 0.25)], axis=1)


def _polar(radius: Array, angle: Array) -> Array:
    return np.stack([radius * np.sin(angle), radius * np.cos(angle)], axis=1)
