"""Linear regression solved exactly, on the features that the network reads: what the network has to be better than."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from congling.equations.linear_regression import linear_regression
from congling.tasks.function_fitting.data import PARTS, FunctionData
from congling.tasks.function_fitting.scores import errors_of


@dataclass(frozen=True)
class LinearBaseline:
    """The best linear map from the features to the target, in the user's units.

    Attributes:
        weights: one for each feature.
        bias: the value where all features are zero.
        rank: of the features with a column of ones; below ``len(weights) + 1``, some features depend on others, and
            these are the smallest of many equally good weights, each counted in the size of its feature.
        loss: the network's own loss unit: the mean squared error of training in standardised units.
        scores: ``mse``, ``mae`` … for ``train``, ``valid`` and ``test``.
    """

    weights: list[float]
    bias: float
    rank: int
    loss: float
    scores: dict[str, dict[str, float]]

    @property
    def unique(self) -> bool:
        """Whether no other weights would do as well."""
        return self.rank == len(self.weights) + 1


def linear_baseline(data: FunctionData) -> LinearBaseline | None:
    """Solve the normal equations on the training part; None for classes, which are no numbers.

    Each column is brought to the size 1 before: a small one beside a huge one would pass for rounding.
    """
    if data.classes:
        return None
    design, targets = _design(data, data.train.inputs), data.target_scale.scaled(data.train.targets.astype(np.float64))
    size = np.abs(design).max(axis=0)
    size[size == 0] = 1.0
    found = linear_regression(torch.from_numpy(design / size), torch.from_numpy(targets))
    solution = found.weights.numpy() / size[:, None]  # (F + 1, 1)
    loss = float(np.mean((design @ solution - targets) ** 2))
    scores: dict[str, dict[str, float]] = {
        name: errors_of(data, part, data.target_scale.restored(_design(data, part.inputs) @ solution))
        for name in PARTS
        if len(part := data.part(name))
    }
    weights, bias = _in_users_units(data, solution)
    return LinearBaseline(weights, bias, found.rank, loss, scores)


def _design(data: FunctionData, inputs: NDArray[np.float64]) -> NDArray[np.float64]:
    """The features as the network reads them, and a column of ones for the bias: (N, F + 1)."""
    features = data.scaled_features(inputs)
    return np.concatenate([features, np.ones((len(features), 1))], axis=1)


def _in_users_units(data: FunctionData, solution: NDArray[np.float64]) -> tuple[list[float], float]:
    """With x' = (x − μ) / σ, t' = (t − ν) / τ and t' = w'x' + b': t = (τ w' / σ) x + τ (b' − w'μ / σ) + ν."""
    scale, target = data.feature_scale, data.target_scale
    stretched = solution[:-1, 0] / scale.deviation
    weights = target.deviation[0] * stretched
    bias = target.deviation[0] * (solution[-1, 0] - float(stretched @ scale.mean)) + target.mean[0]
    return weights.tolist(), float(bias)
