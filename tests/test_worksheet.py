"""The worksheet: every number on it is the network's, every formula leads to its result, and nothing is given away."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from congling import language
from congling.cli.equations import all_equations
from congling.data.examples import ExampleBatch
from congling.errors import UserError
from congling.figures.mathml import latex_number, mathml
from congling.figures.worksheet.activations import BY_HAND, normal_density, normal_distribution, sigmoid
from congling.figures.worksheet.hand_calculation import Calculation, Exercise, all_results, calculate, loss_after
from congling.figures.worksheet.lines import Line, Symbols, by
from congling.figures.worksheet.sheet import exercise_of, worksheet
from congling.figures.worksheet.steps import worksheet_parts
from congling.learning.backprop import RULES, Tape
from congling.networks.activations import ACTIVATIONS
from congling.networks.mlp import MultiLayerPerceptron

INPUTS, OUTPUTS = [0.7, -1.3], 3
TARGETS: dict[str, Any] = {"squared-error": [0.2, -0.4, 1.1], "absolute-error": [0.2, -0.4, 1.1], "cross-entropy": 1}
RATE = 0.05
CASES = [(activation, loss, residual) for activation in ACTIVATIONS for loss in TARGETS for residual in (False, True)]
CASES = [case for place, case in enumerate(CASES) if place % 5 in (0, 3)]  # every activation, loss and way meets often


def made(activation: str = "tanh", loss: str = "squared-error", residual: bool = True, **options: Any) -> Any:
    """A network 2-5-5-3 in float64 whose biases are not zero."""
    torch.manual_seed(11)
    options = {"hidden": [5, 5], **options}
    network = MultiLayerPerceptron(
        len(INPUTS),
        OUTPUTS,
        activation=activation,
        loss=loss,
        residual=residual,
        **options,  # type: ignore[arg-type]
    ).double()
    for parameter in network.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    return network.eval()


def solved(network: MultiLayerPerceptron, loss: str) -> tuple[Exercise, Calculation]:
    exercise = exercise_of(network, INPUTS, TARGETS[loss], learning_rate=RATE, limit=200)
    return exercise, calculate(exercise)


def taped(network: MultiLayerPerceptron, loss: str) -> tuple[Tape, float, dict[str, torch.Tensor]]:
    wanted = TARGETS[loss]
    targets = torch.tensor([wanted]) if isinstance(wanted, int) else torch.tensor([wanted], dtype=torch.float64)
    with Tape() as tape:
        value, _count = network.loss(ExampleBatch(torch.tensor([INPUTS], dtype=torch.float64), targets))
    gradients = tape.gradients(value)
    return tape, float(value), {name: gradients[each] for name, each in network.named_parameters() if each in gradients}


def places(network: MultiLayerPerceptron) -> list[str]:
    """The names of the linear maps, layer by layer."""
    return [*(f"layers.{place}.linear" for place in range(len(network.layers))), "output"]


# The calculation -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("activation", "loss", "residual"), CASES)
def test_a_hand_calculation_is_what_the_tape_calculates(activation: str, loss: str, residual: bool) -> None:
    """Guards each hand-written activation, loss and way around a layer; 1e-12 of the largest, in float64."""
    network = made(activation, loss, residual)
    _exercise, found = solved(network, loss)
    tape, value, gradients = taped(network, loss)
    assert found.loss == pytest.approx(value, rel=1e-12)
    size = max(float(each.abs().max()) for each in gradients.values())
    for place, name in enumerate(places(network)):
        sums = tape.box["outputs" if name == "output" else f"layers.{place}.sums"][0]
        assert found.sums[place] == pytest.approx(sums.tolist(), rel=1e-12)
        weight, bias = gradients[f"{name}.weight"], gradients[f"{name}.bias"]
        for ours, theirs in zip(found.weight_gradients[place], weight.tolist(), strict=True):
            assert ours == pytest.approx(theirs, rel=1e-11, abs=1e-12 * size)
        assert found.sum_gradients[place] == pytest.approx(bias.tolist(), rel=1e-11, abs=1e-12 * size)


def test_the_update_is_a_step_against_the_gradient_and_its_loss_is_the_networks() -> None:
    """Guards against a step uphill, a forgotten bias, and a check that calculates with the old weights."""
    network = made()
    exercise, found = solved(network, "squared-error")
    _tape, before, gradients = taped(network, "squared-error")
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            parameter -= RATE * gradients[name]
    for layer, name in zip(found.updated, places(network), strict=True):
        weight, bias = network.get_parameter(f"{name}.weight"), network.get_parameter(f"{name}.bias")
        assert layer.biases == pytest.approx(bias.tolist(), rel=1e-12)
        for ours, theirs in zip(layer.weights, weight.tolist(), strict=True):
            assert ours == pytest.approx(theirs, rel=1e-12)
    after = taped(network, "squared-error")[1]
    assert after < before
    assert loss_after(exercise, found.updated) == pytest.approx(after, rel=1e-12)


# The formulas --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("activation", "loss", "residual"), CASES)
def test_every_line_leads_to_its_result(activation: str, loss: str, residual: bool) -> None:
    """Guards the written formulas: worked out as printed, in symbols and in numbers, each gives its result."""
    exercise, found = solved(made(activation, loss, residual), loss)
    parts = worksheet_parts(exercise, found, digits=15)
    lines = [line for part in parts for block in part.blocks for line in block.lines]
    known = given_symbols(exercise)
    for line in lines:
        assert worked_out(in_numbers(line.formula, known)) == pytest.approx(line.value, rel=1e-9, abs=1e-13), line
        if line.numbers:
            assert worked_out(line.numbers) == pytest.approx(line.value, rel=1e-9, abs=1e-13), line
        known.setdefault(line.symbol, line.value)


def test_every_weight_and_bias_has_a_line_with_its_gradient_and_one_with_its_step() -> None:
    """Guards against lines that are left out or stand at another weight's name: the tape says what belongs where."""
    network = made(loss="cross-entropy")
    exercise, found = solved(network, "cross-entropy")
    _forward, backward, update = worksheet_parts(exercise, found, digits=4)
    gradients = taped(network, "cross-entropy")[2]
    by_symbol = {line.symbol: line for block in backward.blocks for line in block.lines}
    steps = {line.symbol: line for block in update.blocks for line in block.lines}
    symbols = Symbols(exercise)
    count = 0
    for place, name in enumerate(places(network)):
        for j, row in enumerate(gradients[f"{name}.weight"].tolist()):
            named = {symbols.weight(place, j, k): gradient for k, gradient in enumerate(row)}
            named[symbols.bias(place, j)] = gradients[f"{name}.bias"][j].item()
            for symbol, gradient in named.items():
                assert latex_number(by_symbol[by(symbol)].value, 9) == latex_number(gradient, 9)
                assert steps[symbol].value - steps[symbol].used[0] == pytest.approx(-RATE * gradient, rel=1e-9)
                count += 1
    assert count == len(steps) == sum(parameter.numel() for parameter in network.parameters())


