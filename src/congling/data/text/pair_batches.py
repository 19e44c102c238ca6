"""Batches: rows that resemble in both lengths, cut by a budget of tokens, in an order that seed and epoch alone decide.

    B  sentences of a batch        S  longest source of the batch, end included
    N  rows of the corpus          T  longest target of the batch, end included

Lengths everywhere are those of the token store, without the end; the budget counts the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from congling.data.text.tokenizer_files import END_ID

Rows = NDArray[np.int64]
Lengths = NDArray[np.int32]

STRIP_BATCHES = 4
"""Neighbouring target lengths are put together until they fill this many batches, and sorted by source within.

Measured on lengths like Tatoeba's: from 2 to 6 the padding hardly changes, and on either side it grows.
"""


@dataclass(frozen=True)
class Packing:
    """Which sentence each position of a batch belongs to, where rows hold several.

    Attributes:
        source_sentences, target_sentences: (B, S) and (B, T) int64, the sentence's number in its row, from 0. Source
            pads have −1; target pads go on with the sentence before them.
        source_positions, target_positions: (B, S) and (B, T) int64, the place in the sentence, from 0.
    """

    source_sentences: Tensor
    target_sentences: Tensor
    source_positions: Tensor
    target_positions: Tensor

    def to(self, device: torch.device | str) -> Packing:
        """The same with its tensors on the device."""
        moved = (tensor.to(device, non_blocking=True) for tensor in vars(self).values())
        return Packing(*moved)

    def parts(self, count: int) -> list[Packing]:
        """The same in so many parts of whole rows."""
        split = (tensor.tensor_split(count) for tensor in vars(self).values())
        return [Packing(*tensors) for tensors in zip(*split, strict=True)]


@dataclass(frozen=True)
class Batch:
    """Sentences side by side, ready for a network.

    Attributes:
        source: (B, S) int64, each row ends with ``</s>``, then pads.
        target_input: (B, T) int64, ``<pad>`` first, then the pieces: what the decoder has read at each output.
        target_output: (B, T) int64, the pieces, then ``</s>``, then pads.
        source_padding: (B, S) bool, true at pads.
        source_tokens, target_tokens: how many places of ``source`` and ``target_output`` are no pads.
        sentences: how many; B, where each row holds one.
        packing: which sentence is where, if rows hold several.
    """

    source: Tensor
    target_input: Tensor
    target_output: Tensor
    source_padding: Tensor
    source_tokens: int
    target_tokens: int
    sentences: int
    packing: Packing | None = None

    def to(self, device: torch.device | str) -> Batch:
        """The same batch with its tensors on the device; a GPU copies them while the processor goes on."""
        return Batch(
            _moved(self.source, device),
            _moved(self.target_input, device),
            _moved(self.target_output, device),
            _moved(self.source_padding, device),
            self.source_tokens,
            self.target_tokens,
            self.sentences,
            None if self.packing is None else self.packing.to(device),
        )

    def parts(self, count: int) -> list[Batch]:
        """The batch in so many parts of whole rows, which share its memory; in fewer if it has fewer rows."""
        count = min(count, len(self.source))
        tensors = (self.source, self.target_input, self.target_output, self.source_padding)
        packings = [None] * count if self.packing is None else self.packing.parts(count)
        split = zip(*(tensor.tensor_split(count) for tensor in tensors), packings, strict=True)
        return [_part(*part) for part in split]


def _part(
    source: Tensor, target_input: Tensor, target_output: Tensor, source_padding: Tensor, packing: Packing | None
) -> Batch:
    """A batch of some rows, whose tokens and sentences are counted: behind the last end of a target are pads alone."""
    ends = target_output == END_ID
    up_to_an_end = ends.flip(1).cumsum(dim=1).bool()
    source_tokens, target_tokens = int((~source_padding).sum()), int(up_to_an_end.sum())
    return Batch(
        source, target_input, target_output, source_padding, source_tokens, target_tokens, int(ends.sum()), packing
    )


def _moved(tensor: Tensor, device: torch.device | str) -> Tensor:
    """The tensor there. Only from memory that the system cannot move (pinned) does a GPU copy without being waited for.

    PyTorch keeps a pinned block until the copy is done, and lends the same blocks again and again.
    """
    if torch.device(device).type == "cuda" and tensor.device.type == "cpu":
        tensor = tensor.pin_memory()
    return tensor.to(device, non_blocking=True)


IdRows = Sequence[list[int] | NDArray[Any]] | list[list[int]] | list[NDArray[Any]]


def collate(source_ids: IdRows, target_ids: IdRows, source_pad: int, target_pad: int) -> Batch:
    """Puts rows of ids, which have no end yet, into one batch."""
    source, source_lengths = padded(source_ids, source_pad)
    target_output, target_lengths = padded(target_ids, target_pad)
    return Batch(
        source=torch.from_numpy(source),
        target_input=torch.from_numpy(_shifted(target_output, target_pad)),
        target_output=torch.from_numpy(target_output),
        source_padding=torch.from_numpy(np.arange(source.shape[1]) >= source_lengths[:, None]),
        source_tokens=int(source_lengths.sum()),
        target_tokens=int(target_lengths.sum()),
        sentences=len(source),
    )


def padded(rows: IdRows, pad: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows with their ends side by side (B, L), and their lengths with the end (B,)."""
    lengths = np.fromiter(map(len, rows), np.int64, len(rows)) + 1
    padded = np.full((len(rows), int(lengths.max())), pad, np.int64)
    for place, row in zip(padded, rows, strict=True):
        place[: len(row)] = np.asarray(row)
    padded[np.arange(len(rows)), lengths - 1] = END_ID
    return padded, lengths


