"""Where a training stands: what it has done, what its validations gave, and what each of them showed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Validation:
    """What a look at the validation data gave: the mean loss, other scores, and samples to show.

    Attributes:
        titles: of a sample's three texts, in the user's language; those of translations by default.
    """

    loss: float
    scores: dict[str, float] = field(default_factory=dict)
    samples: list[tuple[str, str, str]] = field(default_factory=list)  # source, reference, output
    titles: tuple[str, str, str] | None = None

    @property
    def perplexity(self) -> float:
        """e to the loss: between how many equally likely pieces the network wavers, so to say."""
        return math.exp(min(self.loss, 700))


@dataclass
class Progress:
    """Where the training stands; saved with every checkpoint."""

    step: int = 0
    count: int = 0  # tokens or examples that were learned from
    epoch: float = 0.0
    seconds: float = 0.0
    best_loss: float | None = None
    best_step: int = 0
    waited: int = 0  # validations since the best one
    validations: int = 0
    losses: dict[str, float] = field(default_factory=dict)  # step (as text, for JSON): validation loss

    @classmethod
    def restored(cls, saved: Mapping[str, Any]) -> Progress:
        """From what a checkpoint holds; those of 0.1 say ``tokens`` where later ones say ``count``."""
        return cls(**{"count" if name == "tokens" else name: value for name, value in saved.items()})

    def note(self, validation: Validation) -> bool:
        """Remember what a validation of the present step gave; whether it is the best so far."""
        best = self.is_best(validation)
        self.waited = 0 if best else self.waited + 1
        self.losses[str(self.step)] = validation.loss
        if best:
            self.best_loss, self.best_step = validation.loss, self.step
        return best

    def is_best(self, validation: Validation) -> bool:
        """Whether no validation so far had as low a loss."""
        return self.best_loss is None or validation.loss < self.best_loss

    @property
    def validated(self) -> bool:
        """Whether the present step was validated."""
        return str(self.step) in self.losses

    def steps_to_average(self, count: int, of: str) -> list[int]:
        """The ``count`` validated steps that are the ``last``, or have the ``best`` losses (best last)."""
        losses = {int(step): loss for step, loss in self.losses.items()}
        steps = sorted(losses)
        if of == "best":
            steps.sort(key=lambda step: losses[step], reverse=True)
        return steps[-count:] if count >= 2 else []