def given_symbols(exercise: Exercise) -> dict[str, float]:
    """What a person knows before beginning: inputs, targets, η, and every weight and bias."""
    symbols = Symbols(exercise)
    known = {symbols.entering(0, k): number for k, number in enumerate(exercise.inputs)}
    known[r"\eta"] = exercise.learning_rate
    if isinstance(exercise.target, list):
        known |= {symbols.target(k): number for k, number in enumerate(exercise.target)}
    for place, layer in enumerate(exercise.layers):
        for j, row in enumerate(layer.weights):
            known |= {symbols.weight(place, j, k): number for k, number in enumerate(row)}
            known[symbols.bias(place, j)] = layer.biases[j]
    return known


def in_numbers(formula: str, known: dict[str, float]) -> str:
    """The formula with every symbol replaced by what is known of it, the longest symbols first."""
    formula = formula.rsplit("=", 1)[-1]
    for symbol in sorted(known, key=len, reverse=True):
        pattern = re.escape(symbol)
        if symbol.isalpha():
            pattern = rf"(?<![A-Za-z\\]){pattern}(?![A-Za-z])"
        formula = re.sub(pattern, lambda _found, number=known[symbol]: f"({number!r})", formula)
    return formula


def worked_out(latex: str) -> float:
    """A formula without symbols as a number: LaTeX turned into Python."""
    text = re.sub(r"\\allowbreak|\\[,!]|\\bigl|\\bigr", " ", latex)
    text = re.sub(r"\\times 10\^\{(-?\d+)\}", r"* 10**(\1)", text)
    text = re.sub(r"e\^\{([^{}]*)\}", r"exp(\1)", text)
    text = re.sub(r"\\frac\{([^{}]*)\}\{([^{}]*)\}", r"((\1)/(\2))", text)
    text = re.sub(r"\|([^|]*)\|", r"abs(\1)", text)
    text = re.sub(r"\[([^\]]*)\]", r"float(\1)", text)
    text = re.sub(r"\\operatorname\{(\w+)\}", r"\1", text).replace("^2", "**2")
    text = text.replace(r"\cdot", "*").replace(r"\le ", "<=").replace(r"\ln", "log").replace("\\", "")
    text = re.sub(r"\)\s*\(", ")*(", text)
    names = {
        **{name: getattr(math, name) for name in ("exp", "log", "sin", "cos", "tanh")},
        **{"Phi": normal_distribution, "varphi": normal_density, "sigma": sigmoid},
        **{"max": max, "abs": abs, "float": float, "sign": lambda x: float((x > 0) - (x < 0))},
    }
    return float(eval(text, {"__builtins__": {}}, names))  # our own formulas


