"""Linear regression solved exactly: NumPy's least squares, bad conditions, columns that depend on each other."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from congling.equations.linear_regression import linear_regression

WAYS = pytest.mark.parametrize("way", [linear_regression.plain, linear_regression.fused])
ROWS, COLUMNS, OUTPUTS = 31, 7, 3


def problem(seed: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    inputs, targets = (
        torch.randn(ROWS, width, dtype=torch.float64, generator=generator) for width in (COLUMNS, OUTPUTS)
    )
    return inputs, targets


@WAYS
def test_equals_numpy(way: object) -> None:
    """Guards the order of the factors, with sizes that no transposition survives."""
    inputs, targets = problem()
    weights, rank = way(inputs, targets)  # type: ignore[operator]
    wanted, *_rest = np.linalg.lstsq(inputs.numpy(), targets.numpy(), rcond=None)
    np.testing.assert_allclose(weights.numpy(), wanted, rtol=1e-12, atol=1e-13)
    assert rank == COLUMNS


@WAYS
def test_a_line_by_hand(way: object) -> None:
    """Guards against any offset: through (0, 1), (1, 3) and (2, 5) goes 2x + 1 and nothing else."""
    inputs = torch.tensor([[0.0, 1.0], [1.0, 1.0], [2.0, 1.0]], dtype=torch.float64)
    weights, _rank = way(inputs, torch.tensor([[1.0], [3.0], [5.0]], dtype=torch.float64))  # type: ignore[operator]
    np.testing.assert_allclose(weights.numpy(), [[2.0], [1.0]], rtol=1e-14, atol=1e-14)


@WAYS
def test_dependent_columns_give_the_smallest_weights(way: object) -> None:
    """Guards the deficient rank: two equal columns share their weight, and the rank says so."""
    inputs, targets = problem()
    inputs[:, 4] = inputs[:, 1]
    weights, rank = way(inputs, targets)  # type: ignore[operator]
    assert rank == COLUMNS - 1
    np.testing.assert_allclose(
        weights.numpy(), np.linalg.pinv(inputs.numpy()) @ targets.numpy(), rtol=1e-10, atol=1e-12
    )
    np.testing.assert_allclose(weights[1].numpy(), weights[4].numpy(), rtol=1e-10, atol=1e-13)


@WAYS
def test_more_columns_than_rows(way: object) -> None:
    """Guards the wide case: the targets are met exactly, by the smallest weights that do."""
    inputs, targets = problem()
    inputs, targets = inputs[:5], targets[:5]
    weights, rank = way(inputs, targets)  # type: ignore[operator]
    assert rank == 5
    np.testing.assert_allclose((inputs @ weights).numpy(), targets.numpy(), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(weights.numpy(), np.linalg.pinv(inputs.numpy()) @ targets.numpy(), rtol=1e-9, atol=1e-11)


def test_a_bad_condition_costs_no_more_digits_than_it_must() -> None:
    """Guards the factorisation of X itself: by XᵀX, a condition of 10⁷ leaves two digits; by X, nine.

    The right side lies in the span, so that the true weights are known. Bound: condition × 1e-16 × 100.
    """
    generator = torch.Generator().manual_seed(5)
    basis, _r = torch.linalg.qr(torch.randn(ROWS, COLUMNS, dtype=torch.float64, generator=generator))
    turn, _r = torch.linalg.qr(torch.randn(COLUMNS, COLUMNS, dtype=torch.float64, generator=generator))
    inputs = basis * torch.logspace(0, -7, COLUMNS, dtype=torch.float64) @ turn
    truth = torch.randn(COLUMNS, 1, dtype=torch.float64, generator=generator)
    error = (linear_regression.plain(inputs, inputs @ truth).weights - truth).abs().max()
    by_normal_equations = torch.linalg.solve(inputs.T @ inputs, inputs.T @ (inputs @ truth))
    assert error < 1e-7
    assert (by_normal_equations - truth).abs().max() > 1e-4  # or this problem would tell the two ways not apart
