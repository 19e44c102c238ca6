"""Which number type a network should compute in: measured on this processor; a GPU says what it has."""

from __future__ import annotations

import statistics
import time

import torch

from congling.errors import UserError
from congling.language import _
from congling.learning.memory import settle_memory
from congling.learning.options import Precision


def compute_type(precision: Precision, device: torch.device) -> torch.dtype:
    """The type asked for, or for ``auto`` the one in which a typical layer's product is faster here."""
    if precision == "float32":
        return torch.float32
    if precision == "bfloat16":
        return torch.bfloat16
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
    settle_memory()  # before the first product: it also limits the kernels that oneDNN remembers
    seconds = {dtype: _product_seconds(dtype) for dtype in (torch.float32, torch.bfloat16)}
    # bfloat16 must be clearly faster: it carries eight bits, and its other operations gain nothing.
    return torch.bfloat16 if seconds[torch.bfloat16] < 0.8 * seconds[torch.float32] else torch.float32


def device_of(name: str) -> torch.device:
    """``cpu``, ``cuda``, or for ``auto`` a GPU where there is one."""
    if name == "cuda" and not torch.cuda.is_available():
        raise UserError(_("--device cuda: this machine has no GPU that PyTorch can use; take --device cpu"))
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def _product_seconds(dtype: torch.dtype, rows: int = 1024, width: int = 256, repeats: int = 9) -> float:
    first, second = torch.ones(rows, width, dtype=dtype), torch.ones(width, 4 * width, dtype=dtype)
    torch.matmul(first, second)
    taken = []
    for _repeat in range(repeats):
        begun = time.perf_counter()
        torch.matmul(first, second)
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken)
