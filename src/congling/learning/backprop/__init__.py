"""Backpropagation: the chain rule from right to left, with every operation's derivative in one table."""

from congling.learning.backprop import elementwise, products, reductions, shapes  # they fill the table of rules
from congling.learning.backprop.flow import Finding, Flow, LayerFlow
from congling.learning.backprop.operation import NonFinite, Operation
from congling.learning.backprop.rule import RULES
from congling.learning.backprop.tape import Tape

__all__ = [
    "RULES",
    "Finding",
    "Flow",
    "LayerFlow",
    "NonFinite",
    "Operation",
    "Tape",
    "elementwise",
    "products",
    "reductions",
    "shapes",
]
