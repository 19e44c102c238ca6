"""Features: numbers calculated from the inputs, which make a function easier to find than the inputs themselves.

A feature is written as an input's name (``x1``), its power (``x1^2``), a product (``x1*x2``), or ``sin-x1`` and
``cos-x1``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from congling.errors import UsageError
from congling.language import _
from congling.nearest import did_you_mean

Array = NDArray[np.float64]
Feature = Callable[[Array], Array]  # (N, I) to (N,)

WAVES: Mapping[str, Callable[[Array], Array]] = {"sin-": np.sin, "cos-": np.cos}
HIGHEST_POWER = 9


def feature_of(text: str, inputs: Sequence[str]) -> Feature:
    """The feature that the text describes.

    Args:
        inputs: the inputs' names, in the order of the columns. A whole name wins: ``a*b`` may be a column.

    Raises:
        UsageError: no input has that name, or the power is out of range.
    """
    if text in inputs:
        return _column(inputs.index(text))
    for prefix, wave in WAVES.items():
        if text.startswith(prefix) and text.removeprefix(prefix) in inputs:
            return _applied(wave, _column(inputs.index(text.removeprefix(prefix))))
    if (power := re.fullmatch(r"(.+)\^(\d+)", text)) and power[1] in inputs and 1 <= int(power[2]) <= HIGHEST_POWER:
        return _applied(lambda values: values ** int(power[2]), _column(inputs.index(power[1])))
    for star in re.finditer(r"\*", text):
        first, second = text[: star.start()], text[star.end() :]
        if first in inputs and second in inputs:
            return _product(_column(inputs.index(first)), _column(inputs.index(second)))
    raise UsageError(_unknown(text, inputs))


def calculate(features: Sequence[str], names: Sequence[str], inputs: Array) -> Array:
    """The inputs (N, I) as features (N, F); the inputs themselves where there are none."""
    if not features:
        return inputs
    return np.stack([feature_of(feature, names)(inputs) for feature in features], axis=1)


def _column(number: int) -> Feature:
    return lambda inputs: inputs[:, number]


def _applied(function: Callable[[Array], Array], feature: Feature) -> Feature:
    return lambda inputs: function(feature(inputs))


def _product(first: Feature, second: Feature) -> Feature:
    return lambda inputs: first(inputs) * second(inputs)


def _unknown(text: str, inputs: Sequence[str]) -> str:
    first, last = inputs[0], inputs[-1]
    known = [*inputs, *(f"{wave}{name}" for wave in WAVES for name in inputs), *(f"{name}^2" for name in inputs)]
    known += [f"{one}*{other}" for one in inputs[:8] for other in inputs[:8]]
    message = _(
        "there is no feature {feature}; a feature is an input ({inputs}), or such as {first}^2, up to ^{highest}, "
        "{product}, sin-{last}"
    )
    return message.format(
        feature=text, inputs=", ".join(inputs), first=first, highest=HIGHEST_POWER, product=f"{first}*{last}", last=last
    ) + did_you_mean(text, known)
