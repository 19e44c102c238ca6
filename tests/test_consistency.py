"""Two passes that must agree: hand values, chunks, number types, and a network with and without dropout."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from congling.data.text.pair_batches import Batch, collate
from congling.equations import consistency
from congling.equations.consistency import consistent_cross_entropy
from congling.equations.losses import projected_cross_entropy
from congling.networks.recurrent_translator import RecurrentTranslator
from congling.networks.transformer import Transformer

ROWS, WIDTH, PIECES = 23, 7, 11


def problem(dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(61)
    first, second, weight, bias = (
        torch.randn(*shape, dtype=torch.float64, generator=generator).to(dtype).requires_grad_()
        for shape in ((ROWS, WIDTH), (ROWS, WIDTH), (PIECES, WIDTH), (PIECES,))
    )
    return first, second, weight, bias, torch.randint(0, PIECES, (ROWS,), generator=generator)


def expected(
    first: Tensor, second: Tensor, weight: Tensor, bias: Tensor, target: Tensor, smoothing: float, alpha: float
) -> Tensor:
    """By PyTorch's own losses: the paper's sum of two, over two."""
    logits = [F.linear(each, weight, bias) for each in (first, second)]
    surprise = sum(F.cross_entropy(z, target, reduction="sum", label_smoothing=smoothing) for z in logits)
    p, q = (F.log_softmax(z, dim=-1) for z in logits)
    divergences = F.kl_div(p, q, reduction="sum", log_target=True) + F.kl_div(q, p, reduction="sum", log_target=True)
    return (surprise + alpha * divergences / 2) / 2


@pytest.mark.parametrize("way", [consistent_cross_entropy.plain, consistent_cross_entropy.fused])
def test_the_disagreement_by_hand(way: object) -> None:
    """Guards the divergence in both directions, and how much it counts."""
    identity, nothing = torch.eye(2, dtype=torch.float64), torch.zeros(2, dtype=torch.float64)
    first, second = (torch.log(torch.tensor([each], dtype=torch.float64)) for each in ([0.5, 0.5], [0.8, 0.2]))
    surprise = -(math.log(0.5) + math.log(0.8)) / 2
    apart = -0.3 * math.log(0.5 / 0.8) + 0.3 * math.log(0.5 / 0.2)
    loss = way(first, second, identity, nothing, torch.tensor([0]), 0.0, 8.0)  # type: ignore[operator]
    assert float(loss) == pytest.approx(surprise + 8 / 4 * apart, rel=1e-12)


@pytest.mark.parametrize("alpha", [0.5, 5.0])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("chunk", [1, 5, ROWS, 128])
def test_chunks_equal_the_whole(monkeypatch: pytest.MonkeyPatch, chunk: int, smoothing: float, alpha: float) -> None:
    """Guards values and gradients at every chunk size, times what is upstream."""
    monkeypatch.setattr(consistency, "TOKENS_AT_ONCE", chunk)
    *inputs, target = problem()
    ours = consistent_cross_entropy(*inputs, target, smoothing, alpha)
    theirs = expected(*inputs, target, smoothing, alpha)
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-12)
    for gradient, wanted in zip(
        torch.autograd.grad(3 * ours, inputs), torch.autograd.grad(3 * theirs, inputs), strict=True
    ):
        assert float((gradient - wanted).abs().max()) < 1e-12


def test_few_bits_are_exact() -> None:
    """Guards bfloat16: the loss is float32, gradients have the parameters' type, both near float64's."""
    *inputs, target = problem(torch.bfloat16)
    exact = [tensor.detach().double().requires_grad_() for tensor in inputs]
    ours, theirs = consistent_cross_entropy(*inputs, target, 0.1, 5.0), expected(*exact, target, 0.1, 5.0)
    assert ours.dtype == torch.float32
    assert ours.item() == pytest.approx(theirs.item(), rel=5e-3)
    for gradient, wanted in zip(torch.autograd.grad(ours, inputs), torch.autograd.grad(theirs, exact), strict=True):
        assert gradient.dtype == torch.bfloat16
        assert float((gradient - wanted).abs().max() / wanted.abs().max()) < 2e-2


def test_where_both_agree_it_is_the_cross_entropy() -> None:
    """Guards the scale: a user's learning rate must mean the same with and without."""
    first, _second, weight, bias, target = problem()
    loss = consistent_cross_entropy(first, first, weight, bias, target, 0.1, 5.0)
    assert loss.item() == pytest.approx(projected_cross_entropy(first, weight, bias, target, 0.1).item(), rel=1e-12)


def sentences() -> Batch:
    return collate([[3, 4, 5], [6, 7]], [[3, 4], [5, 6, 7, 8]], 12, 16)


@pytest.mark.parametrize("kind", ["transformer", "gru"])
def test_a_network_goes_through_twice(kind: str) -> None:
    """Guards both translators: without dropout the passes agree, with it they differ; tokens count once."""
    torch.manual_seed(3)
    network: Transformer | RecurrentTranslator
    if kind == "transformer":
        network = Transformer(
            13, 17, width=8, heads=2, feed_forward=16, encoder_layers=1, decoder_layers=1, dropout=0.5
        )
    else:
        network = RecurrentTranslator(
            13, 17, kind="gru", width=8, encoder_layers=1, decoder_layers=1, attention=True, dropout=0.5
        )
    loss, count = network.loss(sentences(), 0.1, 5.0)
    assert count == sentences().target_tokens
    network.eval()
    alone, alone_count = network.loss(sentences(), 0.1)
    twice, twice_count = network.loss(sentences(), 0.1, 5.0)
    assert count == alone_count == twice_count
    assert twice.item() == pytest.approx(alone.item(), rel=1e-5)
    assert abs(loss.item() - alone.item()) > 0.1
