"""Comparing by turns: every way does the same piece of work before the next piece comes, so that a machine that
drifts slows all of them, and the way that begins changes from piece to piece."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

W = TypeVar("W")


def by_turns(ways: Mapping[str, Callable[[W], object]], work: Sequence[W], warm_up: int) -> dict[str, list[float]]:
    """Seconds that each way takes for each piece of work but the first ``warm_up`` ones, in the order of the pieces."""
    names = list(ways)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for number, piece in enumerate(work):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            begun = time.perf_counter()
            ways[name](piece)
            if number >= warm_up:
                seconds[name].append(time.perf_counter() - begun)
    return seconds


def median_rate(amounts: Sequence[float], seconds: Sequence[float]) -> float:
    """The median over the pieces of the amount a second."""
    return statistics.median(amount / second for amount, second in zip(amounts, seconds, strict=True))


def median_ratio(theirs: Sequence[float], ours: Sequence[float]) -> float:
    """The median over the pieces of how many times as fast ours was."""
    return statistics.median(one / other for one, other in zip(theirs, ours, strict=True))


def fastest(seconds: Mapping[str, Sequence[float]], names: Sequence[str]) -> str:
    """Of these ways the one whose median time is the smallest."""
    return min(names, key=lambda name: statistics.median(seconds[name]))
