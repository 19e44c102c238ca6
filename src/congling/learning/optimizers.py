"""Optimisers: they apply an update equation to all parameters of a network at once."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.optim.adamw import adamw as fused_adamw

from congling.learning.parameters import FlatParameters


class AdamW:
    """Adam with decoupled weight decay: the equation ``adamw``, run by PyTorch's fused kernel in place.

    Args:
        betas: how slowly the running means of gradient and squared gradient move.
        weight_decay: times the learning rate, taken off every matrix at each step; biases and norms do not decay.
    """

    def __init__(
        self,
        parameters: FlatParameters,
        betas: tuple[float, float] = (0.9, 0.98),
        epsilon: float = 1e-9,
        weight_decay: float = 0.0,
    ) -> None:
        self.parameters = parameters
        self.betas, self.epsilon, self.weight_decay = betas, epsilon, weight_decay
        self.mean = torch.zeros_like(parameters.master)
        self.square = torch.zeros_like(parameters.master)
        self.steps = torch.zeros((), device=parameters.master.device)

    @torch.no_grad()
    def step(self, learning_rate: float) -> None:
        """One update of the master from its gradient."""
        flat, border = self.parameters, self.parameters.matrices
        for part, decay in ((slice(0, border), self.weight_decay), (slice(border, None), 0.0)):
            fused_adamw(
                [flat.master[part]], [flat.gradient[part]], [self.mean[part]], [self.square[part]], [],
                [self.steps.clone()], fused=True, amsgrad=False, maximize=False, beta1=self.betas[0],
                beta2=self.betas[1], lr=learning_rate, eps=self.epsilon, weight_decay=decay,
            )  # fmt: skip
        self.steps += 1

    def state(self) -> dict[str, Tensor]:
        """What must be kept to go on as if nothing had happened."""
        named = {f"mean.{name}": value for name, value in self.parameters.named(self.mean).items()}
        named |= {f"square.{name}": value for name, value in self.parameters.named(self.square).items()}
        return named | {"steps": self.steps}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Take back a ``state``."""
        for prefix, flat in (("mean.", self.mean), ("square.", self.square)):
            part = {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
            self.parameters.fill(flat, part)
        self.steps.copy_(state["steps"])


@torch.no_grad()
def clip_gradient(gradient: Tensor, largest: float | None) -> float:
    """Shorten the gradient vector to the length ``largest`` if it is longer: Pascanu et al. 2013, algorithm 1.

    Returns the length it had.
    """
    length = float(torch.linalg.vector_norm(gradient))
    if largest and length > largest:
        gradient *= largest / length
    return length
