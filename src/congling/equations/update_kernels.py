"""The updates of ``updates`` by PyTorch's kernels, in place: one pass over memory each. Their twins are read there."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.optim.adam import adam as _adam
from torch.optim.adamw import adamw as _adamw
from torch.optim.rmsprop import rmsprop as _rmsprop
from torch.optim.sgd import sgd as _sgd


def gradient_descent_(parameter: Tensor, gradient: Tensor, learning_rate: float) -> None:
    _descend(parameter, gradient, None, learning_rate, momentum=0.0, nesterov=False)


def momentum_(parameter: Tensor, gradient: Tensor, velocity: Tensor, learning_rate: float, momentum: float) -> None:
    _descend(parameter, gradient, velocity, learning_rate, momentum, nesterov=False)


def nesterov_(parameter: Tensor, gradient: Tensor, velocity: Tensor, learning_rate: float, momentum: float) -> None:
    _descend(parameter, gradient, velocity, learning_rate, momentum, nesterov=momentum > 0)  # refused with none


def rmsprop_(
    parameter: Tensor, gradient: Tensor, square: Tensor, learning_rate: float, decay: float, epsilon: float
) -> None:
    _rmsprop(
        [parameter], [gradient], [square], [], [], [_steps_before(1, parameter)], foreach=True, lr=learning_rate,
        alpha=decay, eps=epsilon, weight_decay=0.0, momentum=0.0, centered=False,
    )  # fmt: skip


def adam_(
    parameter: Tensor,
    gradient: Tensor,
    mean: Tensor,
    square: Tensor,
    step: int,
    learning_rate: float,
    betas: tuple[float, float],
    epsilon: float,
) -> None:
    _adam(
        [parameter], [gradient], [mean], [square], [], [_steps_before(step, parameter)], fused=True, amsgrad=False,
        maximize=False, beta1=betas[0], beta2=betas[1], lr=learning_rate, eps=epsilon, weight_decay=0.0,
    )  # fmt: skip


def adamw_(
    parameter: Tensor,
    gradient: Tensor,
    mean: Tensor,
    square: Tensor,
    step: int,
    learning_rate: float,
    betas: tuple[float, float],
    epsilon: float,
    weight_decay: float,
) -> None:
    _adamw(
        [parameter], [gradient], [mean], [square], [], [_steps_before(step, parameter)], fused=True, amsgrad=False,
        maximize=False, beta1=betas[0], beta2=betas[1], lr=learning_rate, eps=epsilon, weight_decay=weight_decay,
    )  # fmt: skip


def on_copies(kernel: Callable[..., None]) -> Callable[..., Any]:
    """The kernel as a function: it returns what it would have changed, and leaves its arguments as they were."""

    @functools.wraps(kernel)
    def function(parameter: Tensor, gradient: Tensor, *others: Any) -> Any:
        parameter = parameter.clone()
        others = tuple(other.clone() if isinstance(other, Tensor) else other for other in others)
        kernel(parameter, gradient, *others)
        memory = tuple(other for other in others if isinstance(other, Tensor))
        return (parameter, *memory) if memory else parameter

    return function


def _descend(
    parameter: Tensor, gradient: Tensor, velocity: Tensor | None, rate: float, momentum: float, nesterov: bool
) -> None:
    _sgd(
        [parameter], [gradient], [velocity], fused=True, weight_decay=0.0, momentum=momentum, lr=rate, dampening=0.0,
        nesterov=nesterov, maximize=False,
    )  # fmt: skip


def _steps_before(step: int, parameter: Tensor) -> Tensor:
    # A tensor of its own for each call: the kernels count it up.
    return torch.full((), float(step - 1), device=parameter.device)
