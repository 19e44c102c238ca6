"""Whose random numbers a network draws: those of PyTorch's generator, or of one that a thread has for itself.

Threads that draw from one generator take its numbers in the order in which they happen to come; a training would never
repeat.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch

_own: ContextVar[torch.Generator | None] = ContextVar("generator", default=None)  # each thread its own


def generator() -> torch.Generator | None:
    """The one to draw from; None for PyTorch's own."""
    return _own.get()


@contextmanager
def drawing_from(generator: torch.Generator) -> Iterator[None]:
    """Inside, networks of this thread draw from ``generator``."""
    token = _own.set(generator)
    try:
        yield
    finally:
        _own.reset(token)
