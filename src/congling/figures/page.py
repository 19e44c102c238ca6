"""A page of its own: one HTML file that holds its style, its script and its data, and never asks a network.

A page's parts are files in ``figures/assets``; ``{{name}}`` in its HTML stands for a text. The page may load
nothing, its own policy forbids it, so it works offline, from a disk, and for ever.
"""

from __future__ import annotations

import base64
import html
import json
import math
import re
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from congling import __version__
from congling.figures.theme import style_variables
from congling.language import _, current_language

LEVELS = 65534  # of a packed number; the level above these stands for what is not a number


def page(
    *,
    title: str,
    body: str,
    texts: Mapping[str, str],
    styles: Sequence[str],
    scripts: Sequence[str],
    data: Any,
    libraries: Sequence[str] = (),
) -> str:
    """A whole HTML file.

    Args:
        title: of the browser's window.
        body: the asset whose HTML is the page; its ``{{name}}`` are filled with ``texts``.
        texts: what the page says, by name; the script finds them as ``texts`` in the data.
        styles, scripts: further assets, in order.
        data: what the script draws, of plain Python values.
        libraries: the texts of scripts that others wrote; each runs before ours, in an element of its own.
    """
    parts = {
        "language": html.escape(current_language().replace("_", "-")),
        "version": html.escape(__version__),
        "title": html.escape(title),
        "style": style_variables() + "".join(map(asset, ("page.css", *styles))),
        "body": filled(asset(body), {name: html.escape(text) for name, text in texts.items()}),
        "data": embedded_json({"texts": dict(texts), **data}),
        "no_script": html.escape(_("This page draws its figures with JavaScript, which is switched off.")),
        "libraries": "".join(f"<script>\n{library}\n</script>\n" for library in libraries),
        "script": "".join(map(asset, scripts)),
    }
    return filled(asset("page.html"), parts)


def asset(name: str) -> str:
    """The text of a file in ``figures/assets``."""
    return resources.files("congling.figures").joinpath("assets", name).read_text(encoding="utf-8")


def filled(template: str, parts: Mapping[str, str]) -> str:
    """The template with each ``{{name}}`` replaced; what is filled in is not looked at again."""
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], template)


def embedded_json(data: Any) -> str:
    """JSON that may stand inside a script element: nothing in it can end the element or begin a comment."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":  # outside of strings JSON has none of these
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def packed(values: NDArray[Any], low: float, high: float) -> dict[str, Any]:
    """Numbers between ``low`` and ``high`` in two bytes each, as base64: a tenth of what JSON takes.

    A number is off by at most (high − low) / 131,068; one that is outside or not a number says so as NaN.
    """
    values = np.asarray(values, dtype=np.float64)
    tolerance = 1e-4 * (high - low)  # what rounding may add to a weight of one
    known = np.isfinite(values) & (values >= low - tolerance) & (values <= high + tolerance)
    levels = np.rint((np.where(known, values, low).clip(low, high) - low) / (high - low) * LEVELS)
    levels = np.where(known, levels, LEVELS + 1).astype("<u2")
    data = base64.b64encode(levels.tobytes()).decode("ascii")
    return {"shape": list(values.shape), "low": low, "high": high, "data": data}


def unpacked(block: Mapping[str, Any]) -> NDArray[np.float64]:
    """What ``packed`` made of numbers, as numbers again."""
    levels = np.frombuffer(base64.b64decode(block["data"]), dtype="<u2").reshape(block["shape"])
    values = block["low"] + levels / LEVELS * (block["high"] - block["low"])
    return np.where(levels > LEVELS, np.nan, values)


def plain_number(value: float, digits: int = 6) -> float | None:
    """A number as JSON takes it, to so many significant digits; None for NaN and the infinities."""
    return float(f"{value:.{digits}g}") if math.isfinite(value) else None
