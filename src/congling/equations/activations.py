"""Activation functions: without a non-linear step, stacked layers stay one linear map. Any shape in, same out."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from congling.equations.equation import equation


def _example(generator: torch.Generator) -> tuple[Tensor]:
    return (torch.randn(7, 11, dtype=torch.float64, generator=generator).requires_grad_(),)


def _fused_softmax(scores: Tensor) -> Tensor:
    return torch.softmax(scores, dim=-1)


@equation(r"\max(0, x)", source="Nair and Hinton 2010, §2", example=_example, fused=torch.relu)
def relu(input: Tensor) -> Tensor:
    """Rectified linear unit: negative numbers become zero. Its derivative at 0 is taken as 0."""
    return torch.where(input > 0, input, torch.zeros_like(input))


@equation(
    r"x\,\Phi(x) = \tfrac{x}{2}\left(1+\operatorname{erf}\tfrac{x}{\sqrt2}\right)",
    source="Hendrycks and Gimpel 2016, §2",
    example=_example,
    fused=F.gelu,
)
def gelu(input: Tensor) -> Tensor:
    """Gaussian error linear unit: each number is weighed by the chance that a normal variable lies below it."""
    return 0.5 * input * (1 + torch.erf(input / math.sqrt(2)))


@equation(
    r"x\,\sigma(x) = \frac{x}{1+e^{-x}}",
    source="Hendrycks and Gimpel 2016, §2; Ramachandran, Zoph and Le 2017 (swish with β = 1)",
    example=_example,
    fused=F.silu,
)
def silu(input: Tensor) -> Tensor:
    """Sigmoid linear unit, also called swish."""
    return input / (1 + torch.exp(-input))


@equation(
    r"\operatorname{softmax}(x)_i = \frac{e^{x_i - \max x}}{\sum_j e^{x_j - \max x}}",
    source="Bridle 1990; Goodfellow, Bengio and Courville 2016, §4.1: the maximum is subtracted against overflow",
    example=_example,
    fused=_fused_softmax,
)
def softmax(scores: Tensor) -> Tensor:
    """Numbers into probabilities along the last dimension: positive, in the same order, with the sum 1."""
    powers = torch.exp(scores - scores.amax(dim=-1, keepdim=True))
    return powers / powers.sum(dim=-1, keepdim=True)
