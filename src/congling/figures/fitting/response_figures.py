"""How a fit of several inputs answers to each of them, while the others stand still."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from congling.figures.plots import TITLE_SPACE, as_label, category_colour, new_figure, slim
from congling.language import _

Array = NDArray[np.float64]
MOST_INPUTS, COLUMNS, PLACES = 12, 3, 61


def one_input_at_a_time(
    predict: Callable[[Array], Array], inputs: Array, names: Sequence[str], outputs: Sequence[str]
) -> go.Figure:
    """A small plot for each input: the prediction over its range, all other inputs at their median.

    Of many inputs those are drawn that move the prediction most.

    Args:
        predict: (N, I) to (N, O).
        inputs: (N, I) of the data: they give ranges and medians.
    """
    lines = [_line(predict, inputs, column) for column in range(inputs.shape[1])]
    moves = [float(np.nan_to_num(np.ptp(values, axis=0)).max()) for _grid, values in lines]
    drawn = sorted(np.argsort(-np.array(moves), kind="stable")[:MOST_INPUTS].tolist())
    rows, columns = -(-len(drawn) // COLUMNS), min(COLUMNS, len(drawn))
    figure = make_subplots(
        rows, columns, shared_yaxes="all", horizontal_spacing=0.04, vertical_spacing=0.42 / max(rows, 2),
        figure=new_figure(_("One input at a time"), height=TITLE_SPACE + 240 * rows),
    )  # fmt: skip
    for count, column in enumerate(drawn):
        grid, values = lines[column]
        row, place = divmod(count, columns)
        for output, name in enumerate(outputs):
            line = go.Scatter(
                x=slim(grid), y=slim(values[:, output]), name=as_label(name), legendgroup=name,
                line={"color": category_colour(output)}, hovertemplate="%{x:.4~g}: %{y:.4~g}",
                showlegend=count == 0 and len(outputs) > 1,
            )  # fmt: skip
            figure.add_trace(line, row + 1, place + 1)
        figure.update_xaxes(title_text=as_label(names[column]), row=row + 1, col=place + 1)
    if len(outputs) == 1:
        figure.update_yaxes(title_text=as_label(outputs[0]), col=1)
    figure.update_layout(title_text=_("One input at a time"))
    return figure


def _line(predict: Callable[[Array], Array], inputs: Array, column: int) -> tuple[Array, Array]:
    """The range of one input, and the predictions along it."""
    grid = np.linspace(inputs[:, column].min(), inputs[:, column].max(), PLACES)
    rows = np.tile(np.median(inputs, axis=0), (PLACES, 1))
    rows[:, column] = grid
    return grid, predict(rows)
