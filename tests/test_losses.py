"""Losses: hand values, PyTorch's cross-entropy, chunks, and number types."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from congling.equations import losses
from congling.equations.glass_box import glass_box
from congling.equations.losses import cross_entropy, projected_cross_entropy

ROWS, WIDTH, PIECES = 23, 7, 11


def problem(dtype: torch.dtype = torch.float64, rows: int = ROWS) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(59)
    hidden, weight, bias = (
        torch.randn(*shape, dtype=torch.float64, generator=generator).to(dtype).requires_grad_()
        for shape in ((rows, WIDTH), (PIECES, WIDTH), (PIECES,))
    )
    return hidden, weight, bias, torch.randint(0, PIECES, (rows,), generator=generator)


def expected(hidden: Tensor, weight: Tensor, bias: Tensor | None, target: Tensor, smoothing: float) -> Tensor:
    return F.cross_entropy(F.linear(hidden, weight, bias), target, reduction="sum", label_smoothing=smoothing)


@pytest.mark.parametrize("way", [cross_entropy.plain, cross_entropy.fused])
def test_cross_entropy_by_hand(way: object) -> None:
    """Guards nats, the sum over rows, and where smoothing puts its probability."""
    logits = torch.log(torch.tensor([[1.0, 1.0, 2.0], [6.0, 1.0, 1.0]], dtype=torch.float64))
    target = torch.tensor([2, 0])
    assert float(way(logits, target)) == pytest.approx(math.log(2) + math.log(8 / 6))  # type: ignore[operator]
    # Of ε = 0.3 each of the three classes gets 0.1, the right one too.
    first = 0.8 * math.log(2) + 0.1 * 2 * math.log(4)
    second = 0.8 * math.log(8 / 6) + 0.1 * 2 * math.log(8)
    assert float(way(logits, target, 0.3)) == pytest.approx(first + second)  # type: ignore[operator]


@pytest.mark.parametrize("way", [cross_entropy.plain, cross_entropy.fused])
def test_huge_logits_do_not_overflow(way: object) -> None:
    """Guards the subtracted maximum: e¹⁰⁰⁰ is no number."""
    logits = torch.tensor([[1000.0, 0.0, -1000.0]])
    assert float(way(logits, torch.tensor([0]))) == 0  # type: ignore[operator]
    assert float(way(logits, torch.tensor([2]))) == 2000  # type: ignore[operator]


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("chunk", [1, 5, ROWS, 1024])
@pytest.mark.parametrize("with_bias", [True, False])
def test_chunks_equal_the_whole(monkeypatch: pytest.MonkeyPatch, chunk: int, smoothing: float, with_bias: bool) -> None:
    """Guards the loss that holds no whole logits: values and gradients at every chunk size, times what is upstream."""
    monkeypatch.setattr(losses, "TOKENS_AT_ONCE", chunk)
    hidden, weight, bias, target = problem()
    inputs = [hidden, weight, bias] if with_bias else [hidden, weight]
    ours = projected_cross_entropy(hidden, weight, bias if with_bias else None, target, smoothing)
    theirs = expected(hidden, weight, bias if with_bias else None, target, smoothing)
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-12)
    pairs = zip(torch.autograd.grad(3 * ours, inputs), torch.autograd.grad(3 * theirs, inputs), strict=True)
    for gradient, wanted in pairs:
        assert float((gradient - wanted).abs().max()) < 1e-12


def test_fused_loss_of_few_bits_is_exact() -> None:
    """Guards bfloat16: the loss is float32, gradients have the parameters' type, both near float64's."""
    hidden, weight, bias, target = problem(torch.bfloat16, rows=1031)
    exact = [tensor.detach().double().requires_grad_() for tensor in (hidden, weight, bias)]
    ours = projected_cross_entropy(hidden, weight, bias, target, 0.1)
    theirs = expected(*exact, target, 0.1)
    assert ours.dtype == torch.float32
    assert ours.item() == pytest.approx(theirs.item(), rel=2e-3)  # single logits are rounded to 8 bits, sums are not
    gradients = torch.autograd.grad(ours, (hidden, weight, bias))
    for gradient, wanted in zip(gradients, torch.autograd.grad(theirs, exact), strict=True):
        assert gradient.dtype == torch.bfloat16
        assert float((gradient - wanted).abs().max() / wanted.abs().max()) < 2e-2


def test_no_gradient_is_kept_where_none_is_wanted() -> None:
    """Guards validation, which needs the value alone."""
    hidden, weight, bias, target = problem()
    with torch.no_grad():
        loss = projected_cross_entropy(hidden, weight, bias, target)
    assert not loss.requires_grad
    assert loss.item() == pytest.approx(expected(hidden, weight, bias, target, 0.0).item(), rel=1e-12)


def test_no_rows_cost_nothing() -> None:
    """Guards a batch without a single token: 0, and gradients of 0."""
    hidden, weight, bias, target = problem(rows=0)
    loss = projected_cross_entropy(hidden, weight, bias, target, 0.1)
    assert loss.item() == 0
    assert not torch.autograd.grad(loss, weight)[0].any()


def test_the_glass_box_shows_the_logits() -> None:
    """Guards looking into the loss: the plain body has logits and log-probabilities, the fused way never has them."""
    hidden, weight, bias, target = problem()
    with glass_box() as seen:
        projected_cross_entropy(hidden, weight, bias, target)
    assert torch.allclose(seen["logits"], F.linear(hidden, weight, bias))
    assert torch.allclose(seen["log_probabilities"].exp().sum(-1), torch.ones(ROWS, dtype=torch.float64))
