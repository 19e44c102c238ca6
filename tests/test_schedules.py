"""Learning-rate schedules against numbers calculated by hand."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from congling.learning.schedules import SCHEDULES, ScheduleName, rate_factor


@pytest.mark.parametrize(
    ("schedule", "step", "fraction", "warmup", "expected"),
    [
        ("inverse-square-root", 1, 0.0, 4, 1 / 4),
        ("inverse-square-root", 4, 0.0, 4, 1),
        ("inverse-square-root", 16, 0.5, 4, 1 / 2),
        ("inverse-square-root", 9, 0.0, 0, 1 / 3),
        ("inverse-square-root", 1, 0.0, 0, 1),
        ("cosine", 50, 0.0, 10, 1),
        ("cosine", 50, 1 / 3, 10, 3 / 4),
        ("cosine", 50, 0.5, 10, 1 / 2),
        ("cosine", 50, 1.0, 10, 0),
        ("cosine", 50, 1.5, 10, 0),
        ("cosine", 5, 1 / 3, 10, 3 / 8),
        ("linear", 50, 0.25, 10, 3 / 4),
        ("linear", 3, 0.5, 12, 1 / 8),
        ("linear", 50, 1.0, 10, 0),
        ("constant", 1, 0.9, 0, 1),
        ("constant", 3, 0.9, 4, 3 / 4),
        ("constant", 400, 0.9, 4, 1),
    ],
)
def test_hand_values(schedule: ScheduleName, step: int, fraction: float, warmup: int, expected: float) -> None:
    """Guards each curve and the warm-up at points that one can calculate in the head."""
    assert rate_factor(schedule, step, fraction, warmup) == pytest.approx(expected, abs=1e-12)


@given(st.sampled_from(list(SCHEDULES)), st.integers(1, 10**7), st.floats(0, 2), st.integers(0, 10**5))
def test_factors_stay_between_zero_and_one(schedule: ScheduleName, step: int, fraction: float, warmup: int) -> None:
    """Guards against a negative or soaring rate anywhere, above all when a budget of minutes is overrun."""
    factor = rate_factor(schedule, step, fraction, warmup)
    assert math.isfinite(factor)
    assert 0 <= factor <= 1


@given(st.sampled_from(list(SCHEDULES)), st.integers(1, 1000), st.integers(0, 500))
def test_rates_fall_after_the_warm_up(schedule: ScheduleName, warmup: int, step: int) -> None:
    """Guards against a jump where the warm-up ends: up to there the factor rises, from there it never does."""
    total = 2000

    def factor(at: int) -> float:
        return rate_factor(schedule, at, at / total, warmup)

    if schedule in ("constant", "inverse-square-root"):
        assert all(factor(at) < factor(at + 1) for at in range(1, min(warmup, 50)))
    assert factor(warmup + step + 1) <= factor(warmup + step)
