"""How a training process deals with memory: it frees and asks for the same megabytes thousands of times a minute."""

from __future__ import annotations

import ctypes
import os
import platform

_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1  # of mallopt(3)
KERNELS = 128


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
    tuned = "MALLOC_MMAP_THRESHOLD_" in os.environ or "MALLOC_TRIM_THRESHOLD_" in os.environ
    if platform.libc_ver()[0] != "glibc" or tuned:
        return
    library = ctypes.CDLL(None)
    if not library.mallopt(_MMAP_THRESHOLD, 1 << 30):  # older ones take no more than 32 MB
        library.mallopt(_MMAP_THRESHOLD, 32 << 20)
    library.mallopt(_TRIM_THRESHOLD, (1 << 31) - 1)
