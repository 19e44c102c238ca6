"""A landscape of losses drawn from above, with the path of descent on it."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from congling.figures.fitting.landscape import Array, Landscape
from congling.figures.plots import SEQUENTIAL, above, as_label, new_figure, number, slim
from congling.figures.theme import DAY
from congling.language import _

STEEP = 30.0  # from this ratio of the largest loss to the least the colours go by its logarithm
_LEVELS = 18


def landscape_figure(seen: Landscape, *, title: str = "") -> go.Figure:
    """Lines of equal loss, darker where it is lower, and the path from its first step to its last."""
    figure = new_figure(
        title or _("The loss around the weights that were found"), subtitle=_told(seen), x=as_label(seen.labels[0]),
        y=as_label(seen.labels[1]), height=600,
    )  # fmt: skip
    heights, ticks = _heights(seen.losses)
    figure.add_contour(
        x=slim(seen.first), y=slim(seen.second), z=slim(heights), colorscale=SEQUENTIAL, reversescale=True,
        ncontours=_LEVELS, line={"width": 0.6, "color": DAY.surface}, customdata=slim(seen.losses), showlegend=False,
        hovertemplate=_("loss %{customdata:.4~g}") + "<br>%{x:.3~g}, %{y:.3~g}<extra></extra>",
        colorbar={"title": {"text": above(_("loss"))}, **ticks},
    )  # fmt: skip
    if len(seen.path):
        _add_path(figure, seen)
    figure.add_scatter(
        x=[seen.end[0]], y=[seen.end[1]], mode="markers", name=_("the weights that were kept"),
        marker={"symbol": "star", "size": 15, "color": DAY.accent, "line": {"color": DAY.surface, "width": 1}},
        hovertemplate="%{x:.4~g}, %{y:.4~g}",
    )  # fmt: skip
    figure.update_xaxes(range=[seen.first[0], seen.first[-1]], zeroline=False)
    figure.update_yaxes(range=[seen.second[0], seen.second[-1]], zeroline=False)
    return figure


def _add_path(figure: go.Figure, seen: Landscape) -> None:
    texts = [
        _("step {step}: loss {loss}").format(step=step, loss=number(float(loss), 4))
        for step, loss in zip(seen.steps, seen.path_losses, strict=True)
    ]
    figure.add_scatter(
        x=slim(seen.path[:, 0]), y=slim(seen.path[:, 1]), mode="lines+markers", name=_("the path of descent"),
        line={"color": DAY.accent, "width": 2}, text=texts, hovertemplate="%{text}<extra></extra>",
        marker={"size": 6, "color": DAY.surface, "line": {"color": DAY.accent, "width": 1.5}},
    )  # fmt: skip
    figure.add_annotation(
        x=float(seen.path[0, 0]), y=float(seen.path[0, 1]), text=_("step {step}").format(step=seen.steps[0]),
        font={"color": DAY.ink}, bgcolor=DAY.surface, opacity=0.9, yshift=22,
    )  # fmt: skip


def _told(seen: Landscape) -> str:
    if not np.isfinite(seen.explained):
        return ""
    share = f"{seen.explained:.0%}"
    return _("{share} of the path's way lies in this plane; the other weights stay as they were kept").format(
        share=share
    )


def _heights(losses: Array) -> tuple[Array, dict[str, object]]:
    """What the colours go by, and the marks of the colour bar; what is not finite is left white."""
    known = np.where(np.isfinite(losses), losses, np.nan)
    positive = known[known > 0]
    if not positive.size or np.nanmin(known) < 0 or positive.max() / positive.min() < STEEP:
        return known, {}
    heights = np.log10(np.maximum(known, positive.min()))
    low, high = float(np.nanmin(heights)), float(np.nanmax(heights))
    marks = [
        (exponent + np.log10(factor), factor * 10.0**exponent)
        for exponent in range(int(np.floor(low)), int(np.ceil(high)) + 1)
        for factor in ((1, 3) if high - low < 3 else (1,))
    ]
    inside = [(at, value) for at, value in marks if low <= at <= high]
    return heights, {"tickvals": [at for at, _value in inside], "ticktext": [number(value) for _at, value in inside]}
