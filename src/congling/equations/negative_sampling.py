"""The loss of word2vec: tell the word that was there from words that were drawn at random.

N examples · K negatives · D width
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from congling.equations.equation import equation
from congling.equations.glass_box import show


def _example(generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    predicted, positive, negatives = (
        torch.randn(*shape, dtype=torch.float64, generator=generator).requires_grad_()
        for shape in ((11, 7), (11, 7), (11, 5, 7))
    )
    return predicted, positive, negatives, torch.rand(11, 5, generator=generator) < 0.8


def _fused_negative_sampling_loss(
    predicted: Tensor, positive: Tensor, negatives: Tensor, counted: Tensor | None = None
) -> Tensor:
    right = F.logsigmoid(torch.linalg.vecdot(predicted, positive))
    wrong = F.logsigmoid(-torch.matmul(negatives, predicted.unsqueeze(-1)).squeeze(-1))
    if counted is not None:
        wrong = wrong * counted
    return -(right.sum() + wrong.sum())


@equation(
    r"-\sum_n \Bigl(\log\sigma(h_n \cdot c_n) + \sum_k \log\sigma(-h_n \cdot c_{nk})\Bigr)",
    source="Mikolov et al. 2013b, eq. 4, as something to minimise",
    example=_example,
    fused=_fused_negative_sampling_loss,
)
def negative_sampling_loss(
    predicted: Tensor, positive: Tensor, negatives: Tensor, counted: Tensor | None = None
) -> Tensor:
    """How badly a vector tells the word that was there from K others, in nats, summed over N.

    Args: ``predicted`` h (N, D), ``positive`` (N, D), ``negatives`` (N, K, D), ``counted`` (N, K): whether a negative
    is one; all are for None. Returns a scalar.
    """
    right = (predicted * positive).sum(dim=-1)  # (N,)
    wrong = (predicted.unsqueeze(1) * negatives).sum(dim=-1)  # (N, K)
    show("scores", torch.cat([right.unsqueeze(1), wrong], dim=1))
    log_right, log_wrong = _log_sigmoid(right), _log_sigmoid(-wrong)
    if counted is not None:
        log_wrong = log_wrong * counted.to(log_wrong.dtype)
    return -(log_right.sum() + log_wrong.sum())


def _log_sigmoid(score: Tensor) -> Tensor:
    """log σ(s) = min(s, 0) − log(1 + e^−|s|), which no score makes infinite."""
    return torch.minimum(score, torch.zeros_like(score)) - torch.log1p(torch.exp(-score.abs()))
