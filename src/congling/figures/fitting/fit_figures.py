"""A fit drawn against the data that it was made from, and against the truth where one is known.

N examples · G places of a grid
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from congling.figures.plots import add_slider, as_label, category_colour, faint, new_figure, number, slim
from congling.figures.theme import DAY
from congling.language import _

Array = NDArray[np.float64]
MOST_POINTS = 1500  # of the data, in one figure


def thinned(*arrays: NDArray[Any]) -> tuple[NDArray[Any], ...]:
    """The same rows of all arrays, evenly taken, at most ``MOST_POINTS`` of them."""
    every = -(-len(arrays[0]) // MOST_POINTS)
    return tuple(array[::every] if every > 1 else array for array in arrays)


def curve_fit(
    points: Mapping[str, tuple[Array, Array]],
    grid: Array,
    predictions: Mapping[str, Array],
    *,
    truth: Array | None = None,
    noise: float = 0.0,
    x: str = "x",
    y: str = "y",
    subtitle: str = "",
) -> go.Figure:
    """A function of one input.

    Args:
        points: the examples (N), (N) by what they are called, such as training and test data.
        grid: (G), where the functions are drawn.
        predictions: (G) by step, the last of which is the fit; with more than one there is a slider.
        truth: (G); ``noise`` is the deviation that was added to it, drawn as a band of two of them.
    """
    figure = new_figure(_("The fit, the data and the truth") if truth is not None else _("The fit and the data"),
                        subtitle=subtitle, x=as_label(x), y=as_label(y), height=480)  # fmt: skip
    hover = f"{as_label(x)} %{{x:.4~g}}<br>{as_label(y)} %{{y:.4~g}}"
    if truth is not None:
        _add_truth(figure, grid, truth, noise, hover)
    for place, (name, (inputs, targets)) in enumerate(points.items()):
        inputs, targets = thinned(inputs, targets)
        figure.add_scatter(
            x=slim(inputs), y=slim(targets), mode="markers", name=name, hovertemplate=hover,
            marker={"size": 5, "color": faint((DAY.quiet, category_colour(2))[place % 2], 0.65)},
        )  # fmt: skip
    figure.add_scatter(
        x=slim(grid), y=slim(list(predictions.values())[-1]), mode="lines", name=_("the fit"),
        line={"color": DAY.accent, "width": 3}, hovertemplate=hover,
    )  # fmt: skip
    if len(predictions) > 1:
        frames = {name: [go.Scatter(x=slim(grid), y=slim(values))] for name, values in predictions.items()}
        add_slider(figure, frames, [len(figure.data) - 1], _("step "))
        figure.update_yaxes(range=_range(points, truth), autorange=False)  # a wild first fit must not shrink the rest
    return figure


def _add_truth(figure: go.Figure, grid: Array, truth: Array, noise: float, hover: str) -> None:
    if noise > 0:
        figure.add_scatter(
            x=slim(np.concatenate([grid, grid[::-1]])),
            y=slim(np.concatenate([truth + 2 * noise, (truth - 2 * noise)[::-1]])),
            fill="toself", fillcolor=faint(category_colour(0), 0.12), line={"width": 0}, hoverinfo="skip",
            mode="lines", name=_("the truth ± 2 deviations of the noise"),
        )  # fmt: skip
    figure.add_scatter(
        x=slim(grid), y=slim(truth), mode="lines", name=_("the truth"), hovertemplate=hover,
        line={"color": category_colour(0), "width": 2, "dash": "dash"},
    )  # fmt: skip


def _range(points: Mapping[str, tuple[Array, Array]], truth: Array | None) -> list[float]:
    values = [targets for _inputs, targets in points.values()] + ([] if truth is None else [truth])
    low, high = min(part.min() for part in values), max(part.max() for part in values)
    margin = 0.12 * (high - low) or 1.0
    return [float(low - margin), float(high + margin)]


def class_curves(
    points: tuple[Array, NDArray[np.int64]],
    grid: Array,
    probabilities: Mapping[str, Array],
    classes: Sequence[str],
    *,
    x: str = "x",
    subtitle: str = "",
) -> go.Figure:
    """The probability of each class along one input; each example is a mark at the height of certainty for its class.

    Args:
        points: inputs (N) and class numbers (N).
        probabilities: (G, classes) by step.
    """
    figure = new_figure(
        _("The probability of each class"), subtitle=subtitle, x=as_label(x), y=_("probability"), height=480
    )
    last = list(probabilities.values())[-1]
    inputs, chosen = thinned(*points)
    for place, name in enumerate(classes):
        here = inputs[chosen == place]
        figure.add_scatter(
            x=slim(here), y=np.full(len(here), 1.04 + 0.04 * place), mode="markers",
            marker={"symbol": "line-ns-open", "size": 9, "color": category_colour(place)}, hovertemplate="%{x:.4~g}",
            name=_("data: {name}").format(name=as_label(name)),
        )  # fmt: skip
    for place, name in enumerate(classes):
        figure.add_scatter(
            x=slim(grid), y=slim(last[:, place]), mode="lines", name=as_label(name),
            line={"color": category_colour(place), "width": 2.5}, hovertemplate="%{x:.4~g}: %{y:.1%}",
        )  # fmt: skip
    if len(probabilities) > 1:
        frames = {
            step: [go.Scatter(x=slim(grid), y=slim(values[:, place])) for place in range(len(classes))]
            for step, values in probabilities.items()
        }
        add_slider(figure, frames, range(len(classes), 2 * len(classes)), _("step "))
    figure.update_yaxes(range=[-0.04, 1.08 + 0.04 * len(classes)], tickformat=".0%", tickvals=[0, 0.25, 0.5, 0.75, 1])
    return figure


def predicted_against_true(
    true: Array, predicted: Array, *, name: str, points: str = "", subtitle: str = ""
) -> go.Figure:
    """Every example's prediction over its target (N), (N): on the line where both are the same.

    Args:
        name: of the target.
        points: what the examples are called.
    """
    figure = new_figure(
        _("Predicted against true"), subtitle=subtitle, height=520,
        x=_("{name}, true").format(name=as_label(name)), y=_("{name}, predicted").format(name=as_label(name)),
    )  # fmt: skip
    true, predicted = thinned(true, predicted)
    both = np.concatenate([true, predicted[np.isfinite(predicted)]])
    ends = [float(both.min()), float(both.max())]
    figure.add_scatter(
        x=ends, y=ends, mode="lines", line={"color": DAY.quiet, "dash": "dash", "width": 1.5}, hoverinfo="skip",
        name=_("as it should be"),
    )  # fmt: skip
    figure.add_scatter(
        x=slim(true), y=slim(predicted), mode="markers", marker={"size": 6, "color": faint(category_colour(0), 0.6)},
        name=points or _("data"), hovertemplate=_("true %{x:.4~g}<br>predicted %{y:.4~g}"),
    )  # fmt: skip
    return figure


def residuals(true: Array, predicted: Array, *, name: str) -> go.Figure:
    """What is left, y − f(x), over the prediction: a shape in it is something that the fit has not learned."""
    left = true - predicted
    figure = new_figure(
        _("What the fit leaves over"), height=420,
        subtitle=_("mean {mean}, deviation {deviation}").format(mean=number(left.mean()), deviation=number(left.std())),
        x=_("{name}, predicted").format(name=as_label(name)), y=_("true − predicted"),
    )  # fmt: skip
    predicted, left = thinned(predicted, left)
    figure.add_hline(y=0, line={"color": DAY.quiet, "dash": "dash", "width": 1.5})
    figure.add_scatter(
        x=slim(predicted), y=slim(left), mode="markers", showlegend=False,
        marker={"size": 6, "color": faint(category_colour(0), 0.6)}, hovertemplate="%{x:.4~g}: %{y:+.3~g}",
    )  # fmt: skip
    return figure


def confusion(true: NDArray[np.int64], predicted: NDArray[np.int64], classes: Sequence[str]) -> go.Figure:
    """How often each class (a row) was taken for each (a column): counts, coloured by their share of the row."""
    counts = np.zeros((len(classes), len(classes)), dtype=np.int64)
    np.add.at(counts, (true, predicted), 1)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    labels = [as_label(name) for name in classes]
    figure = new_figure(
        _("Which class was taken for which"), x=_("predicted"), y=_("true"), height=300 + 32 * len(classes),
        subtitle=_("{right} of {all} right").format(right=int(np.trace(counts)), all=int(counts.sum())),
    )  # fmt: skip
    figure.add_heatmap(
        z=shares, x=labels, y=labels, zmin=0, zmax=1,
        text=counts, texttemplate="%{text}", xgap=2, ygap=2,
        colorscale=[[0, DAY.sequential[0]], [1, DAY.sequential[2]]],
        hovertemplate=_("true %{y}, predicted %{x}: %{text}, %{z:.1%} of the row"), colorbar={"tickformat": ".0%"},
    )  # fmt: skip
    figure.update_xaxes(type="category", side="bottom")
    figure.update_yaxes(type="category", autorange="reversed")
    return figure
