"""Functions, sets of points and features: values by hand, domains, noise, seeds, and classes where they belong."""

from __future__ import annotations

import math

import numpy as np
import pytest

from congling.data.functions.functions import FUNCTIONS
from congling.data.tables.features import calculate, feature_of
from congling.errors import UsageError
from congling.language import use_language

COUNT = 977


@pytest.mark.parametrize(
    ("name", "inputs", "value"),
    [
        ("line", [0.5], 0.05),
        ("sine", [math.pi / 6], 0.5),
        ("step", [0.01], 1),
        ("step", [-0.01], 0),
        ("step", [0.0], 0),
        ("polynomial", [1.5], 1.875),
        ("absolute", [-0.25], 0.25),
        ("exponential", [-2.0], math.exp(-2)),
        ("sinc", [0.5], 2 / math.pi),
        ("sinc", [0.0], 1),
        ("gabor", [math.pi / 4], -math.exp(-(math.pi**2) / 32)),
        ("plane", [1.0, 0.5], 0.3),
        ("saddle", [0.5, 1.0], -0.75),
        ("ripple", [0.6, 0.8], math.cos(3)),
        ("gabor-surface", [math.pi / 3, 1.0], -math.exp(-(math.pi**2 / 9 + 1) / 2)),
        ("circle", [2.9, 0.0], 1),
        ("circle", [2.2, 2.2], 0),
        ("xor", [-2.0, -3.0], 1),
        ("xor", [-2.0, 3.0], 0),
        ("gaussians", [3.0, -2.0], 1),
        ("gaussians", [-3.0, 2.0], 0),
    ],
)
def test_values_by_hand(name: str, inputs: list[float], value: float) -> None:
    """Guards each formula, with both inputs different."""
    function = FUNCTIONS[name]
    assert function.value is not None
    assert function.value(np.array([inputs])).ravel() == pytest.approx([value], rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_samples(name: str) -> None:
    """Guards shapes, domains, the truth of the targets, and that seeds decide."""
    function = FUNCTIONS[name]
    inputs, targets = function.sample(COUNT, np.random.default_rng(5))
    assert inputs.shape == (COUNT, function.inputs) and inputs.dtype == np.float64
    for column, (low, high) in zip(inputs.T, function.domain, strict=True):
        assert low <= column.min() < column.max() <= high
        assert column.max() - column.min() > 0.35 * (high - low)
    if function.classes:
        assert targets.shape == (COUNT,) and targets.dtype == np.int64
        assert np.bincount(targets).tolist() in ([489, 488], [488, 489])
    else:
        assert targets.shape == (COUNT, 1)
        assert function.value is not None and np.array_equal(targets, function.value(inputs))
    again, other = (function.sample(COUNT, np.random.default_rng(seed))[0] for seed in (5, 6))
    assert np.array_equal(inputs, again) and not np.array_equal(inputs, other)


@pytest.mark.parametrize("name", [name for name, function in FUNCTIONS.items() if function.classes and function.value])
def test_points_lie_where_their_class_is(name: str) -> None:
    """Guards the rule that a figure draws as the truth against the points drawn. Clouds overlap: 0.3 % lie across."""
    function = FUNCTIONS[name]
    inputs, targets = function.sample(COUNT, np.random.default_rng(7))
    assert function.value is not None
    assert np.mean(function.value(inputs) == targets) >= (0.99 if name == "gaussians" else 1)


def test_the_arms_of_the_spiral() -> None:
    """Guards the half turn between the arms: the point across the centre is of the other class, at the same radius."""
    inputs, targets = FUNCTIONS["spiral"].sample(COUNT, np.random.default_rng(7))
    radius = np.hypot(*inputs.T)
    turned = np.arctan2(*inputs.T) - math.pi * (3.5 * (radius - 0.3) / 4.7 + targets)
    assert np.abs(np.sin(turned / 2)).max() < 1e-9  # the angle is the radius' but for whole turns


@pytest.mark.parametrize("name", ["sine", "saddle", "xor", "moons"])
def test_noise_has_its_deviation(name: str) -> None:
    """Guards what noise moves: the value of a curve, the place of a point; 4 % is four standard errors of 2 × 977."""
    function, noise = FUNCTIONS[name], 0.3
    clean = function.sample(2 * COUNT, np.random.default_rng(1))
    noisy = function.sample(2 * COUNT, np.random.default_rng(1), noise)
    moved, kept = (0, 1) if function.classes else (1, 0)
    assert np.array_equal(clean[kept], noisy[kept])
    assert float((noisy[moved] - clean[moved]).std()) == pytest.approx(noise, rel=0.07)


def test_titles_are_translated() -> None:
    """Guards a title that was looked up when the module was imported, before the language was chosen."""
    english = {function.title for function in FUNCTIONS.values()}
    assert len(english) == len(FUNCTIONS)
    use_language("zh")
    assert all(function.title for function in FUNCTIONS.values())


# Features ------------------------------------------------------------------------------------------------------------

NAMES = ["x1", "x2", "a*b", "身高"]
ROWS = np.array([[2.0, 3.0, 5.0, 7.0], [-1.0, 0.5, 0.25, 11.0]])


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("x2", [3, 0.5]),
        ("x1^2", [4, 1]),
        ("x1^3", [8, -1]),
        ("x1*x2", [6, -0.5]),
        ("x2*x2", [9, 0.25]),
        ("sin-x1", [math.sin(2), math.sin(-1)]),
        ("cos-x2", [math.cos(3), math.cos(0.5)]),
        ("a*b", [5, 0.25]),
        ("a*b*身高", [35, 2.75]),
        ("身高^2", [49, 121]),
    ],
)
def test_features_by_hand(text: str, values: list[float]) -> None:
    """Guards the notation; a column whose own name looks like a product is that column."""
    assert feature_of(text, NAMES)(ROWS) == pytest.approx(values)


def test_features_stand_side_by_side() -> None:
    """Guards the order of the columns, and that no features mean the inputs."""
    assert calculate(["x2", "x1*x2"], NAMES, ROWS).tolist() == [[3, 6], [0.5, -0.5]]
    assert calculate([], NAMES, ROWS) is ROWS


@pytest.mark.parametrize("text", ["x3", "x1^10", "x1^0", "tan-x1", "x1*", "", "sin-", "x1^2.5"])
def test_unknown_features(text: str) -> None:
    """Guards against a feature that is silently something else."""
    with pytest.raises(UsageError, match="there is no feature"):
        feature_of(text, NAMES)


def test_a_power_too_high_is_told_the_highest() -> None:
    """Guards against a message that shows the notation which the user has just used."""
    with pytest.raises(UsageError, match=r"there is no feature x1\^10; .* such as x1\^2, up to \^9, "):
        feature_of("x1^10", NAMES)


def test_a_mistyped_feature_is_guessed() -> None:
    """Guards the way out."""
    with pytest.raises(UsageError, match=r"did you mean sin-x1\?"):
        feature_of("sin_x1", NAMES)
