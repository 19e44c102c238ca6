"""What a worksheet is made of: lines in blocks in parts, and the names of all quantities, in LaTeX.

The layers count from 1; $w_{j,k}^{(l)}$ leads from number k of layer l − 1 to neuron j of layer l; layer 0 is the
input x, the last layer gives the outputs: y, or the scores z of the classes.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from congling.figures.mathml import shows_exactly
from congling.figures.worksheet.hand_calculation import Exercise


@dataclass(frozen=True)
class Line:
    """One result: ``symbol = formula = numbers = value``.

    Attributes:
        numbers: the formula with numbers put in; empty where it would say nothing new.
        used: the numbers that stand in it, to tell = from ≈.
    """

    symbol: str
    formula: str
    numbers: str
    value: float
    used: tuple[float, ...] = ()
    relation: str = "="  # between the symbol and the formula

    def is_exact(self, digits: int) -> bool:
        """Whether every number of the line, the result too, is shown as it is."""
        return all(shows_exactly(number, digits) for number in (*self.used, self.value))


@dataclass(frozen=True)
class Block:
    """Lines that belong together: a neuron's, a layer's."""

    title: str
    lines: list[Line]


@dataclass(frozen=True)
class Part:
    """A stage of the calculation with what it is about, and its blocks."""

    title: str
    text: str
    blocks: list[Block] = field(default_factory=list)


class Symbols:
    """How the quantities of an exercise are called, in LaTeX; all numbers count from 0, the names from 1."""

    def __init__(self, exercise: Exercise) -> None:
        self.inputs, self.depth = len(exercise.inputs), len(exercise.layers)
        self.outputs = len(exercise.layers[-1].biases)
        self.classes = isinstance(exercise.target, int)

    def sum(self, layer: int, j: int) -> str:
        """z; in the output layer of a regression, y."""
        if layer == self.depth - 1 and not self.classes:
            return _indexed("y", j, self.outputs)
        return f"z_{{{j + 1}}}^{{({layer + 1})}}"

    def entering(self, layer: int, k: int) -> str:
        """What goes into a layer: x, or a of the layer before."""
        return _indexed("x", k, self.inputs) if layer == 0 else f"a_{{{k + 1}}}^{{({layer})}}"

    def bent(self, layer: int, j: int, residual: bool) -> str:
        """g(z): it is a itself unless there is a way around the layer, then h."""
        return f"{'h' if residual else 'a'}_{{{j + 1}}}^{{({layer + 1})}}"

    def weight(self, layer: int, j: int, k: int) -> str:
        """w."""
        return f"w_{{{j + 1},{k + 1}}}^{{({layer + 1})}}"

    def bias(self, layer: int, j: int) -> str:
        """b."""
        return f"b_{{{j + 1}}}^{{({layer + 1})}}"

    def target(self, k: int) -> str:
        """t."""
        return _indexed("t", k, self.outputs)


def by(quantity: str) -> str:
    """∂L/∂quantity."""
    return rf"\frac{{\partial L}}{{\partial {quantity}}}"


def _indexed(letter: str, index: int, count: int) -> str:
    """x of a single input, else x_1, x_2 …"""
    return letter if count == 1 else f"{letter}_{{{index + 1}}}"
