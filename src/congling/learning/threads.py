"""How many processor threads a training computes with."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

FEW_ROWS, SMALL_NETWORK = 20, 10_000_000
"""So few rows of a network with so few parameters one thread computes in less time than two, which must meet after
every operation: its matrices lie in the cache, and each product takes microseconds."""


def use_threads(count: int | None) -> int:
    """Let PyTorch compute with so many threads, or with ``thread_count``; gives the number."""
    import torch

    count = thread_count(count)
    torch.set_num_threads(count)
    return count


def thread_count(count: int | None) -> int:
    """So many threads, by default one a processor that this process may use.

    A container or ``taskset`` may leave a process fewer processors than the machine has; more threads than processors
    wait for each other at every operation.
    """
    if count is None:
        affinity = getattr(os, "sched_getaffinity", None)  # not on macOS or Windows
        count = len(affinity(0)) if affinity else os.cpu_count() or 1
    return count


@contextmanager
def threads_for(rows: int, parameters: int) -> Iterator[None]:
    """Compute with one thread inside if that is faster for so many rows at a time; with as many as before afterwards.

    Args:
        rows: that the network computes side by side: hypotheses, not pieces.
        parameters: how many the network has.
    """
    import torch

    before = torch.get_num_threads()
    if rows <= FEW_ROWS and parameters <= SMALL_NETWORK:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
