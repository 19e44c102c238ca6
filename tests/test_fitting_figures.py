"""Figures of fitting: true to the network's numbers, whole on one offline page, and safe with a user's own names."""

from __future__ import annotations

import copy
import gettext
import json
import re
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from congling import language
from congling.data.examples import ExampleBatch
from congling.errors import UsageError, UserError
from congling.figures.fitting import curve_figures, fitted_figures, landscape
from congling.figures.fitting.curve_figures import Curves, curves_of_history, curves_of_run, learning_curves
from congling.figures.fitting.fit_figures import confusion, curve_fit, residuals
from congling.figures.fitting.fitted_figures import KEPT, fit_figure, frame_predictions, landscape_figures
from congling.figures.fitting.landscape_figures import landscape_figure
from congling.figures.fitting.network_diagram import MOST_NEURONS, network_diagram
from congling.figures.fitting.neuron_figures import NeuronLayer, neuron_layers, neurons_on_line
from congling.figures.fitting.page import fitting_page, frames_of
from congling.figures.fitting.response_figures import one_input_at_a_time
from congling.figures.fitting.surface_figures import Plane, decision_surface, surface_maps
from congling.figures.plots import Section, Table, add_slider, as_label, new_figure, number, plots_page, save_png, still
from congling.figures.plots_page import night_colours
from congling.learning.events import StepDone, Validated
from congling.learning.frames import save_frame
from congling.learning.history import History
from congling.learning.runs import Run
from congling.networks.mlp import MultiLayerPerceptron
from congling.tasks.function_fitting.fitted_function import FittedFunction, build_network
from congling.tasks.function_fitting.options import (
    FunctionDataOptions,
    FunctionFittingOptions,
    FunctionNetworkOptions,
)
from congling.tasks.function_fitting.parts import make_data

Weights = dict[str, Tensor]
CURVES = Curves([1, 2, 3], [4.0, 2.0, 1.0], [2, 3], [2.5, 1.5], best=3)


@pytest.fixture(autouse=True)
def coarse(monkeypatch: pytest.MonkeyPatch) -> None:
    """A landscape of a page takes a second."""
    monkeypatch.setattr(fitted_figures, "GRID_LINES", 5)


def fitted_to(**data: Any) -> FittedFunction:
    """A network as it is before training: what figures show of it is as true as of a trained one."""
    options = FunctionFittingOptions(data=FunctionDataOptions(**data), network=FunctionNetworkOptions(hidden=[5, 3]))
    made = make_data(options.data, seed=1)
    return FittedFunction(build_network(options, made), made, options)


def table(folder: Path, inputs: int, classes: int) -> Path:
    """Rows of so many inputs and a target: a number, or one of so many words."""
    chance = np.random.default_rng(3)
    rows = chance.normal(size=(97, inputs))
    targets = [f"kind {place % classes}" if classes else f"{row.sum():.3f}" for place, row in enumerate(rows)]
    names = ["<b>面积</b>", "second %{y}", "third", "fourth"][:inputs]
    lines = [",".join([*(f"{value:.3f}" for value in row), target]) for row, target in zip(rows, targets, strict=True)]
    path = folder / "table.csv"
    path.write_text("\n".join([",".join([*names, "target </script>"]), *lines]) + "\n", encoding="utf-8")
    return path


KINDS = {
    "a curve": {"function": "sine", "noise": 0.1, "examples": 53, "test_size": 31},
    "a surface": {"function": "saddle", "examples": 53, "test_size": 31},
    "a surface without truth": (2, 0),
    "two classes in a plane": {"function": "circle", "examples": 53, "test_size": 31},
    "three classes in a plane": (2, 3),
    "two classes on a line": (1, 2),
    "several inputs": (4, 0),
    "classes of several inputs": (3, 3),
}


def of_kind(kind: str, folder: Path) -> FittedFunction:
    given = KINDS[kind]
    return fitted_to(**given) if isinstance(given, dict) else fitted_to(table=table(folder, *given))


