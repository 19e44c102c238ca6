"""How many processor threads a training computes with."""

from __future__ import annotations

import os

import torch


def use_threads(count: int | None) -> int:
    """Let PyTorch compute with so many threads, by default one a processor that this process may use; gives the number.

    A container or ``taskset`` may leave a process fewer processors than the machine has; more threads than processors
    wait for each other at every operation.
    """
    if count is None:
        affinity = getattr(os, "sched_getaffinity", None)  # not on macOS or Windows
        count = len(affinity(0)) if affinity else os.cpu_count() or 1
    torch.set_num_threads(count)
    return count
