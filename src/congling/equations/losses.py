"""What training makes small. Every loss is a *sum* over its N examples: sums add up over batches, means do not.

N examples or tokens · O outputs · D width · V vocabulary or classes
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from congling.equations.equation import equation
from congling.equations.glass_box import show

TOKENS_AT_ONCE = 1024  # a chunk of logits should stay in the processor's cache; a GPU takes eight times as many
BLOCK = 64


def _error_example(generator: torch.Generator) -> tuple[Tensor, Tensor]:
    outputs, targets = (torch.randn(11, 7, dtype=torch.float64, generator=generator) for _ in range(2))
    return outputs.requires_grad_(), targets


def _fused_squared_error(outputs: Tensor, targets: Tensor) -> Tensor:
    return F.mse_loss(outputs, targets, reduction="sum") / outputs.shape[-1]


@equation(
    r"\sum_n \frac{1}{O} \sum_o (y_{no} - t_{no})^2",
    source="Goodfellow, Bengio and Courville 2016, §5.1.4, eq. 5.4; no factor ½, so that the mean over N is the MSE",
    example=_error_example,
    fused=_fused_squared_error,
)
def squared_error(outputs: Tensor, targets: Tensor) -> Tensor:
    """How far off the outputs are, squared: the mean over an example's outputs, summed over N.

    Args: ``outputs`` and ``targets`` (N, O). Returns a scalar. The best constant answer is the targets' mean.
    """
    difference = outputs - targets
    show("difference", difference)
    return (difference * difference).mean(dim=-1).sum()


def _fused_absolute_error(outputs: Tensor, targets: Tensor) -> Tensor:
    return F.l1_loss(outputs, targets, reduction="sum") / outputs.shape[-1]


@equation(
    r"\sum_n \frac{1}{O} \sum_o |y_{no} - t_{no}|",
    source="Goodfellow, Bengio and Courville 2016, §6.2.1.2, eq. 6.16",
    example=_error_example,
    fused=_fused_absolute_error,
)
def absolute_error(outputs: Tensor, targets: Tensor) -> Tensor:
    """How far off the outputs are: the mean over an example's outputs, summed over N. Its derivative at 0 is 0.

    Args: ``outputs`` and ``targets`` (N, O). Returns a scalar. The best constant answer is the targets' median, which
    a few wild targets do not move.
    """
    difference = outputs - targets
    show("difference", difference)
    return difference.abs().mean(dim=-1).sum()


def _cross_entropy_example(generator: torch.Generator) -> tuple[Tensor, Tensor, float]:
    logits = torch.randn(11, 7, dtype=torch.float64, generator=generator).requires_grad_()
    return logits, torch.randint(0, 7, (11,), generator=generator), 0.1


def _fused_cross_entropy(logits: Tensor, target: Tensor, label_smoothing: float = 0.0) -> Tensor:
    return F.cross_entropy(logits, target, reduction="sum", label_smoothing=label_smoothing)


@equation(
    r"-\sum_n \sum_v q_{nv} \log\operatorname{softmax}(z_n)_v,\quad q_{nv} = (1-\varepsilon)[v=t_n] + \varepsilon/V",
    source="Goodfellow, Bengio and Courville 2016, §6.2.1.1, eq. 6.12; label smoothing: Szegedy et al. 2016, §7",
    example=_cross_entropy_example,
    fused=_fused_cross_entropy,
)
def cross_entropy(logits: Tensor, target: Tensor, label_smoothing: float = 0.0) -> Tensor:
    """How surprised the network is by what came, in nats, summed over N.

    Args: ``logits`` (N, V), ``target`` (N) of class numbers, ``label_smoothing`` ε between 0 and 1. Returns a scalar.
    """
    largest = logits.amax(dim=-1, keepdim=True)
    log_sum = largest + torch.log(torch.exp(logits - largest).sum(dim=-1, keepdim=True))
    log_probabilities = logits - log_sum  # (N, V)
    show("log_probabilities", log_probabilities)
    right = log_probabilities.gather(-1, target.unsqueeze(-1)).squeeze(-1)  # (N,)
    return -((1 - label_smoothing) * right + label_smoothing * log_probabilities.mean(dim=-1)).sum()


def _projected_example(generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor, float]:
    hidden, weight, bias = (
        torch.randn(*shape, dtype=torch.float64, generator=generator).requires_grad_()
        for shape in ((1031, 5), (7, 5), (7,))  # more rows than one chunk
    )
    return hidden, weight, bias, torch.randint(0, 7, (1031,), generator=generator), 0.1


class _ChunkedCrossEntropy(torch.autograd.Function):
    """Loss and gradient in one pass over chunks of tokens: the (N, V) matrix of logits never exists as a whole.

    With z = hW^T + b and p = softmax(z), the derivative of the loss is ∂L/∂z = p − q, so that it is at hand as soon
    as p is. Logits and p stay in the type of the network (the softmax itself calculates in float32). What smoothing
    adds is the same for every token, Σ z_v and a constant in q, so that it is added to the sums at the end.

    Rows and classes come in whole blocks: kernels are slow on odd sizes, and compiled anew for every new one. A class
    that is none has the bias −∞ and the probability 0; a row that is none has no gradient.
    """

    @staticmethod
    def forward(
        context: torch.autograd.function.FunctionCtx,
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        target: Tensor,
        label_smoothing: float,
        differentiate: bool,
    ) -> Tensor:
        exact = torch.promote_types(hidden.dtype, torch.float32)
        count, classes = len(hidden), len(weight)
        rows, places = _in_blocks(hidden), _in_blocks(weight)
        wanted = F.pad(target, (0, len(rows) - count))[:, None]
        offsets = weight.new_zeros(classes) if bias is None else bias
        offsets = F.pad(offsets, (0, len(places) - classes), value=-math.inf)
        gradients = None
        if differentiate:
            gradients = torch.empty_like(rows), *(torch.zeros_like(each, dtype=exact) for each in (places, offsets))
        loss = torch.zeros((), dtype=exact, device=hidden.device)
        at_once = TOKENS_AT_ONCE if hidden.device.type == "cpu" else 8 * TOKENS_AT_ONCE
        numbers = torch.arange(min(at_once, len(rows)), device=hidden.device)[:, None]
        for start in range(0, count, at_once):
            chunk = slice(start, start + at_once)
            logits = F.linear(rows[chunk], places, offsets)  # (n, V)
            difference = torch.softmax(logits, dim=-1)  # p
            probability = difference.gather(-1, wanted[chunk])
            log_probability = _log_probability(logits, probability, wanted[chunk])[: count - start]
            loss -= log_probability.sum()
            if label_smoothing:  # Σ_v log p_v = Σ_v z_v − V log Σ exp z, of which the first sum comes below
                log_sum = logits.gather(-1, wanted[chunk])[: count - start].to(exact) - log_probability
                loss += label_smoothing * (log_probability.sum() + log_sum.sum())
            if gradients is None:
                continue
            of_hidden, of_weight, of_bias = gradients
            difference[numbers[: len(difference)], wanted[chunk]] = probability + (label_smoothing - 1)
            difference[count - start :] = 0
            of_bias += torch.matmul(difference.new_ones(1, len(difference)), difference)[0]  # a quick sum
            torch.matmul(difference, places, out=of_hidden[chunk])
            of_weight += torch.matmul(difference.transpose(0, 1), rows[chunk])
        if label_smoothing:
            spread = label_smoothing / classes
            summed, weights = hidden.sum(dim=0, dtype=exact), weight.sum(dim=0, dtype=exact)  # both (D)
            loss -= spread * (torch.dot(summed, weights) + count * offsets[:classes].sum(dtype=exact))
            if gradients is not None:
                of_hidden, of_weight, of_bias = gradients
                of_hidden -= (spread * weights).to(hidden.dtype)
                of_weight -= spread * summed
                of_bias -= spread * count
        if gradients is not None:
            of_hidden, of_weight, of_bias = gradients
            context.gradients = of_hidden[:count], of_weight[:classes], of_bias[:classes]  # type: ignore[attr-defined]
        context.types = weight.dtype, None if bias is None else bias.dtype  # type: ignore[attr-defined]
        return loss

    @staticmethod
    def backward(
        context: torch.autograd.function.FunctionCtx, *upstream: Tensor
    ) -> tuple[Tensor, Tensor, Tensor | None, None, None, None]:
        hidden, weight, bias = context.gradients  # type: ignore[attr-defined]
        weight_type, bias_type = context.types  # type: ignore[attr-defined]
        (scale,) = upstream
        return (
            hidden * scale.to(hidden.dtype),
            (weight * scale).to(weight_type),
            None if bias_type is None else (bias * scale).to(bias_type),
            None,
            None,
            None,
        )


def _in_blocks(matrix: Tensor) -> Tensor:
    """The matrix with rows of zeros below it, until their number is a multiple of ``BLOCK``."""
    return F.pad(matrix, (0, 0, 0, -len(matrix) % BLOCK))


def _log_probability(logits: Tensor, probability: Tensor, wanted: Tensor) -> Tensor:
    """log p of the wanted classes (n, 1); where p itself is too small to be a number, from the logits."""
    exact = torch.promote_types(logits.dtype, torch.float32)
    probability = probability.to(exact)
    if probability.device.type == "cpu" and bool((probability > 0).all()):  # elsewhere, to ask is to wait
        return probability.log()
    return logits.gather(-1, wanted).to(exact) - torch.logsumexp(logits.to(exact), dim=-1, keepdim=True)


def _fused_projected_cross_entropy(
    hidden: Tensor, weight: Tensor, bias: Tensor | None, target: Tensor, label_smoothing: float = 0.0
) -> Tensor:
    given = [each for each in (hidden, weight, bias) if each is not None]
    differentiate = torch.is_grad_enabled() and any(each.requires_grad for each in given)
    loss = _ChunkedCrossEntropy.apply(hidden, weight, bias, target, label_smoothing, differentiate)  # type: ignore[no-untyped-call]
    assert isinstance(loss, Tensor)
    return loss


@equation(
    r"\operatorname{crossentropy}(HW^\top + b,\ t)",
    source="Vaswani et al. 2017, §3.4 and §5.4; gradient p − q: Bishop 2006, eq. 4.109",
    example=_projected_example,
    fused=_fused_projected_cross_entropy,
)
def projected_cross_entropy(
    hidden: Tensor, weight: Tensor, bias: Tensor | None, target: Tensor, label_smoothing: float = 0.0
) -> Tensor:
    """The output layer and its loss in one: cross-entropy of a linear projection to the vocabulary, summed over N.

    Args: ``hidden`` (N, D), ``weight`` (V, D), ``bias`` (V) or None, ``target`` (N). Returns a scalar, in float32
    where the network computes in less.
    """
    logits = torch.matmul(hidden, weight.transpose(0, 1))
    if bias is not None:
        logits = logits + bias
    show("logits", logits)
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    return cross_entropy.plain(logits, target, label_smoothing)
