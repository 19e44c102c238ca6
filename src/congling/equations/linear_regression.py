"""The straight answer: the weights of a linear map with the least squared error, without a single step of descent.

N examples · D inputs (a column of ones among them gives a bias) · O outputs
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from congling.equations.equation import equation
from congling.equations.glass_box import show


class LeastSquares(NamedTuple):
    """The weights (D, O), and the rank of the inputs: where it is below D, other weights would do as well."""

    weights: Tensor
    rank: int


def _example(generator: torch.Generator) -> tuple[Tensor, Tensor]:
    inputs, targets = (torch.randn(23, width, dtype=torch.float64, generator=generator) for width in (7, 3))
    return inputs, targets


def _fused_linear_regression(inputs: Tensor, targets: Tensor) -> LeastSquares:
    # LAPACK's gelsd, as numpy.linalg.lstsq; on a GPU PyTorch has no driver for deficient rank.
    found = torch.linalg.lstsq(inputs.cpu(), targets.cpu(), rcond=_tolerance(inputs), driver="gelsd")
    return LeastSquares(found.solution.to(inputs.device), int(found.rank))


@equation(
    r"X^\top X\,W = X^\top T,\quad X = QR,\ R = U\Sigma V^\top"
    r"\quad\Rightarrow\quad W = V\,\Sigma^{+}\,U^\top Q^\top T",
    source="Golub and Van Loan 2013, §5.3.2 (normal equations), §5.3.3 (by QR), §5.5.2 (deficient rank)",
    example=_example,
    fused=_fused_linear_regression,
)
def linear_regression(inputs: Tensor, targets: Tensor) -> LeastSquares:
    """The solution of the normal equations: no weights W give a smaller squared error of XW against T.

    XᵀX itself is never formed: its condition number is the square of that of X, which costs twice the digits. Instead
    X = QR, and the small R falls apart into singular values. Those that are zero but for rounding belong to columns
    that depend on others; without them come the smallest of all equally good weights.

    Args: ``inputs`` X (N, D), ``targets`` T (N, O).
    """
    orthogonal, triangle = torch.linalg.qr(inputs)  # (N, K) and (K, D), K = min(N, D)
    left, singular, right = torch.linalg.svd(triangle, full_matrices=False)
    show("singular_values", singular)
    rank = int((singular > _tolerance(inputs) * singular[0]).sum())
    within = left[:, :rank].transpose(0, 1) @ (orthogonal.transpose(0, 1) @ targets) / singular[:rank, None]
    weights = right[:rank].transpose(0, 1) @ within  # (D, O)
    show("residual", targets - inputs @ weights)
    return LeastSquares(weights, rank)


def _tolerance(inputs: Tensor) -> float:
    """Singular values below this part of the largest count as zero: what rounding leaves of them."""
    return max(inputs.shape) * float(torch.finfo(inputs.dtype).eps)
