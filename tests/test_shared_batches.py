"""Batches that several threads share: the gradient of the whole batch, and a training that repeats.

A Transformer of one layer on each side, W 12 · 17 source and 19 target pieces, padding included
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from congling.data.text.packed_batches import collate_tiles
from congling.data.text.pair_batches import Batch, collate
from congling.data.text.tiles import TileSize, pack
from congling.learning.gradients import mean_gradient
from congling.learning.options import TrainingOptions
from congling.learning.parameters import FlatParameters
from congling.learning.shared_batches import SharedBatches, Sharing, shared_batches
from congling.learning.trainer import Trainer
from congling.learning.training_state import Validation
from congling.networks.transformer import Transformer

PADS = 16, 18


def network_of(dropout: float, dtype: torch.dtype = torch.float64) -> Transformer:
    torch.manual_seed(3)
    return Transformer(
        17, 19, width=12, heads=2, feed_forward=14, encoder_layers=1, decoder_layers=1, dropout=dropout
    ).to(dtype)  # fmt: skip


def sentences(count: int) -> list[list[list[int]]]:
    draw = np.random.default_rng(5)
    return [[draw.integers(2, 15, length).tolist() for length in draw.integers(1, 9, count)] for _side in range(2)]


def rows_batch(count: int = 7) -> Batch:
    return collate(*sentences(count), *PADS)


def tiles_batch(count: int = 23) -> Batch:
    sides = sentences(count)
    lengths = [np.array([len(row) + 1 for row in side]) for side in sides]
    ((size, tiles),) = pack(lengths[0], lengths[1], TileSize(24, 24), 10_000, np.random.default_rng(1))
    return collate_tiles(*sides, tiles, size, PADS)


def loss_by(network: Transformer, batch: Batch) -> tuple[Tensor, int]:
    return network.loss(batch, 0.1)


SHARING = Sharing(Batch.parts, loss_by, most=3)


def gradient_of(batch: Batch, network: Transformer, shared: int, narrow: torch.dtype | None = None) -> tuple[Any, Any]:
    parameters = FlatParameters(network.train(), narrow or network.projection.dtype)
    threads = SharedBatches(network, parameters, SHARING, shared, 1) if shared else None
    for _time in range(2):  # the second time, what the first one left must be gone
        torch.manual_seed(11)
        found = mean_gradient(parameters, lambda one: loss_by(network, one), [batch, batch], "autograd", threads)
    return found, parameters.gradient


@pytest.mark.parametrize("batch", [rows_batch(), tiles_batch()], ids=["rows", "tiles"])
@pytest.mark.parametrize("count", [2, 3])
def test_the_gradient_is_that_of_the_whole_batch(batch: Batch, count: int) -> None:
    """Guards rows that are lost or counted twice between the parts, and gradients that a copy keeps for itself."""
    whole, expected = gradient_of(batch, network_of(0), 0)
    found, gradient = gradient_of(batch, network_of(0), count)
    assert found.count == whole.count == 2 * batch.target_tokens
    assert found.value == pytest.approx(whole.value, rel=1e-12)
    torch.testing.assert_close(gradient, expected, rtol=0, atol=1e-13)


def test_narrow_gradients_are_added_in_the_wide_type() -> None:
    """Guards bfloat16: a copy's gradient that is added where it was rounded would lose its small numbers."""
    batch = tiles_batch()
    _whole, expected = gradient_of(batch, network_of(0, torch.float32), 0, torch.bfloat16)
    _found, gradient = gradient_of(batch, network_of(0, torch.float32), 2, torch.bfloat16)
    assert gradient.dtype == torch.float32
    assert float((gradient - expected).norm() / expected.norm()) < 0.02


def test_a_shared_batch_repeats_to_the_last_bit() -> None:
    """Guards resumption: dropout follows the seed whichever thread is faster, and no two parts drop the same."""
    batch = tiles_batch()
    first, second, third = (gradient_of(batch, network_of(dropout), 3) for dropout in (0.3, 0.3, 0.4))
    assert torch.equal(first[1], second[1]) and first[0] == second[0]
    assert not torch.equal(first[1], third[1])
    row = collate([[5, 6, 7]] * 2, [[4, 3]] * 2, *PADS)
    network = network_of(0.5)
    one, other = row.parts(2)
    drawn: dict[int, float] = {}

    def listening(by: Transformer, part: Batch) -> tuple[Tensor, int]:
        loss, count = loss_by(by, part)
        drawn[id(by)] = float(loss.detach())
        return loss, count

    parameters = FlatParameters(network.train(), torch.float64)
    SharedBatches(network, parameters, Sharing(lambda *_: [one, other], listening, 2), 2, 1).differentiate(row)
    assert len(set(drawn.values())) == 2


def test_parts_of_a_batch_are_counted() -> None:
    """Guards the counts of parts, and rows that two parts would share: all of it once, packings too."""
    for batch in (rows_batch(), tiles_batch()):
        parts = batch.parts(3)
        assert len(parts) == 3
        assert torch.equal(torch.cat([part.source for part in parts]), batch.source)
        assert torch.equal(torch.cat([part.target_input for part in parts]), batch.target_input)
        for name in ("source_tokens", "target_tokens", "sentences"):
            assert sum(getattr(part, name) for part in parts) == getattr(batch, name)
        if batch.packing is not None:
            positions = [part.packing.target_positions for part in parts if part.packing is not None]
            assert torch.equal(torch.cat(positions), batch.packing.target_positions)
    assert len(rows_batch(2).parts(5)) == 2


def test_few_tokens_are_not_shared() -> None:
    """Guards small batches from threads that cost more than they save, and large machines from too many of them."""
    network = network_of(0)
    parameters = FlatParameters(network, torch.float64)
    assert shared_batches(network, parameters, Sharing(Batch.parts, loss_by, most=1), 8) is None
    assert shared_batches(network, parameters, Sharing(Batch.parts, loss_by, most=0), 8) is None
    assert shared_batches(network, parameters, SHARING, 1) is None
    found = shared_batches(network, parameters, SHARING, 8)
    assert found is not None and len(found.networks) == 3


class Endless:
    """The same batch for ever."""

    epoch, epoch_fraction = 0, 0.0

    def __iter__(self) -> Iterator[Batch]:
        while True:
            yield tiles_batch()

    def state(self) -> dict[str, Any]:
        return {}

    def restore(self, state: dict[str, Any]) -> None: ...


@pytest.mark.parametrize(("backprop", "threads", "computing"), [("autograd", 2, 2), ("autograd", 1, 1), ("tape", 2, 1)])
def test_the_trainer_shares_batches_where_it_can(backprop: Any, threads: int, computing: int) -> None:
    """Guards that two threads are used at all, and the tape, which follows one thread, from being shared."""
    seen = set()

    def listening(network: Transformer, batch: Batch) -> tuple[Tensor, int]:
        seen.add(threading.get_ident())
        return loss_by(network, batch)

    network, before = network_of(0.1, torch.float32), torch.get_num_threads()
    options = TrainingOptions(steps=3, threads=threads, backprop=backprop, learning_rate=1e-2, precision="float32")
    first = network.projection.detach().clone()
    try:
        Trainer(
            network, lambda batch: listening(network, batch), Endless(), lambda: Validation(1.0), None, options,
            sharing=Sharing(Batch.parts, listening, 4),
        ).train()  # fmt: skip
    finally:
        torch.set_num_threads(before)
    assert len(seen) == computing
    assert not torch.equal(first, network.projection.detach())