def two_frames(fitted: FittedFunction) -> list[tuple[int, Weights]]:
    """Weights of another seed, and the fitted ones halved."""
    other = copy.deepcopy(fitted.options)
    other.training.seed = 11
    own = {name: tensor.detach() * 0.5 for name, tensor in fitted.network.state_dict().items()}
    first = {name: tensor.detach() for name, tensor in build_network(other, fitted.data).state_dict().items()}
    return [(0, first), (1, own)]


def numbers(values: Any) -> Any:
    return np.asarray(values, dtype=np.float64)


def data_of(html: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', html, re.DOTALL)
    assert found
    return json.loads(found[1])


# The page -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_fit_has_its_page(kind: str, tmp_path: Path) -> None:
    """Guards against a kind of data that no figure was thought of for, names of columns that break the page, and a
    colour that stays as it is by night, such as dark text on a dark ground."""
    fitted = of_kind(kind, tmp_path)
    html = fitting_page(fitted, CURVES, two_frames(fitted), name="a-run")
    data = data_of(html)
    few = len(fitted.data.input_names) <= 2
    assert [section["title"] for section in data["sections"]] == [
        "The fit", "How good it is", *([] if few else ["Each input"]), "How it learned", "The network",
        *(["Every neuron"] if few else []), "The loss as a landscape",
    ]  # fmt: skip
    assert len(data["sections"][0]["figures"][0].get("frames", [])) == (3 if few else 0)
    text = json.dumps([section["figures"] for section in data["sections"]], ensure_ascii=False)
    assert "<b>面积" not in text
    used = set(re.findall(r"#[0-9a-fA-F]{6}\b", text)) | set(re.findall(r"rgba\(\d+,\d+,\d+,", text))
    assert len(used) > 10
    assert used - {day for day, _night in night_colours()} <= {"rgba(0,0,0,"}  # nothing at all


def test_the_page_asks_no_network_and_sends_nothing() -> None:
    """Guards against a script that is fetched, Plotly's button that uploads a chart, and a second copy of 5 MB."""
    html = plots_page("t", [Section("s", figures=[new_figure("f"), new_figure("g")])])
    assert "default-src 'none'" in html
    assert len(re.findall(r"plotly\.js v\d", html)) == 1
    ours = html[: html.index("plotly.js v")] + html.rsplit("<script>", 1)[1]
    assert not re.search(r"<(script|link|img|iframe)\b[^>]*\b(src|href)=\"(?!data:)|://|@import|\bfetch\(", ours)
    assert 'showSendToCloud: false, plotlyServerURL: ""' in ours


def test_a_colour_of_the_day_has_one_fellow() -> None:
    """Guards against two things of one colour by day and of two by night: the first replacement would win."""
    pairs = [tuple(pair) for pair in night_colours()]
    assert len({day for day, _night in set(pairs)}) == len(set(pairs))
    assert not {day for day, _night in pairs} & {night for _day, night in pairs}  # nothing is replaced twice


def test_all_texts_follow_the_language(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against a title or an axis that never went through gettext."""

    class Bracketed(gettext.NullTranslations):
        def gettext(self, message: str) -> str:
            return f"【{message}】"

    fitted = of_kind("a surface", tmp_path)
    language.use_language("zh")
    monkeypatch.setattr(language, "_catalogue", Bracketed())
    data = data_of(fitting_page(fitted, CURVES, two_frames(fitted)))
    texts = [*data["buttons"].values()]
    for section in data["sections"]:
        texts += [section["title"], *section["paragraphs"]]
        for figure in section["figures"]:
            texts += words_of(figure["layout"]) + [trace["name"] for trace in figure["data"] if "name" in trace]
    assert len(texts) > 50
    left = [re.sub(r"【.*?】|[\w.]+\.(weight|bias)\b|tanh|identity", "", text, flags=re.DOTALL) for text in texts]
    assert not [text for text in left if re.search(r"[A-Za-z]{4,}", text)]


def words_of(layout: dict[str, Any]) -> list[str]:
    """The texts of a layout, wherever they stand; the template holds none."""
    found = []
    for key, value in layout.items():
        if key == "text" and isinstance(value, str):
            found.append(value)
        for inside in value if isinstance(value, list) else [value]:
            if isinstance(inside, dict) and key != "template":
                found += words_of(inside)
    return found


def test_a_table_and_what_is_no_number_reach_the_page() -> None:
    """Guards against NaN in the JSON, which no browser reads, and a table that is lost."""
    figure = new_figure("f").add_scatter(x=[1, 2], y=[float("nan"), 3.0])
    data = data_of(plots_page("t", [Section("s", "one\n\ntwo", [figure], Table(["a"], [["1 ± 2"]]))]))
    (section,) = data["sections"]
    assert section["paragraphs"] == ["one", "two"]
    assert section["table"] == {"headings": ["a"], "rows": [["1 ± 2"]]}


def test_labels_are_no_markup() -> None:
    """Guards against a class </s> that vanishes, and a column %{x} that shows another number."""
    assert as_label("</s> & %{x}") == "&lt;/s&gt; &amp; %&#123;x}"
    assert number(-0.00012345) == "−0.000123"


# A fit ----------------------------------------------------------------------------------------------------------------


def test_the_slider_goes_from_the_first_weights_to_those_that_were_kept(tmp_path: Path) -> None:
    """Guards against frames that all show the last network, and against a network that a figure leaves changed."""
    fitted = of_kind("a curve", tmp_path)
    before = copy.deepcopy(fitted.network.state_dict())
    frames, inputs = two_frames(fitted), np.linspace(-3, 3, 7)[:, None]
    predictions = frame_predictions(fitted, frames, inputs)
    assert list(predictions) == ["0", "1", KEPT]
    np.testing.assert_array_equal(predictions[KEPT], fitted(inputs))
    twin = copy.deepcopy(fitted.network)
    twin.load_state_dict(frames[0][1])
    np.testing.assert_allclose(predictions["0"], twin(torch.from_numpy(inputs)).detach().numpy(), rtol=1e-6)
    assert all(torch.equal(tensor, before[name]) for name, tensor in fitted.network.state_dict().items())
    figure = fit_figure(fitted, frames)
    drawn = figure.data[figure.frames[0].traces[0]]
    assert drawn.name == "the fit"
    np.testing.assert_array_equal(drawn.y, figure.frames[-1].data[0].y)
    assert not np.allclose(drawn.y, figure.frames[0].data[0].y)


def test_a_wild_first_fit_does_not_shrink_the_data() -> None:
    """Guards against an axis that reaches to the wildest frame."""
    grid = np.linspace(0, 1, 11)
    fits = {"0": 1e6 * grid, KEPT: grid}
    figure = curve_fit({"data": (grid, 3 * grid)}, grid, fits, truth=grid, noise=0.5)
    low, high = figure.layout.yaxis.range
    assert -1 < low < 0 < 3 < high < 4
    band = next(trace for trace in figure.data if trace.fill == "toself")
    assert (max(band.y), min(band.y)) == (2.0, -1.0)  # two deviations


def test_maps_are_not_turned() -> None:
    """Guards against a map whose first input runs upwards."""
    plane = Plane(np.arange(5.0), np.arange(3.0) * 10, "a", "b")
    values = plane.places @ np.array([1.0, 1.0])
    (fit, *_others) = surface_maps(plane, {KEPT: values}, truth=values).data
    assert numbers(fit.z).tolist() == [[0, 1, 2, 3, 4], [10, 11, 12, 13, 14], [20, 21, 22, 23, 24]]
    assert (list(fit.x), list(fit.y)) == ([0, 1, 2, 3, 4], [0, 10, 20])


def test_a_decision_surface_shows_the_second_class_and_the_line_between() -> None:
    """Guards against colours of the wrong class, and a line elsewhere than at one half."""
    plane = Plane(np.linspace(0, 1, 5), np.linspace(0, 1, 3), "a", "b")
    second = 0.1 + 0.8 * plane.places[:, 0]
    points = {"data": (np.array([[0.1, 0.2], [0.7, 0.8], [0.9, 0.1]]), np.array([0, 1, 1]))}
    figure = decision_surface(plane, {"9": np.stack([1 - second, second], axis=1)}, ["no", "yes"], points)
    surface, line, no, yes = figure.data
    np.testing.assert_allclose(surface.z, plane.map(second), rtol=1e-6)
    assert numbers(line.z)[:, 2] == pytest.approx(0, abs=1e-6)
    assert (line.contours.start, line.contours.end) == (0, 0)
    assert (len(no.x), len(yes.x)) == (1, 2)
    pale = [colour for _share, colour in surface.colorscale]
    assert (pale[0][5:], pale[-1][:2]) != (pale[-1][5:], pale[0][:2])


def test_with_three_classes_each_place_has_the_likeliest_ones_colour() -> None:
    """Guards against colours that are shifted by one class."""
    plane = Plane(np.arange(3.0), np.arange(2.0), "a", "b")
    likely = np.array([0, 1, 2, 2, 1, 0])
    figure = decision_surface(plane, {"9": np.eye(3)[likely]}, ["x", "y", "z"], {})
    (surface,) = figure.data
    assert numbers(surface.z).tolist() == [[0, 1, 2], [2, 1, 0]]
    assert (surface.zmin, surface.zmax) == (-0.5, 2.5)


def test_confusion_counts_true_classes_in_rows() -> None:
    """Guards against rows and columns that are exchanged."""
    figure = confusion(np.array([0, 0, 0, 1, 1, 2, 2]), np.array([0, 1, 1, 1, 1, 2, 0]), ["a", "b", "c"])
    assert numbers(figure.data[0].text).tolist() == [[1, 2, 0], [0, 2, 0], [1, 0, 1]]
    assert "4 of 7" in figure.layout.title.subtitle.text


def test_residuals_are_true_less_predicted() -> None:
    """Guards against a sign: a fit that is too high leaves something negative."""
    figure = residuals(np.array([1.0, 2.0]), np.array([1.5, 1.75]), name="y")
    assert numbers(figure.data[0].y).tolist() == [-0.5, 0.25]


def test_one_input_moves_while_the_others_stand_still() -> None:
    """Guards against other inputs that move along, and a wrong column under a name."""
    inputs = np.random.default_rng(5).normal(size=(31, 4))
    weights = np.array([[1.0], [10.0], [0.0], [-3.0]])
    figure = one_input_at_a_time(lambda rows: rows @ weights, inputs, ["a", "b", "c", "d"], ["y"])
    for trace, weight in zip(figure.data, weights[:, 0], strict=True):
        slope = (trace.y[-1] - trace.y[0]) / (trace.x[-1] - trace.x[0])
        assert slope == pytest.approx(weight, abs=1e-4)
    axes = [axis for name, axis in figure.to_dict()["layout"].items() if name.startswith("yaxis")]
    assert sum("matches" not in axis for axis in axes) == 1  # a second row on a scale of its own would lie


# Neurons and weights --------------------------------------------------------------------------------------------------


def test_neurons_answer_what_the_network_calculates() -> None:
    """Guards against sums for activations, and layers in another order."""
    torch.manual_seed(3)
    network = MultiLayerPerceptron(2, 1, hidden=[5, 3], activation="tanh", loss="squared-error").double().eval()
    inputs = torch.randn(7, 2, dtype=torch.float64)
    first, second, output = neuron_layers(network, inputs, ["y"])
    state = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
    a = np.tanh(inputs.numpy() @ state["layers.0.linear.weight"].T + state["layers.0.linear.bias"])
    b = np.tanh(a @ state["layers.1.linear.weight"].T + state["layers.1.linear.bias"])
    np.testing.assert_allclose(first.values, a, rtol=1e-12)
    np.testing.assert_allclose(second.values, b, rtol=1e-12)
    np.testing.assert_allclose(output.values, b @ state["output.weight"].T + state["output.bias"], rtol=1e-12)
    figure = neurons_on_line([first, second, output], np.arange(7.0))
    assert [list(trace.y) for trace in figure.data[5:8]] == [list(np.float32(column)) for column in b.T]


def test_of_many_neurons_those_that_change_most_are_drawn() -> None:
    """Guards against the first sixteen, and against a neuron full of NaN that stops the page."""
    values = np.linspace(-1, 1, 11)[:, None] * np.r_[np.zeros(7), np.arange(1.0, 17.0), np.nan]
    layer = NeuronLayer("layer", values, [str(place) for place in range(24)])
    assert layer.drawn() == list(range(7, 23))
    assert len(neurons_on_line([layer], np.arange(11.0)).data) == 16


def test_the_diagram_shows_size_as_width_and_sign_as_colour() -> None:
    """Guards against a matrix that is drawn turned, and a sign that is lost."""
    network = MultiLayerPerceptron(2, 1, hidden=[3], activation="relu", loss="squared-error")
    with torch.no_grad():
        network.layers[0].linear.weight.copy_(torch.tensor([[0.0, 0.0], [8.0, 0.0], [0.0, -4.0]]))  # type: ignore[union-attr, operator]
        network.output.weight.copy_(torch.tensor([[0.25, 0.0, 0.0]]))
    figure = network_diagram(network, ["x1", "x2"], ["y"])
    texts = [text for trace in figure.data if trace.mode == "markers" and trace.text is not None for text in trace.text]
    assert "x1 → 2<br>w = 8" in texts
    assert "x2 → 3<br>w = −4" in texts
    assert "1 → y<br>w = 0.25" in texts
    lines = [trace for trace in figure.data if trace.mode == "lines" and trace.x[0] is not None]
    thickest, half = sorted(lines, key=lambda trace: -trace.line.width)[:2]
    assert list(thickest.y) == [0.5, 0.0, None]  # from the first of two to the second of three
    assert list(half.y) == [-0.5, -1.0, None]
    assert thickest.line.color.split(",")[:3] != half.line.color.split(",")[:3]


def test_a_wide_layer_tells_how_many_neurons_are_left_out() -> None:
    """Guards against a drawing of a thousand neurons, or one that hides them without a word."""
    torch.manual_seed(1)
    network = MultiLayerPerceptron(2, 1, hidden=[31], activation="relu", loss="squared-error")
    with torch.no_grad():
        network.output.weight[0, 29] = 100.0
    figure = network_diagram(network, ["x1", "x2"], ["y"])
    assert any("20 with smaller weights" in note.text for note in figure.layout.annotations)
    marks = [trace for trace in figure.data if trace.customdata is not None]
    assert [len(trace.x) for trace in marks] == [2, MOST_NEURONS - 1, 1]
    assert any(text.startswith("30<br>") for text in marks[1].customdata)


# The landscape --------------------------------------------------------------------------------------------------------


@pytest.fixture
def bowl() -> tuple[MultiLayerPerceptron, ExampleBatch]:
    """A network of 2 + 1 numbers in double precision, and 11 examples."""
    torch.manual_seed(7)
    network = MultiLayerPerceptron(2, 1, hidden=[], activation="tanh", loss="squared-error").double()
    return network, ExampleBatch(*(torch.randn(11, width, dtype=torch.float64) for width in (2, 1)))


def test_the_landscape_is_the_loss_at_every_place(bowl: tuple[MultiLayerPerceptron, ExampleBatch]) -> None:
    """Guards against turned axes, weights that were not put back, and coordinates that are not the weights' values."""
    network, batch = bowl
    first, second = (landscape.weight_direction(network, "output.weight", (0, place)) for place in (0, 1))
    before = copy.deepcopy(network.state_dict())
    seen = landscape.landscape(network, landscape.mean_loss(batch), first, second, reach=2.0, grid_lines=5)
    for row, column in ((0, 4), (3, 1), (2, 2)):
        weights = np.array([seen.first[column], seen.second[row]])
        left = batch.inputs.numpy() @ weights + before["output.bias"].numpy() - batch.targets.numpy()[:, 0]
        assert seen.losses[row, column] == pytest.approx(np.mean(left**2), rel=1e-12)
    assert seen.end == pytest.approx(tuple(before["output.weight"][0].tolist()), rel=1e-15)
    assert seen.first[0] == pytest.approx(seen.end[0] - 2)
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


def test_the_path_has_its_true_losses(bowl: tuple[MultiLayerPerceptron, ExampleBatch]) -> None:
    """Guards against losses of the path's shadow, in which the bias does not move, and a network left in the past."""
    network, batch = bowl
    state = network.state_dict()
    path = [(step, {name: tensor + shift for name, tensor in state.items()}) for step, shift in ((0, 3.0), (4, -1.0))]
    first, second = (landscape.weight_direction(network, "output.weight", (0, place)) for place in (0, 1))
    before = copy.deepcopy(state)
    seen = landscape.landscape(network, landscape.mean_loss(batch), first, second, path=path, grid_lines=3)
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    for place, (_step, weights) in enumerate(path):
        twin = copy.deepcopy(network)
        twin.load_state_dict(weights)
        assert seen.path_losses[place] == pytest.approx(landscape.mean_loss(batch)(twin), rel=1e-12)
        assert seen.path[place] == pytest.approx(weights["output.weight"][0].numpy(), rel=1e-12)
    assert seen.explained == pytest.approx(2 / 3)  # two of three numbers moved, all as far
    assert seen.first[0] < seen.path[:, 0].min() < seen.path[:, 0].max() < seen.first[-1]
    assert "67%" in landscape_figure(seen).layout.title.subtitle.text


def test_principal_directions_hold_a_flat_path(bowl: tuple[MultiLayerPerceptron, ExampleBatch]) -> None:
    """Guards against directions that are no unit vectors or not at right angles, or miss the way that was taken."""
    network, batch = bowl
    ways = torch.linalg.qr(torch.randn(3, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(5))).Q.T
    path = []
    for step, (a, b) in enumerate(((9.0, 0.3), (4.0, -0.2), (1.0, 0.1))):
        flat = torch.cat([tensor.flatten() for tensor in network.state_dict().values()]) + a * ways[0] + b * ways[1]
        names = list(network.state_dict())
        parts = torch.split(flat, [network.get_parameter(name).numel() for name in names])
        path.append(
            (step, {name: part.view_as(network.get_parameter(name)) for name, part in zip(names, parts, strict=True)})
        )
    first, second = landscape.principal_directions(network, path)
    flat = torch.stack(
        [torch.cat([way.step[name].flatten() for name in network.state_dict()]) for way in (first, second)]
    )
    torch.testing.assert_close(flat @ flat.T, torch.eye(2, dtype=torch.float64))
    seen = landscape.landscape(network, landscape.mean_loss(batch), first, second, path=path, grid_lines=3)
    assert seen.explained == pytest.approx(1.0)
    assert np.linalg.norm(seen.path, axis=1) == pytest.approx([np.hypot(9, 0.3), np.hypot(4, 0.2), np.hypot(1, 0.1)])
    assert "100%" in first.label


def test_random_directions_are_as_large_as_each_neurons_weights() -> None:
    """Guards against directions in which a layer of small weights is blown up: Li et al. 2018, §4."""
    network = MultiLayerPerceptron(3, 2, hidden=[5], activation="relu", loss="squared-error").double()
    direction = landscape.random_direction(network, seed=3)
    assert set(direction.step) == {"layers.0.linear.weight", "output.weight"}
    for name, step in direction.step.items():
        torch.testing.assert_close(step.norm(dim=1), network.get_parameter(name).norm(dim=1))
    other = landscape.random_direction(network, seed=4)
    assert not torch.allclose(direction.step["output.weight"], other.step["output.weight"])


def test_the_weights_that_moved_most_are_found() -> None:
    """Guards against the largest weights instead of those that moved furthest, and a wrong place in the matrix."""
    network = MultiLayerPerceptron(3, 2, hidden=[5], activation="relu", loss="squared-error")
    start = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    start["layers.0.linear.weight"][3, 1] += 7.0
    start["output.bias"][1] -= 9.0
    labels = [direction.label for direction in landscape.most_moved(network, start)]
    assert labels == ["output.bias[1]", "layers.0.linear.weight[3, 1]"]


@pytest.mark.parametrize(
    ("name", "place", "said"),
    [
        ("output.weigth", (0, 0), "output.weight"),
        ("output.weight", (0, 2), r"\(1, 2\)"),
        ("output.bias", (), "count from 0"),
    ],
)
def test_a_place_that_is_not_there_is_refused(
    name: str, place: tuple[int, ...], said: str, bowl: tuple[MultiLayerPerceptron, ExampleBatch]
) -> None:
    """Guards against a traceback for a slip of the finger."""
    with pytest.raises(UsageError, match=said):
        landscape.weight_direction(bowl[0], name, place)


def test_a_landscape_with_holes_and_cliffs_is_drawn() -> None:
    """Guards against colours that one infinite loss leaves to nothing else, and a logarithm of zero."""
    losses = np.array([[0.0, 1.0, 1e9], [np.inf, np.nan, 2.0], [1e-3, 5.0, 7.0]])
    seen = landscape.Landscape(
        np.arange(3.0), np.arange(3.0), losses, ("a", "b"), [], np.zeros((0, 2)), np.zeros(0), (1.0, 1.0), float("nan")
    )
    heights = numbers(landscape_figure(seen).data[0].z)
    assert heights[0, 0] == pytest.approx(-3)
    assert heights[0, 2] == pytest.approx(9)
    assert np.isnan(heights[1, :2]).all()
    assert np.isfinite(heights).sum() == 7


def test_two_learned_numbers_have_one_exact_landscape(tmp_path: Path) -> None:
    """Guards against slices through a space of two dimensions: there is nothing else to hold still."""
    fitted = fitted_to(function="line", examples=53)
    fitted.options.network.hidden = []
    fitted = FittedFunction(build_network(fitted.options, fitted.data), fitted.data, fitted.options)
    (figure,) = landscape_figures(fitted, two_frames(fitted))
    assert (figure.layout.xaxis.title.text, figure.layout.yaxis.title.text) == ("output.weight[0, 0]", "output.bias[0]")
    assert "100%" in figure.layout.title.subtitle.text
    assert len(landscape_figures(fitted, [])) == 1


# Curves ---------------------------------------------------------------------------------------------------------------


def step_done(step: int, loss: float) -> StepDone:
    return StepDone(step, loss, 0.1, 1.0, 7, 70.0, 0.1 * step, 0.5, 0.5)


def test_curves_of_a_history_mark_the_best_and_the_end() -> None:
    """Guards against the last validation taken for the best, and a divergence that looks like a normal end."""
    heard = History(
        [step_done(1, 2.0), step_done(2, 9.0), step_done(3, 1e30)],
        [Validated(1, 2.5, None, {}, True), Validated(2, 9.5, None, {}, False), Validated(2, 0.1, None, {}, True, 3)],
    )
    curves = curves_of_history(heard, "diverged")
    assert curves == Curves([1, 2, 3], [2.0, 9.0, 1e30], [1, 2], [2.5, 9.5], best=1, diverged=3)
    assert curves_of_history(heard, "steps").diverged is None
    figure = learning_curves(curves)
    assert figure.layout.yaxis.type == "log"
    assert any("diverged at step 3" in note.text for note in figure.layout.annotations)
    star = next(trace for trace in figure.data if trace.name == "best validation")
    assert (star.x[0], star.y[0]) == (1, 2.5)


def test_curves_of_a_run_are_those_of_its_file(tmp_path: Path) -> None:
    """Guards against a loss that was not finite (null in the file) that stops the page or is left out silently."""
    run = Run.create(tmp_path / "run", {}, task="function-fitting", seed=1)
    records = [
        {"step": 10, "train/loss": 2.0}, {"step": 10, "valid/loss": 1.5}, {"step": 20, "train/loss": 3.0},
        {"step": 20, "valid/loss": 0.5}, {"step": 30, "train/loss": None}, {"step": 30, "valid/loss": None},
        {"step": 30, "averaged/loss": 0.1},
    ]  # fmt: skip
    run.metrics_path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    curves = curves_of_run(run)
    assert (curves.steps, curves.valid_steps) == ([10, 20, 30], [10, 20, 30])
    assert (curves.best, curves.diverged) == (20, 30)
    learning_curves(curves)
    run.metrics_path.write_text('{"step": 7, "train/loss": 1e9}\n{"step": 8, "diverged": true}\n', encoding="utf-8")
    assert (curves_of_run(run).steps, curves_of_run(run).diverged) == ([7], 8)
    assert learning_curves(curves_of_run(run)).layout.yaxis.type is None  # marks of a logarithm would cover each other
    empty = curves_of_run(Run(tmp_path / "nothing"))
    assert (empty.steps, empty.best, empty.diverged) == ([], None, None)
    learning_curves(empty)


def test_a_long_training_is_thinned_to_its_last_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against a page of a million points, and a curve that ends before the training did."""
    monkeypatch.setattr(curve_figures, "MOST_POINTS", 10)
    steps = list(range(1, 98))
    figure = learning_curves(Curves(steps, [1 / step for step in steps], [], []))
    drawn = figure.data[0].x
    assert len(drawn) <= 12
    assert (drawn[0], drawn[-1]) == (1, 97)


def test_frames_that_are_no_numbers_are_passed_over(tmp_path: Path) -> None:
    """Guards against a page that a diverged training's last frame stops, and against half precision in its sums."""
    run = Run.create(tmp_path / "run", {}, task="function-fitting", seed=1)
    for step, value in ((0, 0.5), (1, 1.5), (2, float("nan"))):
        save_frame(run, step, {"w": torch.full((2, 3), value)})
    frames = frames_of(run)
    assert [step for step, _weights in frames] == [0, 1]
    assert frames[1][1]["w"].dtype == torch.float32


# Pictures -------------------------------------------------------------------------------------------------------------


def test_a_picture_without_kaleido_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against a traceback where a package is missing."""
    monkeypatch.setitem(sys.modules, "kaleido", None)
    with pytest.raises(UserError, match=r"congling\[png\]"):
        save_png(new_figure("f"), tmp_path / "f.png")
    assert not list(tmp_path.iterdir())


def fake_kaleido(monkeypatch: pytest.MonkeyPatch, calc: Any) -> None:
    module = types.ModuleType("kaleido")
    module.calc_fig_sync = calc  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "kaleido", module)


def test_a_picture_asks_no_network_and_leaves_the_slider_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against MathJax, which kaleido would fetch, and a picture with a slider that cannot be moved."""
    calls = []

    def calc(figure: dict[str, Any], *, opts: dict[str, Any], kopts: dict[str, Any]) -> bytes:
        calls.append((figure, opts, kopts))
        return b"picture"

    fake_kaleido(monkeypatch, calc)
    figure = new_figure("f", height=300).add_scatter(x=[1, 2], y=[3, 5])
    add_slider(figure, {"0": [{"y": [0, 0]}], "1": [{"y": [3, 5]}]}, [0], "step ")
    save_png(figure, tmp_path / "f.png")
    ((drawn, options, browser),) = calls
    assert (tmp_path / "f.png").read_bytes() == b"picture"
    assert browser == {"mathjax": False}
    assert (options["format"], options["height"]) == ("png", 300)
    assert not drawn["layout"].get("sliders")
    assert len(figure.layout.sliders) == 1  # the figure itself keeps it
    assert still(figure).data[0].y == (3, 5)


def test_a_browser_that_does_not_start_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against a traceback where Chrome is missing."""

    def calc(*_arguments: Any, **_options: Any) -> bytes:
        raise RuntimeError("no chrome\nlong story")

    fake_kaleido(monkeypatch, calc)
    with pytest.raises(UserError, match=r"\(no chrome\): install Chrome"):
        save_png(new_figure("f"), tmp_path / "f.png")
