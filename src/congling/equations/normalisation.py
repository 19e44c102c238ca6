"""Batch normalisation: what each channel says is measured against what it said for the other examples of the batch.

B batch · C channels · Y, X height and width of a feature map; a layer without maps is (B, C)
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from congling.equations.equation import equation
from congling.equations.glass_box import show

Normalised = tuple[Tensor, Tensor, Tensor]


def _normal(generator: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=generator).requires_grad_()


def _training_example(generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    return _normal(generator, 5, 3, 7, 2), _normal(generator, 3), _normal(generator, 3)


def _inference_example(generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    learned = _training_example(generator)
    return *learned, _normal(generator, 3).detach(), torch.rand(3, dtype=torch.float64, generator=generator)


def _fused_batch_normalisation(input: Tensor, gain: Tensor, bias: Tensor, epsilon: float = 1e-5) -> Normalised:
    # PyTorch takes a narrow input beside float32 statistics, but only if gain and bias are float32 too.
    exact = torch.promote_types(gain.dtype, torch.float32)
    mean, variance = torch.zeros_like(gain, dtype=exact), torch.zeros_like(gain, dtype=exact)
    gain, bias = gain.to(exact), bias.to(exact)
    output = F.batch_norm(input, mean, variance, gain, bias, training=True, momentum=1.0, eps=epsilon)
    return output, mean, variance  # which the kernel has filled


def _fused_inference(
    input: Tensor, gain: Tensor, bias: Tensor, mean: Tensor, variance: Tensor, epsilon: float = 1e-5
) -> Tensor:
    exact = torch.promote_types(gain.dtype, torch.float32)
    gain, bias, mean, variance = (each.to(exact) for each in (gain, bias, mean, variance))
    return F.batch_norm(input, mean, variance, gain, bias, eps=epsilon)


@equation(
    r"g_c\,\frac{x_{bcyx}-\mu_c}{\sqrt{\sigma_c^2+\varepsilon}} + b_c,\quad"
    r"\mu_c = \frac1m\sum_{byx} x_{bcyx},\ \sigma_c^2 = \frac1m\sum_{byx}(x_{bcyx}-\mu_c)^2",
    source="Ioffe and Szegedy 2015, algorithm 1; over the places of a feature map too: §3.2",
    example=_training_example,
    fused=_fused_batch_normalisation,
)
def batch_normalisation(input: Tensor, gain: Tensor, bias: Tensor, epsilon: float = 1e-5) -> Normalised:
    """Each channel is brought to mean 0 and variance 1 over the batch, then stretched by a gain and moved by a bias.

    Args: ``input`` (B, C, …) with m = B · … > 1 numbers a channel, ``gain`` (C), ``bias`` (C).
    Returns the output in the input's shape; then what is to be remembered for use, without a gradient: the mean (C)
    and the variance (C), the latter times m / (m − 1), so that it is right on average (algorithm 2, step 10).
    """
    over = [dimension for dimension in range(input.dim()) if dimension != 1]
    mean = input.mean(dim=over)  # (C,)
    centred = input - _stretched(mean, input)
    variance = (centred * centred).mean(dim=over)  # (C,)
    show("mean", mean)
    show("variance", variance)
    normed = centred * _stretched(torch.rsqrt(variance + epsilon), input)
    count = input.numel() // input.shape[1]
    output = normed * _stretched(gain, input) + _stretched(bias, input)
    return output, mean.detach(), variance.detach() * (count / (count - 1))


@equation(
    r"g_c\,\frac{x_{bcyx}-\mu_c}{\sqrt{\sigma_c^2+\varepsilon}} + b_c",
    source="Ioffe and Szegedy 2015, algorithm 2, step 11: μ and σ² are remembered from training",
    example=_inference_example,
    fused=_fused_inference,
)
def batch_normalisation_inference(
    input: Tensor, gain: Tensor, bias: Tensor, mean: Tensor, variance: Tensor, epsilon: float = 1e-5
) -> Tensor:
    """What batch normalisation is after training: a fixed linear map of each channel, whatever else is in the batch.

    Args: ``input`` (B, C, …); ``gain``, ``bias``, ``mean`` and ``variance`` (C). Returns the input's shape.
    """
    normed = (input - _stretched(mean, input)) * _stretched(torch.rsqrt(variance + epsilon), input)
    output = normed * _stretched(gain, input) + _stretched(bias, input)
    return output.to(input.dtype)  # what is remembered may be more exact


def _stretched(channels: Tensor, like: Tensor) -> Tensor:
    """(C) as (1, C, 1 …), which broadcasts along the channels of (B, C, …)."""
    return channels.view(1, -1, *(1 for _ in like.shape[2:]))
