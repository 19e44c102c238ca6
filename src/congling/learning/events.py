"""What a training says while it runs. The trainer emits events; whoever wants to know (progress, metrics) listens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Reason = Literal["steps", "minutes", "epochs", "patience", "interrupted", "diverged"]
Unit = Literal["tokens", "examples", "words"]  # what a step counts: a loss is the mean over tokens or examples


@dataclass(frozen=True)
class TrainingStarted:
    """Before the first step.

    Attributes:
        run: the run's folder; None for a training in memory.
        parameters: how many numbers are trained.
        steps: the step to end after, or None.
        minutes: the budget of wall-clock time, or None.
        epochs: the passes over the data to end after, or None.
        resumed_from: the step of the checkpoint that the training goes on from; None for a new one.
        unit: what is counted in a step.
    """

    run: str | None
    parameters: int
    steps: int | None
    minutes: float | None
    epochs: float | None
    resumed_from: int | None
    unit: Unit


@dataclass(frozen=True)
class StepDone:
    """After every update of the parameters.

    Attributes:
        step: counted from 1.
        loss: the mean over the step's target tokens or examples, without the penalties on the weights; of word vectors
            over the predictions.
        gradient_norm: before clipping; NaN where a step has no one gradient.
        count: the target tokens, examples, or words of the text in the step.
        per_second: tokens, examples or words.
        seconds: the time spent on training, before it was resumed too.
        epoch: how many times the data was seen; 1.5 is the middle of the second pass.
        fraction: how much of the training is done, of its budget, from 0 to 1.
    """

    step: int
    loss: float
    learning_rate: float
    gradient_norm: float
    count: int
    per_second: float
    seconds: float
    epoch: float
    fraction: float


@dataclass(frozen=True)
class Validated:
    """After the validation data was looked at.

    Attributes:
        loss: the mean over the validation's target tokens or examples.
        perplexity: the exponential of a loss a token; None for examples.
        scores: the task's metrics by name, such as ``{"bleu": 20.3}``.
        best: whether no earlier validation was better.
        averaged: the mean of how many checkpoints was looked at; 0 for the network as it stands.
    """

    step: int
    loss: float
    perplexity: float | None
    scores: dict[str, float]
    best: bool
    averaged: int = 0


@dataclass(frozen=True)
class Sampled:
    """What the network makes of a few held-out examples: (source, reference, output) each, or what ``titles`` say."""

    step: int
    samples: list[tuple[str, str, str]]
    titles: tuple[str, str, str] | None = None


@dataclass(frozen=True)
class CheckpointSaved:
    """The checkpoint is on the disk, at ``path``."""

    step: int
    path: str


@dataclass(frozen=True)
class TrainingEnded:
    """After the last step; ``seconds`` as in ``StepDone``."""

    step: int
    reason: Reason
    seconds: float


Event = TrainingStarted | StepDone | Validated | Sampled | CheckpointSaved | TrainingEnded
Listener = Callable[[Event], None]
