"""The Transformer that is laid out for translating, against the one that is read: the same numbers, step by step.

H 3 heads of width 7, so W 21 · F 13 · source vocabulary 17, target vocabulary 19, padding included
"""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from torch import Tensor

from congling.networks.prepared_linear import PreparedLinear, filled, rounded
from congling.networks.prepared_transformer import PreparedTransformer
from congling.networks.transformer import Transformer

WIDTH, SOURCE_PIECES, TARGET_PIECES = 21, 17, 19
SOURCE_PAD, TARGET_PAD = SOURCE_PIECES - 1, TARGET_PIECES - 1


def network_of(dtype: torch.dtype, **settings: Any) -> Transformer:
    """Every parameter is random: gains of one and biases of zero would hide mistakes."""
    torch.manual_seed(5)
    network = Transformer(
        SOURCE_PIECES, TARGET_PIECES, width=WIDTH, heads=3, feed_forward=13, encoder_layers=2, decoder_layers=3,
        dropout=0.3, **settings,
    ).to(dtype).eval()  # fmt: skip
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.dim() == 1:
                parameter.add_(torch.randn_like(parameter) / 3)
    return network


def sentences(lengths: list[int]) -> tuple[Tensor, Tensor]:
    padding = torch.arange(max(lengths)) >= torch.tensor(lengths)[:, None]
    return torch.randint(0, SOURCE_PAD, padding.shape).masked_fill_(padding, SOURCE_PAD), padding


def choices(count: int, sentences: int) -> Tensor:
    """Rows as searches choose them: all stay, some leave, places change, rows are repeated, one is left."""
    ways = (
        torch.arange(count),
        torch.arange(count)[: max(1, count - 2)],
        torch.randint(0, count, (5 * sentences,)).sort().values,
        torch.randint(0, count, (count + 1,)),
        torch.tensor([count - 1]),
    )
    return ways[int(torch.multinomial(torch.tensor([4.0, 3.0, 3.0, 3.0, 0.2]), 1))]


@pytest.mark.parametrize("lengths", [[5], [7, 7, 7], [11, 3, 1, 8, 11, 2, 9]])
@pytest.mark.parametrize("norm_first", [False, True])
@pytest.mark.parametrize(("dtype", "near"), [(torch.float64, 1e-5), (torch.float32, 1e-4)])
@torch.no_grad()
def test_every_step_equals_the_plain_networks(
    lengths: list[int], norm_first: bool, dtype: torch.dtype, near: float
) -> None:
    """Guards padding, masks, shared memories, the room that grows, and rows that come, go and change places.

    Log-probabilities are float32 for both and here below 20; float32 itself keeps six of their digits.
    """
    network = network_of(dtype, norm_first=norm_first, activation="gelu" if norm_first else "relu")
    prepared = PreparedTransformer(network)
    source, padding = sentences(lengths)
    plain, fast = network.start(source, padding), prepared.start(source, padding)
    last = torch.full((len(lengths),), TARGET_PAD)
    for _position in range(37):
        expected, plain = network.step(plain, last)
        found, fast = prepared.step(fast, last)
        torch.testing.assert_close(found, expected, rtol=0, atol=near)
        rows = choices(len(last), len(lengths))
        plain, fast = network.select(plain, rows), prepared.select(fast, rows)
        last = torch.randint(0, TARGET_PAD, (len(rows),))


@torch.no_grad()
def test_the_memory_is_copied_only_when_sentences_leave() -> None:
    """Guards beam search's speed: its rows change places at every step. Then it is cut to the sentences that stay."""
    prepared = PreparedTransformer(network_of(torch.float32))
    begun = prepared.start(*sentences([11, 3, 4]))
    spread = prepared.select(begun, torch.tensor([0, 0, 1, 1, 1, 2]))
    moved = prepared.select(spread, torch.tensor([1, 0, 2, 2, 5]))
    assert moved.memory.values.data_ptr() == spread.memory.values.data_ptr() == begun.memory.values.data_ptr()
    left = prepared.select(moved, torch.tensor([2, 3, 4]))
    assert left.memory.values.shape[2] == 2 and left.memory.values.shape[4] == 4


def test_few_numbers_of_rows_are_computed() -> None:
    """Guards against a kernel compiled for each number of rows, and against much work for rows that nobody needs."""
    counts = range(1, 4096)
    assert len({rounded(count) for count in counts}) < 160
    assert all(count <= rounded(count) <= count * 17 / 16 for count in counts)
    assert all(rounded(rounded(count)) == rounded(count) for count in counts)
    indices = filled(torch.arange(33).flip(0))
    assert indices.tolist() == [*range(32, -1, -1), 32]


def test_a_prepared_layer_is_the_linear_one() -> None:
    """Guards every road of the product: one row, few rows in oneDNN's order, many rows, and float64."""
    for rows, dtype in itertools.product((1, 2, 31, 4099), (torch.float32, torch.float64)):
        weight, bias, input = (torch.randn(*shape, dtype=dtype) for shape in ((13, 7), (13,), (rows, 7)))
        torch.testing.assert_close(PreparedLinear(weight, bias)(input), input @ weight.T + bias)
