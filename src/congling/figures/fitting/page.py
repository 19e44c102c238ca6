"""The page of a fitted function: the fit, how good it is, how it was learned, and every neuron, in one HTML file."""

from __future__ import annotations

import copy

import torch

from congling.figures.fitting.curve_figures import Curves, learning_curves
from congling.figures.fitting.fitted_figures import (
    Frames,
    fit_figure,
    landscape_figures,
    neuron_figure,
    quality_figures,
    space_figure,
)
from congling.figures.fitting.network_diagram import hidden_layers, network_diagram
from congling.figures.fitting.response_figures import one_input_at_a_time
from congling.figures.fitting.texts import fit_text, slider_text
from congling.figures.plots import number
from congling.figures.plots_page import Section, Table, plots_page
from congling.language import _
from congling.learning.frames import list_frames, load_frame
from congling.learning.runs import Run
from congling.tasks.function_fitting.data import PARTS
from congling.tasks.function_fitting.fitted_function import FittedFunction
from congling.tasks.function_fitting.linear_baseline import linear_baseline

__all__ = ["fit_figure", "fitting_page", "frames_of"]


def frames_of(run: Run) -> list[tuple[int, dict[str, torch.Tensor]]]:
    """The weights of a run at steps 0, 1, 2, 4 …, as far as they are finite, in single precision."""
    frames = [
        (step, {name: tensor.float() for name, tensor in load_frame(run, step).items()}) for step in list_frames(run)
    ]
    return [(step, weights) for step, weights in frames if all(each.isfinite().all() for each in weights.values())]


def fitting_page(
    fitted: FittedFunction,
    curves: Curves,
    frames: Frames = (),
    *,
    name: str = "",
    weights: tuple[str, str] | None = None,
) -> str:
    """A self-contained page in the current language.

    Args:
        curves: of the training, see ``curve_figures``.
        frames: weights by step, such as ``frames_of(run)``, for the slider and the landscape's path.
        name: of the run.
        weights: two numbers that were learned, such as ``output.bias[0]``, whose landscape is to be shown too.

    Raises:
        UsageError: there are no such ``weights``.
    """
    fitted = FittedFunction(copy.deepcopy(fitted.network).cpu(), fitted.data, fitted.options)
    sections = [
        _fit(fitted, frames), _quality(fitted), _responses(fitted), _learning(curves), _network(fitted),
        _neurons(fitted), _landscape(fitted, frames, weights),
    ]  # fmt: skip
    return plots_page(
        _title(fitted, name),
        [section for section in sections if section is not None],
        introduction=_(
            "A network was shown examples and found a function that goes with them. This page shows what it found, "
            "how good that is, and how it came there. Point at anything to see its numbers."
        ),
        facts=_facts(fitted, name),
    )


def _title(fitted: FittedFunction, name: str) -> str:
    data = fitted.data
    if data.function is not None:
        title = data.function.title
        return title[:1].upper() + title[1:]
    return _("{target} from {inputs}").format(target=data.target_name, inputs=_listed(data.input_names))


def _listed(names: list[str]) -> str:
    shown = _(", ").join(names[:4])
    return shown if len(names) <= 4 else _("{names} and {count} more").format(names=shown, count=len(names) - 4)


def _facts(fitted: FittedFunction, name: str) -> list[str]:
    network, data = fitted.network, fitted.data
    hidden = hidden_layers(network)
    widths = [len(data.feature_names), *(layer.linear.weight.shape[0] for layer in hidden), data.outputs]
    activations = list(dict.fromkeys(layer.activation_name for layer in hidden))
    parameters = sum(parameter.numel() for parameter in network.parameters())
    facts = [
        name,
        " → ".join(map(str, widths)),
        *activations,
        _("{count} parameters").format(count=parameters),
        _("{count} training examples").format(count=len(data.train)),
        _("noise {noise}").format(noise=number(data.noise)) if data.noise else "",
    ]
    return [fact for fact in facts if fact]


def _fit(fitted: FittedFunction, frames: Frames) -> Section:
    inputs = len(fitted.data.input_names)
    text = fit_text(inputs, len(fitted.data.classes))
    if frames and inputs <= 2:
        text += "\n\n" + slider_text()
    figures = [fit_figure(fitted, frames), space_figure(fitted)]
    return Section(_("The fit"), text, [figure for figure in figures if figure is not None])


