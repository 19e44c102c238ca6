"""Curves of cost against size as one SVG, panel beside panel, both axes logarithmic, and the exponent of each curve.

A cost c that grows as a power of the size n, c ∝ nᵏ, is a straight line of slope k on such axes: k = 1 is linear,
k = 0 flat.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from congling.figures.theme import DAY, SANS

WIDTH, HEIGHT = 340, 300  # of a panel, in pixels
LEFT, RIGHT, TOP, BOTTOM = 62, 18, 64, 48  # around the plot of a panel


@dataclass(frozen=True)
class Curve:
    """One cost, measured at several sizes."""

    name: str
    sizes: Sequence[float]
    costs: Sequence[float]

    @property
    def exponent(self) -> float:
        """The least-squares slope of log cost over log size."""
        xs, ys = ([math.log(value) for value in values] for values in (self.sizes, self.costs))
        x_mean, y_mean = sum(xs) / len(xs), sum(ys) / len(ys)
        both = sum((x - x_mean) * (y - y_mean) for x, y in zip(xs, ys, strict=True))
        return both / sum((x - x_mean) ** 2 for x in xs)


@dataclass(frozen=True)
class Panel:
    """Curves that share their axes."""

    title: str
    size: str
    cost: str
    curves: Sequence[Curve]

    def place(self, size: float, cost: float) -> tuple[float, float]:
        """Pixels from the panel's upper left corner."""
        (first, last), (least, most) = self._range("sizes"), self._range("costs")
        x = LEFT + (WIDTH - LEFT - RIGHT) * math.log(size / first) / math.log(last / first)
        y = HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * math.log(cost / least) / math.log(most / least)
        return x, y

    def _range(self, which: str) -> tuple[float, float]:
        values = [value for curve in self.curves for value in getattr(curve, which)]
        if which == "sizes":
            return min(values) / 1.15, max(values) * 1.15
        middle = math.sqrt(min(values) * max(values))
        reach = max(max(values) / middle * 1.5, math.sqrt(10))  # at least a decade: a flat curve shall look flat
        return middle / reach, middle * reach

    def drawn(self) -> str:
        """The panel's SVG, without a frame of its own."""
        right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
        parts = [
            text(LEFT, 26, self.title, 15, DAY.ink, "start", 600),
            text(LEFT, 46, self.cost, 12, DAY.muted, "start"),
            text((LEFT + right) / 2, HEIGHT - 12, self.size, 12, DAY.muted),
            f'<path d="M{LEFT},{TOP} V{bottom} H{right}" fill="none" stroke="{DAY.line}"/>',
        ]
        said = -math.inf
        for size in sorted({size for curve in self.curves for size in curve.sizes}):
            if (x := self.place(size, self.curves[0].costs[0])[0]) > said + 40:  # else it would run into the last one
                parts.append(text(x, bottom + 16, short(size), 11, DAY.muted))
                said = x
        for cost in ticks(*self._range("costs")):
            y = self.place(self.curves[0].sizes[0], cost)[1]
            parts.append(f'<path d="M{LEFT},{y:.1f} H{right}" stroke="{DAY.line}" stroke-width="0.7"/>')
            parts.append(text(LEFT - 6, y + 4, short(cost), 11, DAY.muted, "end"))
        for number, curve in enumerate(self.curves):
            parts += self._curve(curve, DAY.categories[number])
            name = f"{curve.name}: exponent {signed(curve.exponent)}"
            parts.append(text(LEFT + 10, TOP + 12 + 16 * number, name, 12, DAY.categories[number], "start"))
        return "\n".join(parts)

    def _curve(self, curve: Curve, colour: str) -> list[str]:
        points = [self.place(size, cost) for size, cost in zip(curve.sizes, curve.costs, strict=True)]
        path = " L".join(f"{x:.1f},{y:.1f}" for x, y in points)
        dots = [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>' for x, y in points]
        return [f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"/>', *dots]


def svg(title: str, panels: Sequence[Panel]) -> str:
    """The whole picture."""
    width = WIDTH * len(panels)
    inside = [f'<g transform="translate({WIDTH * number},0)">\n{p.drawn()}\n</g>' for number, p in enumerate(panels)]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {HEIGHT}" width="{width}" height="{HEIGHT}" '
        f'role="img" font-family="{escape(SANS)}">'
    )
    paper = f'<rect width="100%" height="100%" rx="12" fill="{DAY.paper}"/>'
    return "\n".join([head, f"<title>{escape(title)}</title>", paper, *inside, "</svg>\n"])


def text(x: float, y: float, words: str, size: int, colour: str, anchor: str = "middle", weight: int = 400) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" font-weight="{weight}"'
    return f'<text {place} fill="{colour}">{escape(words)}</text>'


def ticks(least: float, most: float) -> list[float]:
    """1, 2 and 5 of each power of ten that lie between."""
    powers = range(math.floor(math.log10(least)), math.ceil(math.log10(most)) + 1)
    found = [factor * 10.0**power for power in powers for factor in (1, 2, 5)]
    return [each for each in found if least <= each <= most]


def short(value: float) -> str:
    return f"{value / 1000:,.3g}k" if value >= 10_000 else f"{value:,.3g}" if value < 1000 else f"{value:,.0f}"


def signed(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")
