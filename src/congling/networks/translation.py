"""What every network that translates has in common: what it reads, and the loss of what it writes.

B batch · S source length · T target length · W width · V vocabulary, padding included
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from congling.equations.glass_box import show
from congling.equations.layers import linear
from congling.equations.losses import projected_cross_entropy


class SentencePlaces(Protocol):
    """Which sentence each position belongs to, where rows hold several; ``data.text.pair_batches.Packing`` is one."""

    @property
    def source_sentences(self) -> Tensor:
        """(B, S) number of the sentence in its row; −1 at padding."""

    @property
    def target_sentences(self) -> Tensor:
        """(B, T) number of the sentence in its row; padding has that of the sentence before it."""

    @property
    def source_positions(self) -> Tensor:
        """(B, S) place in the sentence."""

    @property
    def target_positions(self) -> Tensor:
        """(B, T) place in the sentence."""


class TranslationBatch(Protocol):
    """What the network needs to know of a batch; ``data.text.pair_batches.Batch`` is one."""

    @property
    def source(self) -> Tensor:
        """(B, S) ids, padding at the end."""

    @property
    def source_padding(self) -> Tensor:
        """(B, S), True at padding."""

    @property
    def target_input(self) -> Tensor:
        """(B, T) ids, shifted right: padding stands for the start."""

    @property
    def target_output(self) -> Tensor:
        """(B, T) ids that are to be predicted, padding at the end."""

    @property
    def packing(self) -> SentencePlaces | None:
        """Which sentence is where, if rows hold several; a recurrent network reads one sentence a row."""


def loss_of_pieces(
    hidden: Tensor, projection: Tensor, bias: Tensor, target: Tensor, label_smoothing: float
) -> tuple[Tensor, int]:
    """The cross-entropy in nats, summed over the target positions that are not padding, and their count.

    Args:
        hidden: (B, T, W), what the output layer takes.
        projection, bias: of the output layer, (V − 1, W) and (V − 1).
        target: (B, T) ids; the id V − 1 is padding.
    """
    wanted = target.flatten()
    rows = (wanted != len(projection)).nonzero().squeeze(1)  # (N,)
    hidden = hidden.flatten(0, 1).index_select(0, rows)  # (N, W)
    return projected_cross_entropy(hidden, projection, bias, wanted[rows], label_smoothing), len(rows)


def log_probabilities_of_pieces(hidden: Tensor, projection: Tensor, bias: Tensor) -> Tensor:
    """(N, W) to log-probabilities (N, V − 1) of the next piece, in float32. The glass box shows ``logits``."""
    logits = linear(hidden, projection, bias)
    show("logits", logits)
    return torch.log_softmax(logits.float(), dim=-1)
