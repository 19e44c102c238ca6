"""Sequence packing: nothing lost, nothing seen that is another sentence's, the stream goes on where it stopped."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from congling.data.text.packed_batches import PackedTrainingBatches, collate_tiles
from congling.data.text.pair_batches import collate
from congling.data.text.tiles import TileSize, pack, tile_size
from congling.data.text.token_store import TokenStore, TokenStoreWriter
from congling.errors import UserError
from congling.networks.transformer import Transformer

SOURCE_PAD, TARGET_PAD = 40, 52


def _pairs(count: int, seed: int = 3, longest: int = 24) -> tuple[list[list[int]], list[list[int]]]:
    generator = np.random.default_rng(seed)
    sizes = generator.integers(1, longest, (2, count))
    sources, targets = (
        [list(generator.integers(4, top, n)) for n in side] for top, side in zip((40, 52), sizes, strict=True)
    )
    return sources, targets


def _lengths(sides: tuple[list[list[int]], list[list[int]]]) -> list[np.ndarray]:
    return [np.array([len(row) + 1 for row in side]) for side in sides]


def test_every_row_is_packed_once_and_fits() -> None:
    """A row that is lost or doubled, or a tile that overflows, would go unseen in a training."""
    lengths = _lengths(_pairs(1009, longest=30))
    lengths[0][17], lengths[1][17] = 201, 61  # longer than a tile, than two and than three
    size = TileSize(48, 64)
    batches = pack(*lengths, size, 512, np.random.default_rng(1))
    rows = [row for _, tiles in batches for tile in tiles for row in tile]
    assert sorted(rows) == list(range(1009))
    for wide, tiles in batches:
        assert len(tiles) <= wide.tiles_in(512)
        for tile in tiles:
            assert lengths[0][tile].sum() <= wide.source
            assert lengths[1][tile].sum() <= wide.target
    assert {wide.target for wide, _ in batches} == {64, 512}


def test_tiles_are_filled_well_and_shapes_are_few() -> None:
    """Packing that leaves much padding, or many shapes, would cost what it is there to save."""
    generator = np.random.default_rng(5)
    lengths = [np.clip(generator.poisson(mean, 4001), 1, 60) + 1 for mean in (8, 9.7)]
    size = tile_size(lengths[0] - 1, lengths[1] - 1)
    assert size == TileSize(54, 64)
    batches = pack(*lengths, size, 2048, np.random.default_rng(1))
    full = sum(len(tiles) == 32 for _, tiles in batches)
    assert full >= len(batches) - 2
    tiles = sum(len(tiles) for _, tiles in batches)
    assert lengths[1].sum() / (64 * tiles) > 0.95
    assert lengths[0].sum() / (54 * tiles) > 0.95


def test_a_long_sentence_does_not_make_a_batch_of_its_own() -> None:
    """A step on one long sentence would weigh as much as one on two hundred others."""
    sides = _pairs(2003, longest=20)
    lengths = _lengths(sides)
    lengths[1][5] = 100
    batches = pack(*lengths, TileSize(64, 64), 1024, np.random.default_rng(2))
    (wide,) = [tiles for size, tiles in batches if size.target == 128]
    assert len(wide) == 8
    assert sum(map(len, wide)) > 50


def test_the_loss_is_that_of_the_sentences_one_by_one() -> None:
    """A mask or position that is wrong would let sentences see their neighbours: loss and gradients would differ."""
    torch.manual_seed(7)
    network = Transformer(
        SOURCE_PAD + 1, TARGET_PAD + 1, width=12, heads=3, feed_forward=20, encoder_layers=2, decoder_layers=2,
        dropout=0.0, norm_first=True,
    ).double()  # fmt: skip
    sources, targets = _pairs(23, longest=11)
    lengths = _lengths((sources, targets))
    ((size, tiles),) = pack(*lengths, TileSize(32, 32), 4096, np.random.default_rng(1))
    packed = collate_tiles(sources, targets, tiles, size, (SOURCE_PAD, TARGET_PAD))
    loss, count = network.loss(packed, 0.1)
    loss.backward()
    gradients = [parameter.grad.clone() for parameter in network.parameters() if parameter.grad is not None]
    network.zero_grad()
    total, counted = 0.0, 0
    for source, target in zip(sources, targets, strict=True):
        value, tokens = network.loss(collate([source], [target], SOURCE_PAD, TARGET_PAD), 0.1)
        value.backward()
        total, counted = total + float(value.detach()), counted + tokens
    assert count == counted == packed.target_tokens
    assert float(loss.detach()) == pytest.approx(total, rel=1e-12)
    for ours, theirs in zip(gradients, network.parameters(), strict=True):
        assert theirs.grad is not None
        torch.testing.assert_close(ours, theirs.grad, rtol=1e-9, atol=1e-10)


@pytest.fixture
def store(tmp_path: Path) -> TokenStore:
    sources, targets = _pairs(311)
    with TokenStoreWriter(tmp_path / "pairs.arrow", largest_size=97) as writer:
        writer.append(sources, targets)
    return TokenStore.open(tmp_path / "pairs.arrow")


def _stream(store: TokenStore, seed: int = 1) -> PackedTrainingBatches:
    return PackedTrainingBatches(store, batch_tokens=64, seed=seed, source_pad=SOURCE_PAD, target_pad=TARGET_PAD)


def test_an_epoch_gives_every_sentence_once_in_a_new_order(store: TokenStore) -> None:
    """Windows that overlap or leave a rest would show some sentences more often than others."""
    stream = _stream(store)
    epochs: list[list[tuple[int, ...]]] = [[], []]
    while stream.epoch < 2:
        epoch = stream.epoch
        batch = next(stream)
        assert 0 <= stream.epoch_fraction < 1
        epochs[epoch] += [tuple(row.tolist()) for row in batch.target_output]
        assert batch.packing is not None
    first, second = ([piece for row in epoch for piece in row if piece != TARGET_PAD] for epoch in epochs)
    assert sorted(first) == sorted(second)
    assert len(first) == int(store.target_lengths.sum()) + len(store)
    assert epochs[0] != epochs[1]


def test_the_stream_goes_on_from_its_state(store: TokenStore) -> None:
    """A resumed training must see the batches that it would have seen."""
    stream = _stream(store)
    for _ in range(29):
        next(stream)
    state = stream.state()
    expected = [next(stream).source for _ in range(40)]
    other = _stream(store)
    other.restore(state)
    for source in expected:
        assert torch.equal(next(other).source, source)
    with pytest.raises(UserError, match="seed was 1 and is now 2"):
        _stream(store, seed=2).restore(state)


def test_a_state_of_row_batches_begins_its_epoch_anew(store: TokenStore) -> None:
    """Runs of earlier versions go on."""
    stream = _stream(store)
    stream.restore({"epoch": 3, "position": 5, "pairs": 311, "batch_tokens": 64, "seed": 1})
    assert (stream.epoch, stream.state()["window"], stream.state()["position"]) == (3, 0, 0)


def test_a_place_behind_the_last_batch_is_the_last_batch(store: TokenStore) -> None:
    """Runs of earlier versions, which packed less tightly and had more batches in a window, go on."""
    stream = _stream(store)
    next(stream)
    stream.restore(stream.state() | {"position": 1000})
    last = stream.state()["position"]
    next(stream)
    assert 0 < last < 1000 and (stream.state()["window"], stream.state()["position"]) == (1, 0)
