"""A small network drawn: every weight a line, its width the weight's size and its colour the weight's sign."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from congling.figures.plots import as_label, faint, new_figure, number
from congling.figures.theme import DAY
from congling.language import _
from congling.networks.mlp import FullLayer, MultiLayerPerceptron

Array = NDArray[np.float64]
MOST_NEURONS = 12  # of a layer; the others are told of
LONGEST_NAME = 18  # characters that are written beside an input or an output; all of it shows under the pointer
_WIDTHS = (0.4, 0.8, 1.4, 2.2, 3.2, 4.5, 6.0)  # pixels, from a weight of nothing to the largest
_POSITIVE, _NEGATIVE = DAY.diverging[-1], DAY.diverging[0]


@dataclass(frozen=True)
class _Column:
    """A column of neurons: their labels and biases, and the place of each one that is drawn."""

    title: str
    labels: list[str]
    biases: Array | None
    drawn: list[int]

    def heights(self) -> Array:
        """From the top down, around zero; the words on those left out take a place, too."""
        places = len(self.drawn) + (len(self.drawn) < len(self.labels))
        return np.asarray((places - 1) / 2 - np.arange(len(self.drawn)), dtype=np.float64)


def network_diagram(network: MultiLayerPerceptron, inputs: Sequence[str], outputs: Sequence[str]) -> go.Figure:
    """The network from its inputs (left) to its outputs (right); hover for the exact numbers.

    Of a layer with more than ``MOST_NEURONS`` neurons those with the largest weights are drawn.
    """
    weights = [layer.linear.weight for layer in hidden_layers(network)] + [network.output.weight]
    matrices = [weight.detach().double().cpu().numpy() for weight in weights]
    columns = _columns(network, matrices, inputs, outputs)
    largest = max((float(np.abs(matrix).max()) for matrix in matrices), default=0.0)
    tallest = max(len(column.drawn) + (len(column.drawn) < len(column.labels)) for column in columns)
    figure = new_figure(_("The network"), height=170 + 48 * max(tallest, 4), subtitle=_(
        "{count} numbers were learned; the thickest line is a weight of {largest}"
    ).format(count=sum(parameter.numel() for parameter in network.parameters()), largest=number(largest)))  # fmt: skip
    for place, matrix in enumerate(matrices):
        _add_weights(figure, matrix, columns[place], columns[place + 1], place, largest)
    for place, column in enumerate(columns):
        _add_neurons(figure, column, place, last=place == len(columns) - 1)
    _add_key(figure)
    hidden = {"visible": False, "showgrid": False, "zeroline": False}
    figure.update_xaxes(**hidden, range=[-0.06, len(columns) - 0.94])
    figure.update_yaxes(**hidden, range=[-tallest / 2 - 0.2, tallest / 2 + 0.6])
    figure.update_layout(margin={"l": _space(inputs), "r": _space(outputs), "b": 16})
    return figure


def _columns(
    network: MultiLayerPerceptron, matrices: Sequence[Array], inputs: Sequence[str], outputs: Sequence[str]
) -> list[_Column]:
    columns = [_Column(f"{_('inputs')}<br> ", list(inputs), None, _largest(np.abs(matrices[0]).sum(axis=0)))]
    for place, layer in enumerate(hidden_layers(network)):
        size = np.abs(matrices[place]).sum(axis=1) * np.abs(matrices[place + 1]).sum(axis=0)
        biases = layer.linear.bias.detach().double().cpu().numpy()
        title = f"{_('layer {number}').format(number=place + 1)}<br>{layer.activation_name}"
        columns.append(_Column(title, [str(neuron + 1) for neuron in range(len(biases))], biases, _largest(size)))
    biases = network.output.bias.detach().double().cpu().numpy()
    title = f"{_('outputs')}<br>{'softmax' if network.loss_name == 'cross-entropy' else 'identity'}"
    return [*columns, _Column(title, list(outputs), biases, _largest(np.abs(matrices[-1]).sum(axis=1)))]


def hidden_layers(network: MultiLayerPerceptron) -> list[FullLayer]:
    """The layers before the output."""
    return [cast(FullLayer, layer) for layer in network.layers]


def _space(names: Sequence[str]) -> int:
    """Pixels for the longest of the names, as it is shown."""
    return 32 + max(9 * sum(2 if ord(character) > 0x2E80 else 1 for character in _short(name)) for name in names)


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"


def _largest(sizes: Array) -> list[int]:
    if len(sizes) <= MOST_NEURONS:
        return list(range(len(sizes)))
    return sorted(np.argsort(-np.nan_to_num(sizes), kind="stable")[: MOST_NEURONS - 1].tolist())


def _add_weights(figure: go.Figure, matrix: Array, left: _Column, right: _Column, place: int, largest: float) -> None:
    """The lines of one matrix, those of one width and sign as one trace; in the middle of each a mark to hover over."""
    lines: dict[tuple[float, str], list[tuple[float, float]]] = {}
    middles, texts = [], []
    for row, high in zip(right.drawn, right.heights(), strict=True):
        for column, low in zip(left.drawn, left.heights(), strict=True):
            weight = float(matrix[row, column])
            share = abs(weight) / largest if largest else 0.0
            width = _WIDTHS[round(share * (len(_WIDTHS) - 1))] if np.isfinite(share) else _WIDTHS[-1]
            lines.setdefault((width, _POSITIVE if weight >= 0 else _NEGATIVE), []).append((float(low), float(high)))
            at = 0.3 + 0.4 * ((row + column) % 3) / 2  # lines that cross in their middles keep their marks apart
            middles.append((place + at, low + at * (high - low)))
            texts.append(f"{as_label(left.labels[column])} → {as_label(right.labels[row])}<br>w = {number(weight, 6)}")
    for (width, colour), ends in sorted(lines.items()):
        figure.add_scatter(
            x=[place, place + 1, None] * len(ends), y=[end for low, high in ends for end in (low, high, None)],
            mode="lines", line={"width": width, "color": faint(colour, 0.35 + 0.1 * _WIDTHS.index(width))},
            hoverinfo="skip", showlegend=False,
        )  # fmt: skip
    figure.add_scatter(
        x=[x for x, _y in middles], y=[y for _x, y in middles], mode="markers", text=texts, showlegend=False,
        marker={"size": 12, "opacity": 0}, hovertemplate="%{text}<extra></extra>",
    )  # fmt: skip


def _add_neurons(figure: go.Figure, column: _Column, place: int, *, last: bool) -> None:
    heights, names = column.heights(), [as_label(column.labels[neuron]) for neuron in column.drawn]
    biases = None if column.biases is None else column.biases[column.drawn]
    outside = [as_label(_short(column.labels[neuron])) for neuron in column.drawn] if place == 0 or last else None
    texts = names if biases is None else [
        f"{name}<br>b = {number(float(bias), 6)}" for name, bias in zip(names, biases, strict=True)
    ]  # fmt: skip
    colours = [DAY.quiet] * len(names) if biases is None else [
        _POSITIVE if bias >= 0 else _NEGATIVE for bias in biases
    ]  # fmt: skip
    figure.add_scatter(
        x=[place] * len(names), y=heights, text=outside,
        mode="markers+text" if outside else "markers",
        textposition="middle right" if last else "middle left", customdata=texts, showlegend=False, cliponaxis=False,
        marker={"size": 18, "color": DAY.surface, "line": {"color": colours, "width": 3}},
        hovertemplate="%{customdata}<extra></extra>",
    )  # fmt: skip
    figure.add_annotation(x=place, y=heights[0] + 0.5, text=column.title, yanchor="bottom", font={"size": 13})
    left_out = len(column.labels) - len(column.drawn)
    if left_out:
        text = _("… and {count} with smaller weights").format(count=left_out)
        figure.add_annotation(x=place, y=heights[-1] - 0.75, text=text, font={"size": 12})


def _add_key(figure: go.Figure) -> None:
    for name, colour in ((_("weight or bias above zero"), _POSITIVE), (_("below zero"), _NEGATIVE)):
        figure.add_scatter(x=[None], y=[None], mode="lines", line={"color": colour, "width": 4}, name=name)
