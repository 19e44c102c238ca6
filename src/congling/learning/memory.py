"""How a training process deals with memory: it frees and asks for the same megabytes thousands of times a minute."""

from __future__ import annotations

import contextlib
import ctypes
import mmap
import os
import platform
from pathlib import Path

_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1  # of mallopt(3)
KERNELS = 128


def give_back_memory() -> None:
    """Give the system what was freed: what reading and compiling left behind is in the way of what is large."""
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).malloc_trim(0)


def drop_code_of(library: str) -> None:
    """Let the system have the memory that a library's code takes; what runs again is read from its file again.

    For a library that was needed once, such as a compiler of 60 MB. Where the system is no Linux nothing happens.
    """
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/maps").read_text(encoding="utf-8").splitlines():
            place, rights, *_others = line.split()
            if library in line and rights == "r-xp":  # code alone: what was written to would be lost
                begin, end = (int(address, 16) for address in place.split("-"))
                ctypes.CDLL(None).madvise(ctypes.c_void_p(begin), ctypes.c_size_t(end - begin), mmap.MADV_DONTNEED)


def settle_memory() -> None:
    """Call once, before the first matrix product of a training.

    - glibc keeps what is freed for the next step; otherwise every large tensor of a step is mapped anew and its pages
      are faulted in one by one.
    - oneDNN remembers the kernels of the last 128 shapes instead of 1,024. Batches come in ever new shapes, so that
      the older ones hardly serve again, but they lie scattered over the heap, which then grows to several times what
      is in use.

    What the user has set in the environment for either stays.
    """
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", str(KERNELS))
    keep_freed_memory()


def keep_freed_memory() -> None:
    """Let glibc keep what is freed for what is asked for next, unless the user has told it otherwise."""
    tuned = "MALLOC_MMAP_THRESHOLD_" in os.environ or "MALLOC_TRIM_THRESHOLD_" in os.environ
    if platform.libc_ver()[0] != "glibc" or tuned:
        return
    library = ctypes.CDLL(None)
    if not library.mallopt(_MMAP_THRESHOLD, 1 << 30):  # older ones take no more than 32 MB
        library.mallopt(_MMAP_THRESHOLD, 32 << 20)
    library.mallopt(_TRIM_THRESHOLD, (1 << 31) - 1)
