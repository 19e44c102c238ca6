"""Sequences of unequal lengths in the order in which a scan over time comes to them, without the padding between.

B sequences · T positions, padding included · P real positions of all of them
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Packing:
    """Where the real positions of a batch lie: step by step, the longest sequence first.

    At each step the sequences that go on are then the first so many of those of the step before.

    Attributes:
        sizes: how many sequences go on, for each step.
        places: (P,) of the real positions in the batch laid out flat, (B·T).
        order: (B,) the sequences, the longest first.
        ends: (B,) where the last real position of each in ``order`` lies among B numbers for "before the first step"
            and then the P positions; a sequence without a position ends before the first step.
    """

    sizes: list[int]
    places: Tensor
    order: Tensor
    ends: Tensor

    def steps(self) -> list[slice]:
        """Where each step lies among the P positions."""
        ends = list(itertools.accumulate(self.sizes))
        return [slice(end - size, end) for end, size in zip(ends, self.sizes, strict=True)]

    def packed(self, values: Tensor) -> Tensor:
        """(B, T, D) to (P, D)."""
        return values.flatten(0, 1).index_select(0, self.places)

    def unpacked(self, packed: Tensor, length: int) -> Tensor:
        """(P, D) back to (B, T, D), with zeros where there is padding."""
        flat = packed.new_zeros(len(self.order) * length, packed.shape[-1])
        return flat.index_copy_(0, self.places, packed).view(len(self.order), length, packed.shape[-1])

    def before(self, first: Tensor, packed: Tensor) -> Tensor:
        """What stood before each step, (P, D): ``first`` (B, D) in ``order``, then ``packed`` of the step before."""
        if not self.sizes:
            return packed
        pairs = zip(self.steps(), self.sizes[1:], strict=False)  # a step, and how many sequences go on after it
        return torch.cat([first[: self.sizes[0]], *(packed[step.start : step.start + size] for step, size in pairs)])

    def last(self, first: Tensor, packed: Tensor) -> Tensor:
        """What (P, D) holds at each sequence's last position, (B, D) in the batch's order.

        Args:
            first: (B, D) in ``order``, what stands for a sequence without any position.
        """
        both = torch.cat([first, packed])
        return self.in_batch_order(both.index_select(0, self.ends))

    def in_batch_order(self, rows: Tensor) -> Tensor:
        """(B, D) in ``order`` back to the batch's order."""
        return torch.empty_like(rows).index_copy_(0, self.order, rows)


def packing(lengths: Tensor, length: int, reverse: bool = False) -> Packing:
    """The packing of sequences of these ``lengths`` (B,) in a batch of T = ``length`` positions.

    Args:
        reverse: the scan goes from each sequence's last real position to its first.

    Raises:
        ValueError: a sequence is longer than the batch, or shorter than nothing.
    """
    if len(lengths) and not (int(lengths.min()) >= 0 and int(lengths.max()) <= length):
        raise ValueError(f"lengths from {int(lengths.min())} to {int(lengths.max())} in a batch of {length} positions")
    order = torch.argsort(lengths, descending=True, stable=True)  # (B,)
    lengths = lengths[order]
    steps = torch.arange(length, device=lengths.device)
    real = steps[:, None] < lengths  # (T, B)
    sizes = real.sum(dim=1)
    positions = lengths - 1 - steps[:, None] if reverse else steps[:, None].expand_as(real)
    places = (order * length + positions)[real]
    rows = torch.arange(len(order), device=lengths.device)
    ends = torch.where(lengths > 0, len(order) + (sizes.cumsum(0) - sizes)[(lengths - 1).clamp(min=0)] + rows, rows)
    return Packing([size for size in sizes.tolist() if size], places, order, ends)
