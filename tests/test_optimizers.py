"""The optimiser and the clipping of gradients, step by step beside PyTorch's."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from congling.equations.updates import adamw
from congling.learning.optimizers import AdamW, clip_gradient
from congling.learning.parameters import FlatParameters
from congling.networks.layers import LayerNormalisation, Linear

BETAS, EPSILON, DECAY = (0.9, 0.97), 1e-9, 0.3


def network() -> nn.Module:
    torch.manual_seed(13)
    return nn.Sequential(Linear(7, 5), LayerNormalisation(5), nn.Tanh(), Linear(5, 3)).double()


def problem() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(17)
    return (
        torch.randn(11, 7, dtype=torch.float64, generator=generator),
        torch.randn(11, 3, dtype=torch.float64, generator=generator),
    )


def difference(network: nn.Module) -> Tensor:
    input, wanted = problem()
    return (network(input) - wanted).square().sum()


def rate(step: int) -> float:
    return 0.02 / (1 + step % 7)


def step_both(ours: AdamW, network: nn.Module, step: int) -> None:
    ours.parameters.clear()
    difference(network).backward()
    ours.parameters.collect()
    ours.step(rate(step))
    ours.parameters.publish()


def optimizer_of(made: nn.Module) -> AdamW:
    return AdamW(FlatParameters(made, torch.float64), BETAS, EPSILON, DECAY)


def test_adamw_equals_pytorchs() -> None:
    """Guards moments, bias corrections, a moving rate, and that only matrices decay: 50 steps of the same problem."""
    network_of_ours, network_of_theirs = network(), network()
    ours = optimizer_of(network_of_ours)
    named = list(network_of_theirs.named_parameters())
    groups = [
        {"params": [value for _, value in named if value.dim() == 2], "weight_decay": DECAY},
        {"params": [value for _, value in named if value.dim() == 1], "weight_decay": 0.0},
    ]
    theirs = torch.optim.AdamW(groups, betas=BETAS, eps=EPSILON)
    for step in range(50):
        step_both(ours, network_of_ours, step)
        theirs.zero_grad()
        difference(network_of_theirs).backward()
        for group in theirs.param_groups:
            group["lr"] = rate(step)
        theirs.step()
    assert difference(network_of_ours).item() < 0.5 * difference(network()).item()  # it does learn
    for name, value in named:
        assert float((network_of_ours.get_parameter(name) - value).detach().abs().max()) < 1e-12, name


def test_adamw_equals_its_equation() -> None:
    """Guards the shown formula: the in-place kernel that trains is the equation that is printed."""
    made = network()
    optimizer = optimizer_of(made)
    flat = optimizer.parameters
    values, mean, square = flat.master.clone(), torch.zeros_like(flat.master), torch.zeros_like(flat.master)
    decay = torch.zeros_like(values)
    decay[: flat.matrices] = DECAY
    for step in range(5):
        step_both(optimizer, made, step)
        values, mean, square = adamw.plain(
            values, flat.gradient, mean, square, step + 1, rate(step), BETAS, EPSILON, decay
        )  # type: ignore[arg-type]
        assert float((flat.master - values).abs().max()) < 1e-12


def test_state_goes_on_where_it_was() -> None:
    """Guards resumption: moments and the count of steps come back under names, to the last bit."""
    first, second = network(), network()
    optimizer = optimizer_of(first)
    for step in range(5):
        step_both(optimizer, first, step)
    state = {name: value.clone() for name, value in optimizer.state().items()}
    assert state["mean.0.weight"].shape == (5, 7)
    assert set(state) == {"steps"} | {
        f"{moment}.{name}" for moment in ("mean", "square") for name, _ in first.named_parameters()
    }
    again = optimizer_of(second)
    again.parameters.master.copy_(optimizer.parameters.master)
    again.restore(state)
    for step in range(5, 9):
        step_both(optimizer, first, step)
        step_both(again, second, step)
    assert torch.equal(optimizer.parameters.master, again.parameters.master)


@pytest.mark.parametrize("largest", [0.5, 3.0, 1e9])
def test_clipping_equals_pytorchs(largest: float) -> None:
    """Guards the direction, which must stay, and short gradients, which must pass."""
    generator = torch.Generator().manual_seed(19)
    gradient = torch.randn(97, dtype=torch.float64, generator=generator)
    parameter = nn.Parameter(torch.zeros_like(gradient))
    parameter.grad = gradient.clone()
    norm = nn.utils.clip_grad_norm_([parameter], largest)
    assert clip_gradient(gradient, largest) == pytest.approx(float(norm), rel=1e-12)
    # PyTorch adds 1e-6 to the length it divides by.
    assert torch.allclose(gradient, parameter.grad, rtol=3e-6, atol=0)
    assert float(gradient.norm()) <= largest * (1 + 1e-12)


@pytest.mark.parametrize("largest", [0.0, None])
def test_clipping_can_be_switched_off(largest: float | None) -> None:
    """Guards --clip-norm 0, which must not shorten every gradient to nothing."""
    gradient = torch.full((9,), 100.0)
    assert clip_gradient(gradient, largest) == 300
    assert torch.all(gradient == 100)
