"""Functions of loops over arrays, compiled by numba when they are first called."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from types import FunctionType
from typing import Any, TypeVar, cast

import numba
import numpy as np

F = TypeVar("F", bound=Callable[..., Any])
# Sums may be taken in any order, which vector instructions need; infinities and NaN stay what they are.
_FAST = {"reassoc", "contract", "arcp", "nsz"}


def part(function: F) -> F:
    """Compile a function that other compiled ones call."""
    return cast(F, numba.njit(fastmath=_FAST)(function))


def whole(function: F) -> F:
    """Compile a function that Python calls. Other threads go on meanwhile; the machine code is kept for next time.

    numba keeps it beside the source, or in the user's cache where that cannot be written to; where neither can, the
    function is compiled anew by each process. It is compiled again when its file has changed, or that of a ``part``
    that its module imports, which numba alone would not notice.
    """
    try:
        compiled = numba.njit(fastmath=_FAST, nogil=True, cache=True)(function)
    except RuntimeError:
        return cast(F, numba.njit(fastmath=_FAST, nogil=True)(function))
    if (kept := _kept(compiled)) is not None:
        kept._source_stamp = _stamp(compiled)
    return cast(F, compiled)


@part
def zero() -> int:
    """0, where a number begins that is counted up: of a literal 0 numba compiles what is called with it once more."""
    return int(np.int64(0))


def is_kept(function: Callable[..., Any]) -> bool:
    """Whether a process before this one has compiled a ``whole`` function, so that it is at hand in no time."""
    kept = _kept(function)
    return kept is not None and bool(kept._load_index())


def _kept(function: Callable[..., Any]) -> Any:
    """What numba keeps of a function; it has no public way to ask."""
    return getattr(getattr(function, "_cache", None), "_cache_file", None)


def _stamp(function: Callable[..., Any]) -> bytes:
    """One number for the text of all files that a compiled function comes from."""
    hashed = hashlib.sha256()
    for file in sorted(_files(function, set())):
        hashed.update(Path(file).read_bytes() if Path(file).is_file() else file.encode())  # not in a zip archive
    return hashed.digest()


def _files(function: Any, known: set[str]) -> set[str]:
    """The function's file, and those of the compiled functions that are known by name there, and so on."""
    file = function.py_func.__code__.co_filename
    if file not in known:
        known.add(file)
        for other in list(function.py_func.__globals__.values()):
            if isinstance(getattr(other, "py_func", None), FunctionType):
                _files(other, known)
    return known
