"""Pooling over time: the states of a text, however long it is, become one vector.

B batch · T time · W width of a state · n length of a text, from where on it is padding
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from congling.equations.equation import equation
from congling.equations.glass_box import show


def _example(generator: torch.Generator) -> tuple[Tensor, Tensor]:
    states = torch.randn(5, 11, 7, dtype=torch.float64, generator=generator).requires_grad_()
    return states, torch.tensor([7, 11, 1, 2, 7])


def _real(states: Tensor, lengths: Tensor) -> Tensor:
    """(B, T, 1): true where there is text."""
    times = torch.arange(states.shape[1], device=states.device)
    return (times < lengths.unsqueeze(1)).unsqueeze(2)


def _fused_max_over_time(states: Tensor, lengths: Tensor) -> Tensor:
    return states.masked_fill(~_real(states, lengths), -math.inf).max(dim=1).values


@equation(
    r"y_w = \max_{t \le n} h_{tw}",
    source="Collobert et al. 2011, §3.3.2: max over time; of equal maxima the first alone hands its gradient on",
    example=_example,
    fused=_fused_max_over_time,
)
def max_over_time(states: Tensor, lengths: Tensor) -> Tensor:
    """Each unit's largest value: was what it looks for anywhere in the text?

    Args: ``states`` (B, T, W), ``lengths`` (B) from 1 to T. Returns (B, W). The glass box shows ``winners`` (B, W), the
    place of the maximum, from 0.
    """
    lowest = torch.full((), -math.inf, dtype=states.dtype, device=states.device)
    seen = torch.where(_real(states, lengths), states, lowest)
    winners = seen.argmax(dim=1, keepdim=True)  # (B, 1, W)
    show("winners", winners.squeeze(1))
    return seen.gather(1, winners).squeeze(1)


@equation(
    r"y_w = \frac1n\sum_{t \le n} h_{tw}",
    source="Iyyer et al. 2015, §2, over states in place of word vectors",
    example=_example,
)
def mean_over_time(states: Tensor, lengths: Tensor) -> Tensor:
    """Each unit's mean over the text.

    Args: ``states`` (B, T, W), ``lengths`` (B) from 1 to T. Returns (B, W).
    """
    real = _real(states, lengths).to(states.dtype)
    return (states * real).sum(dim=1) / lengths.to(states.dtype).unsqueeze(1)
