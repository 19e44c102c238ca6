"""The optimisers and the clipping of gradients, step by step beside PyTorch's."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from congling.equations import updates
from congling.equations.glass_box import glass_box
from congling.learning.gradients import clip_gradient
from congling.learning.optimizers import RULES, Optimizer
from congling.learning.options import OptimizerName
from congling.learning.parameters import FlatParameters
from congling.networks.layers import LayerNormalisation, Linear

MOMENTUM, BETAS, EPSILON, DECAY, STEPS = 0.9, (0.9, 0.97), 1e-9, 0.3, 50

# PyTorch's class for each of ours, with the same settings.
TWINS: dict[OptimizerName, tuple[type[torch.optim.Optimizer], dict[str, Any]]] = {
    "gradient-descent": (torch.optim.SGD, {}),
    "momentum": (torch.optim.SGD, {"momentum": MOMENTUM}),
    "nesterov": (torch.optim.SGD, {"momentum": MOMENTUM, "nesterov": True}),
    "rmsprop": (torch.optim.RMSprop, {"alpha": BETAS[1], "eps": EPSILON}),
    "adam": (torch.optim.Adam, {"betas": BETAS, "eps": EPSILON}),
    "adamw": (torch.optim.AdamW, {"betas": BETAS, "eps": EPSILON, "weight_decay": DECAY}),
}
EVERY_RULE = pytest.mark.parametrize("name", TWINS)
EVERY_SEED = pytest.mark.parametrize("seed", [13, 14])


def network(seed: int = 13) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(Linear(7, 5), LayerNormalisation(5), nn.Tanh(), Linear(5, 3)).double()


def loss_of(network: nn.Module, seed: int = 13) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    input, wanted = (torch.randn(11, width, dtype=torch.float64, generator=generator) for width in (7, 3))
    return (network(input) - wanted).square().mean()


def rate(step: int) -> float:
    return 0.02 / (1 + step % 7)


def optimizer_of(made: nn.Module, name: OptimizerName, weight_decay: float = DECAY) -> Optimizer:
    return Optimizer(FlatParameters(made, torch.float64), name, MOMENTUM, BETAS, weight_decay, EPSILON)


def step_ours(ours: Optimizer, network: nn.Module, step: int, seed: int = 13) -> None:
    ours.parameters.clear()
    loss_of(network, seed).backward()
    ours.parameters.collect()
    ours.step(rate(step))
    ours.parameters.publish()


def train_theirs(network: nn.Module, name: OptimizerName, seed: int) -> None:
    kind, settings = TWINS[name]
    matrices = [value for value in network.parameters() if value.dim() == 2]
    vectors: dict[str, Any] = {"params": [value for value in network.parameters() if value.dim() == 1]}
    if name == "adamw":
        vectors["weight_decay"] = 0.0
    theirs = kind([{"params": matrices}, vectors], lr=1.0, **settings)  # type: ignore[call-arg]
    for step in range(STEPS):
        theirs.zero_grad()
        loss_of(network, seed).backward()
        for group in theirs.param_groups:
            group["lr"] = rate(step)
        theirs.step()


def relative_difference(ours: nn.Module, theirs: nn.Module) -> float:
    """The largest difference of any two numbers, over the largest number of their parameter."""
    return max(
        float((ours.get_parameter(name) - value).detach().abs().max() / value.detach().abs().max())
        for name, value in theirs.named_parameters()
    )


def test_every_rule_has_a_twin() -> None:
    """Guards against an optimiser that no test below sees."""
    assert set(RULES) == set(TWINS)


@EVERY_SEED
@EVERY_RULE
def test_kernels_equal_pytorchs_optimisers(name: OptimizerName, seed: int) -> None:
    """Guards memory, bias corrections, a moving rate, and that only matrices decay: 50 steps of the same problem."""
    ours, theirs = network(seed), network(seed)
    optimizer = optimizer_of(ours, name)
    for step in range(STEPS):
        step_ours(optimizer, ours, step, seed)
    train_theirs(theirs, name, seed)
    assert loss_of(ours, seed).item() < 0.9 * loss_of(network(seed), seed).item()  # it does learn
    assert relative_difference(ours, theirs) < 1e-12


@EVERY_SEED
@EVERY_RULE
def test_equations_equal_pytorchs_optimisers(name: OptimizerName, seed: int) -> None:
    """Guards the formulas that are read and printed: the optimiser in the glass box runs nothing else."""
    ours, theirs = network(seed), network(seed)
    optimizer = optimizer_of(ours, name)
    for step in range(STEPS):
        optimizer.parameters.clear()
        loss_of(ours, seed).backward()
        optimizer.parameters.collect()
        with glass_box():
            optimizer.step(rate(step))
    train_theirs(theirs, name, seed)
    assert relative_difference(ours, theirs) < 1e-12


@EVERY_RULE
def test_a_step_is_shown_under_each_parameters_name(name: OptimizerName) -> None:
    """Guards the glass box: gradient, memory and step of every parameter, and that the step is what was taken."""
    made = network()
    optimizer = optimizer_of(made, name)
    step_ours(optimizer, made, 0)
    before = {name: value.clone() for name, value in optimizer.parameters.named(optimizer.parameters.master).items()}
    optimizer.parameters.clear()
    loss_of(made).backward()
    with glass_box() as seen:
        optimizer.step(0.01)
    remembered = optimizer.rule.memory
    assert set(seen) == {f"{each}.{shown}" for each in before for shown in ("gradient", *remembered, "step")}
    for each, value in before.items():
        assert torch.equal(seen[f"{each}.gradient"], made.get_parameter(each).grad)
        assert torch.equal(made.get_parameter(each).detach(), value - seen[f"{each}.step"])
        for kind in remembered:
            assert torch.equal(seen[f"{each}.{kind}"], optimizer.parameters.named(optimizer.memory[kind])[each])


def test_first_steps_by_hand() -> None:
    """Guards the textbook: two steps with g = 2 and g = −1 from θ = 10, on paper."""
    theta, up, down = (torch.tensor([number], dtype=torch.float64) for number in (10.0, 2.0, -1.0))
    nothing = torch.zeros(1, dtype=torch.float64)
    assert updates.gradient_descent.plain(theta, up, 0.5).item() == 9.0
    first, velocity = updates.momentum.plain(theta, up, nothing, 0.5, 0.75)
    assert (first.item(), velocity.item()) == (9.0, 2.0)
    assert updates.momentum.plain(first, down, velocity, 0.5, 0.75)[0].item() == 8.75  # v = 1.5 − 1
    first, velocity = updates.nesterov.plain(theta, up, nothing, 0.5, 0.75)
    assert first.item() == 8.25  # 2 + 1.5
    assert updates.nesterov.plain(first, down, velocity, 0.5, 0.75)[0].item() == 8.5625  # −1 + 0.75 · 0.5
    assert updates.rmsprop.plain(theta, up, nothing, 0.5, 0.75, 0.0)[0].item() == 9.0  # 2 / √(4/4)
    for plain in (updates.adam.plain, updates.adamw.plain):
        decay = () if plain is updates.adam.plain else (0.1,)
        moved = plain(theta, up, nothing, nothing, 1, 0.5, (0.9, 0.99), 0.0, *decay)[0].item()
        assert moved == pytest.approx(9.5 if not decay else 9.0, rel=1e-14)  # the first step is η, whatever g


def test_nesterov_is_sutskevers_seen_from_the_point_ahead() -> None:
    """Guards the claim of its source: θ here is Sutskever's θ + µv, with his v = −ηv, on a curved slope."""

    def slope(theta: Tensor) -> Tensor:
        return theta**3 - theta + 0.3

    theta = ahead = torch.tensor([1.7], dtype=torch.float64)
    velocity, theirs, eta, mu = torch.zeros_like(theta), torch.zeros_like(theta), 0.05, 0.9
    for _step in range(20):
        ahead, velocity = updates.nesterov.plain(ahead, slope(ahead), velocity, eta, mu)
        theirs = mu * theirs - eta * slope(theta + mu * theirs)  # eq. 3
        theta = theta + theirs  # eq. 4
        assert torch.allclose(ahead, theta + mu * theirs, rtol=1e-12)


