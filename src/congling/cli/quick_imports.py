"""Importing PyTorch in less time: what an import makes is no garbage, so nobody need look for any."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quick_imports() -> Iterator[None]:
    """Let the modules that are imported inside load without a collection of cycles, now and ever after.

    PyTorch's modules make about a million objects. While they come, Python's collector walks through all of them again
    and again: 0.15 s. Afterwards they are set apart (``gc.freeze``), so that no later collection walks through them.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if collecting:
            gc.enable()
