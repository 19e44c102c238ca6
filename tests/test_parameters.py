"""Parameters as one vector: the network's own numbers, exact sums, and an exact twin."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from congling.learning.parameters import FlatParameters, load_parameters
from congling.networks.layers import LayerNormalisation, Linear
from congling.networks.transformer import Transformer


class Small(nn.Module):
    """A bias stands before a matrix here, so that the order of names is not the order of the vector."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = LayerNormalisation(3)
        self.inner = Linear(3, 5)
        self.outer = Linear(5, 2)

    def forward(self, input: Tensor) -> Tensor:
        return self.outer(torch.tanh(self.inner(self.norm(input))))  # type: ignore[no-any-return]


def small(dtype: torch.dtype = torch.float32) -> Small:
    torch.manual_seed(11)
    return Small().to(dtype)


def test_parameters_are_views_and_matrices_come_first() -> None:
    """Guards the one vector: an update of it must be an update of the network, and biases must not decay."""
    network = small()
    before = {name: value.detach().clone() for name, value in network.named_parameters()}
    flat = FlatParameters(network, torch.float32)
    assert flat.matrices == 3 * 5 + 5 * 2
    assert flat.master.numel() == 25 + 3 + 3 + 5 + 2
    assert list(flat.shapes)[:2] == ["inner.weight", "outer.weight"]
    assert all(torch.equal(value, before[name]) for name, value in network.named_parameters())
    assert flat.working is flat.master
    flat.master.copy_(torch.arange(38.0))
    assert torch.equal(network.inner.weight, torch.arange(15.0).view(5, 3))
    assert torch.equal(network.outer.weight, torch.arange(15.0, 25.0).view(2, 5))
    assert torch.equal(flat.named(flat.master)["norm.weight"], network.norm.weight)


def test_gradients_land_in_the_vector() -> None:
    """Guards against a backward pass that allots new gradients, which nobody would collect."""
    network, twin = small(torch.float64), small(torch.float64)
    flat = FlatParameters(network, torch.float64)
    input = torch.randn(7, 3, dtype=torch.float64)
    for _ in range(2):  # the second pass adds to the first
        network(input).square().sum().backward()
        twin(input).square().sum().backward()
        flat.collect()
    named = flat.named(flat.gradient)
    for name, parameter in twin.named_parameters():
        assert parameter.grad is not None
        assert torch.allclose(named[name], parameter.grad, rtol=1e-12, atol=0)
    flat.clear()
    assert not flat.gradient.any()
    assert all(parameter.grad is not None and not parameter.grad.any() for parameter in network.parameters())


def test_bfloat16_keeps_a_float32_master() -> None:
    """Guards learning in bfloat16: an update too small for its eight bits must add up in the master."""
    network = small()
    flat = FlatParameters(network, torch.bfloat16)
    assert network.inner.weight.dtype == torch.bfloat16
    assert flat.master.dtype == flat.gradient.dtype == torch.float32
    flat.master.fill_(1.0)
    for _ in range(8):
        flat.master += 2**-10  # bfloat16's next number after 1 is 1 + 2⁻⁷
        flat.publish()
    assert torch.all(flat.master == 1 + 2**-7)
    assert torch.all(network.outer.bias == 1 + 2**-7)


def test_collect_is_more_exact_than_bfloat16() -> None:
    """Guards accumulation: 256 and eight ones are 264; bfloat16 alone says 256."""
    network = small()
    flat = FlatParameters(network, torch.bfloat16)
    flat.clear()
    for number in [256.0] + 8 * [1.0]:
        (network.outer.bias * number).sum().backward()
        flat.collect()
    assert torch.all(flat.named(flat.gradient)["outer.bias"] == 264)
    assert torch.tensor(256.0, dtype=torch.bfloat16) + 1 == 256
    flat.clear()
    assert not flat.gradient.any()


def test_lend_gives_an_exact_twin_without_a_copy() -> None:
    """Guards validation: the twin reads the float32 master, now and after every update."""
    network, twin = small(), small()
    flat = FlatParameters(network, torch.bfloat16)
    flat.lend(twin)
    assert twin.inner.weight.dtype == torch.float32
    flat.master.mul_(3)
    assert torch.equal(twin.inner.weight, flat.named(flat.master)["inner.weight"])
    assert not torch.equal(twin.inner.weight, network.inner.weight.float())


def test_a_shared_table_is_held_once() -> None:
    """Guards tied embeddings: one table in three places stays one through the vector and through a twin."""
    made = [
        Transformer(
            13, 13, width=6, heads=2, feed_forward=5, encoder_layers=1, decoder_layers=1, shared_embeddings=True
        )
        for _ in range(2)
    ]
    flat = FlatParameters(made[0], torch.float32)
    assert flat.master.numel() == sum(parameter.numel() for parameter in made[1].parameters())
    flat.lend(made[1])
    for network in made:
        assert network.target_embedding.table.weight is network.source_embedding.table.weight
        assert network.projection.data_ptr() == flat.named(flat.master)["source_embedding.table.weight"].data_ptr()


def test_fill_wants_the_same_names_and_shapes() -> None:
    """Guards a resumed training: a tensor of another shape must not be stretched over the right one."""
    flat = FlatParameters(small(), torch.float32)
    named = {name: torch.full_like(value, 7) for name, value in flat.named(flat.master).items()}
    flat.fill(flat.master, named)
    assert torch.all(flat.master == 7)
    with pytest.raises(KeyError, match=r"outer\.bias"):
        flat.fill(flat.master, {name: value for name, value in named.items() if name != "outer.bias"})
    with pytest.raises(ValueError, match=r"outer\.bias"):
        flat.fill(flat.master, named | {"outer.bias": torch.ones(1)})


def test_load_parameters_copies_or_says_what_does_not_fit() -> None:
    """Guards opening a run: missing, unknown and misshapen weights are named."""
    network, other = small(), small()
    weights = {name: torch.randn_like(value) for name, value in other.named_parameters()}
    load_parameters(network, weights)
    assert all(torch.equal(value, weights[name]) for name, value in network.named_parameters())
    weights["inner.bias"] += 1
    assert not torch.equal(network.inner.bias, weights["inner.bias"])  # copied, not shared
    with pytest.raises(ValueError, match=r"inner\.bias, inner\.gain"):
        load_parameters(network, {name.replace("inner.bias", "inner.gain"): value for name, value in weights.items()})
    with pytest.raises(ValueError, match=r"norm\.weight has the shape \(1,\), not \(3,\)"):
        load_parameters(network, weights | {"norm.weight": torch.ones(1)})