def _quality(fitted: FittedFunction) -> Section:
    text = _(
        "What counts are the test data, which were used for nothing else. If the fit is much better on the training "
        "data, it has learned their noise by heart."
    )
    if not len(fitted.data.test):
        text = _("No examples were held out for a test: what you see here says little about new ones.")
    if not fitted.data.classes:
        text += "\n\n" + _(
            "Linear regression, solved exactly on the same features, is what a network has to beat. What the fit "
            "leaves over should look like noise: any shape in it is something that was not learned."
        )
    return Section(_("How good it is"), text, quality_figures(fitted), _scores(fitted))


def _scores(fitted: FittedFunction) -> Table:
    """A row for each part of the data, and the baseline's."""
    names = {"train": _("training data"), "valid": _("validation data"), "test": _("test data")}
    scores = {names[part]: fitted.evaluate(part) for part in PARTS}
    baseline = linear_baseline(fitted.data)
    if baseline is not None and baseline.scores.get("test"):
        scores[_("linear regression, on the test data")] = baseline.scores["test"]
    scores = {name: row for name, row in scores.items() if row}
    columns = list(dict.fromkeys(score for row in scores.values() for score in row))
    titles = {
        "mse": _("mean squared error"),
        "mae": _("mean absolute error"),
        "r2": "R²",
        "truth_mse": _("mean squared error against the truth without noise"),
        "accuracy": _("accuracy"),
        "cross_entropy": _("cross-entropy"),
    }
    rows = [[name, *(_score(column, row.get(column)) for column in columns)] for name, row in scores.items()]
    return Table([_("data"), *(titles.get(column, column) for column in columns)], rows)


def _score(name: str, value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.1%}" if name == "accuracy" else number(value, 4)


def _responses(fitted: FittedFunction) -> Section | None:
    data = fitted.data
    if len(data.input_names) <= 2:
        return None
    text = _(
        "How the prediction follows each input while all others stay at their median. A flat line: the network hardly "
        "looks at this input there. What two inputs do together cannot be seen here."
    )
    outputs = data.classes or [data.target_name]
    figure = one_input_at_a_time(fitted, data.train.inputs, data.input_names, outputs)
    return Section(_("Each input"), text, [figure])


def _learning(curves: Curves) -> Section | None:
    if not curves.steps and not curves.valid_steps:
        return None
    text = _(
        "While both curves fall, the network learns what is true of all examples. Where the validation curve rises "
        "again and the training curve still falls, it begins to learn the training data by heart; the star marks "
        "the best place to stop."
    )
    return Section(_("How it learned"), text, [learning_curves(curves)])


def _network(fitted: FittedFunction) -> Section:
    data = fitted.data
    text = _(
        "Every line is a weight: the thicker, the larger; blue adds, orange takes away. The ring of a neuron has the "
        "colour of its bias. What hardly any line leads to is of little use."
    )
    figure = network_diagram(fitted.network, data.feature_names, data.classes or [data.target_name])
    return Section(_("The network"), text, [figure])


def _neurons(fitted: FittedFunction) -> Section | None:
    figure = neuron_figure(fitted) if len(fitted.network.layers) else None
    if figure is None:
        return None
    text = _(
        "What every neuron answers over the inputs, with its smallest and its largest answer. The first layer can only "
        "make one bend each; later layers put these together. Neurons that look the same do the same work twice, and "
        "one that is the same everywhere does none."
    )
    return Section(_("Every neuron"), text, [figure])


def _landscape(fitted: FittedFunction, frames: Frames, weights: tuple[str, str] | None) -> Section:
    text = _(
        "All weights together are one point in a space of many dimensions, and the loss is the height above it. This "
        "is a slice of that landscape through the weights that were kept (★), seen from above, with lines of equal "
        "loss. The path is where training went. Where it runs outside of the slice, its own loss, which you see when "
        "you point at it, is not that of the ground below it."
    )
    return Section(_("The loss as a landscape"), text, landscape_figures(fitted, frames, weights))
