"""The figures of one fitted function, chosen by what it is: of one input, two or more; of numbers or of classes."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from torch import Tensor

from congling.figures.fitting.fit_figures import class_curves, confusion, curve_fit, predicted_against_true, residuals
from congling.figures.fitting.landscape import (
    GRID_LINES,
    Direction,
    landscape,
    mean_loss,
    most_moved,
    principal_directions,
    random_direction,
    two_weights,
    weight_direction,
)
from congling.figures.fitting.landscape_figures import landscape_figure
from congling.figures.fitting.neuron_figures import neuron_layers, neurons_on_line, neurons_on_plane
from congling.figures.fitting.surface_figures import Plane, decision_surface, surface_in_space, surface_maps
from congling.figures.plots import number
from congling.language import _
from congling.learning.parameters import load_parameters
from congling.tasks.function_fitting.data import FunctionData, Part
from congling.tasks.function_fitting.fitted_function import FittedFunction

Array = NDArray[np.float64]
Frames = Sequence[tuple[int, dict[str, Tensor]]]
KEPT = "★"  # the frame after the last: the weights that are looked at
BEYOND = 0.1  # of its range, drawn on both sides of an input
LINE_PLACES, PLANE_PLACES, SMALL_PLANE_PLACES = 241, 61, 41
MOST_OPERATIONS = 2e11  # multiplications and additions that a landscape may take: a few seconds on one core


def fit_figure(fitted: FittedFunction, frames: Frames = ()) -> go.Figure:
    """What was learned, drawn against the data; with a slider over the frames where it can be."""
    data = fitted.data
    match len(data.input_names), bool(data.classes):
        case 1, False:
            return _curve(fitted, frames)
        case 1, True:
            return _class_curves(fitted, frames)
        case 2, False:
            return _surface(fitted, frames)
        case 2, True:
            return _decisions(fitted, frames)
        case _inputs, True:
            return _confusion(fitted)
    return _against_true(fitted)


def quality_figures(fitted: FittedFunction) -> list[go.Figure]:
    """How far the predictions are off, beyond what ``fit_figure`` shows already."""
    several = len(fitted.data.input_names) > 2
    if fitted.data.classes:
        return [] if several else [_confusion(fitted)]
    left = residuals(*_true_and_predicted(fitted), name=fitted.data.target_name)
    return [left] if several else [_against_true(fitted), left]


def neuron_figure(fitted: FittedFunction) -> go.Figure | None:
    """Every neuron's answer over one or two inputs; None for more."""
    data = fitted.data
    outputs = data.classes or [data.target_name]
    if len(data.input_names) == 1:
        grid = _line(data)
        return neurons_on_line(neuron_layers(fitted.network, data.prepared(grid[:, None]), outputs), grid, x=_x(data))
    if len(data.input_names) == 2:
        plane = _plane(data, SMALL_PLANE_PLACES)
        return neurons_on_plane(neuron_layers(fitted.network, data.prepared(plane.places), outputs), plane)
    return None


def space_figure(fitted: FittedFunction) -> go.Figure | None:
    """A surface over two inputs, in space; None for anything else."""
    data = fitted.data
    if data.classes or len(data.input_names) != 2:
        return None
    plane = _plane(data, SMALL_PLANE_PLACES)
    shown = shown_part(data)
    return surface_in_space(plane, fitted(plane.places)[:, 0], (shown.inputs, _numbers(shown)), name=data.target_name)


