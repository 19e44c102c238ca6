"""What every training can be told. The defaults stand here and nowhere else; the field texts are the help."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from congling.errors import UsageError
from congling.language import _

DEFAULT_MINUTES = 10.0
MOST_THREADS = 1024  # far more kill the process without a word


@dataclass
class TrainingOptions:
    """Training"""

    minutes: float | None = None
    """Train for so many minutes; the schedule follows the part that is spent. Without --minutes and --steps: 10."""
    steps: int | None = None
    """Train for so many updates instead: repeatable to the last bit on one machine."""
    batch_tokens: int = 2048
    """Tokens in a batch, padding included, on the longer side."""
    accumulation: int = 1
    """Batches whose gradients are added up before each update."""
    learning_rate: float = 2e-3
    """The highest learning rate, reached at the end of the warm-up."""
    schedule: Literal["inverse-square-root", "cosine", "linear", "constant"] = "cosine"
    """How the learning rate falls after the warm-up."""
    warmup_steps: int = 200
    """Updates over which the learning rate rises from zero."""
    label_smoothing: float = 0.1
    """Probability that is spread over all pieces instead of the right one."""
    clip_norm: float = 1.0
    """Longest gradient that is let through whole; 0 lets all through."""
    weight_decay: float = 0.0
    """Part of each matrix, times the learning rate, that every update takes away."""
    adam_betas: tuple[float, float] = (0.9, 0.98)
    """How slowly Adam's two running means move."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Number type of the computation; auto takes bfloat16 where it is faster here. Learning itself is in float32."""
    seed: int = 1
    """Where all random choices start."""
    validations: int = 10
    """How often to validate over the whole training."""
    validate_every: int | None = None
    """Validate every so many updates instead."""
    patience: int | None = None
    """Stop when the validation loss was not the best for so many validations in a row."""
    keep_checkpoints: int = 3
    """Checkpoints to keep beside the best one."""
    average: int = 0
    """After training, average the weights of so many checkpoints, and use that if its validation loss is lower."""
    average_of: Literal["last", "best"] = "last"
    """Which checkpoints to average: the last ones or those with the lowest validation loss."""
    save_minutes: float = 5.0
    """Save at least every so many minutes, between validations too."""
    threads: int | None = None
    """Processor threads; all processors by default."""
    tensorboard: bool = False
    """Write TensorBoard events into the run (needs the extra: pip install 'congling[tensorboard]')."""

    def check(self) -> None:
        """Refuse values that no training can have, in the user's own words."""
        if self.minutes is not None and self.steps is not None:
            raise UsageError(
                _("--minutes {minutes:g} and --steps {steps} exclude each other: give one of them").format(
                    minutes=self.minutes, steps=self.steps
                )
            )
        for option, value in (
            ("--minutes", self.minutes),
            ("--learning-rate", self.learning_rate),
            ("--save-minutes", self.save_minutes),
        ):
            require_finite((option, value))
            if value is not None and value <= 0:
                raise UsageError(_("{option} {value:g} must be greater than 0").format(option=option, value=value))
        require_at_least(
            ("--steps", self.steps, 1),
            ("--batch-tokens", self.batch_tokens, 1),
            ("--accumulation", self.accumulation, 1),
            ("--validations", self.validations, 1),
            ("--validate-every", self.validate_every, 1),
            ("--patience", self.patience, 1),
            ("--keep-checkpoints", self.keep_checkpoints, 1),
            ("--threads", self.threads, 1),
            ("--warmup-steps", self.warmup_steps, 0),
            ("--average", self.average, 0),
            ("--clip-norm", self.clip_norm, 0),
            ("--weight-decay", self.weight_decay, 0),
            ("--seed", self.seed, 0),
        )
        require_below_one(
            ("--label-smoothing", self.label_smoothing), *(("--adam-betas", beta) for beta in self.adam_betas)
        )
        require_at_most(("--threads", self.threads, MOST_THREADS), ("--seed", self.seed, 2**32 - 1))


def require_finite(*options: tuple[str, float | None]) -> None:
    """Refuse the first (option, value) that is infinite or not a number; None passes."""
    for option, value in options:
        if value is not None and not math.isfinite(value):
            raise UsageError(_("{option} {value} must be a finite number").format(option=option, value=value))


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


@dataclass(frozen=True)
class Budget:
    """How long a training may go on: in steps, or in seconds."""

    steps: int | None
    seconds: float | None

    @classmethod
    def of(cls, options: TrainingOptions) -> Budget:
        """The budget that the options name; ten minutes if they name none."""
        if options.steps is not None:
            return cls(options.steps, None)
        return cls(None, 60 * (options.minutes or DEFAULT_MINUTES))

    def spent(self, steps: int, seconds: float) -> float:
        """The fraction that is spent, 0 to 1."""
        if self.steps is not None:
            return min(1.0, steps / self.steps)
        assert self.seconds is not None
        return min(1.0, seconds / self.seconds)
