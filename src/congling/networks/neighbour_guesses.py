"""Guessing neighbours: what a network that reads can learn from texts alone, before anybody labels them.

The forward states guess the piece that comes next, the backward ones the piece before: two language models that share
the pieces' vectors (Dai and Le 2015, §2; both directions: Peters et al. 2018, §3.1).

B batch · T time · V vocabulary · D width of an embedding · W width of a hidden state · N guesses
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from congling.equations.losses import projected_cross_entropy
from congling.networks.layers import Dropout, Embedding, Linear


class NeighbourGuesses(nn.Module):
    """A projection of each direction's states to the width of the embeddings, whose table then scores every piece.

    Args:
        vocabulary: V; the last id is padding and is never guessed.
        width: W.
        embedding: D.
        directions: 1, or 2 with backward states too.
        share: of all places those that are guessed at each step, drawn anew; a score for every piece is dear.
        dropout: probability, of what was projected; the network that reads drops as much of its embeddings meanwhile.
    """

    def __init__(
        self, vocabulary: int, width: int, embedding: int, *, directions: int, share: float = 0.3, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.share = share
        self.projections = nn.ModuleList(Linear(width, embedding) for _direction in range(directions))
        self.bias = nn.Parameter(torch.zeros(vocabulary - 1))
        self.dropout = Dropout(dropout)

    def loss(self, states: Tensor, ids: Tensor, lengths: Tensor, table: Embedding) -> tuple[Tensor, int]:
        """The cross-entropy of the guesses in nats, summed, and their number.

        Args: ``states`` (B, T, W · directions) of the last layer, ``ids`` (B, T), ``lengths`` (B).
        """
        within = torch.arange(1, ids.shape[1], device=ids.device) < lengths.unsqueeze(1)  # (B, T − 1): two neighbours
        wanted = [ids[:, 1:], ids[:, :-1]]  # of the state before, and of the state after
        known = [slice(None, -1), slice(1, None)]
        total, count = states.new_zeros((), dtype=torch.promote_types(states.dtype, torch.float32)), 0
        parts = states.chunk(len(self.projections), dim=-1)
        for projection, part, places, targets in zip(self.projections, parts, known, wanted, strict=False):
            drawn = within & (torch.rand(within.shape, device=ids.device) < self.share)
            guesses = self.dropout(projection(part[:, places][drawn]))  # (N, D)
            total = total + projected_cross_entropy(guesses, table.weight, self.bias, targets[drawn])
            count += len(guesses)
        return total, max(count, 1)
