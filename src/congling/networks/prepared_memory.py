"""What a ``PreparedTransformer`` remembers, and which hypothesis looks at which part of it.

B sentences · S source length · P source pieces without padding · N rows, each a hypothesis · T positions so far
L layers · W width · H heads · D = W / H · K most rows of one sentence
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from congling.equations.attention import padding_mask
from congling.networks.prepared_linear import filled

Whole = NDArray[np.int64]


@dataclass(frozen=True)
class Grid:
    """Where the pieces of a batch stand in (B, S), sentence after sentence.

    Attributes:
        places: (P,) in the B · S places, ``filled``; None where row n stands at place n.
        mask: (B · H, 1, S) of 0 and −∞; None where no place is empty.
    """

    sentences: int
    length: int
    lengths: Whole
    places: Tensor | None
    mask: Tensor | None

    @classmethod
    def of(cls, padding: Tensor, heads: int, dtype: torch.dtype) -> Grid:
        """The grid of a batch: ``padding`` (B, S), True at padding, which stands at the ends."""
        (sentences, length), lengths = padding.shape, (~padding).sum(dim=1).cpu().numpy()
        places, mask = filled((~padding).flatten().nonzero().squeeze(1)), None
        if lengths.min() < length:
            mask = padding_mask(padding, dtype)[:, 0].repeat_interleave(heads, dim=0)
        in_order = mask is None and len(places) == sentences * length
        return cls(sentences, length, lengths, None if in_order else places, mask)

    def spread(self, rows: Tensor) -> Tensor:
        """(P, X) to (B, S, X), zero at padding."""
        cells = self.sentences * self.length
        if self.places is not None:
            rows = rows.new_zeros(cells, rows.shape[1]).index_copy_(0, self.places, rows)
        return rows.view(self.sentences, self.length, -1)

    def gather(self, cells: Tensor) -> Tensor:
        """(B · S, X) to (P, X)."""
        return cells if self.places is None else cells.index_select(0, self.places)


@dataclass(frozen=True)
class Memory:
    """What the decoder looks at: for each layer the keys and values of each sentence that still runs.

    Attributes:
        values: (L, 2, B, H, S, D).
        mask: (B · H, 1, S), against padding; None where there is none.
        lengths: (B,) S of each sentence alone.
    """

    values: Tensor
    mask: Tensor | None
    lengths: Whole

    def select(self, sentences: Whole) -> Memory:
        """The given sentences, without the padding that they no longer need."""
        heads, length = self.values.shape[3], self.values.shape[4]
        index = torch.from_numpy(sentences).to(self.values.device)
        lengths = self.lengths[sentences]
        longest = int(lengths.max())
        values = self.values[..., :longest, :].index_select(2, index)
        if self.mask is None or lengths.min() == longest:
            return Memory(values, None, lengths)
        mask = self.mask.view(-1, heads, 1, length)[..., :longest].index_select(0, index)
        return Memory(values, mask.flatten(0, 1), lengths)


@dataclass(frozen=True)
class Groups:
    """Which rows look at which sentence: row n asks from place ``slots[n]`` of (B, K), B · K places in all.

    Attributes:
        sentences: (N,) the sentence of each row, counted as in ``Memory``: from 0 without a gap.
    """

    sentences: Whole

    @cached_property
    def ranks(self) -> Whole:
        """(N,) how many rows before it look at the same sentence as a row."""
        order = np.argsort(self.sentences, kind="stable")
        in_order, ranks = self.sentences[order], np.empty_like(self.sentences)
        ranks[order] = np.arange(len(order)) - np.searchsorted(in_order, in_order)
        return ranks

    @cached_property
    def places(self) -> int:
        """K."""
        return int(self.ranks.max()) + 1

    @cached_property
    def slots(self) -> Tensor | None:
        """(N,); None where row n stands at place n."""
        slots = self.sentences * self.places + self.ranks
        in_order = np.array_equal(slots, np.arange(self.places * (int(self.sentences.max()) + 1)))
        return None if in_order else torch.from_numpy(slots)

    def spread(self, rows: Tensor, heads: int) -> Tensor:
        """Queries (N, W) to (B · H, K, D); what stands at places that nobody has is asked in vain."""
        if self.slots is not None:
            cells = (int(self.sentences.max()) + 1) * self.places
            rows = rows.new_zeros(cells, rows.shape[1]).index_copy_(0, self.slots.to(rows.device), rows)
        by_head = rows.view(-1, self.places, heads, rows.shape[1] // heads).transpose(1, 2)
        return by_head.reshape(-1, self.places, by_head.shape[-1])

    def gather(self, answers: Tensor, heads: int) -> Tensor:
        """(B · H, K, D) to (N, W)."""
        cells = answers.view(-1, heads, *answers.shape[1:]).transpose(1, 2).reshape(-1, heads * answers.shape[-1])
        return cells if self.slots is None else cells.index_select(0, self.slots.to(cells.device))


@dataclass(frozen=True)
class PreparedState:
    """What the decoder remembers between two steps. A step writes into ``past``, so each state is good for one.

    Attributes:
        count: N; there may be a few rows more, copies of the first one: ``filled``.
        position: T.
        past: (L, 2, N, H, room, D) keys and values, of which the first T positions are filled.
    """

    count: int
    position: int
    memory: Memory
    groups: Groups
    past: Tensor
