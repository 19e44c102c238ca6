"""What the parameters are before anything is learned: small random numbers of just the right size."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor


def xavier_uniform(weight: Tensor, gain: float = 1.0) -> None:
    """Fill a (out, in) matrix from U(−a, a), a = gain · √(6 / (in + out)): Glorot and Bengio 2010, eq. 16."""
    outputs, inputs = weight.shape
    bound = gain * math.sqrt(6 / (inputs + outputs))
    with torch.no_grad():
        weight.uniform_(-bound, bound)


def scaled_normal(weight: Tensor, deviation: float) -> None:
    """Fill a matrix from a normal distribution with mean 0 and the given standard deviation."""
    with torch.no_grad():
        weight.normal_(0, deviation)


def he_normal(weight: Tensor) -> None:
    """Fill a (out, in) matrix from N(0, 2 / in), for units of which half are silent: He et al. 2015, eq. 10."""
    scaled_normal(weight, math.sqrt(2 / weight.shape[1]))


def lecun_normal(weight: Tensor) -> None:
    """Fill a (out, in) matrix from N(0, 1 / in), so that sums are as large as inputs: LeCun et al. 1998, eq. 16."""
    scaled_normal(weight, math.sqrt(1 / weight.shape[1]))


def orthogonal(weight: Tensor) -> None:
    """Fill a matrix with one that keeps lengths, drawn evenly: Saxe et al. 2014, §4; its way by QR: Mezzadri 2007, §5.

    A recurrent network multiplies by the same matrix at each step: nothing fades or grows by that alone at first.
    """
    rows, columns = weight.shape
    drawn = torch.randn(max(rows, columns), min(rows, columns), dtype=torch.float64)
    directions, signs = torch.linalg.qr(drawn)
    directions = directions * torch.sign(torch.diagonal(signs))  # else the draw is not even
    with torch.no_grad():
        weight.copy_(directions if rows >= columns else directions.t())


def zeros(weight: Tensor) -> None:
    """Fill a matrix with zeros: all units of a layer then learn the same, for nothing tells them apart."""
    with torch.no_grad():
        weight.zero_()


Initialiser = Callable[[Tensor], None]

INITIALISERS: dict[str, Initialiser] = {
    "xavier": xavier_uniform,
    "he": he_normal,
    "lecun": lecun_normal,
    "zeros": zeros,
    "small-normal": partial(scaled_normal, deviation=0.01),
    "unit-normal": partial(scaled_normal, deviation=1.0),
}
RECTIFIERS = ("relu", "leaky-relu", "gelu", "silu")  # about half of the inputs are (nearly) silenced


def initialiser_for(name: str, activation: str) -> Initialiser:
    """The initialiser of that name; ``auto`` is He's before rectifiers and Xavier's before anything else."""
    if name == "auto":
        name = "he" if activation in RECTIFIERS else "xavier"
    return INITIALISERS[name]
