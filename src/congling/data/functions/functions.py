"""Functions to be found again by a network: curves, surfaces, and sets of points of two classes.

N examples · I inputs, 1 or 2. Everything is in float64, and drawn by the generator that is given.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from congling.data.functions.point_sets import RADIUS, Array, Classes, circle, gaussians, moons, spiral, xor
from congling.language import _

PLANE = ((-6.0, 6.0), (-6.0, 6.0))  # where the sets of points lie


@dataclass(frozen=True)
class Function:
    """What a network can be asked to learn.

    Attributes:
        name: what a user calls it.
        tell: its title, in the user's language at the time of the call.
        formula: its LaTeX, without dollar signs.
        domain: the (lowest, highest) value of each input that examples are drawn from.
        classes: how many; 0 for a curve or a surface.
        value: (N, I) to the true values (N, 1), or to the true classes (N,); None where no rule gives them.
        points: draws points (N, 2) of the given classes, for a set of points; None where they are uniform.
    """

    name: str
    tell: Callable[[], str]
    formula: str
    domain: tuple[tuple[float, float], ...]
    value: Callable[[Array], Array | Classes] | None
    classes: int = 0
    points: Callable[[Classes, np.random.Generator], Array] | None = None

    @property
    def title(self) -> str:
        """What it is, in the user's language."""
        return self.tell()

    @property
    def inputs(self) -> int:
        """How many."""
        return len(self.domain)

    @property
    def input_names(self) -> list[str]:
        """``x``, or ``x1`` and ``x2``."""
        return ["x"] if self.inputs == 1 else [f"x{number}" for number in range(1, self.inputs + 1)]

    def sample(self, count: int, generator: np.random.Generator, noise: float = 0.0) -> tuple[Array, Array | Classes]:
        """So many examples: inputs (N, I), and targets (N, 1) or classes (N,).

        Args:
            noise: the deviation of a normal variable, which is added to each value, or moves each point of a class.
        """
        if self.classes:
            inputs, targets = self._sample_classes(count, generator)
            return inputs + noise * generator.standard_normal(inputs.shape), targets
        assert self.value is not None
        inputs = self._uniform(count, generator)
        values = self.value(inputs)
        return inputs, values + noise * generator.standard_normal(values.shape)

    def _sample_classes(self, count: int, generator: np.random.Generator) -> tuple[Array, Classes]:
        if self.points is None:
            assert self.value is not None
            inputs = self._uniform(count, generator)
            return inputs, self.value(inputs).astype(np.int64)
        targets = generator.permutation(np.arange(count, dtype=np.int64) % self.classes)  # as many of each
        return self.points(targets, generator), targets

    def _uniform(self, count: int, generator: np.random.Generator) -> Array:
        low, high = np.array(self.domain).T
        return generator.uniform(low, high, size=(count, self.inputs))


# Curves and surfaces -------------------------------------------------------------------------------------------------


def _of_one(function: Callable[[Array], Array]) -> Callable[[Array], Array | Classes]:
    """A function of x as one of (N, 1)."""
    return lambda inputs: function(inputs[:, :1])


def _of_two(function: Callable[[Array, Array], Array]) -> Callable[[Array], Array | Classes]:
    """A function of x₁ and x₂ as one of (N, 2)."""
    return lambda inputs: function(inputs[:, :1], inputs[:, 1:])


def _radius(first: Array, second: Array) -> Array:
    return np.hypot(first, second)


def _square(side: float) -> tuple[tuple[float, float], ...]:
    return ((-side, side), (-side, side))


def _class_where(rule: Callable[[Array, Array], NDArray[np.bool_]]) -> Callable[[Array], Array | Classes]:
    return lambda inputs: rule(inputs[:, 0], inputs[:, 1]).astype(np.int64)


_ALL = (
    Function("line", lambda: _("a straight line"), "0.7x - 0.3", ((-1.0, 1.0),), _of_one(lambda x: 0.7 * x - 0.3)),
    Function("sine", lambda: _("a sine wave"), r"\sin x", ((-math.pi, math.pi),), _of_one(np.sin)),
    Function("step", lambda: _("a step"), r"[x > 0]", ((-1.0, 1.0),), _of_one(lambda x: (x > 0).astype(np.float64))),
    Function(
        "polynomial", lambda: _("a polynomial of degree 3"), "x^3 - x", ((-1.5, 1.5),), _of_one(lambda x: x**3 - x)
    ),
    Function("absolute", lambda: _("the absolute value"), "|x|", ((-1.0, 1.0),), _of_one(np.abs)),
    Function("exponential", lambda: _("the exponential function"), "e^x", ((-2.0, 1.0),), _of_one(np.exp)),
    Function(
        "sinc",
        lambda: _("a wave that fades on both sides"),
        r"\frac{\sin \pi x}{\pi x}",
        ((-3.0, 3.0),),
        _of_one(np.sinc),
    ),
    Function(
        "gabor",
        lambda: _("a Gabor curve: a wave within a bell"),
        r"e^{-x^2/2} \cos 4x",
        ((-3.0, 3.0),),
        _of_one(lambda x: np.exp(-(x**2) / 2) * np.cos(4 * x)),
    ),
    Function(
        "plane",
        lambda: _("a plane"),
        "0.5x_1 - 0.8x_2 + 0.2",
        _square(1.0),
        _of_two(lambda a, b: 0.5 * a - 0.8 * b + 0.2),
    ),
    Function("saddle", lambda: _("a saddle"), "x_1^2 - x_2^2", _square(1.0), _of_two(lambda a, b: a**2 - b**2)),
    Function(
        "ripple",
        lambda: _("rings of waves around the centre"),
        r"\cos\left(3\sqrt{x_1^2+x_2^2}\right)",
        _square(2.0),
        _of_two(lambda a, b: np.cos(3 * _radius(a, b))),
    ),
    Function(
        "gabor-surface",
        lambda: _("a Gabor surface: a wave within a bell"),
        r"e^{-(x_1^2+x_2^2)/2} \cos 3x_1",
        _square(2.5),
        _of_two(lambda a, b: np.exp(-(a**2 + b**2) / 2) * np.cos(3 * a)),
    ),
    Function(
        "circle",
        lambda: _("a disc within a ring"),
        r"\left[x_1^2+x_2^2 < 3^2\right]",
        PLANE,
        _class_where(lambda a, b: np.hypot(a, b) < 0.6 * RADIUS),
        2,
        circle,
    ),
    Function(
        "xor",
        lambda: _("exclusive or: four quarters"),
        r"[x_1 x_2 > 0]",
        PLANE,
        _class_where(lambda a, b: a * b > 0),
        2,
        xor,
    ),
    Function(
        "gaussians",
        lambda: _("two normal clouds"),
        r"[x_1 + x_2 > 0]",
        PLANE,
        _class_where(lambda a, b: a + b > 0),
        2,
        gaussians,
    ),
    Function("spiral", lambda: _("two arms of a spiral"), r"r \propto \varphi", PLANE, None, 2, spiral),
    Function(
        "moons", lambda: _("two half moons"), r"(\cos\varphi \mp \tfrac12,\ \pm\sin\varphi)", PLANE, None, 2, moons
    ),
)

FUNCTIONS: dict[str, Function] = {function.name: function for function in _ALL}
