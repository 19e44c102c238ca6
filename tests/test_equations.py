"""Every formula: its plain body and its fused way give the same values and gradients."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

import congling.equations
from congling.equations.equation import equations

for module in pkgutil.iter_modules(congling.equations.__path__):
    importlib.import_module(f"congling.equations.{module.name}")


@pytest.mark.parametrize("name", [name for name, formula in equations().items() if formula.fused])
@pytest.mark.parametrize("seed", [0, 1])
def test_plain_equals_fused(name: str, seed: int) -> None:
    """Guards against a fast way that computes something else: float64 leaves 1e-16, a wrong term leaves 1e-3."""
    distance = equations()[name].distance(seed)
    assert distance is not None
    assert distance.value < 1e-10
    assert distance.gradient < 1e-10
