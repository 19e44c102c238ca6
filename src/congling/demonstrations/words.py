"""Numbers in words and columns: three digits, and what diverged is called so."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from congling.language import _

RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def number(value: float, percent: bool = False) -> str:
    """Three significant digits: ``0.0123``, ``12.3``, ``2,540,000``, ``1.2×10⁻⁵``, ``12.3 %``; ∞ if it diverged."""
    if not math.isfinite(value):
        return "∞"
    if percent:
        return f"{100 * value:.3g} %"
    size = abs(value)
    if value == 0 or 1e-3 <= size < 1000:
        return f"{value:.3g}"
    if 1000 <= size < 1e7:
        return f"{float(f'{value:.3g}'):,.0f}"
    digits, exponent = f"{value:.1e}".split("e")
    return f"{digits}×10{str(int(exponent)).translate(RAISED)}"


def spread(values: Sequence[float], percent: bool = False) -> str:
    """Mean ± standard deviation (of a sample) of what did not diverge, and how many did."""
    finite = [value for value in values if math.isfinite(value)]
    diverged = len(values) - len(finite)
    if not finite:
        return _("diverged")
    text = number(statistics.fmean(finite), percent)
    if len(finite) > 1:
        text += f" ± {number(statistics.stdev(finite), percent)}"
    if diverged:
        text += _("; {diverged} of {count} diverged").format(diverged=diverged, count=len(values))
    return text
