"""Batch normalisation as a layer: it learns a gain and a bias, and remembers what the batches of training were like."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from congling.equations.normalisation import batch_normalisation, batch_normalisation_inference

NEWEST = 0.1  # the share of the newest batch in what is remembered, once ten have been seen


class BatchNormalisation(nn.Module):
    """g ⊙ (x − μ) / √(σ² + ε) + b for each channel: ``weight`` g from one, ``bias`` b from zero.

    In training μ and σ² are those of the batch; afterwards the remembered ones. ``running_mean`` and
    ``running_variance`` (C) are the plain means over the first ten ``batches``, then running means with the weight 0.1
    for the newest: so that a network which has seen a few batches only does not still remember where it started.
    """

    running_mean: Tensor
    running_variance: Tensor
    batches: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_variance", torch.ones(channels))
        self.register_buffer("batches", torch.zeros(()))  # a float like all that a checkpoint holds

    def forward(self, input: Tensor) -> Tensor:
        """(B, C) or (B, C, …) to the same shape. One number a channel has no variance: the remembered one serves."""
        if not self.training or input.numel() == input.shape[1]:
            mean, variance = self.running_mean, self.running_variance
            return batch_normalisation_inference(input, self.weight, self.bias, mean, variance)
        output, mean, variance = batch_normalisation(input, self.weight, self.bias)
        self._remember(mean, variance)
        return output

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        self.batches += 1
        newest = max(NEWEST, 1 / float(self.batches))
        for remembered, value in ((self.running_mean, mean), (self.running_variance, variance)):
            remembered.lerp_(value.detach().to(remembered.dtype), newest)  # in place: a twin may read the same numbers

    def extra_repr(self) -> str:
        return f"channels={len(self.weight)}"
