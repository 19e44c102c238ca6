"""What is added to the mean loss so that weights stay small or become zero, with the gradients that follow."""

from __future__ import annotations

import torch
from torch import Tensor

from congling.equations.equation import equation
from congling.equations.glass_box import show


def _example(generator: torch.Generator) -> tuple[Tensor, float]:
    return torch.randn(5, 7, dtype=torch.float64, generator=generator).requires_grad_(), 0.03


@equation(
    r"\lambda \sum_i |w_i|",
    source="Tibshirani 1996, §2.1; Goodfellow, Bengio and Courville 2016, §7.1.2, eq. 7.19",
    example=_example,
)
def l1_penalty(weights: Tensor, strength: float) -> Tensor:
    """L1: every weight is pulled to zero by the same force, however small it is, so that many arrive there.

    Args: ``weights`` w of any shape, ``strength`` λ. Returns a scalar.
    """
    sizes = weights.abs()
    show("sizes", sizes)
    return strength * sizes.sum()


@equation(
    r"\frac{\lambda}{2} \sum_i w_i^2",
    source="Hoerl and Kennard 1970, §2; Goodfellow, Bengio and Courville 2016, §7.1.1, eq. 7.2",
    example=_example,
)
def l2_penalty(weights: Tensor, strength: float) -> Tensor:
    """L2: every weight is pulled to zero by a force as large as itself, so that none stays large without need.

    Args: ``weights`` w of any shape, ``strength`` λ. Returns a scalar.
    """
    squares = weights * weights
    show("squares", squares)
    return 0.5 * strength * squares.sum()


@equation(
    r"\frac{\partial}{\partial w_i} \lambda \sum_j |w_j| = \lambda \operatorname{sign}(w_i)",
    source="Goodfellow, Bengio and Courville 2016, §7.1.2, eq. 7.20",
    example=_example,
)
def l1_gradient(weights: Tensor, strength: float) -> Tensor:
    """The force of ``l1_penalty``, of the shape of the weights; 0 where a weight is 0."""
    return strength * torch.sign(weights)


@equation(
    r"\frac{\partial}{\partial w_i} \frac{\lambda}{2} \sum_j w_j^2 = \lambda w_i",
    source="Goodfellow, Bengio and Courville 2016, §7.1.1, eq. 7.3",
    example=_example,
)
def l2_gradient(weights: Tensor, strength: float) -> Tensor:
    """The force of ``l2_penalty``, of the shape of the weights."""
    return strength * weights
