"""The examples of a fitting: in the user's units, and as the network reads them; kept in the run's folder ``data/``.

N examples · I inputs · F features · O outputs (1, or one for each class)
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from congling.data.examples import ExampleBatch
from congling.data.functions.functions import FUNCTIONS, Function
from congling.data.tables.features import calculate

Array = NDArray[np.float64]
PartName = Literal["train", "valid", "test"]
PARTS: tuple[PartName, ...] = ("train", "valid", "test")


@dataclass(frozen=True)
class Part:
    """Some examples in the user's units: ``inputs`` (N, I), ``targets`` (N, 1) numbers or (N,) class numbers."""

    inputs: Array
    targets: NDArray[np.generic]

    def __len__(self) -> int:
        return len(self.inputs)


@dataclass(frozen=True)
class Scale:
    """What brings columns to mean 0 and deviation 1, by the training part's ``mean`` and ``deviation`` (K,)."""

    mean: Array
    deviation: Array

    @classmethod
    def none(cls, columns: int) -> Scale:
        """Changes nothing."""
        return cls(np.zeros(columns), np.ones(columns))

    @classmethod
    def of(cls, values: Array) -> Scale:
        """That of the columns of ``values`` (N, K).

        A column that is always the same, but for rounding, is only moved to 0: its deviation is rounding alone, and a
        number that came later would be huge in it. Columns too large for a deviation are no numbers on this scale.
        """
        deviation = np.where(_varies(values), values.std(axis=0), 1.0)
        return cls(values.mean(axis=0), np.where(np.isfinite(deviation), deviation, np.nan))

    def scaled(self, values: Array) -> Array:
        """(N, K) in the user's units to standardised ones."""
        return (values - self.mean) / self.deviation

    def restored(self, values: Array) -> Array:
        """(N, K) standardised to the user's units."""
        return values * self.deviation + self.mean


def _varies(values: Array) -> NDArray[np.bool_]:
    """Which columns of (N, K) hold different numbers (K,); a few last digits are no difference."""
    varies: NDArray[np.bool_] = np.ptp(values, axis=0) > 8 * np.finfo(np.float64).eps * np.abs(values).max(axis=0)
    return varies


@dataclass(frozen=True)
class FunctionData:
    """All examples of a fitting, and how they are handed to the network.

    Attributes:
        train, valid, test: in the user's units.
        input_names, target_name: what the columns are called.
        classes: their names; none for a number to predict.
        features: what the network reads, as ``data.tables.features`` writes it; the inputs themselves where empty.
        feature_scale, target_scale: see ``Scale``; the latter for numbers only.
        function_name: of the function that the examples were drawn from; None for a table.
        noise: of that drawing.
        remarks: what the user should know of the reading; not kept.
    """

    train: Part
    valid: Part
    test: Part
    input_names: list[str]
    target_name: str
    classes: list[str]
    features: list[str]
    feature_scale: Scale
    target_scale: Scale
    function_name: str | None = None
    noise: float = 0.0
    remarks: list[str] = field(default_factory=list, compare=False)

    @property
    def function(self) -> Function | None:
        """The function that the examples were drawn from."""
        return None if self.function_name is None else FUNCTIONS[self.function_name]

    @property
    def feature_names(self) -> list[str]:
        """What the network's inputs are called."""
        return self.features or self.input_names

    @property
    def outputs(self) -> int:
        """How many numbers the network gives."""
        return len(self.classes) or self.target_scale.mean.size

    @property
    def standardised(self) -> bool:
        """Whether the network reads other numbers than the user's."""
        scales = (self.feature_scale, self.target_scale)
        return any(bool(np.any(scale.mean != 0) or np.any(scale.deviation != 1)) for scale in scales)

    @functools.cached_property
    def ranges(self) -> list[tuple[float, float]]:
        """The lowest and the highest value of each input: of the function's domain, or of all rows."""
        if self.function is not None:
            return list(self.function.domain)
        inputs = np.concatenate([self.part(name).inputs for name in PARTS])
        return [(float(low), float(high)) for low, high in zip(inputs.min(axis=0), inputs.max(axis=0), strict=True)]

    def part(self, name: PartName) -> Part:
        """The part of that name."""
        return {"train": self.train, "valid": self.valid, "test": self.test}[name]

    # In and out of the network ---------------------------------------------------------------------------------------

    def features_of(self, inputs: Array) -> Array:
        """Inputs (N, I) in the user's units to the features (N, F), in theirs."""
        inputs = np.asarray(inputs, np.float64).reshape(-1, len(self.input_names))
        return calculate(self.features, self.input_names, inputs)

    def scaled_features(self, inputs: Array) -> Array:
        """Inputs (N, I) in the user's units to the features (N, F), on their scale."""
        with np.errstate(all="ignore"):  # what is no number then is found by whoever needs numbers
            return self.feature_scale.scaled(self.features_of(inputs))

    def prepared(self, inputs: Array) -> Tensor:
        """Inputs (N, I) in the user's units to what the network reads, (N, F) float32."""
        with np.errstate(all="ignore"):
            return torch.from_numpy(self.scaled_features(inputs).astype(np.float32))

    def targets(self, targets: NDArray[np.generic]) -> Tensor:
        """Targets in the user's units to what the loss takes: (N, O) float32, or class numbers (N,)."""
        if self.classes:
            return torch.from_numpy(np.asarray(targets, np.int64).reshape(-1))
        numbers = np.asarray(targets, np.float64).reshape(-1, self.outputs)
        with np.errstate(all="ignore"):
            return torch.from_numpy(self.target_scale.scaled(numbers).astype(np.float32))

    def restored(self, outputs: Tensor) -> Array:
        """The network's outputs (N, O), numbers, to the user's units."""
        return self.target_scale.restored(outputs.detach().double().cpu().numpy())

    def examples(self, part: PartName | Part) -> ExampleBatch:
        """A part as the network takes it."""
        rows = self.part(part) if isinstance(part, str) else part
        return ExampleBatch(self.prepared(rows.inputs), self.targets(rows.targets))

    def truth(self, inputs: Array) -> NDArray[np.generic] | None:
        """What the function gives without noise at inputs (N, I): (N, 1) or classes (N,); None where nobody knows."""
        if self.function is None or self.function.value is None:
            return None
        return self.function.value(np.asarray(inputs, np.float64).reshape(-1, len(self.input_names)))