# The page ------------------------------------------------------------------------------------------------------------


def small(**options: Any) -> str:
    return worksheet(made(hidden=[3]), INPUTS, TARGETS["squared-error"], learning_rate=RATE, **options)


def all_lines(digits: int = 4) -> list[Line]:
    exercise, found = solved(made(hidden=[3]), "squared-error")
    return [line for part in worksheet_parts(exercise, found, digits) for block in part.blocks for line in block.lines]


def shown(lines: Sequence[Line], digits: int = 4) -> list[str]:
    """The MathML of the results, as they must stand on the page; zero and one are too common to be looked for."""
    results = [mathml(latex_number(line.value, digits)) for line in lines]
    return [re.sub(r"</?math>", "", each) for each in results if re.search(r"\d{3}", each)]


def test_the_solved_sheet_shows_every_result_to_the_digits_asked_for() -> None:
    """Guards against a line that the layout drops, and digits that are cut instead of rounded."""
    for digits in (3, 6):
        page = small(digits=digits)
        assert all(result in page for result in shown(all_lines(digits), digits))
        assert f"<mn>{digits}</mn>" in page


def test_an_exercise_gives_no_result_away_before_its_last_page() -> None:
    """Guards the blank sheet: results only among the solutions, all of them there, and a box for each."""
    page = small(answers=False)
    exercise, solutions = page.split('<section class="solutions">')
    for result in shown(all_lines()):
        assert result not in exercise
        assert result in solutions
    assert exercise.count('<span class="box">') == len(all_lines())
    assert '<span class="box">' not in small(answers=True)


def test_the_sheet_says_how_far_a_reader_who_rounds_comes_to_lie() -> None:
    """Guards the promise about rounding: nobody who rounds each result is further off than the sheet says."""
    exercise, exact = solved(made(hidden=[3]), "squared-error")
    rounded = calculate(exercise, lambda number: float(f"{number:.2e}"))
    apart = max(abs(a - b) for a, b in zip(all_results(exact), all_results(rounded), strict=True))
    page = small(digits=3)
    told = re.search(r'<p class="rounding">.*?by up to <math>(.*?)</math>', page)
    assert told
    number = re.sub(r"<msup><mn>10</mn>(?:<mrow>)?<mo[^>]*>−</mo><mn>(\d)</mn>(?:</mrow>)?</msup>", r"10**-\1", told[1])
    promised = eval(re.sub(r"<[^>]*>", "", number).replace("×", "*"))
    assert 0 < apart <= promised < 10 * apart


def test_the_page_is_whole_and_offline() -> None:
    """Guards against links, scripts, broken MathML and a user's text that becomes HTML."""
    page = small(name="<script>alert(1)</script>", input_names=["a<b", "面积"], output_names=["&"])
    assert "<script" not in page
    assert "a&lt;b" in page and "面积" in page
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", page)
    formulas = re.findall(r"<math.*?</math>", page, re.DOTALL)
    assert len(formulas) > 100
    for formula in formulas:
        ElementTree.fromstring(formula)
    assert "unknown" not in page


def test_the_page_speaks_the_users_language() -> None:
    """Guards the page's language, by which a browser chooses fonts and a screen reader its voice."""
    language.use_language("zh")
    assert '<html lang="zh-CN">' in small()


def test_standardised_numbers_are_said_to_be_so() -> None:
    """Guards against a user who looks for the own numbers on the sheet and does not find them."""
    assert "standardised" in small(standardised=True) and "standardised" not in small()


@pytest.mark.parametrize(
    ("options", "inputs", "target", "message"),
    [
        ({"hidden": [13]}, INPUTS, [1.0, 2.0, 3.0], r"worksheet of 81 weights and biases .* 60.*--hidden 3"),
        ({"hidden": [3], "normalisation": "layer"}, INPUTS, [1.0, 2.0, 3.0], "--normalisation none"),
        ({"hidden": [3]}, [1.0, 2.0, 3.0], [1.0, 2.0, 3.0], "reads 2 numbers, not 3"),
        ({"hidden": [3]}, INPUTS, 1.0, "3 outputs, but the target has 1"),
        ({"hidden": [3], "loss": "cross-entropy"}, INPUTS, 3, "from 0 to 2, not 3"),
        ({"hidden": [3]}, [math.inf, 1.0], [1.0, 2.0, 3.0], "finite numbers"),
        ({"hidden": [3], "activation": "exponential", "residual": False}, [1e6, 1e6], [1.0, 2.0, 3.0], "too large"),
    ],
)
def test_what_no_worksheet_can_show_is_refused(
    options: dict[str, Any], inputs: list[float], target: Any, message: str
) -> None:
    """Guards against sheets of a hundred pages, wrong sheets, and tracebacks."""
    network = made(**options)
    if options.get("activation"):
        network.layers[0].linear.weight.data.abs_()
    with pytest.raises(UserError, match=message):
        worksheet(network, inputs, target)


