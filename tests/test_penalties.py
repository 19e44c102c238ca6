"""The penalties on weights: their values by hand, their gradients beside autograd's, and what a training adds."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from congling.equations.penalties import l1_gradient, l1_penalty, l2_gradient, l2_penalty
from congling.learning.gradients import add_penalties
from congling.learning.parameters import FlatParameters
from congling.networks.layers import Linear


def test_values_by_hand() -> None:
    """Guards the half in L2 and the sizes in L1."""
    weights = torch.tensor([[3.0, -4.0], [0.0, 1.0]], dtype=torch.float64)
    assert float(l1_penalty(weights, 0.5)) == 4.0
    assert float(l2_penalty(weights, 0.5)) == 6.5


@pytest.mark.parametrize(("penalty", "gradient"), [(l1_penalty, l1_gradient), (l2_penalty, l2_gradient)])
def test_gradients_equal_autograds(penalty: object, gradient: object) -> None:
    """Guards the forces that are written by hand against the sums whose derivatives they are; also where w is 0."""
    weights = torch.randn(5, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    weights[2, 3] = 0.0
    weights.requires_grad_()
    (expected,) = torch.autograd.grad(penalty(weights, 0.03), weights)  # type: ignore[operator]
    assert torch.equal(gradient(weights.detach(), 0.03), expected)  # type: ignore[operator]


@pytest.mark.parametrize(("l1", "l2"), [(0.0, 0.0), (0.03, 0.0), (0.0, 0.7), (0.03, 0.7)])
def test_a_training_adds_them_over_matrices_alone(l1: float, l2: float) -> None:
    """Guards biases, which no penalty may touch, and the gradient of the whole loss as autograd has it."""
    torch.manual_seed(5)
    network = nn.Sequential(Linear(7, 5), Linear(5, 3)).double()
    input = torch.randn(11, 7, dtype=torch.float64)
    for bias in (network[0].bias, network[1].bias):
        bias.data.normal_()  # they begin at zero, where no penalty would show
    flat = FlatParameters(network, torch.float64)
    network(input).square().mean().backward()
    flat.collect()
    add_penalties(flat, l1, l2)
    ours = {name: value.clone() for name, value in flat.named(flat.gradient).items()}
    flat.clear()
    matrices: list[Tensor] = [parameter for parameter in network.parameters() if parameter.dim() == 2]
    penalties = sum(l1_penalty(each, l1) + l2_penalty(each, l2) for each in matrices)
    (network(input).square().mean() + penalties).backward()
    for name, parameter in network.named_parameters():
        assert torch.allclose(ours[name], parameter.grad, rtol=1e-13, atol=1e-15), name
