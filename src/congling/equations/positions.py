"""Where a token stands: attention itself does not see order, so positions are added to the word vectors."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from congling.equations.equation import equation


@equation(
    r"P_{t,i} = \sin\frac{t}{10000^{2i/D}},\quad P_{t,D/2+i} = \cos\frac{t}{10000^{2i/D}}",
    source="Vaswani et al. 2017, §3.5; sines fill the first half and cosines the second, as in Marian, not by turns",
    example=lambda _: (13, 22),
)
def sinusoidal_positions(length: int, width: int) -> Tensor:
    """Each position as waves: the first turn quickly, the last turn once in 2π · 10,000 positions.

    Returns (length, width) in float64; an odd width has one sine more than cosines.
    """
    positions = torch.arange(length, dtype=torch.float64).unsqueeze(1)  # (T, 1)
    sines = (width + 1) // 2
    exponents = torch.arange(sines, dtype=torch.float64) * (2 / width)
    angles = positions * torch.exp(-math.log(10_000.0) * exponents)  # (T, D/2)
    return torch.cat([torch.sin(angles), torch.cos(angles[:, : width - sines])], dim=1)
