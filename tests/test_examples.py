"""The stream of example batches: each example once an epoch, in an order that follows from the seed, and going on."""

from __future__ import annotations

from itertools import islice

import pytest
import torch

from congling.data.examples import ExampleBatch, ExampleBatches
from congling.errors import UserError

ROWS = 23


def stream(batch_size: int | None = 5, seed: int = 3, rows: int = ROWS) -> ExampleBatches:
    inputs = torch.arange(rows, dtype=torch.float32)[:, None] * torch.tensor([1.0, 10.0])
    return ExampleBatches(inputs, torch.arange(rows), batch_size, seed)


def targets(batches: list[ExampleBatch]) -> list[list[int]]:
    return [batch.targets.tolist() for batch in batches]


def test_each_example_once_an_epoch_with_its_target() -> None:
    """Guards against lost, repeated or mismatched rows; the last batch is what is left."""
    batches = list(islice(stream(), 5))
    assert [len(batch) for batch in batches] == [5, 5, 5, 5, 3]
    assert sorted(row for rows in targets(batches) for row in rows) == list(range(ROWS))
    for batch in batches:
        assert batch.inputs[:, 1].tolist() == [10 * target for target in batch.targets.tolist()]


def test_order_follows_from_seed_and_epoch() -> None:
    """Guards against one order for all epochs, and against chance that the seed does not hold."""
    first, again, other = (targets(list(islice(stream(seed=seed), 10))) for seed in (3, 3, 4))
    assert first == again
    assert first != other
    assert first[:5] != first[5:]


def test_epochs_are_counted() -> None:
    """Guards the budget in epochs and the curve over them."""
    batches = stream()
    seen = [(batches.epoch, batches.epoch_fraction) for _batch in islice(batches, 6)]
    assert seen == [(0, 5 / 23), (0, 10 / 23), (0, 15 / 23), (0, 20 / 23), (1, 0), (1, 5 / 23)]


@pytest.mark.parametrize("batch_size", [None, ROWS, 1000])
def test_the_whole_set_at_each_step(batch_size: int | None) -> None:
    """Guards full batches: every step is an epoch, in the set's own order."""
    batches = stream(batch_size)
    assert targets(list(islice(batches, 3))) == [list(range(ROWS))] * 3
    assert (batches.epoch, batches.epoch_fraction) == (3, 0)


@pytest.mark.parametrize("given", [0, 1, 4, 5, 8])
def test_goes_on_from_any_state(given: int) -> None:
    """Guards resuming in the middle and at the end of an epoch."""
    first, second = stream(), stream()
    list(islice(first, given))
    second.restore(first.state())
    assert (second.epoch, second.epoch_fraction) == (first.epoch, first.epoch_fraction)
    assert targets(list(islice(first, 7))) == targets(list(islice(second, 7)))


@pytest.mark.parametrize(
    ("other", "named"), [(stream(batch_size=7), "batch_size"), (stream(seed=5), "seed"), (stream(rows=29), "examples")]
)
def test_refuses_the_state_of_other_data(other: ExampleBatches, named: str) -> None:
    """Guards against going on in the middle of an order that there never was."""
    with pytest.raises(UserError, match=named):
        stream().restore(other.state())


def test_no_examples() -> None:
    """Guards against an endless loop over nothing."""
    with pytest.raises(UserError, match="no examples"):
        stream(rows=0)
