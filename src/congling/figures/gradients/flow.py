"""How signals flow forward and gradients back, layer by layer and step by step, as SVG.

Strengths are root mean squares on a logarithmic scale: where a bar is a division shorter than its neighbour, the signal
is ten times weaker there.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

from congling.errors import UserError
from congling.figures.gradients.texts import finding_word
from congling.figures.tensor_text import short_number
from congling.language import _
from congling.learning.backprop import Finding, Flow, LayerFlow

Quantity = Literal["activation", "gradient"]

_ROW, _PANEL, _GAP, _TOP, _BOTTOM = 24.0, 250.0, 86.0, 46.0, 14.0  # pixels
_CELL, _FONT = 7.0, 12
_INK, _MUTED, _LINE = "var(--ink,#1b1f27)", "var(--muted,#5b6270)", "var(--line,#e2ddd3)"
_QUIET, _ACCENT = "var(--quiet,#71879e)", "var(--accent,#b3341f)"


@dataclass(frozen=True)
class Scale:
    """A logarithmic axis over whole powers of ten."""

    low: int
    high: int

    @classmethod
    def over(cls, values: Sequence[float]) -> Scale:
        """The powers of ten around the values that are positive and finite."""
        logarithms = [math.log10(value) for value in values if 0 < value < math.inf]
        low = math.floor(min(logarithms, default=0.0) + 1e-9)
        return cls(low - 1, max(low, math.ceil(max(logarithms, default=0.0) - 1e-9)))

    def share(self, value: float) -> float:
        """0 at the low end, 1 at the high end and for infinity; 0 for what is no positive number."""
        if not value > 0:
            return 0.0
        return 1.0 if math.isinf(value) else (math.log10(value) - self.low) / (self.high - self.low)

    def ticks(self, most: int = 6) -> list[int]:
        """At most so many powers of ten, evenly apart."""
        step = max(1, math.ceil((self.high - self.low) / most))
        return list(range(self.low, self.high + 1, step))


def flow_picture(flow: Flow) -> str:
    """Two bars for each layer, in the order of the forward pass: its output, and the loss's gradient there.

    What was found about a layer stands beside it in a word.

    Raises:
        UserError: the flow has no layers.
    """
    names = _named_layers(flow.layers)
    left = _label_width(names)
    words = _words(flow.findings)
    width = left + 2 * _PANEL + _GAP + _GAP + max((_cells(text) * _CELL for text in words.values()), default=0.0)
    panels = [
        (_("strength of the output"), _QUIET, [layer.activation_norm for layer in flow.layers]),
        (_("strength of the gradient"), _ACCENT, [layer.gradient_norm for layer in flow.layers]),
    ]
    drawn = list(_labels(names))
    for place, (title, colour, values) in enumerate(panels):
        drawn += _panel(title, colour, values, left + place * (_PANEL + _GAP))
    drawn += _marks(flow.layers, words, left + 2 * _PANEL + 2 * _GAP - 12)
    return _svg(width, _TOP + _ROW * len(names) + _BOTTOM, drawn, _("gradient flow by layer"))


def flow_over_steps(flows: Mapping[int, Flow], quantity: Quantity = "gradient") -> str:
    """A map of the strengths: a row for each layer, a column for each step; the darker, the stronger.

    Raises:
        UserError: there is no flow, or the flows are of different networks.
    """
    steps = sorted(flows)
    names = _named_layers(flows[steps[0]].layers if steps else [])
    if any(
        [layer.path for layer in flows[step].layers] != [layer.path for layer in flows[steps[0]].layers]
        for step in steps
    ):
        raise UserError(_("these flows are of different networks"))
    rows = [[_strength(flows[step].layers[row], quantity) for step in steps] for row in range(len(names))]
    left, cell = _label_width(names), min(46.0, max(10.0, 720.0 / len(steps)))
    scale = Scale.over([value for row in rows for value in row])
    drawn = [*_labels(names), *_map(rows, steps, names, scale, left, cell), *_legend(scale, left, quantity)]
    drawn += _step_labels(steps, left, cell, _TOP + _ROW * len(names) + 16)
    width = left + max(cell * len(steps), 330.0) + 40
    return _svg(width, _TOP + _ROW * len(names) + 40, drawn, _("gradient flow by layer and step"))


def _strength(layer: LayerFlow, quantity: Quantity) -> float:
    return layer.activation_norm if quantity == "activation" else layer.gradient_norm


def _named_layers(layers: Sequence[LayerFlow]) -> list[str]:
    if not layers:
        raise UserError(_("nothing is known about the flow: no layer with parameters was on the tape"))
    return [layer.path or _("the network itself") for layer in layers]


def _words(findings: Sequence[Finding]) -> dict[str, str]:
    """For each path, what was found there."""
    words: dict[str, list[str]] = {}
    for finding in findings:
        words.setdefault(finding.path, []).append(finding_word(finding.kind))
    return {path: ", ".join(dict.fromkeys(each)) for path, each in words.items()}


# Drawing -------------------------------------------------------------------------------------------------------------


def _svg(width: float, height: float, drawn: Sequence[str], label: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" '
        f'height="{height:.0f}" role="img" aria-label="{escape(label)}" '
        f'style="font-family:var(--sans,sans-serif)">{"".join(drawn)}</svg>'
    )


def _text(x: float, y: float, text: str, *, anchor: str = "start", colour: str = _INK, mono: bool = False) -> str:
    font = ";font-family:var(--mono,monospace)" if mono else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" style="fill:{colour};font-size:{_FONT}px{font}">'
        f"{escape(text)}</text>"
    )


def _cells(text: str) -> int:
    """How wide a text is: an East Asian character counts as two others."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def _label_width(names: Sequence[str]) -> float:
    return max(_cells(name) for name in names) * 7.3 + 14


