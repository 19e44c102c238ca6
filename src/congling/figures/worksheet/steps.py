"""A hand calculation as lines to read or to fill in: symbol = formula = the same with numbers = result, in LaTeX."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from congling.figures.mathml import latex_number
from congling.figures.worksheet.activations import BY_HAND, HandActivation
from congling.figures.worksheet.hand_calculation import Calculation, Exercise, HandLayer
from congling.figures.worksheet.lines import Block, Line, Part, Symbols, by
from congling.language import _

_BREAK = r" \allowbreak "


def worksheet_parts(exercise: Exercise, calculation: Calculation, digits: int) -> list[Part]:
    """The forward pass, the backward pass and the update, in the order in which they are calculated."""
    writer = _Writer(exercise, calculation, digits)
    return [writer.forward(), writer.backward(), writer.update()]


class _Writer:
    """Writes the lines of one calculation."""

    def __init__(self, exercise: Exercise, calculation: Calculation, digits: int) -> None:
        self.exercise, self.found, self.digits = exercise, calculation, digits
        self.name = Symbols(exercise)

    def put(self, number: float) -> str:
        """A number in a formula: in parentheses where a sign or a power of ten would mislead."""
        written = latex_number(number, self.digits)
        return f"({written})" if number < 0 or "times" in written else written

    def first(self, number: float) -> str:
        """A number at the beginning of a formula, where a sign needs no parentheses."""
        return latex_number(number, self.digits)

    # Forward ---------------------------------------------------------------------------------------------------------

    def forward(self) -> Part:
        """z and a of every neuron, then the loss."""
        text = _(
            "From left to right: each neuron adds up what comes in, every number times its weight, and its bias; the "
            "activation function bends the sum. At the end the loss says how far the outputs are from the target."
        )
        blocks = [
            Block(self._neuron_title(place, j), list(self._neuron(place, layer, j)))
            for place, layer in enumerate(self.exercise.layers)
            for j in range(len(layer.biases))
        ]
        return Part(_("Forward"), text, [*blocks, Block(_("Loss"), list(self._loss()))])

    def _neuron_title(self, place: int, j: int) -> str:
        if place == len(self.exercise.layers) - 1:
            return _("Output {number}").format(number=j + 1) if self.name.outputs > 1 else _("Output")
        return _("Layer {layer}, neuron {number}").format(layer=place + 1, number=j + 1)

    def _neuron(self, place: int, layer: HandLayer, j: int) -> Iterator[Line]:
        numbers, weights, bias = self.found.entering[place], layer.weights[j], layer.biases[j]
        z, symbol = self.found.sums[place][j], self.name.sum(place, j)
        factors = [(self.name.weight(place, j, k), self.name.entering(place, k)) for k in range(len(weights))]
        terms = [(rf"{w} \cdot {a}") for w, a in factors]
        filled = _products(self, weights, numbers)
        formula = _added([*terms, self.name.bias(place, j)])
        yield Line(symbol, formula, _added([*filled, self.put(bias)]), z, (*weights, *numbers, bias))
        if layer.activation:
            yield from self._bend(place, layer, j, z)

    def _bend(self, place: int, layer: HandLayer, j: int, z: float) -> Iterator[Line]:
        activation, symbol = BY_HAND[layer.activation], self.name.sum(place, j)
        bent = self.name.bent(place, j, layer.residual)
        value = activation.value(z)
        yield Line(bent, activation.formula(symbol), activation.numbers(z, self.put), value, (z,))
        if layer.residual:
            entering = self.found.entering[place][j]
            formula = f"{self.name.entering(place, j)} + {bent}"
            numbers = f"{self.first(entering)} + {self.put(value)}"
            yield Line(
                self.name.entering(place + 1, j), formula, numbers, self.found.entering[place + 1][j], (entering, value)
            )

    def _loss(self) -> Iterator[Line]:
        target = self.exercise.target
        if isinstance(target, int):
            yield from self._cross_entropy(target)
            return
        outputs = self.found.sums[-1]
        left, right = ("|", "|") if self.exercise.loss_name == "absolute-error" else ("(", ")^2")
        last = len(self.exercise.layers) - 1
        terms = [f"{left}{self.name.sum(last, k)} - {self.name.target(k)}{right}" for k in range(len(outputs))]
        filled = [f"{left}{self.first(y)} - {self.put(t)}{right}" for y, t in zip(outputs, target, strict=True)]
        formula, numbers = (self._mean(each) for each in (terms, filled))
        yield Line("L", formula, numbers, self.found.loss, (*outputs, *target))

    def _mean(self, terms: Sequence[str]) -> str:
        """The mean over the outputs; of a single one, itself."""
        return terms[0] if len(terms) == 1 else rf"\frac{{1}}{{{len(terms)}}} \bigl( {_added(terms)} \bigr)"

    def _cross_entropy(self, target: int) -> Iterator[Line]:
        last, outputs = len(self.exercise.layers) - 1, self.found.sums[-1]
        powers = self.found.powers
        for k, (z, power) in enumerate(zip(outputs, powers, strict=True)):
            yield Line(f"e_{{{k + 1}}}", f"e^{{{self.name.sum(last, k)}}}", f"e^{{{self.first(z)}}}", power, (z,))
        symbols = [f"e_{{{k + 1}}}" for k in range(len(powers))]
        total = sum(powers)
        yield Line("S", _added(symbols), _added([self.put(power) for power in powers]), total, tuple(powers))
        for k, (power, probability) in enumerate(zip(powers, self.found.probabilities, strict=True)):
            formula, numbers = rf"\frac{{e_{{{k + 1}}}}}{{S}}", rf"\frac{{{self.first(power)}}}{{{self.first(total)}}}"
            yield Line(f"p_{{{k + 1}}}", formula, numbers, probability, (power, total))
        right = self.found.probabilities[target]
        numbers = rf"-\ln({self.first(right)})"
        yield Line("L", rf"-\ln p_{{t}} = -\ln p_{{{target + 1}}}", numbers, self.found.loss, (right,))

    # Backward --------------------------------------------------------------------------------------------------------

    def backward(self) -> Part:
        """∂L/∂z, ∂L/∂w and ∂L/∂b of every neuron, from the last layer to the first."""
        text = _(
            "From right to left, by the chain rule: how much does the loss change if this number changes a little? A "
            "hidden neuron adds up what comes back along every connection that leaves it, and multiplies by its own "
            "slope g′(z). A weight's gradient is what arrives at its neuron times what went in."
        )
        last = len(self.exercise.layers) - 1
        blocks = [Block(self._neuron_title(last, k), list(self._output_gradient(k))) for k in range(self.name.outputs)]
        for place in range(last - 1, -1, -1):
            layer = self.exercise.layers[place]
            blocks += [
                Block(self._neuron_title(place, j), list(self._hidden_gradient(place, layer, j)))
                for j in range(len(layer.biases))
            ]
        return Part(_("Backward"), text, blocks)

    def _output_gradient(self, k: int) -> Iterator[Line]:
        last, value = len(self.exercise.layers) - 1, self.found.sum_gradients[-1][k]
        output = self.name.sum(last, k)
        target = self.exercise.target
        if isinstance(target, int):
            right, probability = int(k == target), self.found.probabilities[k]
            formula, numbers = rf"p_{{{k + 1}}} - {right}", f"{self.first(probability)} - {right}"
            yield Line(by(output), formula, numbers, value, (probability,))
        else:
            yield self._error_gradient(output, k, self.found.sums[-1][k], target[k], value)
        yield from self._weight_gradients(last, k, value)

    def _error_gradient(self, output: str, k: int, y: float, t: float, value: float) -> Line:
        symbols, filled = f"({output} - {self.name.target(k)})", f"({self.first(y)} - {self.put(t)})"
        if self.exercise.loss_name == "absolute-error":
            before = "" if self.name.outputs == 1 else rf"\frac{{1}}{{{self.name.outputs}}} \cdot "
            sign = rf"{before}\operatorname{{sign}}"
            return Line(by(output), sign + symbols, sign + filled, value, (y, t))
        before = "2" if self.name.outputs == 1 else rf"\frac{{2}}{{{self.name.outputs}}}"
        return Line(by(output), rf"{before} \cdot {symbols}", rf"{before} \cdot {filled}", value, (y, t))

    def _hidden_gradient(self, place: int, layer: HandLayer, j: int) -> Iterator[Line]:
        behind, activation = self.exercise.layers[place + 1], BY_HAND[layer.activation]
        arriving, slope = self.found.activation_gradients[place][j], self.found.slopes[place][j]
        weights, gradients = [row[j] for row in behind.weights], self.found.sum_gradients[place + 1]
        terms = [
            rf"{self.name.weight(place + 1, k, j)} \cdot {by(self.name.sum(place + 1, k))}" for k in range(len(weights))
        ]
        filled, used = _products(self, weights, gradients), [*weights, *gradients]
        if behind.residual:
            around = self.found.activation_gradients[place + 1][j]
            terms, filled = [*terms, by(self.name.entering(place + 2, j))], [*filled, self.put(around)]
            used.append(around)
        out = self.name.entering(place + 1, j)
        yield Line(by(out), _added(terms), _added(filled), arriving, tuple(used))
        yield self._slope(place, layer, j, activation, slope)
        z = self.name.sum(place, j)
        value = self.found.sum_gradients[place][j]
        formula, numbers = rf"{by(out)} \cdot g'({z})", rf"{self.first(arriving)} \cdot {self.put(slope)}"
        yield Line(by(z), formula, numbers, value, (arriving, slope))
        yield from self._weight_gradients(place, j, value)

    def _slope(self, place: int, layer: HandLayer, j: int, activation: HandActivation, slope: float) -> Line:
        z, number = self.name.sum(place, j), self.found.sums[place][j]
        formula = activation.slope_formula(z, self.name.bent(place, j, layer.residual))
        return Line(f"g'({z})", formula, activation.slope_numbers(number, self.put), slope, (number,))

    def _weight_gradients(self, place: int, j: int, gradient: float) -> Iterator[Line]:
        """∂L/∂w = ∂L/∂z · input, and ∂L/∂b = ∂L/∂z."""
        arriving = by(self.name.sum(place, j))
        for k, number in enumerate(self.found.entering[place]):
            formula = rf"{arriving} \cdot {self.name.entering(place, k)}"
            numbers = rf"{self.first(gradient)} \cdot {self.put(number)}"
            value = self.found.weight_gradients[place][j][k]
            yield Line(by(self.name.weight(place, j, k)), formula, numbers, value, (gradient, number))
        yield Line(by(self.name.bias(place, j)), arriving, "", gradient)

    # Update ----------------------------------------------------------------------------------------------------------

    def update(self) -> Part:
        """w ← w − η ∂L/∂w for every weight and bias."""
        text = _(
            "One step of gradient descent: every weight and every bias moves against its gradient, by the learning "
            "rate η times as much. No other number of the network changes."
        )
        return Part(_("Update"), text, [self._updated(place) for place in range(len(self.exercise.layers))])

    def _updated(self, place: int) -> Block:
        before, after = self.exercise.layers[place], self.found.updated[place]
        lines: list[Line] = []
        for j, row in enumerate(before.weights):
            for k, weight in enumerate(row):
                gradient = self.found.weight_gradients[place][j][k]
                lines.append(self._step(self.name.weight(place, j, k), weight, gradient, after.weights[j][k]))
            gradient = self.found.sum_gradients[place][j]
            lines.append(self._step(self.name.bias(place, j), before.biases[j], gradient, after.biases[j]))
        is_last = place == len(self.exercise.layers) - 1
        return Block(_("Output layer") if is_last else _("Layer {layer}").format(layer=place + 1), lines)

    def _step(self, symbol: str, value: float, gradient: float, result: float) -> Line:
        rate = self.exercise.learning_rate
        formula = rf"{symbol} - \eta \cdot {by(symbol)}"
        numbers = rf"{self.first(value)} - {self.put(rate)} \cdot {self.put(gradient)}"
        return Line(symbol, formula, numbers, result, (value, rate, gradient), r"\leftarrow")


def _added(terms: Sequence[str]) -> str:
    """A sum that may go on in the next line before each of its terms."""
    return f"{_BREAK}+ ".join(terms)


def _products(writer: _Writer, weights: Sequence[float], numbers: Sequence[float]) -> list[str]:
    """0.1 · 2, 0.3 · (−4) …; only the very first may begin with a bare sign."""
    pairs = zip(weights, numbers, strict=True)
    return [
        rf"{(writer.put if place else writer.first)(weight)} \cdot {writer.put(number)}"
        for place, (weight, number) in enumerate(pairs)
    ]
