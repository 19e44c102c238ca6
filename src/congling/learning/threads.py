"""Processor threads: how many compute, and what several of them do side by side."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import cache
from typing import TypeVar

Part = TypeVar("Part")
Result = TypeVar("Result")

FEW_ROWS, SMALL_NETWORK = 20, 10_000_000
"""So few rows of a network with so few parameters one thread computes in less time than two, which must meet after
every operation: its matrices lie in the cache, and each product takes microseconds."""

ROWS_A_THREAD = 16
"""At least so many rows for each of several threads that each compute for themselves: Python between the compiled parts
runs in one thread at a time, and with fewer rows it takes as long as they do."""


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


class Workers:
    """Threads that each compute for themselves; they wait while there is nothing to do, and end with the program.

    Threads that meet only at the end wait less than those that share every operation. It pays where the work is mostly
    compiled code: Python itself runs in one thread at a time.

    Args:
        count: of workers.
        threads: that each of them computes with.
    """

    def __init__(self, count: int, threads: int = 1) -> None:
        self._pool, self._threads = ThreadPoolExecutor(count, "worker"), threads

    def map(self, work: Callable[[Part], Result], parts: Sequence[Part]) -> list[Result]:
        """What ``work`` makes of each part, in their order. If one fails, its error is raised when all have ended."""
        futures = [self._pool.submit(self._compute, work, part) for part in parts]
        wait(futures)
        return [future.result() for future in futures]

    def _compute(self, work: Callable[[Part], Result], part: Part) -> Result:
        import torch

        # Asked first: a thread that never was takes over, at its next operation, what another thread has set.
        if torch.get_num_threads() != self._threads:
            torch.set_num_threads(self._threads)
        return work(part)


def side_by_side(work: Callable[[Part], Result], parts: Sequence[Part]) -> list[Result]:
    """What ``work`` makes of each part, by ``Workers`` among whom this thread's threads are shared out.

    A single part is this thread's own. The workers are kept for next time: beginning with new ones takes as long as
    some steps of a translation.
    """
    import torch

    if len(parts) == 1:
        return [work(parts[0])]
    return _workers(len(parts), max(1, torch.get_num_threads() // len(parts))).map(work, parts)


@cache
def _workers(count: int, threads: int) -> Workers:
    return Workers(count, threads)


if hasattr(os, "register_at_fork"):  # not on Windows; a forked process has none of its parent's threads
    os.register_at_fork(after_in_child=_workers.cache_clear)
