"""How a worksheet is laid out in HTML: its heading, what is given, the lines with or without their results."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape

from congling.figures.mathml import latex_number, mathml
from congling.figures.worksheet.activations import BY_HAND
from congling.figures.worksheet.diagram import worksheet_diagram
from congling.figures.worksheet.hand_calculation import Exercise, HandLayer
from congling.figures.worksheet.lines import Block, Line, Part, Symbols
from congling.language import _

WIDE = 9  # numbers that come in; the table of a wider layer is turned round
LONG = 9  # lines; a longer block may be broken between two pages


def heading_html(title: str, answers: bool) -> str:
    """The title; on an exercise sheet also lines for a name and a date."""
    fields = "" if answers else _field(_("Name")) + _field(_("Date"))
    return (
        f'<header><p class="brand"><b>congling</b> <span lang="zh">从零</span> <span class="fields">{fields}</span></p>'
        f'<h1>{escape(_("Backpropagation by hand"))}</h1><p class="muted">{escape(title)}</p></header>'
    )


def _field(label: str) -> str:
    return f'<span class="field">{escape(label)} <i></i></span>'


# What is given -------------------------------------------------------------------------------------------------------


def given_html(
    exercise: Exercise, digits: int, input_names: Sequence[str], output_names: Sequence[str], standardised: bool
) -> str:
    """The network as a picture, the example, the functions, and all weights."""
    weights = "".join(_weights(exercise, place, layer, digits) for place, layer in enumerate(exercise.layers))
    return (
        f'<section class="given"><h2>{escape(_("Given"))}</h2><div class="two"><figure>'
        f"{worksheet_diagram(exercise, escape(_('the network: inputs on the left, outputs on the right')))}"
        f'<figcaption class="muted">{escape(_caption(exercise, standardised))}</figcaption></figure>'
        f'<table class="facts">{"".join(_facts(exercise, digits, input_names, output_names))}</table></div>'
        f'<div class="weights">{weights}</div></section>'
    )


def _caption(exercise: Exercise, standardised: bool) -> str:
    text = _("Every line is a weight, a dashed one is negative.")
    if any(layer.residual for layer in exercise.layers):
        text += " " + _("A bow is a way around a layer: what goes in is added to what comes out.")
    if standardised:
        text += " " + _(
            "The example is standardised, as the network reads it: every number minus its mean, divided by its "
            "standard deviation."
        )
    return text


def _facts(exercise: Exercise, digits: int, input_names: Sequence[str], output_names: Sequence[str]) -> Iterator[str]:
    symbols = Symbols(exercise)
    for k, number in enumerate(exercise.inputs):
        label = _labelled(_("Input"), input_names, k)
        yield _fact(label, f"{symbols.entering(0, k)} = {latex_number(number, digits)}")
    if isinstance(exercise.target, int):
        yield _fact(_labelled(_("Right class"), output_names, exercise.target), f"t = {exercise.target + 1}")
    else:
        for k, number in enumerate(exercise.target):
            label = _labelled(_("Target"), output_names, k)
            yield _fact(label, f"{symbols.target(k)} = {latex_number(number, digits)}")
    for activation in dict.fromkeys(layer.activation for layer in exercise.layers if layer.activation):
        label = _("Activation {name}").format(name=activation)
        by_hand = BY_HAND[activation]
        yield _fact(label, f"g(z) = {by_hand.formula('z')}")
        yield _fact("", f"g'(z) = {by_hand.slope_formula('z', 'g(z)')}")
        if r"\varphi" in by_hand.slope_formula("z", "g(z)"):
            yield _fact("", r"\varphi(z) = e^{-z^2/2} / \sqrt{2\pi}")
            yield _fact("", r"\Phi(z) = \int_{-\infty}^{z} \varphi(u)\, du")
        if r"\sigma" in by_hand.formula("z"):
            yield _fact("", r"\sigma(z) = \frac{1}{1 + e^{-z}}")
    yield _fact(_("Loss"), _loss_formula(exercise))
    yield _fact(_("Learning rate"), rf"\eta = {latex_number(exercise.learning_rate, digits)}")


def _labelled(kind: str, names: Sequence[str], index: int) -> str:
    return kind + _(": ") + names[index] if index < len(names) else kind


def _fact(label: str, latex: str) -> str:
    return f'<tr><th scope="row">{escape(label)}</th><td>{mathml(latex)}</td></tr>'


def _loss_formula(exercise: Exercise) -> str:
    if isinstance(exercise.target, int):
        return r"L = -\ln p_t,\quad p_k = \frac{e^{z_k}}{\sum_j e^{z_j}}"
    outputs = len(exercise.target)
    inner = r"|y_k - t_k|" if exercise.loss_name == "absolute-error" else r"(y_k - t_k)^2"
    if outputs == 1:
        return f"L = {inner}".replace("_k", "")
    return rf"L = \frac{{1}}{{{outputs}}} \sum_k {inner}"


def _weights(exercise: Exercise, place: int, layer: HandLayer, digits: int) -> str:
    """A layer's weights and biases as a table: a row for each neuron, or a column where many numbers come in."""
    symbols, inputs, neurons = Symbols(exercise), range(len(layer.weights[0])), range(len(layer.weights))
    grid = [["", *(symbols.entering(place, k) for k in inputs), "b"]]
    for j in neurons:
        numbers = [latex_number(number, digits) for number in (*layer.weights[j], layer.biases[j])]
        grid.append([symbols.sum(place, j), *numbers])
    if len(inputs) > WIDE:
        grid = [list(column) for column in zip(*grid, strict=True)]
    last = place == len(exercise.layers) - 1
    title = _("Output layer") if last else _("Layer {layer}").format(layer=place + 1)
    name = mathml(rf"w_{{j,k}}^{{({place + 1})}},\ b_j^{{({place + 1})}}")
    return f"<figure><figcaption>{escape(title + _(': '))}{name}</figcaption>{_table(grid)}</figure>"


