"""How the learning rate moves while training goes on: a factor between 0 and 1 on the rate that the user sets.

A schedule sees the step and the fraction of the budget (of steps, or of minutes) that is spent.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

ScheduleName = Literal["inverse-square-root", "cosine", "linear", "constant"]


def inverse_square_root(step: int, fraction: float, warmup_steps: int) -> float:
    """√(warmup / step) after the warm-up: Vaswani et al. 2017, §5.3. It needs no budget to be known."""
    return math.sqrt(max(1, warmup_steps) / max(1, step, warmup_steps))


def cosine(step: int, fraction: float, warmup_steps: int) -> float:
    """Half a cosine wave over the budget, from 1 to 0: Loshchilov and Hutter 2017, eq. 5."""
    return 0.5 * (1 + math.cos(math.pi * min(1.0, fraction)))


def linear(step: int, fraction: float, warmup_steps: int) -> float:
    """A straight line over the budget, from 1 to 0."""
    return 1 - min(1.0, fraction)


def constant(step: int, fraction: float, warmup_steps: int) -> float:
    """No change."""
    return 1.0


SCHEDULES: dict[ScheduleName, Callable[[int, float, int], float]] = {
    "inverse-square-root": inverse_square_root,
    "cosine": cosine,
    "linear": linear,
    "constant": constant,
}


def rate_factor(schedule: ScheduleName, step: int, fraction: float, warmup_steps: int) -> float:
    """The factor on the learning rate at ``step`` (from 1): a linear warm-up times the schedule.

    Args:
        fraction: of the budget that was spent before this step, 0 to 1.
        warmup_steps: over so many steps the factor rises from 0.
    """
    warmup = min(1.0, step / warmup_steps) if warmup_steps else 1.0
    return warmup * SCHEDULES[schedule](step, fraction, warmup_steps)
