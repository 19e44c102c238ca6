"""What a ``PreparedTransformer`` remembers, and which hypothesis looks at which part of it.

B sentences · S source length · P source pieces without padding · N rows, each a hypothesis · T positions so far
L layers · W width · H heads · D = W / H · K most rows of one sentence
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from congling.equations.attention import padding_mask
from congling.networks.prepared_linear import filled

FIRST_ROOM = 16  # positions; it doubles when it is full


@dataclass(frozen=True)
class Grid:
    """Where the pieces of a batch stand in (B, S), sentence after sentence.

    Attributes:
        places: (P,) in the B · S places, ``filled``; None where row n stands at place n.
        mask: (B · H, 1, S) of 0 and −∞; None where no place is empty.
    """

    sentences: int
    length: int
    lengths: list[int]
    places: Tensor | None
    mask: Tensor | None

    @classmethod
    def of(cls, padding: Tensor, heads: int, dtype: torch.dtype) -> Grid:
        """The grid of a batch: ``padding`` (B, S), True at padding, which stands at the ends."""
        (sentences, length), lengths = padding.shape, (~padding).sum(dim=1).tolist()
        places, mask = filled((~padding).flatten().nonzero().squeeze(1)), None
        if min(lengths) < length:
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
        lengths: S of each sentence alone.
    """

    values: Tensor
    mask: Tensor | None
    lengths: list[int]

    def select(self, sentences: list[int]) -> Memory:
        """The given sentences, without the padding that they no longer need."""
        heads, length = self.values.shape[3], self.values.shape[4]
        index = torch.tensor(sentences, device=self.values.device)
        lengths = [self.lengths[sentence] for sentence in sentences]
        values = self.values[..., : max(lengths), :].index_select(2, index)
        if self.mask is None or min(lengths) == max(lengths):
            return Memory(values, None, lengths)
        mask = self.mask.view(-1, heads, 1, length)[..., : max(lengths)].index_select(0, index)
        return Memory(values, mask.flatten(0, 1), lengths)


@dataclass(frozen=True)
class Groups:
    """Which rows look at which sentence: row n asks from place ``slots[n]`` of (B, K), B · K places in all.

    Attributes:
        sentences: (N) the sentence of each row, counted as in ``Memory``.
        slots: (N,); None where row n stands at place n.
    """

    sentences: list[int]
    places: int
    slots: Tensor | None

    @classmethod
    def of(cls, sentences: list[int], device: torch.device) -> Groups:
        """``sentences`` are counted from 0 without a gap."""
        used = [0] * (max(sentences) + 1)
        ranks = []
        for sentence in sentences:
            ranks.append(used[sentence])
            used[sentence] += 1
        most = max(used)
        slots = [sentence * most + rank for sentence, rank in zip(sentences, ranks, strict=True)]
        in_order = slots == list(range(most * len(used)))
        return cls(sentences, most, None if in_order else torch.tensor(slots, device=device))

    def spread(self, rows: Tensor, heads: int) -> Tensor:
        """Queries (N, W) to (B · H, K, D); what stands at places that nobody has is asked in vain."""
        if self.slots is not None:
            cells = (max(self.sentences) + 1) * self.places
            rows = rows.new_zeros(cells, rows.shape[1]).index_copy_(0, self.slots, rows)
        by_head = rows.view(-1, self.places, heads, rows.shape[1] // heads).transpose(1, 2)
        return by_head.reshape(-1, self.places, by_head.shape[-1])

    def gather(self, answers: Tensor, heads: int) -> Tensor:
        """(B · H, K, D) to (N, W)."""
        cells = answers.view(-1, heads, *answers.shape[1:]).transpose(1, 2).reshape(-1, heads * answers.shape[-1])
        return cells if self.slots is None else cells.index_select(0, self.slots)


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
