"""Dropout makes of one network many; here two of them must say the same. A *sum* over N tokens, as every loss.

N tokens · D width · V vocabulary
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from congling.equations.equation import equation
from congling.equations.glass_box import show
from congling.equations.losses import cross_entropy, log_softmax

TOKENS_AT_ONCE = 128  # logits and what comes of them should stay in the processor's cache; a GPU takes more

Arguments = tuple[Tensor, Tensor, Tensor, Tensor, Tensor, float, float]


def _example(generator: torch.Generator) -> Arguments:
    first, second, weight, bias = (
        torch.randn(*shape, dtype=torch.float64, generator=generator).requires_grad_()
        for shape in ((300, 5), (300, 5), (7, 5), (7,))  # more rows than one chunk
    )
    return first, second, weight, bias, torch.randint(0, 7, (300,), generator=generator), 0.1, 5.0


class _Chunked(torch.autograd.Function):
    """Loss and gradient in one pass over chunks of tokens: no matrix (N, V) exists as a whole.

    With d = log p − log q, the derivative of Σ (p − q) d by the first logits is p ⊙ (d − Σ p d) + p − q, and by the
    second ones the same with p and q exchanged.
    """

    @staticmethod
    def forward(
        context: torch.autograd.function.FunctionCtx,
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor,
        target: Tensor,
        label_smoothing: float,
        consistency: float,
        differentiate: bool,
    ) -> Tensor:
        exact = torch.promote_types(hidden.dtype, torch.float32)
        loss = torch.zeros((), dtype=exact, device=hidden.device)
        gradients = torch.empty_like(hidden), *(torch.zeros_like(each, dtype=exact) for each in (weight, bias))
        of_hidden, of_weight, of_bias = gradients
        share, spread = consistency / 4, label_smoothing / (2 * len(weight))
        at_once = TOKENS_AT_ONCE if hidden.device.type == "cpu" else 32 * TOKENS_AT_ONCE
        for start in range(0, len(target), at_once):
            chunk = slice(start, start + at_once)
            rows = hidden[:, chunk].flatten(0, 1)  # (2n, D), the second pass below the first
            wanted = target[chunk].repeat(2)[:, None]
            log_probabilities = torch.log_softmax(F.linear(rows, weight, bias), dim=-1, dtype=exact)  # (2n, V)
            right = log_probabilities.gather(1, wanted).sum()
            loss -= (1 - label_smoothing) / 2 * right + spread * log_probabilities.sum()
            log_p, log_q = log_probabilities.chunk(2)
            log_ratio = log_p - log_q  # d (n, V)
            probabilities = log_probabilities.exp_()
            p, q = probabilities.chunk(2)
            means = [torch.linalg.vecdot(each, log_ratio)[:, None] for each in (p, q)]  # Σ p d and Σ q d, (n, 1)
            loss += share * (means[0] - means[1]).sum()
            if not differentiate:
                continue
            # ½ (p − target) + share (p (d − Σ p d) + p − q), the smoothing apart: of both passes the same is taken away
            difference = torch.cat([share * log_ratio, -share * log_ratio])
            difference += (0.5 + share) - share * torch.cat([means[0], -means[1]])
            difference *= probabilities
            difference[: len(p)].sub_(q, alpha=share)
            difference[len(p) :].sub_(p, alpha=share)
            difference.scatter_add_(1, wanted, difference.new_full(wanted.shape, (label_smoothing - 1) / 2))
            difference = difference.to(hidden.dtype)
            of_bias += torch.matmul(difference.new_ones(1, len(difference)), difference)[0]  # a quick sum
            of_hidden[:, chunk] = torch.matmul(difference, weight).view(2, -1, weight.shape[1])
            of_weight += torch.matmul(difference.transpose(0, 1), rows)
        if differentiate:
            of_hidden -= (spread * weight.sum(dim=0, dtype=exact)).to(hidden.dtype)
            of_weight -= spread * hidden.sum(dim=(0, 1), dtype=exact)
            of_bias -= spread * 2 * len(target)
            context.gradients = gradients  # type: ignore[attr-defined]
        return loss

    @staticmethod
    def backward(
        context: torch.autograd.function.FunctionCtx, *upstream: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, None, None, None, None]:
        hidden, weight, bias = context.gradients  # type: ignore[attr-defined]
        (scale,) = upstream
        few_bits = hidden.dtype
        return (
            hidden * scale.to(few_bits), (weight * scale).to(few_bits), (bias * scale).to(few_bits),
            None, None, None, None,
        )  # fmt: skip


def _fused(
    hidden: Tensor,
    again: Tensor,
    weight: Tensor,
    bias: Tensor,
    target: Tensor,
    label_smoothing: float = 0.0,
    consistency: float = 5.0,
) -> Tensor:
    both = torch.stack([hidden, again])  # (2, N, D)
    differentiate = torch.is_grad_enabled() and any(each.requires_grad for each in (both, weight, bias))
    loss = _Chunked.apply(both, weight, bias, target, label_smoothing, consistency, differentiate)  # type: ignore[no-untyped-call]
    assert isinstance(loss, Tensor)
    return loss


@equation(
    r"\tfrac12\left[\operatorname{crossentropy}(z, t) + \operatorname{crossentropy}(z', t)\right]"
    r" + \tfrac{\alpha}{4} \sum_n \sum_v (p_{nv} - p'_{nv})(\log p_{nv} - \log p'_{nv})",
    source="Liang et al. 2021 (R-Drop), §2.1, eq. 1 to 3, divided by the two passes",
    example=_example,
    fused=_fused,
)
def consistent_cross_entropy(
    hidden: Tensor,
    again: Tensor,
    weight: Tensor,
    bias: Tensor,
    target: Tensor,
    label_smoothing: float = 0.0,
    consistency: float = 5.0,
) -> Tensor:
    """The loss of two passes through different dropout: how surprised both are, and how much they disagree.

    The disagreement is the Kullback-Leibler divergence from either to the other. A network that overfits relies on what
    dropout takes away, and the two passes differ; where they agree, this is the cross-entropy of one.

    Args: ``hidden`` and ``again`` (N, D) from the two passes, ``weight`` (V, D), ``bias`` (V), ``target`` (N),
    ``consistency`` α. Returns a scalar, in float32 where the network computes in less.
    """
    exact = torch.promote_types(hidden.dtype, torch.float32)
    first, second = ((torch.matmul(each, weight.transpose(0, 1)) + bias).to(exact) for each in (hidden, again))
    log_p, log_q = log_softmax(first), log_softmax(second)
    divergence = ((torch.exp(log_p) - torch.exp(log_q)) * (log_p - log_q)).sum()
    show("divergence", divergence)
    surprise = cross_entropy.plain(first, target, label_smoothing) + cross_entropy.plain(
        second, target, label_smoothing
    )
    return surprise / 2 + consistency / 4 * divergence
