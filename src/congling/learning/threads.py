"""How many processor threads a training computes with."""

from __future__ import annotations

import os


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
