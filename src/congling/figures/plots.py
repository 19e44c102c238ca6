"""The house's way of drawing with Plotly: one template, a few scales, the time slider, and a figure as a PNG.

A figure shows itself in a notebook, stands on an offline page (``plots_page``), or becomes a picture (``save_png``).
Only the colours of ``theme.DAY`` may stand in one: a page shows it at night by replacing each with its fellow.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go

from congling.errors import UserError
from congling.figures.plots_page import Section, Table, plots_page
from congling.figures.theme import DAY, SANS
from congling.language import _
from congling.learning.atomic import write_atomically

__all__ = [
    "DIVERGING",
    "SEQUENTIAL",
    "TWO_CLASSES",
    "Section",
    "Table",
    "above",
    "add_slider",
    "as_label",
    "category_colour",
    "faint",
    "new_figure",
    "number",
    "plots_page",
    "save_png",
    "slim",
]

Scale = list[list[Any]]

TITLE_SPACE = 104  # pixels above a plot: title, subtitle, legend
WIDTH = 1000  # pixels of a picture


def _scale(colours: Sequence[str]) -> Scale:
    return [[share, colour] for share, colour in zip(np.linspace(0, 1, len(colours)).tolist(), colours, strict=True)]


SEQUENTIAL = _scale(DAY.sequential)
DIVERGING = _scale(DAY.diverging)


TWO_CLASSES = _scale((DAY.diverging[3], DAY.diverging[2], DAY.diverging[1]))  # pale, so that points show on it


def category_colour(number: int) -> str:
    """The colour of a series or a class; they come round again."""
    return DAY.categories[number % len(DAY.categories)]


def faint(colour: str, opacity: float) -> str:
    """A colour ``#rrggbb`` that lets through what lies below it."""
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity:g})"


def as_label(text: str) -> str:
    """A user's text as Plotly shows it: what it would read as markup or as a placeholder is written out."""
    return html.escape(text, quote=False).replace("%{", "%&#123;")


def number(value: float, digits: int = 3) -> str:
    """A number for a person: so many significant digits, with a true minus."""
    return f"{value:.{digits}g}".replace("-", "−")


def above(text: str) -> str:
    """The title of a colour bar, with a line of room below it: else it runs into the uppermost number."""
    return f"{as_label(text)}<br> "


def slim(values: Any) -> Any:
    """Numbers in single precision: half the page, and more than a screen can show."""
    return np.asarray(values, dtype=np.float32)


def new_figure(title: str, *, x: str = "", y: str = "", subtitle: str = "", height: int = 420) -> go.Figure:
    """An empty figure in the house's style.

    Args:
        title, subtitle: above the plot; the subtitle holds numbers.
        x, y: the titles of the axes.
        height: in pixels; the width is that of the page.
    """
    figure = go.Figure(layout={"template": house_template(), "height": height})
    figure.update_layout(title_text=title, title_subtitle_text=subtitle, xaxis_title_text=x, yaxis_title_text=y)
    return figure


def house_template() -> go.layout.Template:
    """Fonts, colours, hairlines and margins; the ground is left to the page."""
    axis = {
        "gridcolor": DAY.line, "zerolinecolor": DAY.line, "linecolor": DAY.line, "tickcolor": DAY.line,
        "ticks": "outside", "automargin": True, "title": {"standoff": 10, "font": {"size": 14, "color": DAY.muted}},
        "tickfont": {"color": DAY.muted}, "zeroline": True, "exponentformat": "power",
    }  # fmt: skip
    colour_bar = {
        "outlinewidth": 0,
        "thickness": 12,
        "tickfont": {"color": DAY.muted},
        "title": {"side": "top", "font": {"color": DAY.muted, "size": 13}},
    }
    layout = {
        "font": {"family": SANS, "size": 14, "color": DAY.ink},
        "title": {
            "x": 0, "xref": "container", "xanchor": "left", "y": 1, "yref": "container", "yanchor": "top",
            "pad": {"l": 8, "t": 12}, "font": {"size": 17}, "subtitle": {"font": {"size": 14, "color": DAY.muted}},
        },
        "paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)", "colorway": list(DAY.categories),
        "colorscale": {"sequential": SEQUENTIAL, "diverging": DIVERGING, "sequentialminus": SEQUENTIAL},
        "xaxis": axis, "yaxis": axis, "coloraxis": {"colorbar": colour_bar},
        "margin": {"l": 64, "r": 24, "t": TITLE_SPACE, "b": 56},
        "legend": {
            "orientation": "h", "x": 0, "xanchor": "left", "y": 1.0, "yanchor": "bottom", "bgcolor": "rgba(0,0,0,0)",
        },
        "hoverlabel": {"bgcolor": DAY.surface, "bordercolor": DAY.line, "font": {"color": DAY.ink, "family": SANS}},
        "hovermode": "closest", "dragmode": "zoom",
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": DAY.muted, "activecolor": DAY.accent},
        "annotationdefaults": {"font": {"color": DAY.muted}, "showarrow": False},
    }  # fmt: skip
    data = {kind: [{"colorbar": colour_bar}] for kind in ("heatmap", "contour", "surface")}
    return go.layout.Template(layout=layout, data=data)


