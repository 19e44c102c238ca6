"""Batches of Tatoeba as a training with the default options sees them: what several benchmarks measure on."""

from __future__ import annotations

import numpy as np

from congling.data.sources import fetch, find_source
from congling.data.text.pair_batches import Batch, collate, plan_epoch
from congling.data.text.pair_readers import read_tatoeba
from congling.data.text.tokenizer_training import train_tokenizer

SOURCE_PIECES, TARGET_PIECES = 5000, 4000  # of which the last is padding
IdRows = list[list[int]]


def tatoeba_rows(batch_tokens: int, count: int | None = None) -> list[tuple[IdRows, IdRows]]:
    """The sources and targets of an epoch's batches, or of the first ``count``, as pieces without an end."""
    pairs = list(read_tatoeba(fetch(find_source("tatoeba-zh-en"))))
    source = train_tokenizer((a for a, _ in pairs), size=SOURCE_PIECES, normalization="simplified-chinese")
    target = train_tokenizer((b for _, b in pairs), size=TARGET_PIECES)
    sources, targets = source.encode_all([a for a, _ in pairs]), target.encode_all([b for _, b in pairs])
    lengths = [np.fromiter(map(len, side), np.int32, len(side)) for side in (sources, targets)]
    plan = plan_epoch(*lengths, batch_tokens=batch_tokens, seed=1, epoch=0)[:count]
    return [([sources[row] for row in rows], [targets[row] for row in rows]) for rows in plan]


def padded_batch(sources: IdRows, targets: IdRows) -> Batch:
    """Sentences side by side, one a row, padded to the longest."""
    return collate(sources, targets, SOURCE_PIECES - 1, TARGET_PIECES - 1)


def tatoeba_batches(batch_tokens: int, count: int) -> list[Batch]:
    """The first batches of an epoch, ready for a network."""
    return [padded_batch(sources, targets) for sources, targets in tatoeba_rows(batch_tokens, count)]