def landscape_figures(
    fitted: FittedFunction, frames: Frames, weights: tuple[str, str] | None = None
) -> list[go.Figure]:
    """The loss around the weights: over two that are named, the whole path's main directions, the two that moved most.

    Raises:
        UsageError: there are no such ``weights``, or both are the same.
    """
    network = fitted.network
    parameters = sum(parameter.numel() for parameter in network.parameters())
    lines = GRID_LINES if parameters < 1_000_000 else GRID_LINES // 2
    rows = int(np.clip(MOST_OPERATIONS / (2 * parameters * lines**2), 32, 1000))
    train = fitted.data.train
    every = -(-len(train) // rows)
    loss = mean_loss(fitted.data.examples(Part(train.inputs[::every], train.targets[::every])))
    planes = _planes(fitted, frames)
    if weights is not None:
        planes.insert(0, (_("The loss over the two weights that you chose"), *two_weights(network, *weights)))
    return [
        landscape_figure(landscape(network, loss, first, second, path=frames, grid_lines=lines), title=title)
        for title, first, second in planes
    ]


def frame_predictions(fitted: FittedFunction, frames: Frames, inputs: Array) -> dict[str, Array]:
    """What each frame's weights predict for inputs (N, I), by step, and last what the fit itself does."""
    twin = FittedFunction(copy.deepcopy(fitted.network), fitted.data, fitted.options)
    predictions = {}
    for step, weights in frames:
        load_parameters(twin.network, weights)
        predictions[str(step)] = twin(inputs)
    return {**predictions, KEPT: fitted(inputs)}


def scores_in_words(scores: dict[str, float]) -> str:
    """The main scores in a line."""
    if "accuracy" in scores:
        return _("accuracy on the test data: {share}").format(share=f"{scores['accuracy']:.1%}")
    if "mse" in scores:
        return _("mean squared error on the test data: {error}").format(error=number(scores["mse"]))
    return ""


def shown_part(data: FunctionData) -> Part:
    """Examples that were not learned from, if there are any."""
    return data.test if len(data.test) else data.train


def _planes(fitted: FittedFunction, frames: Frames) -> list[tuple[str, Direction, Direction]]:
    """Titles and directions of the landscapes to draw."""
    network = fitted.network
    names = [name for name, _parameter in network.named_parameters()]
    if sum(parameter.numel() for parameter in network.parameters()) == 2:
        first, second = (weight_direction(network, name, (0,) * network.get_parameter(name).dim()) for name in names)
        return [(_("The loss over both numbers that were learned"), first, second)]
    moved = [weights for _step, weights in frames if any(_differs(fitted, weights, name) for name in names)]
    if len(moved) < 2:
        title = _("The loss around the weights that were found, in two random directions")
        return [(title, random_direction(network, 1), random_direction(network, 2))]
    first, second = most_moved(network, frames[0][1])
    return [
        (_("The loss in the plane in which training moved most"), *principal_directions(network, frames)),
        (_("The loss over the two weights that moved most"), first, second),
    ]


def _differs(fitted: FittedFunction, weights: dict[str, Tensor], name: str) -> bool:
    return bool((weights[name] != fitted.network.get_parameter(name).detach().cpu()).any())


def _curve(fitted: FittedFunction, frames: Frames) -> go.Figure:
    data, grid = fitted.data, _line(fitted.data)
    predictions = frame_predictions(fitted, frames, grid[:, None])
    truth = data.truth(grid[:, None])
    points = {name: (part.inputs[:, 0], _numbers(part)) for name, part in _named_parts(data)}
    return curve_fit(
        points, grid, {step: values[:, 0] for step, values in predictions.items()},
        truth=None if truth is None else np.asarray(truth, np.float64)[:, 0], noise=data.noise, x=_x(data),
        y=data.target_name, subtitle=scores_in_words(fitted.evaluate()),
    )  # fmt: skip


def _class_curves(fitted: FittedFunction, frames: Frames) -> go.Figure:
    data, grid = fitted.data, _line(fitted.data)
    probabilities = frame_predictions(fitted, frames, grid[:, None])
    shown = shown_part(data)
    points = (shown.inputs[:, 0], _classes(shown))
    words = scores_in_words(fitted.evaluate())
    return class_curves(points, grid, probabilities, data.classes, x=_x(data), subtitle=words)


def _surface(fitted: FittedFunction, frames: Frames) -> go.Figure:
    data, plane = fitted.data, _plane(fitted.data, PLANE_PLACES)
    predictions = frame_predictions(fitted, frames, plane.places)
    truth = data.truth(plane.places)
    return surface_maps(
        plane, {step: values[:, 0] for step, values in predictions.items()},
        truth=None if truth is None else np.asarray(truth, np.float64)[:, 0], name=data.target_name,
        points=(data.train.inputs, _numbers(data.train)), subtitle=scores_in_words(fitted.evaluate()),
    )  # fmt: skip


def _decisions(fitted: FittedFunction, frames: Frames) -> go.Figure:
    data, plane = fitted.data, _plane(fitted.data, PLANE_PLACES)
    points = {name: (part.inputs, _classes(part)) for name, part in _named_parts(data)}
    probabilities = frame_predictions(fitted, frames, plane.places)
    return decision_surface(plane, probabilities, data.classes, points, subtitle=scores_in_words(fitted.evaluate()))


def _confusion(fitted: FittedFunction) -> go.Figure:
    shown = shown_part(fitted.data)
    return confusion(_classes(shown), fitted(shown.inputs).argmax(axis=1), fitted.data.classes)


def _against_true(fitted: FittedFunction) -> go.Figure:
    name, words = fitted.data.target_name, scores_in_words(fitted.evaluate())
    points = _named_parts(fitted.data)[-1][0]  # those of shown_part
    return predicted_against_true(*_true_and_predicted(fitted), name=name, points=points, subtitle=words)


def _true_and_predicted(fitted: FittedFunction) -> tuple[Array, Array]:
    shown = shown_part(fitted.data)
    return _numbers(shown), fitted(shown.inputs)[:, 0]


def _named_parts(data: FunctionData) -> list[tuple[str, Part]]:
    """What was learned from, and what was not, as far as they are there."""
    parts = [(_("training data"), data.train), (_("test data"), data.test)]
    return [(name, part) for name, part in parts if len(part)]


def _line(data: FunctionData) -> Array:
    low, high = _drawn_range(data, 0)
    return np.linspace(low, high, LINE_PLACES)


def _plane(data: FunctionData, places: int) -> Plane:
    first, second = (np.linspace(*_drawn_range(data, column), places) for column in (0, 1))
    return Plane(first, second, data.input_names[0], data.input_names[1])


def _drawn_range(data: FunctionData, column: int) -> tuple[float, float]:
    low, high = data.ranges[column]
    margin = BEYOND * (high - low)
    return low - margin, high + margin


def _x(data: FunctionData) -> str:
    return data.input_names[0]


def _numbers(part: Part) -> Array:
    return np.asarray(part.targets, np.float64).reshape(len(part), -1)[:, 0]


def _classes(part: Part) -> NDArray[np.int64]:
    return np.asarray(part.targets, np.int64).reshape(-1)
