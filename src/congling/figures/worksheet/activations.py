"""The activation functions as one works them out by hand: formula, derivative, and both with numbers put in.

Each is checked against ``networks.activations`` and the tape in the tests; none of them is shared with these.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

Writer = Callable[[float], str]  # a number as it stands in a formula, in parentheses where it needs them


@dataclass(frozen=True)
class HandActivation:
    """g and g′ at one number z.

    Attributes:
        value, slope: g(z) and g′(z).
        formula, slope_formula: both in LaTeX; ``z`` and ``a`` = g(z) stand in them for symbols to come.
        numbers, slope_numbers: the same with numbers put in; empty where that would be the result itself.
    """

    value: Callable[[float], float]
    slope: Callable[[float], float]
    formula: Callable[[str], str]
    slope_formula: Callable[[str, str], str]
    numbers: Callable[[float, Writer], str]
    slope_numbers: Callable[[float, Writer], str]


def sigmoid(z: float) -> float:
    """1 / (1 + e^−z), without overflow on either side."""
    return 1 / (1 + math.exp(-z)) if z >= 0 else math.exp(z) / (1 + math.exp(z))


def normal_distribution(z: float) -> float:
    """Φ(z): the chance that a standard normal variable lies below z."""
    return 0.5 * (1 + math.erf(z / math.sqrt(2)))


def normal_density(z: float) -> float:
    """φ(z) = e^(−z²/2) / √(2π)."""
    return math.exp(-z * z / 2) / math.sqrt(2 * math.pi)


LEAK = 0.01  # of the leaky rectified linear unit
BY_HAND: dict[str, HandActivation] = {
    "identity": HandActivation(
        value=lambda z: z,
        slope=lambda z: 1.0,
        formula=lambda z: z,
        slope_formula=lambda z, a: "1",
        numbers=lambda z, w: "",
        slope_numbers=lambda z, w: "",
    ),
    "square": HandActivation(
        value=lambda z: z * z,
        slope=lambda z: 2 * z,
        formula=lambda z: f"({z})^2",
        slope_formula=lambda z, a: rf"2 \cdot {z}",
        numbers=lambda z, w: f"{_in_fence(w(z))}^2",
        slope_numbers=lambda z, w: rf"2 \cdot {w(z)}",
    ),
    "sine": HandActivation(
        value=math.sin,
        slope=math.cos,
        formula=lambda z: rf"\sin({z})",
        slope_formula=lambda z, a: rf"\cos({z})",
        numbers=lambda z, w: rf"\sin{_in_fence(w(z))}",
        slope_numbers=lambda z, w: rf"\cos{_in_fence(w(z))}",
    ),
    "exponential": HandActivation(
        value=math.exp,
        slope=math.exp,
        formula=lambda z: f"e^{{{z}}}",
        slope_formula=lambda z, a: f"e^{{{z}}}",
        numbers=lambda z, w: f"e^{{{_bare(w(z))}}}",
        slope_numbers=lambda z, w: f"e^{{{_bare(w(z))}}}",
    ),
    "relu": HandActivation(
        value=lambda z: max(0.0, z),
        slope=lambda z: float(z > 0),
        formula=lambda z: rf"\max(0,\, {z})",
        slope_formula=lambda z, a: rf"[\,{z} > 0\,]",
        numbers=lambda z, w: rf"\max(0,\, {_bare(w(z))})",
        slope_numbers=lambda z, w: rf"[\,{_bare(w(z))} > 0\,]",
    ),
    "leaky-relu": HandActivation(
        value=lambda z: z if z > 0 else LEAK * z,
        slope=lambda z: 1.0 if z > 0 else LEAK,
        formula=lambda z: rf"\max({z},\, {LEAK} \cdot {z})",
        slope_formula=lambda z, a: rf"[\,{z} > 0\,] + {LEAK} \cdot [\,{z} \le 0\,]",
        numbers=lambda z, w: rf"\max({_bare(w(z))},\, {LEAK} \cdot {w(z)})",
        slope_numbers=lambda z, w: rf"[\,{_bare(w(z))} > 0\,] + {LEAK} \cdot [\,{_bare(w(z))} \le 0\,]",
    ),
    "sigmoid": HandActivation(
        value=sigmoid,
        slope=lambda z: sigmoid(z) * (1 - sigmoid(z)),
        formula=lambda z: rf"\frac{{1}}{{1 + e^{{-{z}}}}}",
        slope_formula=lambda z, a: rf"{a}\,(1 - {a})",
        numbers=lambda z, w: rf"\frac{{1}}{{1 + e^{{-{w(z)}}}}}",
        slope_numbers=lambda z, w: rf"{w(sigmoid(z))} \cdot (1 - {w(sigmoid(z))})",
    ),
    "tanh": HandActivation(
        value=math.tanh,
        slope=lambda z: 1 - math.tanh(z) ** 2,
        formula=lambda z: rf"\tanh({z})",
        slope_formula=lambda z, a: f"1 - ({a})^2",
        numbers=lambda z, w: rf"\tanh{_in_fence(w(z))}",
        slope_numbers=lambda z, w: f"1 - {_in_fence(w(math.tanh(z)))}^2",
    ),
    "gelu": HandActivation(
        value=lambda z: z * normal_distribution(z),
        slope=lambda z: normal_distribution(z) + z * normal_density(z),
        formula=lambda z: rf"{z} \cdot \Phi({z})",
        slope_formula=lambda z, a: rf"\Phi({z}) + {z} \cdot \varphi({z})",
        numbers=lambda z, w: rf"{w(z)} \cdot {w(normal_distribution(z))}",
        slope_numbers=lambda z, w: rf"{w(normal_distribution(z))} + {w(z)} \cdot {w(normal_density(z))}",
    ),
    "silu": HandActivation(
        value=lambda z: z * sigmoid(z),
        slope=lambda z: sigmoid(z) * (1 + z * (1 - sigmoid(z))),
        formula=lambda z: rf"{z} \cdot \sigma({z})",
        slope_formula=lambda z, a: rf"\sigma({z}) \cdot \bigl(1 + {z} \cdot (1 - \sigma({z}))\bigr)",
        numbers=lambda z, w: rf"{w(z)} \cdot {w(sigmoid(z))}",
        slope_numbers=lambda z, w: rf"{w(sigmoid(z))} \cdot (1 + {w(z)} \cdot (1 - {w(sigmoid(z))}))",
    ),
}


def _in_fence(written: str) -> str:
    return written if written.startswith("(") else f"({written})"


def _bare(written: str) -> str:
    return written[1:-1] if written.startswith("(") else written
