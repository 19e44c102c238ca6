"""A linear model beside a network that reads: which runs of pieces stand in a text, wherever they stand.

B batch · T time · K classes · L longest run · R rows of the table
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from congling.equations.glass_box import show
from congling.networks.layers import Dropout

PRIME, BASE, SPREAD = 2**31 - 1, 1_000_003, 1_640_531_527  # products stay below 2⁶³
NUMBERS = 2**21  # in the table, whatever the number of classes


def ngram_rows(ids: Tensor, lengths: Tensor, longest: int, rows: int) -> Tensor:
    """The row of a table for each run of up to ``longest`` pieces: a hash of its pieces (Karp and Rabin 1987).

    Args: ``ids`` (B, T), padded from ``lengths`` (B) on; ``rows`` below 2³¹. Returns (B, T, L): at [b, t, l] the row of
    the l + 1 pieces that end with piece t, and −1 where there are not so many, or no piece t.
    """
    times = torch.arange(ids.shape[1], device=ids.device)
    found, key = [], torch.zeros_like(ids)
    for back in range(longest):
        before = F.pad(ids, (back, 0))[:, : ids.shape[1]]  # the piece so many places back
        key = (key * BASE + before + 1) % PRIME
        real = (times >= back) & (times < lengths.unsqueeze(1))
        found.append(torch.where(real, key * SPREAD % PRIME % rows, -1))
    return torch.stack(found, dim=-1)


class BagOfNgrams(nn.Module):
    """z = b + s/√M Σ_m w_{h(m)} over the M runs of a text: logistic regression on n-grams, without their order.

    Every run of up to L pieces has a weight for each class, in a table without a dictionary: rare runs may share a row
    (Weinberger et al. 2009, §2; Joulin et al. 2017, §2.2). The root keeps long texts from being surer than short ones,
    as a vector of length 1 does (Salton and Buckley 1988). In place of a penalty on the weights, runs are dropped in
    training, which holds back those that are seldom and decisive the least (Wager et al. 2013).

    Args:
        classes: K.
        longest: L.
        numbers: in the table, which has ``numbers // classes`` rows.
        scale: s; how far a step of the optimiser moves an answer.
        dropout: probability, of each run.
    """

    def __init__(
        self, classes: int, *, longest: int, numbers: int = NUMBERS, scale: float = 10.0, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.longest, self.scale = longest, scale
        self.weight = nn.Parameter(torch.zeros(max(1, numbers // classes), classes))
        self.bias = nn.Parameter(torch.zeros(classes))
        self.dropout = Dropout(dropout)

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """(B, T) ids, padded from ``lengths`` (B) on, to scores (B, K)."""
        scores = self.shares(ids, lengths).sum(dim=(1, 2))
        return scores.to(self.bias.dtype) + self.bias

    def shares(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """What each run adds to the score of each class, (B, T, L, K), at its last piece; float32 at least."""
        rows = ngram_rows(ids, lengths, self.longest, len(self.weight))
        show("rows", rows)
        exact = torch.promote_types(self.weight.dtype, torch.float32)
        real = (rows >= 0).to(exact)
        picked = self.weight.index_select(0, rows.clamp(min=0).flatten()).view(*rows.shape, -1).to(exact)
        part: Tensor = self.dropout(real) * (self.scale / real.sum(dim=(1, 2), keepdim=True).sqrt())
        return picked * part.unsqueeze(-1)

    def extra_repr(self) -> str:
        return f"rows={len(self.weight)}, longest={self.longest}, scale={self.scale}"
