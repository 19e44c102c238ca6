"""Optimisers: they apply an update equation to all parameters of a network at once.

In training PyTorch's kernels run over the one flat vector, in place. Inside ``with glass_box():`` the equation itself
runs, parameter by parameter, and shows gradient, memory and step under each parameter's name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from congling.equations import update_kernels, updates
from congling.equations.glass_box import open_box, scope
from congling.learning.options import OptimizerName
from congling.learning.parameters import FlatParameters

EPSILON = 1e-9  # Vaswani et al. 2017, §5.3; keeps a step finite where no gradient was ever seen


@dataclass(frozen=True)
class Rule:
    """An update equation, its kernel, and what it remembers of each parameter.

    ``settings(optimizer, learning_rate, weight_decay)`` are its arguments after the gradient and the memory.
    """

    equation: Callable[..., Any]
    kernel: Callable[..., None]
    memory: tuple[str, ...]
    settings: Callable[[Optimizer, float, float], tuple[Any, ...]]


class Optimizer:
    """One of the rules, over all parameters of a network.

    Args:
        momentum: of ``momentum`` and ``nesterov``.
        betas: of ``adam`` and ``adamw``; ``rmsprop`` has the second one.
        weight_decay: of ``adamw``: times the learning rate, taken off every matrix at each step; biases and norms do
            not decay.

    Attributes:
        memory: what is remembered, by name, each one flat vector.
        steps: how many steps were taken.
    """

    def __init__(
        self,
        parameters: FlatParameters,
        name: OptimizerName,
        momentum: float,
        betas: tuple[float, float],
        weight_decay: float = 0.0,
        epsilon: float = EPSILON,
    ) -> None:
        self.parameters, self.rule = parameters, RULES[name]
        self.momentum, self.betas, self.weight_decay, self.epsilon = momentum, betas, weight_decay, epsilon
        self.memory = {kind: torch.zeros_like(parameters.master) for kind in self.rule.memory}
        self.steps = 0

    @torch.no_grad()
    def step(self, learning_rate: float) -> None:
        """One update of the master from its gradient."""
        self.steps += 1
        if open_box() is not None:
            self._step_in_the_open(learning_rate)
            return
        flat, border = self.parameters, self.parameters.matrices
        for part, decay in ((slice(0, border), self.weight_decay), (slice(border, None), 0.0)):
            memory = [vector[part] for vector in self.memory.values()]
            settings = self.rule.settings(self, learning_rate, decay)
            self.rule.kernel(flat.master[part], flat.gradient[part], *memory, *settings)

    def _step_in_the_open(self, learning_rate: float) -> None:
        named = self.parameters.named
        gradients, memory = named(self.parameters.gradient), [named(vector) for vector in self.memory.values()]
        for name, values in named(self.parameters.master).items():
            settings = self.rule.settings(self, learning_rate, self.weight_decay if values.dim() >= 2 else 0.0)
            remembered = [kind[name] for kind in memory]
            with scope(name):
                outcome = self.rule.equation(values, gradients[name], *remembered, *settings)
            changed = outcome if isinstance(outcome, tuple) else (outcome,)
            for old, new in zip([values, *remembered], changed, strict=True):
                old.copy_(new)

    def state(self) -> dict[str, Tensor]:
        """What must be kept to go on as if nothing had happened."""
        named = {
            f"{kind}.{name}": value
            for kind, vector in self.memory.items()
            for name, value in self.parameters.named(vector).items()
        }
        return named | {"steps": torch.tensor(float(self.steps))}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Take back a ``state``.

        Raises:
            KeyError, ValueError: it is that of another optimiser or network.
        """
        if set(state) != set(self.state()):
            raise KeyError(f"expected {sorted(self.state())}, not {sorted(state)}")
        for kind, vector in self.memory.items():
            part = {
                name.removeprefix(f"{kind}."): value for name, value in state.items() if name.startswith(f"{kind}.")
            }
            self.parameters.fill(vector, part)
        self.steps = int(state["steps"])


RULES: dict[OptimizerName, Rule] = {
    "gradient-descent": Rule(
        updates.gradient_descent, update_kernels.gradient_descent_, (), lambda of, rate, decay: (rate,)
    ),
    "momentum": Rule(
        updates.momentum, update_kernels.momentum_, ("velocity",), lambda of, rate, decay: (rate, of.momentum)
    ),
    "nesterov": Rule(
        updates.nesterov, update_kernels.nesterov_, ("velocity",), lambda of, rate, decay: (rate, of.momentum)
    ),
    "rmsprop": Rule(
        updates.rmsprop,
        update_kernels.rmsprop_,
        ("square",),
        lambda of, rate, decay: (rate, of.betas[1], of.epsilon),
    ),
    "adam": Rule(
        updates.adam,
        update_kernels.adam_,
        ("mean", "square"),
        lambda of, rate, decay: (of.steps, rate, of.betas, of.epsilon),
    ),
    "adamw": Rule(
        updates.adamw,
        update_kernels.adamw_,
        ("mean", "square"),
        lambda of, rate, decay: (of.steps, rate, of.betas, of.epsilon, decay),
    ),
}
