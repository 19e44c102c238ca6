"""What a network makes of a plane: decision surfaces of classes, and surfaces that were fitted, as maps and in space.

Every map is given over two axes: ``first`` (F) to the right, ``second`` (S) upwards, values (S, F).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from congling.figures.fitting.fit_figures import thinned
from congling.figures.plots import (
    DIVERGING,
    SEQUENTIAL,
    TWO_CLASSES,
    above,
    add_slider,
    as_label,
    category_colour,
    faint,
    new_figure,
    slim,
)
from congling.figures.theme import DAY
from congling.language import _

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Plane:
    """Where maps are drawn: two axes and what they are called."""

    first: Array
    second: Array
    first_name: str
    second_name: str

    @property
    def places(self) -> Array:
        """All places of the plane, (S · F, 2), row by row from below."""
        return np.stack([part.ravel() for part in np.meshgrid(self.first, self.second)], axis=1)

    def map(self, values: Array) -> Array:
        """Values of all places (S · F, …) as a map (S, F, …)."""
        return values.reshape(len(self.second), len(self.first), *values.shape[1:])

    def hover(self, value: str) -> str:
        """What is said at a place."""
        return f"{as_label(self.first_name)} %{{x:.4~g}}<br>{as_label(self.second_name)} %{{y:.4~g}}<br>{value}"


def decision_surface(
    plane: Plane,
    probabilities: Mapping[str, Array],
    classes: Sequence[str],
    points: Mapping[str, tuple[Array, NDArray[np.int64]]],
    *,
    subtitle: str = "",
) -> go.Figure:
    """Which class the network sees where, and how sure it is, with the data on top.

    Args:
        probabilities: (S · F, classes) of the plane's places, by step; with more than one step there is a slider.
        points: inputs (N, 2) and class numbers (N) by what they are called; the first kind is filled, others are rings.
    """
    figure = new_figure(
        _("Where the network sees which class"), subtitle=subtitle, x=as_label(plane.first_name),
        y=as_label(plane.second_name), height=640,
    )  # fmt: skip
    drawn = {step: _class_maps(plane, values, classes) for step, values in probabilities.items()}
    last = list(drawn.values())[-1]
    figure.add_traces(last)
    for kind, (name, (inputs, chosen)) in enumerate(points.items()):
        _add_points(figure, plane, thinned(inputs, chosen), classes, name, filled=kind == 0)
    if len(drawn) > 1:
        add_slider(figure, drawn, range(len(last)), _("step "))
    _square(figure, plane)
    return figure


def _class_maps(plane: Plane, probabilities: Array, classes: Sequence[str]) -> list[go.Heatmap | go.Contour]:
    """The map, and the line between two classes; with more, each place has its likeliest class's colour."""
    axes = {"x": slim(plane.first), "y": slim(plane.second)}
    maps = plane.map(probabilities)
    if len(classes) == 2:
        second = slim(maps[..., 1])
        odds = np.log(np.maximum(maps[..., 1], 1e-30) / np.maximum(maps[..., 0], 1e-30))  # nearly straight at the line
        sure = go.Heatmap(
            z=second, **axes, zmin=0, zmax=1, colorscale=TWO_CLASSES, zsmooth="best",
            hovertemplate=plane.hover(f"{as_label(classes[1])}: %{{z:.1%}}<extra></extra>"),
            colorbar={"title": {"text": above(f"p({classes[1]})")}, "tickformat": ".0%"},
        )  # fmt: skip
        line = go.Contour(
            z=slim(odds), **axes, contours={"start": 0, "end": 0, "size": 1, "coloring": "none"}, showscale=False,
            line={"color": DAY.ink, "width": 1.5}, hoverinfo="skip", showlegend=False,
        )  # fmt: skip
        return [sure, line]
    chosen, count = maps.argmax(axis=-1), len(classes)
    names = np.array([as_label(name) for name in classes])
    steps = [[(place + end) / count, faint(category_colour(place), 0.35)] for place in range(count) for end in (0, 1)]
    likeliest = go.Heatmap(
        z=chosen,
        **axes,
        zmin=-0.5,
        zmax=count - 0.5,
        colorscale=steps,
        showscale=False,
        text=names[chosen],
        customdata=slim(maps.max(axis=-1)),
        hovertemplate=plane.hover("%{text}: %{customdata:.1%}<extra></extra>"),
    )
    return [likeliest]


def _add_points(
    figure: go.Figure, plane: Plane, points: tuple[Array, ...], classes: Sequence[str], name: str, *, filled: bool
) -> None:
    inputs, chosen = points
    for place, label in enumerate(classes):
        here = inputs[chosen == place]
        colour = category_colour(place)
        marker = {"color": colour, "line": {"color": DAY.surface, "width": 1}, "size": 7}
        figure.add_scatter(
            x=slim(here[:, 0]), y=slim(here[:, 1]), mode="markers", name=name + _(": ") + as_label(label),
            hovertemplate=plane.hover(f"{as_label(label)}<extra></extra>"),
            marker=marker if filled else {"color": colour, "symbol": "circle-open", "size": 7, "line": {"width": 1.5}},
        )  # fmt: skip


