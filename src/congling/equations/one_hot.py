"""A number of a word, or of anything else that is one of V, as a vector that is 1 at its place and 0 elsewhere."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from congling.equations.equation import equation


def _example(generator: torch.Generator) -> tuple[Tensor, int]:
    return torch.randint(0, 13, (3, 5), generator=generator), 13


def _fused_one_hot(indices: Tensor, size: int) -> Tensor:
    return F.one_hot(indices, size).to(torch.get_default_dtype())


@equation(
    r"\operatorname{onehot}(i)_v = [v = i]",
    source="Goodfellow, Bengio and Courville 2016, §5.2; the product with a matrix: see embedding",
    example=_example,
    fused=_fused_one_hot,
)
def one_hot(indices: Tensor, size: int) -> Tensor:
    """Every index as a vector of its own: all are equally far apart, so that nothing is said but which one it is.

    Args: ``indices`` (N) of integers below V, ``size`` V. Returns (N, V) of PyTorch's default number type.
    """
    return (indices.unsqueeze(-1) == torch.arange(size, device=indices.device)).to(torch.get_default_dtype())
