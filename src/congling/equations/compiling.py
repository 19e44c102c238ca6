"""Functions of loops over arrays, compiled by numba when they are first called."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., Any])
# Sums may be taken in any order, which vector instructions need; infinities and NaN stay what they are.
_FAST = {"reassoc", "contract", "arcp", "nsz"}


def part(function: F) -> F:
    """Compile a function that other compiled ones call."""
    return cast(F, numba.njit(fastmath=_FAST)(function))


def whole(function: F) -> F:
    """Compile a function that Python calls. Other threads go on meanwhile; the machine code is kept for next time.

    numba keeps it beside the source, or in the user's cache where that cannot be written to; where neither can, the
    function is compiled anew by each process.
    """
    try:
        return cast(F, numba.njit(fastmath=_FAST, nogil=True, cache=True)(function))
    except RuntimeError:
        return cast(F, numba.njit(fastmath=_FAST, nogil=True)(function))


def is_kept(function: Callable[..., Any]) -> bool:
    """Whether a process before this one has compiled a ``whole`` function, so that it is at hand in no time."""
    kept = getattr(getattr(function, "_cache", None), "_cache_file", None)  # numba has no public way to ask
    return kept is not None and bool(kept._load_index())
