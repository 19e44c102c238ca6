"""What the parameters are before anything is learned: small random numbers of just the right size."""

from __future__ import annotations

import math

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
