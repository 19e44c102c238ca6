"""What a training said, kept in memory: for whoever trains to look at it afterwards."""

from __future__ import annotations

from dataclasses import dataclass, field

from congling.learning.events import Event, StepDone, Validated


@dataclass
class History:
    """A listener that remembers every step and every validation of a training."""

    steps: list[StepDone] = field(default_factory=list)
    validations: list[Validated] = field(default_factory=list)

    def __call__(self, event: Event) -> None:
        if isinstance(event, StepDone):
            self.steps.append(event)
        elif isinstance(event, Validated):
            self.validations.append(event)