def _table(grid: list[list[str]]) -> str:
    """Formulas in rows; the first row and the first column are headings."""
    rows = ["".join(_cell(cell, x == 0 or y == 0) for x, cell in enumerate(row)) for y, row in enumerate(grid)]
    return "<table>" + "".join(f"<tr>{row}</tr>" for row in rows) + "</table>"


def _cell(latex: str, heads: bool) -> str:
    return f"<th>{mathml(latex)}</th>" if heads else f"<td>{mathml(latex)}</td>"


def rounding_html(digits: int, difference: float) -> str:
    """What is rounded, and how far results may lie apart from these for who calculates with rounded numbers."""
    text = _(
        "Numbers are shown to {digits} significant digits but calculated with all of them. If you round each result "
        "before you go on with it, yours will differ a little: in this example by up to {difference}."
    )
    shown = _with_formulas(text, digits=str(digits), difference=latex_number(_rounded_up(difference), 1))
    return f'<p class="rounding">{shown}</p>'


def _with_formulas(text: str, **formulas: str) -> str:
    """The text as HTML, with a formula in the place of each ``{name}``."""
    return escape(text).format(**{name: mathml(latex) for name, latex in formulas.items()})


def _rounded_up(number: float) -> float:
    """To one significant digit, never down."""
    step = 10.0 ** math.floor(math.log10(number)) if number else 1.0
    return math.ceil(number / step) * step


# Lines ---------------------------------------------------------------------------------------------------------------


def part_html(part: Part, digits: int, answers: bool) -> str:
    """A stage with its blocks: solved, or with boxes in the place of results."""
    blocks = "".join(_block(block, digits, answers) for block in part.blocks)
    return f'<section><h2>{escape(part.title)}</h2><p class="muted">{escape(part.text)}</p>{blocks}</section>'


def _block(block: Block, digits: int, answers: bool) -> str:
    lines = "".join(_line(line, digits, answers) for line in block.lines)
    kind = ' class="long"' if len(block.lines) > LONG else ""
    return f'<article{kind}><h3>{escape(block.title)}</h3><div class="lines">{lines}</div></article>'


def _line(line: Line, digits: int, answers: bool) -> str:
    steps = [f"<span>{mathml(f'{line.relation} {line.formula}')}</span>"]
    if answers:
        if line.numbers:
            steps.append(f"<span>{mathml(f'= {line.numbers}')}</span>")
        steps.append(f"<strong>{mathml(_result(line, digits))}</strong>")
    else:
        working = f'<span class="working">{mathml("=")}<i></i></span>' if line.numbers else ""
        steps.append(f'<span class="answer">{working}<span class="box">{mathml("=")}<i></i></span></span>')
    kind = "stacked" if line.formula.count("allowbreak") > 1 else "flat"
    return f'<div class="symbol">{mathml(line.symbol)}</div><div class="{kind}">{"".join(steps)}</div>'


def _result(line: Line, digits: int) -> str:
    """= or ≈ and the number."""
    relation = "=" if line.is_exact(digits) else r"\approx"
    return f"{relation} {latex_number(line.value, digits)}"


def solutions_html(parts: Sequence[Part], digits: int) -> str:
    """All results in columns, on a page of their own."""
    groups = "".join(_solved(block, digits) for part in parts for block in part.blocks)
    return f'<section class="solutions"><h2>{escape(_("Solutions"))}</h2><div class="columns">{groups}</div></section>'


def _solved(block: Block, digits: int) -> str:
    lines = "".join(f"<li>{mathml(f'{line.symbol} {_result(line, digits)}')}</li>" for line in block.lines)
    return f"<div><h3>{escape(block.title)}</h3><ul>{lines}</ul></div>"


def check_html(before: float, after: float, digits: int) -> str:
    """The loss of the same example with the new weights: whether the step helped."""
    verdict = (
        _("The loss has fallen: the step went downhill.")
        if after < before
        else _("The loss has not fallen: this learning rate is too large for this example.")
    )
    if before == 0:
        verdict = _("The loss was 0 already: there was nothing to learn from this example.")
    text = _("Check: with the new weights and biases, the loss of the same example is {after}; it was {before}.")
    losses = _with_formulas(text, after=latex_number(after, digits), before=latex_number(before, digits))
    return f'<section class="check"><p>{losses} {escape(verdict)}</p></section>'
