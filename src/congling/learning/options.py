"""What every training can be told. The defaults stand here, or in a task's own class that derives from this one.

Nothing here imports PyTorch. The field texts are the help.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol

from congling.errors import UsageError
from congling.language import _
from congling.learning.schedules import ScheduleName

MOST_THREADS = 1024  # far more kill the process without a word

OptimizerName = Literal["gradient-descent", "momentum", "nesterov", "rmsprop", "adam", "adamw"]
Precision = Literal["auto", "float32", "bfloat16"]
Backprop = Literal["autograd", "tape"]
BudgetKind = Literal["steps", "minutes", "epochs"]


class Budgeted(Protocol):
    """Options of which one may say how long a training may go on."""

    default_budget: ClassVar[Budget]  # of a training that is told none
    steps: int | None
    minutes: float | None
    epochs: float | None


@dataclass(frozen=True)
class Budget:
    """How long a training may go on: one of steps, seconds, or epochs (passes over the data)."""

    steps: int | None = None
    seconds: float | None = None
    epochs: float | None = None

    @classmethod
    def of(cls, options: Budgeted) -> Budget:
        """The budget that the options name; their task's default one if they name none."""
        if options.steps is options.minutes is options.epochs is None:
            return options.default_budget
        seconds = None if options.minutes is None else 60 * options.minutes
        return cls(options.steps, seconds, options.epochs)

    @property
    def kind(self) -> BudgetKind:
        """What it is counted in."""
        if self.steps is not None:
            return "steps"
        return "minutes" if self.seconds is not None else "epochs"

    @property
    def minutes(self) -> float | None:
        """The seconds, as a person gives them."""
        return None if self.seconds is None else self.seconds / 60

    def spent(self, steps: int, seconds: float, epochs: float = 0.0) -> float:
        """The fraction that is spent, 0 to 1."""
        if self.steps is not None:
            return min(1.0, steps / self.steps)
        if self.seconds is not None:
            return min(1.0, seconds / self.seconds)
        assert self.epochs is not None
        return min(1.0, epochs / self.epochs)


