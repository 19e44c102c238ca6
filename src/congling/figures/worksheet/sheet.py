"""The worksheet: forward, backward and update of a small network by hand, with the user's own numbers, to print.

One HTML file without a script; its formulas are MathML. As an exercise it leaves boxes to fill in, and the solutions
stand on the last page.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from congling.errors import UserError
from congling.figures.still_page import still_page
from congling.figures.worksheet.activations import BY_HAND
from congling.figures.worksheet.hand_calculation import (
    Calculation,
    Exercise,
    HandLayer,
    all_results,
    calculate,
    loss_after,
)
from congling.figures.worksheet.layout import (
    check_html,
    given_html,
    heading_html,
    part_html,
    rounding_html,
    solutions_html,
)
from congling.figures.worksheet.steps import worksheet_parts
from congling.language import _

if TYPE_CHECKING:
    from torch import Tensor

    from congling.networks.mlp import MultiLayerPerceptron

MOST_PARAMETERS = 60  # about six pages


def worksheet(
    network: MultiLayerPerceptron,
    inputs: Sequence[float],
    target: float | Sequence[float] | int,
    *,
    learning_rate: float = 0.1,
    digits: int = 4,
    answers: bool = True,
    limit: int = MOST_PARAMETERS,
    input_names: Sequence[str] = (),
    output_names: Sequence[str] = (),
    name: str = "",
    standardised: bool = False,
) -> str:
    """The hand calculation of one example, in the current language. Dropout is left out, as after training.

    Args:
        network: its weights are the numbers to calculate with; nothing is changed.
        inputs: I numbers, as the network reads them.
        target: what the outputs should be, as the network learns it; the number of the class for cross-entropy.
        learning_rate: η of the one step of gradient descent at the end.
        digits: how many significant digits are shown; the calculation itself has all of them.
        answers: False for an exercise sheet with the solutions on its last page.
        limit: the largest number of weights and biases that is accepted.
        input_names, output_names: what the user calls the inputs, and the outputs or classes.
        name: of the run, for the title.
        standardised: whether the numbers of the example are standardised ones, so that the sheet says so.

    Raises:
        UserError: the network is too large, has normalisation, does not fit the example, or its numbers are not finite.
    """
    exercise = exercise_of(network, inputs, target, learning_rate=learning_rate, limit=limit)
    try:
        found = calculate(exercise)
        by_hand = calculate(exercise, lambda number: float(f"{number:.{digits - 1}e}"))
    except OverflowError:
        raise UserError(_("the numbers of this example are too large to be worked out by hand")) from None
    if not all(map(math.isfinite, all_results(found))):
        raise UserError(_("a worksheet needs finite numbers, but this network gives NaN or infinity for this example"))
    parts = worksheet_parts(exercise, found, digits)
    given = given_html(exercise, digits, input_names, output_names, standardised) + rounding_html(
        digits, _difference(found, by_hand)
    )
    title = (_("Worked example") if answers else _("Exercise")) + (f" · {name}" if name else "")
    body = heading_html(title, answers) + given + "".join(part_html(part, digits, answers) for part in parts)
    if not answers:
        body += solutions_html(parts, digits)
    body += check_html(found.loss, loss_after(exercise, found.updated), digits)
    kind = "solved" if answers else "exercise"
    return still_page(title=title, body=f'<main class="{kind}">{body}</main>', styles=["worksheet.css"])


def exercise_of(
    network: MultiLayerPerceptron,
    inputs: Sequence[float],
    target: float | Sequence[float] | int,
    *,
    learning_rate: float,
    limit: int = MOST_PARAMETERS,
) -> Exercise:
    """The network's weights and the example as plain numbers.

    Raises:
        UserError: see ``worksheet``.
    """
    _check_network(network, limit)
    layers = [
        HandLayer(_rows(layer.linear.weight), _row(layer.linear.bias), layer.activation_name, layer.residual)  # type: ignore[arg-type,union-attr]
        for layer in network.layers
    ]
    layers.append(HandLayer(_rows(network.output.weight), _row(network.output.bias)))
    expected, classes = len(layers[0].weights[0]), len(layers[-1].biases)
    if len(inputs) != expected:
        message = _("the network reads {expected} numbers, not {given}")
        raise UserError(message.format(expected=expected, given=len(inputs)))
    return Exercise(
        layers,
        [float(x) for x in inputs],
        _target(target, network.loss_name, classes),
        network.loss_name,
        learning_rate,
    )


def _check_network(network: MultiLayerPerceptron, limit: int) -> None:
    count = sum(parameter.numel() for parameter in network.parameters())
    if count > limit:
        message = _(
            "a worksheet of {count} weights and biases would be too long; the most is {limit}: train a smaller "
            "network, such as --hidden 3"
        )
        raise UserError(message.format(count=count, limit=limit))
    for layer in network.layers:
        if layer.normalisation is not None:
            raise UserError(_("a worksheet cannot show normalisation yet: train a network with --normalisation none"))
        if layer.activation_name not in BY_HAND:
            raise UserError(_("a worksheet cannot show the activation {name}").format(name=layer.activation_name))


def _target(target: float | Sequence[float] | int, loss_name: str, outputs: int) -> list[float] | int:
    if loss_name == "cross-entropy":
        if not isinstance(target, int) or not 0 <= target < outputs:
            message = _("the target must be the number of a class, from 0 to {last}, not {target}")
            raise UserError(message.format(last=outputs - 1, target=target))
        return target
    numbers = [float(each) for each in target] if isinstance(target, Sequence) else [float(target)]
    if len(numbers) != outputs:
        message = _("the network has {expected} outputs, but the target has {given} numbers")
        raise UserError(message.format(expected=outputs, given=len(numbers)))
    return numbers


def _rows(weight: Tensor) -> list[list[float]]:
    return weight.detach().double().tolist()


def _row(bias: Tensor) -> list[float]:
    return bias.detach().double().tolist()


def _difference(exact: Calculation, by_hand: Calculation) -> float:
    """How far results come to lie apart when each is rounded before it is used further."""
    pairs = zip(all_results(exact), all_results(by_hand), strict=True)
    return max(abs(first - second) for first, second in pairs)
