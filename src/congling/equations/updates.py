"""How one step changes a parameter: from its gradient, and from what the optimiser remembers."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.optim.adamw import adamw as _torch_adamw

from congling.equations.equation import equation
from congling.equations.glass_box import show

Updated = tuple[Tensor, Tensor, Tensor]


def _example(generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor, int]:
    parameter, gradient, mean = (torch.randn(5, 7, dtype=torch.float64, generator=generator) for _ in range(3))
    return parameter, gradient, mean, torch.rand(5, 7, dtype=torch.float64, generator=generator), 3


def _fused_adamw(
    parameter: Tensor,
    gradient: Tensor,
    mean: Tensor,
    square: Tensor,
    step: int,
    learning_rate: float = 1e-3,
    betas: tuple[float, float] = (0.9, 0.999),
    epsilon: float = 1e-8,
    weight_decay: float = 0.01,
) -> Updated:
    parameter, mean, square = parameter.clone(), mean.clone(), square.clone()
    done = torch.tensor(float(step - 1), device=parameter.device)
    _torch_adamw(
        [parameter], [gradient], [mean], [square], [], [done], fused=True, amsgrad=False, maximize=False,
        beta1=betas[0], beta2=betas[1], lr=learning_rate, eps=epsilon, weight_decay=weight_decay,
    )  # fmt: skip
    return parameter, mean, square


@equation(
    r"\theta \leftarrow \theta - \eta\left(\frac{\hat m}{\sqrt{\hat v}+\epsilon} + \lambda\theta\right),\quad"
    r"\hat m = \frac{m}{1-\beta_1^t},\ \hat v = \frac{v}{1-\beta_2^t},\quad"
    r"m \leftarrow \beta_1 m + (1-\beta_1) g,\ v \leftarrow \beta_2 v + (1-\beta_2) g^2",
    source="Kingma and Ba 2015, algorithm 1; decoupled decay (here times η): Loshchilov and Hutter 2019, algorithm 2",
    example=_example,
    fused=_fused_adamw,
)
def adamw(
    parameter: Tensor,
    gradient: Tensor,
    mean: Tensor,
    square: Tensor,
    step: int,
    learning_rate: float = 1e-3,
    betas: tuple[float, float] = (0.9, 0.999),
    epsilon: float = 1e-8,
    weight_decay: float = 0.01,
) -> Updated:
    """One step of AdamW: a running mean of the gradient, divided by the root of a running mean of its square.

    Args: ``parameter``, ``gradient``, ``mean`` m and ``square`` v of one shape; ``step`` t counts from 1.
    Returns the new parameter, m and v.
    """
    mean = betas[0] * mean + (1 - betas[0]) * gradient
    square = betas[1] * square + (1 - betas[1]) * gradient * gradient
    corrected_mean = mean / (1 - betas[0] ** step)
    corrected_square = square / (1 - betas[1] ** step)
    change = corrected_mean / (corrected_square.sqrt() + epsilon) + weight_decay * parameter
    show("gradient", gradient)
    show("mean", mean)
    show("square", square)
    show("change", learning_rate * change)
    return parameter - learning_rate * change, mean, square
