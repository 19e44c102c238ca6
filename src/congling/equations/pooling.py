"""Pooling: a window of pixels becomes one number, so that a picture shrinks and a small shift matters less.

B batch · C channels · Y, X height and width · K side of the window · s stride
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from congling.equations.convolution import patches
from congling.equations.equation import equation
from congling.equations.glass_box import show


def _max_example(generator: torch.Generator) -> tuple[Tensor, int, int]:
    few = torch.randint(0, 4, (2, 3, 11, 7), generator=generator)  # nearly every window has its maximum twice
    return few.to(torch.float64).requires_grad_(), 3, 2


def _mean_example(generator: torch.Generator) -> tuple[Tensor, int, int]:
    return torch.randn(2, 3, 11, 7, dtype=torch.float64, generator=generator).requires_grad_(), 3, 2


def _fused_max_pooling(input: Tensor, side: int, stride: int | None = None) -> Tensor:
    return F.max_pool2d(input, side, stride)


def _fused_mean_pooling(input: Tensor, side: int, stride: int | None = None) -> Tensor:
    return F.avg_pool2d(input, side, stride)


@equation(
    r"y_{cij} = \max_{k,l<K} x_{c,\;si+k,\;sj+l}",
    source="Goodfellow, Bengio and Courville 2016, §9.3; of equal maxima the first alone hands its gradient on",
    example=_max_example,
    fused=_fused_max_pooling,
)
def max_pooling(input: Tensor, side: int, stride: int | None = None) -> Tensor:
    """The largest number of each window: is the feature anywhere here?

    Args: ``input`` (B, C, Y, X), the window's ``side`` K, ``stride`` s (None: K, so that windows touch).
    Returns (B, C, Y', X'), Y' = ⌊(Y − K) / s⌋ + 1. The glass box shows ``winners``, the place of the maximum in its
    window, row by row from 0: first in reading order where several are equal, as in PyTorch's kernels.
    """
    windows = patches(input, (side, side), stride or side).flatten(2, 3)  # (B, C, KK, Y', X')
    winners = windows.argmax(dim=2, keepdim=True)
    show("winners", winners.squeeze(2))
    return windows.gather(2, winners).squeeze(2)


@equation(
    r"y_{cij} = \frac1{K^2}\sum_{k,l<K} x_{c,\;si+k,\;sj+l}",
    source="LeCun et al. 1998, §II.B: sub-sampling, here without its own weight and bias",
    example=_mean_example,
    fused=_fused_mean_pooling,
)
def mean_pooling(input: Tensor, side: int, stride: int | None = None) -> Tensor:
    """The mean of each window: how much of the feature is here?

    Args: as of ``max_pooling``. Returns (B, C, Y', X').
    """
    return patches(input, (side, side), stride or side).flatten(2, 3).mean(dim=2)
