"""A page of plots: sections with a few sentences, figures and tables, in one HTML file that never asks a network."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from plotly.offline import get_plotlyjs

from congling.figures.page import page
from congling.figures.theme import DAY, NIGHT
from congling.language import _

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


@dataclass(frozen=True)
class Table:
    """Rows of texts below headings; a cell that is a number in words is set as one."""

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Section:
    """A part of a page.

    Attributes:
        title: stands in the page's list of contents too.
        text: what to look at, in plain sentences; an empty line begins a new paragraph.
        figures: one below the other.
        table: above them.
    """

    title: str
    text: str = ""
    figures: Sequence[Figure] = field(default_factory=tuple)
    table: Table | None = None


def plots_page(title: str, sections: Sequence[Section], *, introduction: str = "", facts: Sequence[str] = ()) -> str:
    """A self-contained page in the current language, with Plotly's own script in it once (4.8 MB).

    Args:
        title: the page's heading.
        introduction: a sentence or two below it.
        facts: short texts in a line, such as the network's size.
    """
    return page(
        title=f"{title} · congling",
        body="plots.html",
        texts={
            "heading": title,
            "introduction": introduction,
            "facts": " · ".join(facts),
            "contents": _("Contents"),
            "night": _("light or dark"),
        },
        styles=["plots.css"],
        scripts=["plots.js"],
        data={
            "sections": [_section(section) for section in sections],
            "night": night_colours(),
            "buttons": _buttons(),
        },
        libraries=[get_plotlyjs()],
    )


def night_colours() -> list[list[str]]:
    """Pairs of what stands for a colour by day and by night, as figures write it: ``#rrggbb`` and ``rgba(r,g,b,``."""
    day, night = asdict(DAY), asdict(NIGHT)
    del day["accent_ink"]  # the same as surface: a text on the accent has no place in a figure
    pairs = [
        pair
        for name, colour in day.items()
        for pair in (zip(colour, night[name], strict=True) if isinstance(colour, tuple) else [(colour, night[name])])
    ]
    return [list(pair) for pair in pairs] + [[_transparent(first), _transparent(second)] for first, second in pairs]


def _transparent(colour: str) -> str:
    return "rgba(" + "".join(f"{int(colour[at : at + 2], 16)}," for at in (1, 3, 5))


def _section(section: Section) -> dict[str, Any]:
    table = section.table
    return {
        "title": section.title,
        "paragraphs": [text for text in section.text.split("\n\n") if text],
        "figures": [json.loads(figure.to_json()) for figure in section.figures],  # NaN is null in it
        "table": None
        if table is None
        else {"headings": list(table.headings), "rows": [list(row) for row in table.rows]},
    }


def _buttons() -> dict[str, str]:
    """What Plotly's own buttons say, by the English that it looks them up with."""
    return {
        "Zoom": _("Zoom"),
        "Pan": _("Pan"),
        "Zoom in": _("Zoom in"),
        "Zoom out": _("Zoom out"),
        "Autoscale": _("Show everything"),
        "Reset axes": _("As at first"),
        "Download plot as a PNG": _("Save as a picture (PNG)"),
        "Download plot": _("Save as a picture"),
        "Double-click to zoom back out": _("Double-click to zoom back out"),
        "Orbital rotation": _("Turn"),
        "Turntable rotation": _("Turn about the upright axis"),
        "Reset camera to default": _("As at first"),
        "Reset camera to last save": _("As before"),
    }