def _labels(names: Sequence[str]) -> Iterator[str]:
    for row, name in enumerate(names):
        yield _text(0, _TOP + _ROW * (row + 0.68), name, mono=True)


def _panel(title: str, colour: str, values: Sequence[float], left: float) -> Iterator[str]:
    """One column of bars under its axis, each with its number."""
    scale, bottom = Scale.over(values), _TOP + _ROW * len(values)
    yield _text(left, 14, title, colour=colour)
    for tick in scale.ticks():
        x = left + _PANEL * (tick - scale.low) / (scale.high - scale.low)
        yield f'<line x1="{x:.1f}" y1="{_TOP - 4}" x2="{x:.1f}" y2="{bottom:.1f}" style="stroke:{_LINE}"/>'
        yield _power(x, _TOP - 10, tick)
    for row, value in enumerate(values):
        length, y = _PANEL * scale.share(value), _TOP + _ROW * row
        yield (
            f'<rect x="{left:.1f}" y="{y + 5:.1f}" width="{length:.1f}" height="{_ROW - 10}" rx="2" '
            f'style="fill:{colour}"/>'
        )
        yield _text(left + length + 5, y + _ROW * 0.68, short_number(value, 3), colour=_MUTED)


def _power(x: float, y: float, exponent: int) -> str:
    """10 to the exponent, above the axis."""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="middle" style="fill:{_MUTED};font-size:10.5px">10'
        f'<tspan dy="-4" style="font-size:8.5px">{str(exponent).replace("-", "−")}</tspan></text>'
    )


def _marks(layers: Sequence[LayerFlow], words: Mapping[str, str], left: float) -> Iterator[str]:
    for row, layer in enumerate(layers):
        if layer.path in words:
            yield _text(left, _TOP + _ROW * (row + 0.68), f"◂ {words[layer.path]}", colour=_ACCENT)


def _map(
    rows: Sequence[Sequence[float]], steps: Sequence[int], names: Sequence[str], scale: Scale, left: float, cell: float
) -> Iterator[str]:
    for y, (row, name) in enumerate(zip(rows, names, strict=True)):
        for x, (value, step) in enumerate(zip(row, steps, strict=True)):
            tip = _("{layer}, step {step}: {value}").format(layer=name, step=step, value=short_number(value, 3))
            yield _square(left + cell * x, _TOP + _ROW * y, cell, value, scale, tip)


def _square(x: float, y: float, width: float, value: float, scale: Scale, tip: str) -> str:
    """A cell; one whose number is not finite is crossed out."""
    known = math.isfinite(value)
    opacity = 0.06 + 0.94 * scale.share(value) if known else 0.0
    cross = "" if known else f'<path d="M{x + 3:.1f},{y + 4} l{width - 6:.1f},{_ROW - 8}" style="stroke:{_ACCENT}"/>'
    return (
        f'<g><title>{escape(tip)}</title><rect x="{x:.1f}" y="{y + 1:.1f}" width="{width - 1:.1f}" '
        f'height="{_ROW - 2}" style="fill:{_ACCENT};fill-opacity:{opacity:.3f};stroke:{_LINE}"/>{cross}</g>'
    )


def _legend(scale: Scale, left: float, quantity: Quantity) -> Iterator[str]:
    """What the shades mean, above the map."""
    title = _("strength of the output") if quantity == "activation" else _("strength of the gradient")
    yield _text(left, 14, title, colour=_ACCENT)
    ticks = scale.ticks(5)
    for place, tick in enumerate(ticks):
        x = left + 56.0 * place
        opacity = 0.06 + 0.94 * (tick - scale.low) / (scale.high - scale.low)
        yield (
            f'<rect x="{x:.1f}" y="22" width="14" height="14" '
            f'style="fill:{_ACCENT};fill-opacity:{opacity:.3f};stroke:{_LINE}"/>'
        )
        yield _power(x + 32, 34, tick)


def _step_labels(steps: Sequence[int], left: float, cell: float, y: float) -> Iterator[str]:
    every = max(1, math.ceil(44 / cell))
    for place, step in enumerate(steps):
        if place % every == 0:
            yield _text(left + cell * (place + 0.5), y, str(step), anchor="middle", colour=_MUTED)
    yield _text(left + cell * len(steps) + 8, y, _("step"), colour=_MUTED)
