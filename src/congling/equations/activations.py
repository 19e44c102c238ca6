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


@equation(r"x", source="Goodfellow, Bengio and Courville 2016, §6.2.2.1: linear units", example=_example)
def identity(input: Tensor) -> Tensor:
    """No activation at all: layers without a bend between them stay one linear map, however many there are."""
    return input


@equation(r"x^2", source="Livni, Shalev-Shwartz and Shamir 2014, §2", example=_example, fused=torch.square)
def square(input: Tensor) -> Tensor:
    """The number times itself: layers of it give exactly the polynomials."""
    return input * input


@equation(r"\sin x", source="Sitzmann et al. 2020, eq. 5", example=_example, fused=torch.sin)
def sine(input: Tensor) -> Tensor:
    """A wave: bounded like tanh, but it comes back, so that periodic functions are easy."""
    return input.sin()


@equation(r"e^x", source="McCullagh and Nelder 1989, §2.2: inverse of the log link", example=_example, fused=torch.exp)
def exponential(input: Tensor) -> Tensor:
    """Always positive, and grows without bound: large inputs soon overflow."""
    return input.exp()


@equation(r"\max(0, x)", source="Nair and Hinton 2010, §2", example=_example, fused=torch.relu)
def relu(input: Tensor) -> Tensor:
    """Rectified linear unit: negative numbers become zero. Its derivative at 0 is taken as 0."""
    return torch.where(input <= 0, torch.zeros_like(input), input)  # what is no number stays none


def _fused_leaky_relu(input: Tensor, slope: float = 0.01) -> Tensor:
    return F.leaky_relu(input, slope)


@equation(
    r"\begin{cases}x & x > 0\\ \alpha x & \text{else}\end{cases}",
    source="Maas, Hannun and Ng 2013, §2",
    example=_example,
    fused=_fused_leaky_relu,
)
def leaky_relu(input: Tensor, slope: float = 0.01) -> Tensor:
    """A rectified linear unit that never dies: negative numbers shrink to α times themselves (α is ``slope``)."""
    return torch.where(input > 0, input, slope * input)


def _shrinking_power(input: Tensor) -> Tensor:
    """e^−|x|, which cannot overflow. Its derivative at 0 is taken as −1, that of the branch x ≥ 0."""
    return torch.exp(torch.where(input < 0, input, -input))


@equation(
    r"\sigma(x) = \frac{1}{1+e^{-x}}",
    source="Goodfellow, Bengio and Courville 2016, §3.10, eq. 3.30",
    example=_example,
    fused=torch.sigmoid,
)
def sigmoid(input: Tensor) -> Tensor:
    """The logistic function: any number becomes one between 0 and 1. For x < 0 as eˣ / (1 + eˣ), against overflow."""
    power = _shrinking_power(input)
    return torch.where(input < 0, power, torch.ones_like(power)) / (1 + power)


@equation(
    r"\tanh x = \frac{e^{x}-e^{-x}}{e^{x}+e^{-x}} = 2\,\sigma(2x) - 1",
    source="LeCun et al. 1998, §4.4; Goodfellow, Bengio and Courville 2016, §6.3.2",
    example=_example,
    fused=torch.tanh,
)
def tanh(input: Tensor) -> Tensor:
    """The hyperbolic tangent: any number becomes one between −1 and 1. As (1 − e^−2x) / (1 + e^−2x) for x ≥ 0."""
    power = _shrinking_power(2 * input)
    return torch.where(input < 0, power - 1, 1 - power) / (1 + power)


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
    return input * sigmoid.plain(input)


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
