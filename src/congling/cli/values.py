"""What a glass box saw, on standard output: all values by name, or one of them in full; as text or as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from congling.errors import UsageError
from congling.language import _
from congling.nearest import did_you_mean

if TYPE_CHECKING:
    from torch import Tensor

COLUMN_OF_NAMES = 60  # columns at least
DECIMALS = 4
SMALLEST_FIXED = 1e-3  # of smaller numbers, as gradients are, fixed decimals would show nothing
Values = Mapping[str, "Tensor"]


def print_values(values: Values) -> None:
    """A line a value: its name, its shape, and its smallest and largest finite number."""
    for name, value in values.items():
        print(f"{name:<{COLUMN_OF_NAMES}} {shape_of(value):>16}   {_range(value)}")


def print_value(values: Values, name: str, as_json: bool) -> None:
    """Every number of one value.

    Raises:
        UsageError: there is none of that name.
    """
    if name not in values:
        message = _("nothing was shown under {name}").format(name=name)
        raise UsageError(message + did_you_mean(name, list(values)))
    value = values[name]
    if as_json:
        print_json({"name": name, "shape": list(value.shape), "values": finite(value.float().tolist())})
        return
    import torch

    largest = max(map(abs, _extremes(value)), default=0.0)
    torch.set_printoptions(  # type: ignore[no-untyped-call]
        profile="full", linewidth=160, precision=DECIMALS, sci_mode=0 < largest < SMALLEST_FIXED
    )
    print(f"{name}  {tuple(value.shape)}")
    print(value.detach())


def names_and_shapes(values: Values) -> list[dict[str, Any]]:
    """The list for a program."""
    return [{"name": name, "shape": list(value.shape)} for name, value in values.items()]


def print_json(record: Mapping[str, Any]) -> None:
    """One object on one line; numbers that are not finite must have gone through ``finite``."""
    print(json.dumps(record, ensure_ascii=False, allow_nan=False))


def finite(values: Any) -> Any:
    """The same number or nested lists of numbers, with None for what JSON cannot say: a mask's -inf."""
    if isinstance(values, list):
        return [finite(value) for value in values]
    return values if math.isfinite(values) else None


def shape_of(value: Tensor) -> str:
    """``2×3``; empty for a single number."""
    return "×".join(map(str, value.shape))


def _range(value: Tensor) -> str:
    return " … ".join(f"{extreme:9.{DECIMALS}f}" for extreme in _extremes(value)) or "-"


def _extremes(value: Tensor) -> list[float]:
    """The smallest and the largest finite number, if there is any."""
    numbers = value.detach().float()
    numbers = numbers[numbers.isfinite()]
    return [float(numbers.min()), float(numbers.max())] if numbers.numel() else []
