"""Layers that every network is built of. They own the parameters; what they calculate stands in ``equations``."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from congling.equations.initialisation import Initialiser, scaled_normal, xavier_uniform
from congling.equations.layers import draw_dropout_mask, dropout, embedding, layer_normalisation, linear


class Linear(nn.Module):
    """XWᵀ + b: ``weight`` (outputs, inputs) drawn by the initialiser, ``bias`` (outputs) from zero.

    Args:
        inputs, outputs: the widths.
        parts: the weight is this many matrices one below the other, each initialised for itself.
        initialise: fills a matrix.
    """

    def __init__(self, inputs: int, outputs: int, parts: int = 1, *, initialise: Initialiser = xavier_uniform) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs))
        self.bias = nn.Parameter(torch.zeros(outputs))
        for part in self.weight.chunk(parts):
            initialise(part)

    def forward(self, input: Tensor) -> Tensor:
        """(N, inputs) to (N, outputs)."""
        return linear(input, self.weight, self.bias)


class Embedding(nn.Module):
    """A vector for each piece of a vocabulary whose last id is padding.

    Padding is no piece: the table ``weight`` (V − 1, D) has no row for it, and its vector is zero. Vectors start
    from a normal distribution with variance 1 / D, so that √D times a vector has entries of size one.
    """

    def __init__(self, vocabulary_size: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(vocabulary_size - 1, width))
        scaled_normal(self.weight, width**-0.5)

    def forward(self, ids: Tensor) -> Tensor:
        """(N) ids to (N, D)."""
        pad = self.weight.shape[0]
        vectors = embedding(ids.clamp(max=pad - 1), self.weight)
        return vectors * (ids != pad).to(vectors.dtype).unsqueeze(-1)


class LayerNormalisation(nn.Module):
    """g ⊙ (x − μ) / √(σ² + ε) + b over the last dimension: ``weight`` g from one, ``bias`` b from zero."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, input: Tensor) -> Tensor:
        """(N, D) to (N, D)."""
        return layer_normalisation(input, self.weight, self.bias)


class Dropout(nn.Module):
    """Draws dropout masks in training, and none afterwards."""

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.probability = probability

    def mask(self, like: Tensor) -> Tensor | None:
        """A mask of 0 and 1 / (1 − p) in the shape of ``like``; None where nothing is to be dropped."""
        if not self.training or self.probability == 0:
            return None
        return draw_dropout_mask(like, self.probability)

    def forward(self, input: Tensor) -> Tensor:
        """The input with some of its numbers dropped."""
        mask = self.mask(input)
        return input if mask is None else dropout(input, mask)

    def extra_repr(self) -> str:
        return f"probability={self.probability}"