def _shifted(target_output: NDArray[np.int64], pad: int) -> NDArray[np.int64]:
    """The decoder's input: everything one place later, a pad first, and no end: (B, T) to (B, T)."""
    target_input = np.full_like(target_output, pad)
    target_input[:, 1:] = target_output[:, :-1]
    target_input[target_input == END_ID] = pad  # whose output is a pad, so nothing is learnt there
    return target_input


def plan_epoch(
    source_lengths: Lengths, target_lengths: Lengths, *, batch_tokens: int, seed: int, epoch: int
) -> list[Rows]:
    """The rows of each batch of one epoch: every row once, in an order that (seed, epoch) alone decide.

    In each batch, rows × (the longest source or target, with its end) is at most ``batch_tokens``, unless one row alone
    is longer. Rows of equal lengths meet others in every epoch, and the batches come in random order.
    """
    if not len(source_lengths):
        return []
    generator = np.random.default_rng([seed, epoch])
    order = _by_both_lengths(source_lengths, target_lengths, batch_tokens, generator)
    longest = np.maximum(source_lengths, target_lengths)[order]
    batches = _cut(order, longest, batch_tokens)
    return [batches[number] for number in generator.permutation(len(batches))]


def ordered_batches(lengths: NDArray[Any] | Sequence[int], batch_tokens: int) -> list[Rows]:
    """The rows of each batch, longest first, for decoding and evaluation; rows of one length keep their order.

    A batch's rows × (its longest length, with the end) is at most ``batch_tokens``, unless one row alone is longer.
    """
    known = np.asarray(lengths, np.int32)
    order = np.argsort(-known, kind="stable")
    return _cut(order, known[order], batch_tokens)


def _by_both_lengths(
    source_lengths: Lengths, target_lengths: Lengths, batch_tokens: int, generator: np.random.Generator
) -> Rows:
    """Rows in an order in which neighbours resemble in both lengths; equal rows in random order.

    Strips of similar target lengths follow each other; in one strip the sources rise, in the next they fall. Where the
    strips begin is drawn too, else the few long rows, which have no equals, would meet the same rows in every epoch.
    """
    shuffled = generator.permutation(len(source_lengths))
    source, target = source_lengths[shuffled], target_lengths[shuffled]
    tokens = np.bincount(target, weights=np.maximum(source, target) + 1)
    strip = _strips(tokens, STRIP_BATCHES * batch_tokens, generator)[target]
    widest = int(source.max())
    snake = np.where(strip % 2 == 0, source, widest - source)
    key = (strip * (widest + 1) + snake) * len(tokens) + target
    return shuffled[np.argsort(key, kind="stable")]


def _strips(tokens: NDArray[Any], enough: int, generator: np.random.Generator) -> NDArray[np.int64]:
    """The strip of each target length: a new one begins when the last has enough tokens. The first begins anywhere."""
    strips = np.zeros(len(tokens), np.int64)
    strip, gathered = int(generator.integers(2)), float(generator.uniform(0, enough))
    for length, count in enumerate(tokens):
        strips[length] = strip
        gathered += count
        if gathered >= enough:
            strip, gathered = strip + 1, 0.0
    return strips


def _cut(order: Rows, longest: Lengths, batch_tokens: int) -> list[Rows]:
    """Cuts the rows greedily, so that rows × longest (one more for the end) keeps to the budget."""
    batches, start = [], 0
    while start < len(order):
        most = batch_tokens // (int(longest[start]) + 1)  # the batch is at least as long as its first row
        width = np.maximum.accumulate(longest[start : start + max(most, 1)]).astype(np.int64) + 1
        filled = width * np.arange(1, len(width) + 1)
        rows = max(1, int(np.searchsorted(filled, batch_tokens, side="right")))
        batches.append(order[start : start + rows])
        start += rows
    return batches