def add_slider(
    figure: go.Figure, frames: Mapping[str, Sequence[Any]], traces: Sequence[int], prefix: str, start: int | None = None
) -> None:
    """Let the reader move through time: each frame puts its traces in the place of the figure's.

    Args:
        frames: by name (the step), in order.
        traces: the places of the figure's traces that a frame's traces take.
        prefix: stands before the frame's name, such as ``"step "``.
        start: the place of the frame that the figure shows now; the last without it.
    """
    still = {"mode": "immediate", "frame": {"duration": 0, "redraw": True}, "transition": {"duration": 0}}
    moving = {**still, "fromcurrent": True, "frame": {"duration": 450, "redraw": True}}
    figure.frames = [go.Frame(name=name, data=list(data), traces=list(traces)) for name, data in frames.items()]
    steps = [{"label": name, "method": "animate", "args": [[name], still]} for name in frames]
    figure.update_layout(
        sliders=[{
            "steps": steps, "active": len(steps) - 1 if start is None else start, "x": 0.13, "len": 0.87, "y": 0,
            "yanchor": "top",
            "pad": {"t": 64, "l": 12}, "bgcolor": DAY.line, "bordercolor": DAY.line, "tickcolor": DAY.line,
            "activebgcolor": DAY.accent, "font": {"color": DAY.muted, "size": 12}, "minorticklen": 0,
            "currentvalue": {"prefix": prefix, "font": {"color": DAY.ink, "size": 14}},
        }],
        updatemenus=[{
            "type": "buttons", "direction": "left", "showactive": False, "x": 0, "xanchor": "left", "y": 0,
            "yanchor": "top",
            "pad": {"t": 84, "r": 4}, "bgcolor": DAY.surface, "bordercolor": DAY.line, "font": {"color": DAY.ink},
            "buttons": [
                {"label": "▶", "method": "animate", "args": [None, moving]},
                {"label": "❚❚", "method": "animate", "args": [[None], still]},
            ],
        }],
    )  # fmt: skip
    figure.update_layout(height=(figure.layout.height or 420) + 110, margin_b=166)


def save_png(figure: go.Figure, path: Path | str, *, width: int = WIDTH, height: int | None = None) -> None:
    """Write a figure as a PNG of twice as many pixels, on white, without the time slider.

    Raises:
        UserError: kaleido or the browser that it draws with is not there, or the disk refuses.
    """
    size = {"width": width, "height": height or _still_height(figure), "scale": 2}
    write_atomically(Path(path), _drawn(still(figure), {"format": "png", **size}))


def still(figure: go.Figure) -> go.Figure:
    """The figure as it stands, without what only a page can move; its ground is white."""
    copy = go.Figure(data=figure.data, layout=figure.layout)
    copy.update_layout(paper_bgcolor=DAY.surface)
    if figure.layout.sliders:
        copy.layout.sliders, copy.layout.updatemenus = None, None
        copy.update_layout(height=_still_height(figure), margin_b=None)
    return copy


def _still_height(figure: go.Figure) -> int:
    return int(figure.layout.height or 420) - (110 if figure.layout.sliders else 0)


def _drawn(figure: go.Figure, options: dict[str, Any]) -> bytes:
    try:
        import kaleido
    except ImportError as error:
        message = _("a picture (PNG) needs another package: pip install {package}. A page (--html) needs nothing")
        raise UserError(message.format(package="'congling[png]'")) from error
    try:
        # Without this it asks a network for MathJax.
        picture: bytes = kaleido.calc_fig_sync(figure.to_plotly_json(), opts=options, kopts={"mathjax": False})
    except Exception as error:  # of kaleido's own, of its browser's, of the system's
        message = _(
            "no picture (PNG) could be drawn, because the browser for it did not start ({problem}): install Chrome or "
            "Chromium, or run kaleido_get_chrome. A page (--html) needs nothing"
        )
        problem = str(error).strip() or type(error).__name__
        raise UserError(message.format(problem=problem.splitlines()[0].split(". ")[0])) from error
    return picture