@dataclass
class TrainingOptions:
    """Training"""

    default_budget: ClassVar[Budget]  # each task's own, for a training that is told none
    score: ClassVar[str | None] = None  # the task's own score of a validation, if it has one: the higher, the better

    minutes: float | None = None
    """Train for so many minutes; the schedule follows the part that is spent."""
    steps: int | None = None
    """Train for so many updates instead: repeatable to the last bit on one machine."""
    epochs: float | None = None
    """Train for so many passes over the data instead: repeatable too."""
    accumulation: int = 1
    """Batches whose gradients are added up before each update."""
    optimizer: OptimizerName = "adamw"
    """How a step follows from the gradient."""
    learning_rate: float = 2e-3
    """The highest learning rate, reached at the end of the warm-up."""
    schedule: ScheduleName = "cosine"
    """How the learning rate falls after the warm-up."""
    warmup_steps: int = 200
    """Updates over which the learning rate rises from zero."""
    momentum: float = 0.9
    """Part of its speed that a step keeps from the one before, with --optimizer momentum or nesterov."""
    clip_norm: float = 1.0
    """Longest gradient that is let through whole; 0 lets all through."""
    l1: float = 0.0
    """Add so much times the sum of |w| over all matrices to the mean loss: it drives weights to zero."""
    l2: float = 0.0
    """Add half so much times the sum of w² over all matrices to the mean loss: it keeps weights small."""
    weight_decay: float = 0.0
    """Part of each matrix, times the learning rate, that every update takes away (--optimizer adamw)."""
    adam_betas: tuple[float, float] = (0.9, 0.98)
    """How slowly Adam's two running means move; RMSProp has the second one alone."""
    precision: Precision = "auto"
    """Number type of the computation; auto takes bfloat16 where it is faster here. Learning itself is in float32."""
    backprop: Backprop = "autograd"
    """Who computes the gradient: PyTorch, or the tape, whose every rule can be read (the same numbers, slower)."""
    seed: int = 1
    """Where all random choices start."""
    validations: int = 10
    """How often to validate over the whole training."""
    validate_every: int | None = None
    """Validate every so many updates instead."""
    best_by: Literal["loss", "score"] = "loss"
    """What makes a validation the best: the lowest loss, or the highest score (BLEU, accuracy). On little data a score
    may rise for long after the loss does; it wavers more."""
    patience: int | None = None
    """Stop when so many validations in a row were not the best."""
    keep_checkpoints: int = 3
    """Checkpoints to keep beside the best one."""
    average: int = 0
    """After training, average the weights of so many checkpoints, and use that if its validation is better."""
    average_of: Literal["last", "best"] = "last"
    """Which checkpoints to average: the last ones or those with the best validations."""
    save_minutes: float = 5.0
    """Save at least every so many minutes, between validations too."""
    threads: int | None = None
    """Processor threads; all processors by default."""
    tensorboard: bool = False
    """Write TensorBoard events into the run (needs the extra: pip install 'congling[tensorboard]')."""

    def check(self) -> None:
        """Refuse values that no training can have, in the user's own words."""
        self._check_budget()
        require_above_zero(("--learning-rate", self.learning_rate), ("--save-minutes", self.save_minutes))
        require_at_least(
            ("--accumulation", self.accumulation, 1),
            ("--validations", self.validations, 1),
            ("--validate-every", self.validate_every, 1),
            ("--patience", self.patience, 1),
            ("--keep-checkpoints", self.keep_checkpoints, 1),
            ("--threads", self.threads, 1),
            ("--warmup-steps", self.warmup_steps, 0),
            ("--average", self.average, 0),
            ("--clip-norm", self.clip_norm, 0),
            ("--l1", self.l1, 0),
            ("--l2", self.l2, 0),
            ("--weight-decay", self.weight_decay, 0),
            ("--seed", self.seed, 0),
        )
        require_below_one(("--momentum", self.momentum), *(("--adam-betas", beta) for beta in self.adam_betas))
        require_at_most(("--threads", self.threads, MOST_THREADS), ("--seed", self.seed, 2**32 - 1))
        if self.weight_decay and self.optimizer != "adamw":
            message = _("--weight-decay {value:g} is a part of --optimizer adamw; with {optimizer}, take --l2")
            raise UsageError(message.format(value=self.weight_decay, optimizer=self.optimizer))
        if self.best_by == "score" and self.score is None:
            raise UsageError(_("--best-by score: this task has no score beside its loss; take --best-by loss"))

    @property
    def ranked_by(self) -> str | None:
        """The score that decides which validation is the best; None: the loss does."""
        return self.score if self.best_by == "score" else None

    def settle_budget(self) -> None:
        """Write the default budget in where none was given: ``run.yaml`` then says what was meant."""
        budget = Budget.of(self)
        self.steps, self.minutes, self.epochs = budget.steps, budget.minutes, budget.epochs

    def _check_budget(self) -> None:
        given = [("--minutes", self.minutes), ("--steps", self.steps), ("--epochs", self.epochs)]
        for (first, one), (second, other) in itertools.combinations(given, 2):
            if one is not None and other is not None:
                message = _("{first} and {second} exclude each other: give one of them")
                raise UsageError(message.format(first=f"{first} {_short(one)}", second=f"{second} {_short(other)}"))
        require_above_zero(("--minutes", self.minutes), ("--epochs", self.epochs))
        require_at_least(("--steps", self.steps, 1))


def flag(name: str) -> str:
    """The option of a field, as it is typed."""
    return "--" + name.replace("_", "-")


def require_finite(*options: tuple[str, float | None]) -> None:
    """Refuse the first (option, value) that is infinite or not a number; None passes."""
    for option, value in options:
        if value is not None and not math.isfinite(value):
            raise UsageError(_("{option} {value} must be a finite number").format(option=option, value=value))


def require_above_zero(*options: tuple[str, float | None]) -> None:
    """Refuse the first (option, value) that is 0 or less, or no finite number; None passes."""
    for option, value in options:
        require_finite((option, value))
        if value is not None and value <= 0:
            raise UsageError(_("{option} {value:g} must be greater than 0").format(option=option, value=value))


def require_at_least(*options: tuple[str, float | None, int]) -> None:
    """Refuse the first (option, value, least) whose value is less than the least, or no finite number; None passes."""
    for option, value, least in options:
        require_finite((option, value))
        if value is not None and value < least:
            raise UsageError(
                _("{option} {value} must be at least {least}").format(option=option, value=value, least=least)
            )


def require_at_most(*options: tuple[str, int | None, int]) -> None:
    """Refuse the first (option, value, most) whose value is more than the most; None passes."""
    for option, value, most in options:
        if value is not None and value > most:
            raise UsageError(_("{option} {value} must be at most {most}").format(option=option, value=value, most=most))


def require_below_one(*options: tuple[str, float]) -> None:
    """Refuse the first (option, value) whose value is no proportion: at least 0 and below 1."""
    for option, value in options:
        if not 0 <= value < 1:
            raise UsageError(_("{option} {value:g} must be at least 0 and below 1").format(option=option, value=value))


def _short(number: float) -> str:
    return str(number) if isinstance(number, int) else f"{number:g}"
