"""Numbers of pictures inside a page, as base64: exact ones in four bytes each, those to be looked at in one."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

LEVELS = 255
Block = dict[str, Any]


def exact(values: NDArray[Any]) -> Block:
    """Numbers in single precision, to calculate with."""
    array = np.ascontiguousarray(values, "<f4")
    return {"shape": list(array.shape), "floats": base64.b64encode(array.tobytes()).decode("ascii")}


def coarse(values: NDArray[Any]) -> Block:
    """Numbers in 256 levels from the smallest to the largest, to look at; off by at most (high − low) / 510.

    What is not finite becomes the smallest.
    """
    array = np.asarray(values, np.float64)
    known = array[np.isfinite(array)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 0.0)
    span = high - low or 1.0
    levels = np.rint(LEVELS * (np.where(np.isfinite(array), array, low) - low) / span).astype(np.uint8)
    data = base64.b64encode(levels.tobytes()).decode("ascii")
    return {"shape": list(array.shape), "low": low, "high": low + span, "bytes": data}


def pixels(values: NDArray[np.uint8]) -> Block:
    """Pixels as they are, from 0 (black) to 255."""
    return {"shape": list(values.shape), "low": 0, "high": LEVELS, "bytes": base64.b64encode(values.tobytes()).decode()}


def unpacked(block: Mapping[str, Any]) -> NDArray[np.float64]:
    """What ``exact``, ``coarse`` or ``pixels`` packed, as numbers again."""
    if "floats" in block:
        return np.frombuffer(base64.b64decode(block["floats"]), "<f4").reshape(block["shape"]).astype(np.float64)
    levels = np.frombuffer(base64.b64decode(block["bytes"]), np.uint8).reshape(block["shape"])
    return np.asarray(block["low"] + levels / LEVELS * (block["high"] - block["low"]))
