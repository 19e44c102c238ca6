"""Forward, backward and one step of descent for one example, number by number, as a person does it with a pencil.

No tensors and no matrices: every sum is written out over single neurons, so that each number of a worksheet has its
place here, and so that the tape has a twin that shares nothing with it. Double precision throughout.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from congling.figures.worksheet.activations import BY_HAND

Row = list[float]
Rounding = Callable[[float], float]


@dataclass(frozen=True)
class HandLayer:
    """One layer: ``weights[j][k]`` leads from number k of the layer before to neuron j.

    Attributes:
        activation: a name of ``BY_HAND``; empty for the output layer, which has none.
        residual: what goes in is added to what comes out.
    """

    weights: list[Row]
    biases: Row
    activation: str = ""
    residual: bool = False


@dataclass(frozen=True)
class Exercise:
    """What is given: the layers (the last is the output), one example, the loss and the learning rate η."""

    layers: list[HandLayer]
    inputs: Row
    target: Row | int  # numbers, or the number of the right class
    loss_name: str
    learning_rate: float


@dataclass(frozen=True)
class Calculation:
    """Everything that is to be calculated; l counts layers from 0, j neurons.

    Attributes:
        entering: for each layer, what goes in: the inputs, then what each hidden layer gives.
        sums: z; those of the last layer are the outputs.
        powers, probabilities: of the outputs, for cross-entropy: e^z, and e^z / Σe^z; else empty.
        loss: L.
        sum_gradients: ∂L/∂z, which is ∂L/∂b too.
        slopes: g′(z) of each hidden layer.
        activation_gradients: ∂L/∂a of each hidden layer.
        weight_gradients: ∂L/∂w.
        updated: the layers after w ← w − η ∂L/∂w.
    """

    entering: list[Row]
    sums: list[Row]
    powers: Row
    probabilities: Row
    loss: float
    sum_gradients: list[Row]
    slopes: list[Row]
    activation_gradients: list[Row]
    weight_gradients: list[list[Row]]
    updated: list[HandLayer]


def calculate(exercise: Exercise, rounding: Rounding = float) -> Calculation:
    """Solve the exercise; each result is rounded before it is used further.

    Raises:
        OverflowError: a number grows beyond 1e308.
    """
    entering, sums = _forward(exercise, rounding)
    powers, probabilities, loss = _loss(exercise, sums[-1], rounding)
    output_gradients = _output_gradients(exercise, sums[-1], probabilities, rounding)
    sum_gradients, slopes, activation_gradients = _backward(exercise, entering, sums, output_gradients, rounding)
    weight_gradients = [
        [[rounding(gradient * number) for number in numbers] for gradient in gradients]
        for gradients, numbers in zip(sum_gradients, entering, strict=True)
    ]
    updated = [
        _stepped(layer, by_weight, by_bias, exercise.learning_rate, rounding)
        for layer, by_weight, by_bias in zip(exercise.layers, weight_gradients, sum_gradients, strict=True)
    ]
    return Calculation(
        entering,
        sums,
        powers,
        probabilities,
        loss,
        sum_gradients,
        slopes,
        activation_gradients,
        weight_gradients,
        updated,
    )


def loss_after(exercise: Exercise, layers: list[HandLayer]) -> float:
    """The loss of the same example with other weights."""
    changed = replace(exercise, layers=layers)
    _entering, sums = _forward(changed, float)
    return _loss(changed, sums[-1], float)[-1]


def all_results(calculation: Calculation) -> list[float]:
    """Every number that a person is asked for, in one list."""
    tables = (calculation.sums, calculation.entering[1:], calculation.sum_gradients, calculation.activation_gradients)
    numbers = [number for table in tables for row in table for number in row]
    numbers += [number for layer in calculation.weight_gradients for row in layer for number in row]
    numbers += [number for layer in calculation.updated for row in [*layer.weights, layer.biases] for number in row]
    return [*numbers, *calculation.probabilities, calculation.loss]


def _forward(exercise: Exercise, rounding: Rounding) -> tuple[list[Row], list[Row]]:
    """z = Σ w·a + b and a = g(z), layer by layer: what goes into each layer, and its sums."""
    entering, sums = [exercise.inputs], list[Row]()
    for layer in exercise.layers:
        numbers = entering[-1]
        z = [
            rounding(_weighted_sum(row, numbers) + bias) for row, bias in zip(layer.weights, layer.biases, strict=True)
        ]
        sums.append(z)
        if layer.activation:
            bent = [BY_HAND[layer.activation].value(each) for each in z]
            entering.append([rounding(g + (numbers[j] if layer.residual else 0.0)) for j, g in enumerate(bent)])
    return entering, sums


def _loss(exercise: Exercise, outputs: Row, rounding: Rounding) -> tuple[Row, Row, float]:
    if isinstance(exercise.target, int):
        powers = [rounding(math.exp(output)) for output in outputs]
        probabilities = [rounding(power / rounding(math.fsum(powers))) for power in powers]
        if not probabilities[exercise.target]:
            raise OverflowError("the right class has the probability 0")
        return powers, probabilities, rounding(-math.log(probabilities[exercise.target]))
    differences = [output - wanted for output, wanted in zip(outputs, exercise.target, strict=True)]
    measure = abs if exercise.loss_name == "absolute-error" else _squared
    return [], [], rounding(math.fsum(map(measure, differences)) / len(outputs))


def _output_gradients(exercise: Exercise, outputs: Row, probabilities: Row, rounding: Rounding) -> Row:
    """∂L/∂output: p − [right class], or 2(y − t)/O, or ±1/O."""
    if isinstance(exercise.target, int):
        return [rounding(p - (k == exercise.target)) for k, p in enumerate(probabilities)]
    differences = [output - wanted for output, wanted in zip(outputs, exercise.target, strict=True)]
    if exercise.loss_name == "absolute-error":
        return [rounding((each > 0) - (each < 0)) / len(outputs) for each in differences]
    return [rounding(2 * each / len(outputs)) for each in differences]


def _backward(
    exercise: Exercise, entering: list[Row], sums: list[Row], output_gradients: Row, rounding: Rounding
) -> tuple[list[Row], list[Row], list[Row]]:
    """∂L/∂z of every layer, g′(z) and ∂L/∂a of every hidden one, from the last to the first."""
    sum_gradients, slopes, activation_gradients = [output_gradients], list[Row](), list[Row]()
    around: Row | None = None  # ∂L/∂a of the layer behind, where it has a way around it
    for place in range(len(exercise.layers) - 2, -1, -1):
        layer, behind = exercise.layers[place], exercise.layers[place + 1]
        reaching = [
            rounding(_weighted_sum([row[j] for row in behind.weights], sum_gradients[0]) + (around[j] if around else 0))
            for j in range(len(layer.biases))
        ]
        bend = BY_HAND[layer.activation]
        slope = [rounding(bend.slope(z)) for z in sums[place]]
        sum_gradients.insert(0, [rounding(g * s) for g, s in zip(reaching, slope, strict=True)])
        slopes.insert(0, slope)
        activation_gradients.insert(0, reaching)
        around = reaching if layer.residual else None
    return sum_gradients, slopes, activation_gradients


def _stepped(
    layer: HandLayer, by_weight: list[Row], by_bias: Row, learning_rate: float, rounding: Rounding
) -> HandLayer:
    """w ← w − η ∂L/∂w."""

    def step(values: Sequence[float], gradients: Sequence[float]) -> Row:
        return [rounding(w - learning_rate * g) for w, g in zip(values, gradients, strict=True)]

    weights = [step(row, gradients) for row, gradients in zip(layer.weights, by_weight, strict=True)]
    return replace(layer, weights=weights, biases=step(layer.biases, by_bias))


def _weighted_sum(weights: Sequence[float], numbers: Sequence[float]) -> float:
    return math.fsum(w * a for w, a in zip(weights, numbers, strict=True))


def _squared(number: float) -> float:
    return number * number