@EVERY_RULE
def test_state_goes_on_where_it_was(name: OptimizerName) -> None:
    """Guards resumption: memory and the count of steps come back under names, to the last bit."""
    first, second = network(), network(seed=17)
    optimizer = optimizer_of(first, name)
    for step in range(5):
        step_ours(optimizer, first, step)
    state = {each: value.clone() for each, value in optimizer.state().items()}
    assert set(state) == {"steps"} | {
        f"{kind}.{each}" for kind in optimizer.rule.memory for each, _ in first.named_parameters()
    }
    assert all(state[f"{kind}.0.weight"].shape == (5, 7) for kind in optimizer.rule.memory)
    again = optimizer_of(second, name)
    again.parameters.master.copy_(optimizer.parameters.master)
    again.restore(state)
    for step in range(5, 9):
        step_ours(optimizer, first, step)
        step_ours(again, second, step)
    assert torch.equal(optimizer.parameters.master, again.parameters.master)


def test_adamws_state_is_named_as_in_0_1() -> None:
    """Guards checkpoints of the first version: their moments are ``mean`` and ``square``, their count a float."""
    optimizer = optimizer_of(network(), "adamw")
    state = optimizer.state()
    assert {name.split(".")[0] for name in state} == {"mean", "square", "steps"}
    optimizer.restore(state | {"steps": torch.tensor(7.0)})
    assert optimizer.steps == 7


def test_another_optimisers_state_is_refused() -> None:
    """Guards a run.yaml edited to another optimiser: RMSProp would take Adam's squares and lose its means unsaid."""
    state = optimizer_of(network(), "adam").state()
    for other in ("rmsprop", "momentum", "gradient-descent"):
        with pytest.raises(KeyError, match="mean"):
            optimizer_of(network(), other).restore(state)  # type: ignore[arg-type]


@pytest.mark.parametrize("width", [0, 1])
@EVERY_RULE
def test_a_network_without_matrices_or_without_vectors_is_updated(name: OptimizerName, width: int) -> None:
    """Guards the kernels against the empty half of a network that has biases alone, or matrices alone."""
    made = nn.ParameterDict({"alone": nn.Parameter(torch.full((3, 2) if width else (3,), 2.0).double())})
    optimizer = optimizer_of(made, name)
    optimizer.parameters.gradient.fill_(0.5)
    optimizer.step(0.1)
    assert bool((made["alone"] < 2.0).all())


def test_a_gradient_of_zero_moves_nothing() -> None:
    """Guards the ε of rules that divide by what they remember: 0 / 0 would be no number."""
    for name in TWINS:
        made = network()
        optimizer = optimizer_of(made, name, weight_decay=0.0)
        before = optimizer.parameters.master.clone()
        optimizer.step(0.1)
        assert torch.equal(optimizer.parameters.master, before)
        assert math.isfinite(float(optimizer.parameters.master.sum()))


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
