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

    def merit(self, score: str | None = None) -> float:
        """What validations are ranked by, more being better: the ``score`` of that name, or without one −loss."""
        return -self.loss if score is None else self.scores[score]

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
    best_merit: float | None = None
    best_step: int = 0
    waited: int = 0  # validations since the best one
    validations: int = 0
    merits: dict[str, float] = field(default_factory=dict)  # of each validated step (as text, for JSON)

    @classmethod
    def restored(cls, saved: Mapping[str, Any]) -> Progress:
        """From what a checkpoint holds; those of 0.1 have losses instead of merits, and may say ``tokens``."""
        known = {"count" if name == "tokens" else name: value for name, value in saved.items()}
        if "losses" in known:
            best, losses = known.pop("best_loss"), known.pop("losses")
            known["best_merit"] = None if best is None else -best
            known["merits"] = {step: -loss for step, loss in losses.items()}
        return cls(**known)

    def note(self, validation: Validation, score: str | None = None) -> bool:
        """Remember what a validation of the present step gave; whether it is the best so far (``Validation.merit``)."""
        best = self.is_best(validation, score)
        self.waited = 0 if best else self.waited + 1
        self.merits[str(self.step)] = validation.merit(score)
        if best:
            self.best_merit, self.best_step = validation.merit(score), self.step
        return best

    def is_best(self, validation: Validation, score: str | None = None) -> bool:
        """Whether no validation so far was as good."""
        return self.best_merit is None or validation.merit(score) > self.best_merit

    @property
    def validated(self) -> bool:
        """Whether the present step was validated."""
        return str(self.step) in self.merits

    def steps_to_average(self, count: int, of: str) -> list[int]:
        """The ``count`` validated steps that are the ``last``, or the ``best`` (best last)."""
        merits = {int(step): merit for step, merit in self.merits.items()}
        steps = sorted(merits)
        if of == "best":
            steps.sort(key=lambda step: merits[step])
        return steps[-count:] if count >= 2 else []
