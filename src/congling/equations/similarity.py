"""How alike two vectors are: by direction and length together, or by direction alone.

Shapes: N stands for any leading dimensions, D for a width.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from congling.equations.equation import equation
from congling.equations.glass_box import show

SHORTEST = 1e-8  # a vector that is shorter counts as one of this length: none can be divided by zero


def _example(generator: torch.Generator) -> tuple[Tensor, Tensor]:
    a, b = (torch.randn(3, 5, 7, dtype=torch.float64, generator=generator).requires_grad_() for _ in range(2))
    return a, b


@equation(
    r"a \cdot b = \sum_d a_d b_d",
    source="Goodfellow, Bengio and Courville 2016, §2.2",
    example=_example,
    fused=torch.linalg.vecdot,
)
def dot(a: Tensor, b: Tensor) -> Tensor:
    """The dot product: large where two vectors point the same way and are long.

    Args: ``a`` and ``b`` (N, D), or of shapes that stretch to one. Returns (N).
    """
    return (a * b).sum(dim=-1)


def _fused_cosine(a: Tensor, b: Tensor) -> Tensor:
    return F.cosine_similarity(a, b, dim=-1, eps=SHORTEST)


@equation(
    r"\cos(a, b) = \frac{a \cdot b}{\lVert a\rVert\,\lVert b\rVert}",
    source="Goodfellow, Bengio and Courville 2016, §2.5, eq. 2.34",
    example=_example,
    fused=_fused_cosine,
)
def cosine(a: Tensor, b: Tensor) -> Tensor:
    """The cosine of the angle between two vectors: 1 for the same direction, 0 for a right angle, −1 for opposites.

    Args: ``a`` and ``b`` (N, D), or of shapes that stretch to one. Returns (N), 0 where a vector is zero.
    """
    length_a, length_b = (torch.sqrt((each * each).sum(dim=-1)).clamp(min=SHORTEST) for each in (a, b))
    show("length_a", length_a)
    show("length_b", length_b)
    return (a * b).sum(dim=-1) / (length_a * length_b)
