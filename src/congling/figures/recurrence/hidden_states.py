"""The states and gates of recurrent layers through time, read off a glass box: a picture of units × positions.

B rows of a batch · T positions · W units of a scan
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from congling.figures.page import packed

if TYPE_CHECKING:
    from congling.equations.glass_box import GlassBox

MOST_UNITS = 48  # of a scan; more cannot be told apart in a picture
SCAN = re.compile(r"(?:^|\.)layers\.(\d+)\.(forward|backward)_scan\.(\w+)$")
ORDER = ("hidden", "cell", "input_gate", "forget_gate", "output_gate", "reset", "update", "candidate")
Array = NDArray[np.float64]


def hidden_states(
    seen: GlassBox, *, row: int = 0, first: int = 0, length: int | None = None, within: str = ""
) -> list[dict[str, Any]]:
    """For each scan what it held at every position, for ``hidden_states.js`` to draw.

    Args:
        seen: around one pass of a network with a ``Recurrent`` in it.
        row: of the batch.
        first, length: the positions to show; all, by default.
        within: the dotted path of the ``Recurrent``, where the network has several; any, by default.

    Returns:
        A record a scan, in the order in which they ran: ``layer`` (from 1), ``direction``, how many ``units`` it has,
        ``chosen`` (the numbers of those that moved most, ordered by when they are largest), and ``values``: by name,
        as ``ORDER`` has them, packed (chosen, T).
    """
    end = None if length is None else first + length
    found: dict[tuple[int, str], dict[str, Array]] = {}
    for layer, direction, name, value in _scans(seen, within):
        found.setdefault((layer, direction), {})[name] = value[row, first:end].T  # (W, T)
    return [_record(layer, direction, values) for (layer, direction), values in found.items() if "hidden" in values]


def _scans(seen: GlassBox, within: str) -> Iterator[tuple[int, str, str, Array]]:
    for path in seen:
        match = SCAN.search(path)
        if match and path.startswith(within) and match[3] in ORDER and getattr(seen[path], "ndim", 0) == 3:
            yield int(match[1]), match[2], match[3], seen[path].detach().double().cpu().numpy()


def _record(layer: int, direction: str, values: dict[str, Array]) -> dict[str, Any]:
    hidden = values["hidden"]
    moving = np.argsort(-hidden.std(axis=1), kind="stable")[:MOST_UNITS]
    chosen = moving[np.argsort(hidden[moving].argmax(axis=1), kind="stable")]
    named = {name: values[name][chosen] for name in ORDER if name in values}
    return {
        "layer": layer + 1,
        "direction": direction,
        "units": len(hidden),
        "chosen": chosen.tolist(),
        "values": {name: packed(each, *_range(name, each)) for name, each in named.items()},
    }


def _range(name: str, values: Array) -> tuple[float, float]:
    """What the values of that name can be; a cell's have no bounds but their own."""
    if name in ("hidden", "candidate"):
        return -1.0, 1.0
    if name != "cell":
        return 0.0, 1.0  # gates
    most = float(np.abs(values[np.isfinite(values)]).max(initial=1.0))
    return -most, most
