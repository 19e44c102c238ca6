"""What a training keeps: on the disk in a run's folder, or in memory alone, for trainings that nobody goes on with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from congling.language import _
from congling.learning.checkpoints import average_weights, go_back, mark_best, random_state, save_checkpoint
from congling.learning.frames import drop_frames_after, is_frame_step, save_frame
from congling.learning.runs import Run

if TYPE_CHECKING:
    from torch import Tensor

    from congling.learning.checkpoint_files import Arrays

    Weights = dict[str, Tensor]


class Keeper(Protocol):
    """Keeps the weights of some steps, and those that were best."""

    def frame(self, step: int, weights: Callable[[], Weights]) -> None:
        """Keep a small snapshot, if one is due after this step."""

    def save(
        self, step: int, weights: Weights, optimizer: Weights, state: Mapping[str, Any], *, best: bool, also: list[int]
    ) -> str | None:
        """Keep what the training needs to go on from this step; says where, if that is a place.

        Args:
            also: older steps that must stay.
        """

    def steps(self) -> list[int]:
        """The steps whose weights are kept, oldest first."""

    def average(self, steps: Sequence[int]) -> Weights:
        """The mean of the weights of several steps."""

    def mark_best(self, weights: Weights) -> None:
        """Let the best weights be these, an average."""

    def go_back(self, step: int, best_step: int) -> None:
        """Give up what came after ``step``."""

    def kept(self) -> str:
        """What is left of a training that has diverged, in words."""


class OnDisk:
    """Checkpoints and frames in a run's folder; the newest ``keep`` checkpoints stay, beside the best one.

    Args:
        random: gives the state of the random generators that the training draws from: PyTorch's, if it says nothing.
    """

    def __init__(self, run: Run, keep: int, random: Callable[[], Arrays] = random_state) -> None:
        self._run, self._keep, self._random = run, keep, random

    def frame(self, step: int, weights: Callable[[], Arrays]) -> None:
        if is_frame_step(step):
            save_frame(self._run, step, weights())

    def save(
        self, step: int, weights: Arrays, optimizer: Arrays, state: Mapping[str, Any], *, best: bool, also: list[int]
    ) -> str | None:
        folder = save_checkpoint(
            self._run, step, weights, optimizer, self._random(), state, self._keep, best=best, also=also
        )
        return str(folder)

    def steps(self) -> list[int]:
        return self._run.checkpoint_steps()

    def average(self, steps: Sequence[int]) -> Weights:
        return average_weights(self._run, steps)

    def mark_best(self, weights: Weights) -> None:
        mark_best(self._run, "average", weights)

    def go_back(self, step: int, best_step: int) -> None:
        drop_frames_after(self._run, step)
        go_back(self._run, step, best_step)

    def kept(self) -> str:
        steps = self.steps()
        if not steps:
            return _("no checkpoint had been saved yet")
        return _("the last good checkpoint is kept: step {step} in {path}").format(step=steps[-1], path=self._run.path)


class InMemory:
    """Copies of the best weights, and of those that an average will need; nothing is written.

    Attributes:
        best: the weights at the best validation; None before the first one.
    """

    def __init__(self) -> None:
        self.best: Weights | None = None
        self._weights: dict[int, Weights] = {}

    def frame(self, step: int, weights: Callable[[], Weights]) -> None:
        pass

    def save(
        self, step: int, weights: Weights, optimizer: Weights, state: Mapping[str, Any], *, best: bool, also: list[int]
    ) -> str | None:
        if best:
            self.best = copied(weights)
        if step in also:
            self._weights[step] = copied(weights)
        self._weights = {kept: self._weights[kept] for kept in sorted(self._weights) if kept in also}
        return None

    def steps(self) -> list[int]:
        return list(self._weights)

    def average(self, steps: Sequence[int]) -> Weights:
        import torch

        first, *_rest = kept = [self._weights[step] for step in steps]
        return {name: torch.stack([weights[name] for weights in kept]).mean(0) for name in first}

    def mark_best(self, weights: Weights) -> None:
        self.best = copied(weights)

    def go_back(self, step: int, best_step: int) -> None:
        self._weights = {kept: weights for kept, weights in self._weights.items() if kept <= step}

    def kept(self) -> str:
        return _("the curve up to there is kept")


def copied(weights: Mapping[str, Tensor]) -> Weights:
    """The same weights in a memory of their own: the training goes on with the others."""
    return {name: tensor.clone() for name, tensor in weights.items()}
