"""Dropout: the masks' statistics, where they are drawn, and that nothing is dropped after training."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from congling.data.text.pair_batches import collate
from congling.equations.layers import draw_dropout_mask, dropout
from congling.equations.random_numbers import drawing_from
from congling.networks.layers import Dropout
from congling.networks.transformer import Transformer
from congling.networks.transformer_layers import FeedForward, MultiHeadAttention

COUNT = 100_003  # prime: the last random word is not used up


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("probability", [0.003, 0.1, 0.3, 0.5, 0.9, 0.999])
def test_masks_keep_the_mean(probability: float, dtype: torch.dtype) -> None:
    """Guards the byte arithmetic: only 0 and one scale, whose mean is 1, and p to within half a byte.

    The share of zeros has the standard deviation √(p(1 − p) / N) < 0.0016; 5 of them are allowed.
    """
    torch.manual_seed(37)
    mask = draw_dropout_mask(torch.empty(COUNT, dtype=dtype), probability)
    assert mask.dtype == dtype
    kept = mask != 0
    scale = mask[kept].unique()
    assert len(scale) == 1
    share = min(255, max(1, round(256 * (1 - probability)))) / 256
    assert abs(share - (1 - probability)) <= 1 / 256
    assert float(scale.double()) == pytest.approx(1 / share, rel=2**-8 if dtype == torch.bfloat16 else 1e-6)
    assert float(kept.double().mean()) == pytest.approx(share, abs=5 * math.sqrt(share * (1 - share) / COUNT))


def test_masks_are_drawn_anew_and_follow_the_seed() -> None:
    """Guards repeatability, and against one mask for all: neighbours within a word must not depend on each other."""
    like = torch.empty(7, 11, 13)
    torch.manual_seed(41)
    first, second = draw_dropout_mask(like, 0.5), draw_dropout_mask(like, 0.5)
    torch.manual_seed(41)
    assert torch.equal(draw_dropout_mask(like, 0.5), first)
    assert not torch.equal(first, second)
    assert first.shape == like.shape
    bits = (draw_dropout_mask(torch.empty(8 * 10_007), 0.5) != 0).double().view(-1, 8)
    correlation = torch.corrcoef(bits.T) - torch.eye(8, dtype=torch.float64)
    assert float(correlation.abs().max()) < 5 / math.sqrt(10_007)


def test_a_thread_may_draw_from_a_generator_of_its_own() -> None:
    """Guards trainings whose threads share batches: what one thread draws must not hang on what another one drew."""
    like, own, drawn = torch.empty(7, 11), torch.Generator(), []
    for before in range(2):
        torch.rand(before)  # PyTorch's own generator stands elsewhere each time
        state = torch.get_rng_state()
        with drawing_from(own.manual_seed(43)):
            drawn.append(draw_dropout_mask(like, 0.5))
        assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(*drawn)
    assert not torch.equal(draw_dropout_mask(like, 0.5), drawn[0])


def test_dropout_multiplies_values_and_gradients() -> None:
    """Guards the backward pass: what was dropped gets no gradient, the rest gets the scaled one."""
    input = torch.tensor([3.0, 5.0, 7.0], requires_grad=True)
    output = dropout(input, torch.tensor([0.0, 2.0, 2.0]))
    assert output.tolist() == [0, 10, 14]
    output.sum().backward()
    assert input.grad is not None and input.grad.tolist() == [0, 2, 2]


def test_nothing_is_dropped_after_training() -> None:
    """Guards translation: a network that goes on dropping is another one at each call."""
    layer, input = Dropout(0.5), torch.ones(7, 11)
    assert layer.mask(input) is not None
    assert not torch.equal(layer(input), input)
    layer.eval()
    assert layer.mask(input) is None
    assert layer(input) is input
    assert Dropout(0.0).mask(input) is None


def test_attention_dropout_drops_weights() -> None:
    """Guards --attention-dropout: whole links to keys vanish; with all values alike, a mean of scales is left."""
    torch.manual_seed(43)
    attend = MultiHeadAttention(6, 2, 0.5)
    torch.nn.init.eye_(attend.output_projection.weight)
    query = torch.zeros(3, 2, 5, 3)
    key, value = torch.zeros(3, 2, 7, 3), torch.ones(3, 2, 7, 3)
    dropped = attend(query, key, value, None)
    # Each of 7 equal weights is 0 or 2/7, for each head and query for itself, but for the whole value.
    sevenths = dropped * 7 / 2
    assert torch.allclose(sevenths, sevenths.round(), atol=1e-5)
    assert len(sevenths.round().unique()) > 2
    heads = sevenths.view(3, 5, 2, 3)
    assert torch.equal(heads[..., :1].expand_as(heads), heads)
    assert not torch.equal(heads[:, :, 0], heads[:, :, 1])
    assert torch.allclose(attend.eval()(query, key, value, None), torch.ones(3, 5, 6))


def test_activation_dropout_drops_inner_numbers() -> None:
    """Guards --activation-dropout: it acts between the two layers."""
    torch.manual_seed(47)
    feed_forward = FeedForward(5, 1, 0.5, "relu")
    torch.nn.init.ones_(feed_forward.inner.weight)
    torch.nn.init.ones_(feed_forward.outer.weight)
    rows = feed_forward(torch.ones(1, 97, 5))[0]
    assert set(rows.unique().tolist()) == {0.0, 10.0}
    assert torch.equal(rows[:, :1].expand_as(rows), rows)


@pytest.mark.parametrize("rate", ["dropout", "attention_dropout", "activation_dropout"])
def test_every_rate_acts_in_training_only(rate: str) -> None:
    """Guards the wiring: each option reaches encoder and decoder, and none acts in translation."""
    rates = {"dropout": 0.0, "attention_dropout": 0.0, "activation_dropout": 0.0} | {rate: 0.3}
    torch.manual_seed(53)
    network = Transformer(13, 11, width=6, heads=2, feed_forward=7, encoder_layers=1, decoder_layers=1, **rates)
    batch = collate([[2, 3, 5, 7]], [[2, 3, 4]], 12, 10)
    with torch.no_grad():
        memory, mask = network.eval().encode(batch.source, batch.source_padding)

        def encoded() -> Tensor:
            return network.encode(batch.source, batch.source_padding)[0]

        def decoded() -> Tensor:
            return network.decode(batch.target_input, memory, mask)

        for call in (encoded, decoded):
            network.eval()
            assert torch.equal(call(), call())
            network.train()
            assert not torch.equal(call(), call())
