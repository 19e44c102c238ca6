"""Activation functions: values by hand, PyTorch's gradients where they are steep or bent, and numbers far out."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from congling.equations.activations import leaky_relu, relu, sigmoid, silu, tanh
from congling.equations.equation import Equation
from congling.equations.glass_box import glass_box
from congling.networks.activations import ACTIVATIONS

TWINS: dict[str, Callable[[Tensor], Tensor]] = {
    "identity": lambda x: x.clone(),
    "square": lambda x: x**2,
    "sine": torch.sin,
    "exponential": torch.exp,
    "relu": F.relu,
    "leaky-relu": F.leaky_relu,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "gelu": F.gelu,
    "silu": F.silu,
}
AT_TWO = {
    "identity": 2.0, "square": 4.0, "sine": 0.9092974268256817, "exponential": 7.38905609893065, "relu": 2.0,
    "leaky-relu": 2.0, "sigmoid": 0.8807970779778823, "tanh": 0.9640275800758169, "gelu": 1.9544997361036416,
    "silu": 1.7615941559557646,
}  # fmt: skip


def with_gradient(function: Callable[[Tensor], Tensor], input: Tensor) -> tuple[Tensor, Tensor]:
    leaf = input.clone().requires_grad_()
    output = function(leaf)
    (gradient,) = torch.autograd.grad(output.sum(), leaf)
    return output.detach(), gradient


def test_every_name_has_a_twin() -> None:
    """Guards the names of the options: an activation that no test knows."""
    assert set(ACTIVATIONS) == set(TWINS) == set(AT_TWO)


@pytest.mark.parametrize("name", TWINS)
def test_plain_body_equals_pytorch(name: str) -> None:
    """Guards values and gradients of what the glass box and the tape run, at 0 (where two branches meet) as well."""
    input = torch.tensor([-30.0, -3.1, -0.7, -1e-9, 0.0, 1e-9, 0.4, 2.3, 29.0], dtype=torch.float64)
    with glass_box():
        value, gradient = with_gradient(ACTIVATIONS[name], input)
    wanted_value, wanted_gradient = with_gradient(TWINS[name], input)
    torch.testing.assert_close(value, wanted_value, rtol=1e-12, atol=1e-15)
    torch.testing.assert_close(gradient, wanted_gradient, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", AT_TWO)
def test_values_at_two(name: str) -> None:
    """Guards the names against a mix-up, by numbers that were calculated elsewhere."""
    assert float(ACTIVATIONS[name](torch.tensor(2.0, dtype=torch.float64))) == pytest.approx(AT_TWO[name], rel=1e-14)


@pytest.mark.parametrize("equation", [sigmoid, tanh, silu])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_nothing_overflows_far_out(equation: Equation[[Tensor], Tensor], dtype: torch.dtype) -> None:
    """Guards the plain bodies against e^1000: the value would be right by luck, and the gradient NaN."""
    value, gradient = with_gradient(equation.plain, torch.tensor([-1e4, 1e4], dtype=dtype))
    wanted_value, wanted_gradient = with_gradient(equation.fused, torch.tensor([-1e4, 1e4], dtype=dtype))
    torch.testing.assert_close(value, wanted_value)
    torch.testing.assert_close(gradient, wanted_gradient)


def test_the_slope_of_a_leaky_unit() -> None:
    """Guards the side on which it leaks, and how much."""
    for way in (leaky_relu.plain, leaky_relu.fused):
        assert way(torch.tensor([-3.0, 5.0]), 0.25).tolist() == [-0.75, 5.0]


def test_a_rectifier_at_zero() -> None:
    """Guards the choice of the derivative 0 where there is none."""
    for way in (relu.plain, relu.fused):
        assert with_gradient(way, torch.zeros(1))[1].item() == 0


@pytest.mark.parametrize("name", TWINS)
def test_what_is_no_number_stays_none(name: str) -> None:
    """Guards the tape, which runs the plain bodies: a NaN that becomes 0 in one would hide where it came from."""
    with glass_box():
        assert bool(ACTIVATIONS[name](torch.tensor([math.nan])).isnan())
    assert bool(ACTIVATIONS[name](torch.tensor([math.nan])).isnan())


def test_sigmoid_by_hand() -> None:
    """Guards e^−x in the denominator, not e^x: 1 / (1 + e^−ln 3) is three quarters."""
    assert float(sigmoid.plain(torch.tensor(math.log(3), dtype=torch.float64))) == pytest.approx(0.75, rel=1e-15)
