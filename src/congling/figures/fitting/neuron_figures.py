"""What every neuron of a network answers, over a line or a plane of inputs: layer by layer, as small multiples.

After TensorFlow Playground (Smilkov et al. 2017), with the numbers. G places · D neurons of a layer
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
import torch
from numpy.typing import NDArray
from torch import Tensor

from congling.equations.glass_box import glass_box
from congling.figures.fitting.surface_figures import Plane
from congling.figures.plots import DIVERGING, TITLE_SPACE, as_label, category_colour, new_figure, number, slim
from congling.figures.theme import DAY
from congling.language import _
from congling.networks.mlp import MultiLayerPerceptron

Array = NDArray[np.float64]
MOST_NEURONS = 16  # of a layer
COLUMNS = 8
_CELL, _CAPTION, _HEADING = 104, 30, 40  # pixels: a small plot, the words above it, the words above a layer


@dataclass(frozen=True)
class NeuronLayer:
    """One layer's answers.

    Attributes:
        name: what it is called, with its activation.
        values: (G, D).
        labels: of each neuron.
    """

    name: str
    values: Array
    labels: list[str]

    def drawn(self) -> list[int]:
        """The neurons to draw: those that change most over the places, in their order."""
        spread = np.nan_to_num(self.values.std(axis=0))
        return sorted(np.argsort(-spread, kind="stable")[:MOST_NEURONS].tolist())


def neuron_layers(network: MultiLayerPerceptron, inputs: Tensor, outputs: Sequence[str]) -> list[NeuronLayer]:
    """Every layer's answers to inputs (G, I), as the network reads them; the network must be in ``eval`` mode.

    Args:
        outputs: what the outputs are called.
    """
    with torch.no_grad(), glass_box() as seen:
        network(inputs)
    layers = []
    for place, layer in enumerate(network.layers, start=1):
        values = seen[f"layers.{place - 1}.output"].double().cpu().numpy()
        name = _("layer {number}: {activation}").format(number=place, activation=layer.activation_name)
        layers.append(NeuronLayer(name, values, [str(neuron) for neuron in range(1, values.shape[1] + 1)]))
    values = seen["outputs"].double().cpu().numpy()
    return [*layers, NeuronLayer(_("output"), values, [as_label(name) for name in outputs])]


def neurons_on_line(layers: Sequence[NeuronLayer], grid: Array, *, x: str = "x") -> go.Figure:
    """Every neuron's answer over one input; all of a layer on the same scale."""
    figure = _empty(layers)
    for cell in _cells(layers):
        figure.add_scatter(
            x=slim(grid), y=slim(cell.values), mode="lines", line={"color": category_colour(0)}, showlegend=False,
            xaxis=f"x{cell.axis}", yaxis=f"y{cell.axis}",
            hovertemplate=f"{cell.title}<br>{as_label(x)} %{{x:.4~g}}<br>%{{y:.4~g}}<extra></extra>",
        )  # fmt: skip
        _place(figure, cell, {"range": cell.span, "zerolinecolor": DAY.quiet}, {})
    return figure


def neurons_on_plane(layers: Sequence[NeuronLayer], plane: Plane) -> go.Figure:
    """Every neuron's answer over two inputs: blue above zero, orange below; all of a layer on the same scale."""
    figure = _empty(layers)
    for cell in _cells(layers):
        reach = max(abs(end) for end in cell.span)
        figure.add_heatmap(
            x=slim(plane.first), y=slim(plane.second), z=slim(plane.map(cell.values)), zmin=-reach, zmax=reach,
            showscale=False, colorscale=DIVERGING, xaxis=f"x{cell.axis}", yaxis=f"y{cell.axis}", zsmooth="best",
            hovertemplate=f"{cell.title}<br>" + plane.hover("%{z:.4~g}<extra></extra>"),
        )  # fmt: skip
        _place(figure, cell, {"zeroline": False}, {"zeroline": False})
    return figure


@dataclass(frozen=True)
class _Cell:
    """A small plot: the axes' number, where it stands (shares of the plot), and what is drawn in it."""

    axis: int
    left: float
    right: float
    low: float
    high: float
    title: str
    values: Array
    span: list[float]


def _rows(layer: NeuronLayer) -> int:
    return -(-len(layer.drawn()) // COLUMNS)


def _height(layers: Sequence[NeuronLayer]) -> int:
    return sum(_HEADING + _rows(layer) * (_CELL + _CAPTION) for layer in layers)


def _cells(layers: Sequence[NeuronLayer]) -> Iterator[_Cell]:
    total, from_top, axis = _height(layers), 0, 1
    for layer in layers:
        from_top += _HEADING
        values = layer.values[np.isfinite(layer.values)]
        low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 1.0)
        margin = 0.06 * (high - low) or 0.5
        for count, neuron in enumerate(layer.drawn()):
            row, column = divmod(count, COLUMNS)
            top = from_top + row * (_CELL + _CAPTION) + _CAPTION
            own = layer.values[:, neuron]
            yield _Cell(
                axis, column / COLUMNS + 0.004, (column + 1) / COLUMNS - 0.012,
                max(0.0, 1 - (top + _CELL) / total), 1 - top / total,
                f"<b>{layer.labels[neuron]}</b>  {number(own.min(), 2)} … {number(own.max(), 2)}",
                own, [low - margin, high + margin],
            )  # fmt: skip
            axis += 1
        from_top += _rows(layer) * (_CELL + _CAPTION)


def _place(figure: go.Figure, cell: _Cell, vertical: dict[str, object], horizontal: dict[str, object]) -> None:
    bare = {
        "showticklabels": False,
        "ticks": "",
        "showgrid": False,
        "title": {"text": ""},
        "showline": True,
        "mirror": True,
    }
    figure.update_layout({
        f"xaxis{cell.axis}": {**bare, "domain": [cell.left, cell.right], "anchor": f"y{cell.axis}", **horizontal},
        f"yaxis{cell.axis}": {**bare, "domain": [cell.low, cell.high], "anchor": f"x{cell.axis}", **vertical},
    })  # fmt: skip
    figure.add_annotation(
        x=cell.left, y=cell.high, xref="paper", yref="paper", xanchor="left", yanchor="bottom", text=cell.title,
        font={"size": 11},
    )  # fmt: skip


def _empty(layers: Sequence[NeuronLayer]) -> go.Figure:
    total, from_top, margin = _height(layers), 0, 16
    figure = new_figure(_("What every neuron answers"), height=total + TITLE_SPACE - 50 + margin)
    figure.update_layout(margin={"t": TITLE_SPACE - 50, "b": margin, "l": 8, "r": 8})
    for layer in layers:
        count, drawn = layer.values.shape[1], len(layer.drawn())
        text = f"<b>{layer.name}</b>" + (
            "  " + _("{drawn} of {count} neurons, those that change most").format(drawn=drawn, count=count)
            if drawn < count else ""
        )  # fmt: skip
        figure.add_annotation(
            x=0, y=1 - (from_top + _HEADING) / total, xref="paper", yref="paper", xanchor="left", yanchor="bottom",
            text=text, font={"size": 14, "color": DAY.ink},
        )  # fmt: skip
        from_top += _HEADING + _rows(layer) * (_CELL + _CAPTION)
    return figure