def surface_maps(
    plane: Plane,
    predictions: Mapping[str, Array],
    *,
    truth: Array | None = None,
    points: tuple[Array, Array] | None = None,
    name: str = "y",
    subtitle: str = "",
) -> go.Figure:
    """A function of two inputs as a map: the fit, and beside it the truth and the difference where it is known.

    Args:
        predictions: (S · F) of the plane's places, by step; with more than one step there is a slider.
        truth: (S · F).
        points: inputs (N, 2) and targets (N), drawn over the fit in the same colours, where there is no truth.
    """
    titles = [_("the fit")] + ([] if truth is None else [_("the truth"), _("the fit − the truth")])
    figure = make_subplots(
        1, len(titles), subplot_titles=titles, shared_yaxes=True, horizontal_spacing=0.04,
        figure=new_figure(_("The fitted surface"), subtitle=subtitle, height=560 if len(titles) == 1 else 500),
    )  # fmt: skip
    known = truth if truth is not None else (points[1] if points else list(predictions.values())[-1])
    low, high = float(known.min()), float(known.max())
    figure.update_layout(
        coloraxis={"colorscale": SEQUENTIAL, "cmin": low, "cmax": high}, coloraxis_colorbar_title_text=above(name),
    )  # fmt: skip
    drawn = {step: _fit_maps(plane, values, truth, high - low, name) for step, values in predictions.items()}
    last = list(drawn.values())[-1]
    figure.add_trace(last[0], 1, 1)
    if truth is not None:
        figure.add_trace(_map(plane, truth, name, coloraxis="coloraxis"), 1, 2)
        figure.add_trace(last[1], 1, 3)
    elif points is not None:
        figure.add_trace(_coloured_points(plane, points, name), 1, 1)
    if len(drawn) > 1:
        add_slider(figure, drawn, [0] if truth is None else [0, 2], _("step "))
    figure.update_xaxes(title_text=as_label(plane.first_name), range=[plane.first[0], plane.first[-1]])
    figure.update_yaxes(range=[plane.second[0], plane.second[-1]])
    figure.update_yaxes(title_text=as_label(plane.second_name), col=1)
    figure.update_layout(title_text=_("The fitted surface"))
    return figure


def _fit_maps(plane: Plane, values: Array, truth: Array | None, reach: float, name: str) -> list[go.Heatmap]:
    fit = _map(plane, values, name, coloraxis="coloraxis")
    if truth is None:
        return [fit]
    off = _map(
        plane, values - truth, _("difference"), colorscale=DIVERGING, zmin=-reach / 4, zmax=reach / 4, showscale=False
    )
    return [fit, off]


def _map(plane: Plane, values: Array, name: str, **colours: object) -> go.Heatmap:
    return go.Heatmap(
        z=slim(plane.map(values)), x=slim(plane.first), y=slim(plane.second), zsmooth="best",
        hovertemplate=plane.hover(f"{as_label(name)} %{{z:.4~g}}<extra></extra>"), **colours,
    )  # fmt: skip


def _coloured_points(plane: Plane, points: tuple[Array, Array], name: str) -> go.Scatter:
    inputs, targets = thinned(*points)
    ring = {"color": DAY.surface, "width": 1}
    return go.Scatter(
        x=slim(inputs[:, 0]), y=slim(inputs[:, 1]), mode="markers", showlegend=False,
        marker={"color": slim(targets), "coloraxis": "coloraxis", "size": 7, "line": ring},
        customdata=slim(targets), hovertemplate=plane.hover(f"{as_label(name)} %{{customdata:.4~g}}<extra></extra>"),
    )  # fmt: skip


def surface_in_space(
    plane: Plane, predicted: Array, points: tuple[Array, Array] | None, *, name: str = "y"
) -> go.Figure:
    """The fitted surface in space, with the data around it; to be turned with the mouse.

    Args:
        predicted: (S · F) of the plane's places.
        points: inputs (N, 2) and targets (N).
    """
    figure = new_figure(_("The fitted surface in space"), height=600)
    hover = "%{x:.3~g}, %{y:.3~g}: %{z:.4~g}"
    figure.add_surface(
        x=slim(plane.first), y=slim(plane.second), z=slim(plane.map(predicted)), colorscale=SEQUENTIAL, opacity=0.92,
        name=_("the fit"), hovertemplate=hover,
    )  # fmt: skip
    if points is not None:
        inputs, targets = thinned(*points)
        figure.add_scatter3d(
            x=slim(inputs[:, 0]), y=slim(inputs[:, 1]), z=slim(targets), mode="markers", showlegend=False,
            marker={"size": 2.5, "color": DAY.accent}, name=_("data"), hovertemplate=hover,
        )  # fmt: skip
    axis = {"gridcolor": DAY.line, "zerolinecolor": DAY.line, "color": DAY.muted, "showbackground": False}
    names = (("xaxis", plane.first_name), ("yaxis", plane.second_name), ("zaxis", name))
    figure.update_scenes({axis_name: {**axis, "title": {"text": as_label(label)}} for axis_name, label in names})
    camera = {"eye": {"x": 1.2, "y": 1.2, "z": 0.75}, "center": {"x": 0, "y": 0, "z": -0.14}}
    figure.update_scenes(camera=camera, aspectmode="manual", aspectratio={"x": 1, "y": 1, "z": 0.6})
    figure.update_layout(margin={"l": 0, "r": 0, "b": 0, "t": 60})
    return figure


def _square(figure: go.Figure, plane: Plane) -> None:
    """The axes end with the map, and one unit is as long on both where that is nearly so anyway."""
    figure.update_xaxes(range=[plane.first[0], plane.first[-1]], constrain="domain", zeroline=False)
    figure.update_yaxes(range=[plane.second[0], plane.second[-1]], zeroline=False)
    width, height = np.ptp(plane.first), np.ptp(plane.second)
    if 0.5 < width / height < 2:
        figure.update_yaxes(scaleanchor="x", scaleratio=1, constrain="domain")
