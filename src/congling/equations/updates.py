"""How one step changes a parameter: from its gradient, and from what the optimiser remembers of earlier ones.

θ parameter · g gradient · v velocity · m mean of the gradient · s mean of its square · η learning rate · t step, from 1

All tensors of one call have one shape. What is remembered begins at zero.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from congling.equations import update_kernels as kernels
from congling.equations.equation import equation
from congling.equations.glass_box import show


def _example(memory: int, *others: Any) -> Callable[[torch.Generator], tuple[Any, ...]]:
    """Draws parameter, gradient and so many tensors of memory (none negative: a square is one); others stay."""

    def draw(generator: torch.Generator) -> tuple[Any, ...]:
        drawn = [torch.randn(5, 7, dtype=torch.float64, generator=generator) for _ in range(2 + memory)]
        return (*drawn[:2], *(tensor.abs() for tensor in drawn[2:]), *others)

    return draw


@equation(
    r"\theta \leftarrow \theta - \eta g",
    source="Goodfellow, Bengio and Courville 2016, §4.3, eq. 4.5; Cauchy 1847",
    example=_example(0, 0.01),
    fused=kernels.on_copies(kernels.gradient_descent_),
)
def gradient_descent(parameter: Tensor, gradient: Tensor, learning_rate: float) -> Tensor:
    """One step against the gradient: straight down the slope, the further the steeper it is. Returns the new θ."""
    show("gradient", gradient)
    show("step", learning_rate * gradient)
    return parameter - learning_rate * gradient


@equation(
    r"v \leftarrow \mu v + g,\quad \theta \leftarrow \theta - \eta v",
    source="Polyak 1964, §1; Sutskever et al. 2013, §2, eq. 1–2 (their velocity is −ηv, the same while η stays)",
    example=_example(1, 0.01, 0.9),
    fused=kernels.on_copies(kernels.momentum_),
)
def momentum(
    parameter: Tensor, gradient: Tensor, velocity: Tensor, learning_rate: float, momentum: float
) -> tuple[Tensor, Tensor]:
    """A step that keeps the part μ of its speed, like a heavy ball: what alternates cancels, what lasts adds up.

    Returns the new θ and v.
    """
    velocity = momentum * velocity + gradient
    show("gradient", gradient)
    show("velocity", velocity)
    show("step", learning_rate * velocity)
    return parameter - learning_rate * velocity, velocity


@equation(
    r"v \leftarrow \mu v + g,\quad \theta \leftarrow \theta - \eta (g + \mu v)",
    source="Nesterov 1983; Sutskever et al. 2013, §2, eq. 3–4, where θ is the point looked ahead to (as in PyTorch)",
    example=_example(1, 0.01, 0.9),
    fused=kernels.on_copies(kernels.nesterov_),
)
def nesterov(
    parameter: Tensor, gradient: Tensor, velocity: Tensor, learning_rate: float, momentum: float
) -> tuple[Tensor, Tensor]:
    """Momentum that looks ahead: the gradient is taken where the speed will have carried the parameter.

    Sutskever's θ stands behind by ηµv and asks for the gradient at the point ahead. Here, as in PyTorch, the
    parameter is that point itself; so the step is g + μv with the new v. Returns the new θ and v.
    """
    velocity = momentum * velocity + gradient
    step = learning_rate * (gradient + momentum * velocity)
    show("gradient", gradient)
    show("velocity", velocity)
    show("step", step)
    return parameter - step, velocity


@equation(
    r"s \leftarrow \rho s + (1-\rho) g^2,\quad \theta \leftarrow \theta - \eta \frac{g}{\sqrt{s}+\epsilon}",
    source="Tieleman and Hinton 2012, lecture 6e (ε, outside of the root, as in PyTorch)",
    example=_example(1, 0.01, 0.95, 1e-8),
    fused=kernels.on_copies(kernels.rmsprop_),
)
def rmsprop(
    parameter: Tensor, gradient: Tensor, square: Tensor, learning_rate: float, decay: float, epsilon: float
) -> tuple[Tensor, Tensor]:
    """A step of about η for every number, however steep: the gradient over the root of its square's running mean.

    Returns the new θ and s.
    """
    square = decay * square + (1 - decay) * gradient * gradient
    step = learning_rate * gradient / (square.sqrt() + epsilon)
    show("gradient", gradient)
    show("square", square)
    show("step", step)
    return parameter - step, square


@equation(
    r"\theta \leftarrow \theta - \eta\frac{\hat m}{\sqrt{\hat s}+\epsilon},\quad "
    r"\hat m = \frac{m}{1-\beta_1^t},\ \hat s = \frac{s}{1-\beta_2^t},\quad "
    r"m \leftarrow \beta_1 m + (1-\beta_1) g,\ s \leftarrow \beta_2 s + (1-\beta_2) g^2",
    source="Kingma and Ba 2015, algorithm 1",
    example=_example(2, 3, 0.01, (0.9, 0.98), 1e-9),
    fused=kernels.on_copies(kernels.adam_),
)
def adam(
    parameter: Tensor,
    gradient: Tensor,
    mean: Tensor,
    square: Tensor,
    step: int,
    learning_rate: float,
    betas: tuple[float, float],
    epsilon: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """Momentum and RMSProp together, each running mean corrected for having begun at zero.

    Returns the new θ, m and s.
    """
    mean = betas[0] * mean + (1 - betas[0]) * gradient
    square = betas[1] * square + (1 - betas[1]) * gradient * gradient
    corrected_mean = mean / (1 - betas[0] ** step)
    corrected_square = square / (1 - betas[1] ** step)
    change = learning_rate * corrected_mean / (corrected_square.sqrt() + epsilon)
    show("gradient", gradient)
    show("mean", mean)
    show("square", square)
    show("step", change)
    return parameter - change, mean, square


@equation(
    r"\theta \leftarrow \theta - \eta\left(\frac{\hat m}{\sqrt{\hat s}+\epsilon} + \lambda\theta\right),\quad "
    r"\hat m,\ \hat s \text{ as in Adam}",
    source="Loshchilov and Hutter 2019, algorithm 2 (their decay is not multiplied by η, ours is, as in PyTorch)",
    example=_example(2, 3, 0.01, (0.9, 0.98), 1e-9, 0.01),
    fused=kernels.on_copies(kernels.adamw_),
)
def adamw(
    parameter: Tensor,
    gradient: Tensor,
    mean: Tensor,
    square: Tensor,
    step: int,
    learning_rate: float,
    betas: tuple[float, float],
    epsilon: float,
    weight_decay: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """Adam, and beside it every number loses the part ηλ of itself: the decay does not pass through the moments.

    Returns the new θ, m and s.
    """
    mean = betas[0] * mean + (1 - betas[0]) * gradient
    square = betas[1] * square + (1 - betas[1]) * gradient * gradient
    corrected_mean = mean / (1 - betas[0] ** step)
    corrected_square = square / (1 - betas[1] ** step)
    change = learning_rate * (corrected_mean / (corrected_square.sqrt() + epsilon) + weight_decay * parameter)
    show("gradient", gradient)
    show("mean", mean)
    show("square", square)
    show("step", change)
    return parameter - change, mean, square