def test_dropout_is_left_out() -> None:
    """Guards against a sheet that differs at every call because a network was left in training."""
    network = made(hidden=[3], dropout=0.5).train()
    assert worksheet(network, INPUTS, TARGETS["squared-error"], learning_rate=RATE) == small()


# Formulas in MathML --------------------------------------------------------------------------------------------------


def test_every_formula_of_the_package_is_understood() -> None:
    """Guards against LaTeX commands that would stand on a page as they were typed."""
    formulas = [formula.latex for formula in all_equations().values()] + [rule.formula for rule in RULES.values()]
    assert len(formulas) > 60
    for latex in formulas:
        drawn = mathml(latex)
        assert "unknown" not in drawn, latex
        for part in drawn.split("<wbr>"):
            ElementTree.fromstring(part)


@pytest.mark.parametrize(
    ("latex", "expected"),
    [
        ("a - b", '<mi>a</mi><mo form="infix">−</mo><mi>b</mi>'),
        ("-b", '<mo form="prefix">−</mo><mi>b</mi>'),
        (r"a \cdot -b", '<mi>a</mi><mo>⋅</mo><mo form="prefix">−</mo><mi>b</mi>'),
        ("(-b)", '<mo form="prefix" stretchy="false">(</mo><mo form="prefix">−</mo><mi>b</mi>'),
        ("(a) - b", '<mo form="postfix" stretchy="false">)</mo><mo form="infix">−</mo>'),
        ("|a| - b", '<mo form="postfix" stretchy="false">|</mo><mo form="infix">−</mo>'),
        ("w_{12}^{(1)}", "<msubsup><mi>w</mi><mn>12</mn>"),
        (r"\frac{1}{1+e^{-x}}", "<mfrac><mn>1</mn><mrow>"),
        (r"\sqrt2x", "<msqrt><mn>2</mn></msqrt><mi>x</mi>"),
        (r"\max_i x", '<munder><mi>max</mi><mi>i</mi></munder><mspace width=".17em"/><mi>x</mi>'),
        (r"\text{a b}", "<mtext>a\xa0b</mtext>"),
        (r"g'(z)", "<msup><mi>g</mi><mo>′</mo></msup>"),
        (r"1 \allowbreak + 2", '<mn>1</mn></math><wbr><math><mo form="infix">+</mo>'),
        ("a < b", "<mo>&lt;</mo>"),
        (r"\unheardof", '<mtext class="unknown">\\unheardof</mtext>'),
    ],
)
def test_latex_becomes_mathml(latex: str, expected: str) -> None:
    """Guards each construction: signs against operations, scripts, fractions, limits, primes, line breaks, escapes."""
    assert expected in mathml(latex)


@given(st.floats(-1e12, 1e12), st.integers(2, 9))
def test_a_number_is_written_to_its_digits(value: float, digits: int) -> None:
    """Guards the writing of numbers: right to half a unit of the last digit, with all digits unless exact."""
    written = latex_number(value, digits)
    read = float(re.sub(r" \\times 10\^\{(-?\d+)\}", r"e\1", written))
    assert read == pytest.approx(value, rel=0.5000001 * 10.0 ** (1 - digits), abs=0)
    mantissa = re.sub(r"\D", "", written.split(" ")[0]).lstrip("0")
    assert len(mantissa) >= digits or math.isclose(read, value, rel_tol=1e-7)


@pytest.mark.parametrize("name", list(ACTIVATIONS))
def test_every_activation_can_be_worked_out_by_hand(name: str) -> None:
    """Guards the by-hand functions where overflow threatens and at the bends: the package's own, and the tape."""
    points = torch.tensor([-30.0, -2.5, 0.0, 0.7, 30.0], dtype=torch.float64).requires_grad_()
    with Tape() as tape:
        total = ACTIVATIONS[name](points).sum()
    slopes = tape.gradients(total)[points]
    values = ACTIVATIONS[name](points)
    for z, value, slope in zip(points.tolist(), values.tolist(), slopes.tolist(), strict=True):
        assert BY_HAND[name].value(z) == pytest.approx(value, rel=1e-12, abs=1e-14)
        assert BY_HAND[name].slope(z) == pytest.approx(slope, rel=1e-12, abs=1e-12)
