"""The network of a worksheet as circles and lines, as SVG: which number leads where, and how it is called."""

from __future__ import annotations

from collections.abc import Iterator

from congling.figures.worksheet.hand_calculation import Exercise

_ACROSS, _DOWN, _RADIUS, _MARGIN = 118, 54, 20, 24  # pixels
_BELOW, _ABOVE = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"), str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")

Place = tuple[float, float]


def worksheet_diagram(exercise: Exercise, label: str) -> str:
    """The picture; ``label`` says in words what it shows. Colours are those of the page, or black without one."""
    columns = _columns(exercise)
    tallest = max(map(len, columns))
    width = 2 * (_MARGIN + _RADIUS) + _ACROSS * (len(columns) - 1)
    height = 2 * _MARGIN + _DOWN * (tallest - 1) + 2 * _RADIUS
    places = [[_place(x, y, len(column), tallest) for y in range(len(column))] for x, column in enumerate(columns)]
    drawn = [*_connections(exercise, places), *_neurons(columns, places)]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" role="img" '
        f'aria-label="{label}" style="max-width:100%;height:auto">{"".join(drawn)}</svg>'
    )


def _columns(exercise: Exercise) -> list[list[str]]:
    """What stands in the circles: x₁, a₁⁽¹⁾, y₁."""
    last = "z" if isinstance(exercise.target, int) else "y"
    columns = [[_named("x", k, len(exercise.inputs)) for k in range(len(exercise.inputs))]]
    for place, layer in enumerate(exercise.layers[:-1]):
        columns.append([f"{_named('a', j)}⁽{str(place + 1).translate(_ABOVE)}⁾" for j in range(len(layer.biases))])
    outputs = len(exercise.layers[-1].biases)
    return [*columns, [_named(last, k, outputs) for k in range(outputs)]]


def _named(letter: str, index: int, count: int = 2) -> str:
    return letter if count == 1 else letter + str(index + 1).translate(_BELOW)


def _place(column: int, row: int, rows: int, tallest: int) -> Place:
    return _MARGIN + _RADIUS + _ACROSS * column, _MARGIN + _RADIUS + _DOWN * (row + (tallest - rows) / 2)


def _connections(exercise: Exercise, places: list[list[Place]]) -> Iterator[str]:
    """A line for each weight, dashed for a negative one; a bow for each way around a layer."""
    for layer, before, after in zip(exercise.layers, places, places[1:], strict=False):
        for j, (x2, y2) in enumerate(after):
            for k, (x1, y1) in enumerate(before):
                dashes = ' stroke-dasharray="5 4"' if layer.weights[j][k] < 0 else ""
                yield (
                    f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}"{dashes} '
                    'style="stroke:var(--quiet,#71879e);stroke-width:1.2"/>'
                )
            if layer.residual:
                x1, y1 = before[j]
                path = f"M{x1},{y1} C{x1 + 40},{y1 - 44} {x2 - 40},{y2 - 44} {x2},{y2}"
                yield f'<path d="{path}" style="stroke:var(--accent,#b3341f);stroke-width:1.6;fill:none"/>'


def _neurons(columns: list[list[str]], places: list[list[Place]]) -> Iterator[str]:
    for names, column in zip(columns, places, strict=True):
        for name, (x, y) in zip(names, column, strict=True):
            yield (
                f'<circle cx="{x}" cy="{y}" r="{_RADIUS}" '
                'style="fill:var(--surface,#fff);stroke:var(--ink,#1b1f27);stroke-width:1.4"/>'
                f'<text x="{x}" y="{y + 5}" text-anchor="middle" '
                f'style="fill:var(--ink,#1b1f27);font:italic 16px var(--serif,serif)">{name}</text>'
            )
