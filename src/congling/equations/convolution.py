"""Convolution: one small set of weights looks at every patch of a picture in turn.

B batch · C channels in · O channels out · Y, X height and width · K, L the kernel's height and width
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from congling.equations.equation import equation
from congling.equations.glass_box import show


def _example(generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor, int, int]:
    input, weight, bias = (
        torch.randn(*shape, dtype=torch.float64, generator=generator).requires_grad_()
        for shape in ((2, 3, 11, 7), (5, 3, 4, 2), (5,))
    )
    return input, weight, bias, 2, 1


def _fused_convolution(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: int = 1, padding: int = 0
) -> Tensor:
    # A pixel's channels side by side in memory: half as fast again or more, in float32 and in bfloat16, with oneDNN.
    # ``contiguous`` would leave a single channel as it is, and all that follows in the slower order.
    input, weight = (each.to(memory_format=torch.channels_last) for each in (input, weight))
    return F.conv2d(input, weight, bias, stride, padding)


def patches(input: Tensor, kernel: tuple[int, int], stride: int = 1, padding: int = 0) -> Tensor:
    """Every patch of the kernel's shape, with zeros around the picture: (B, C, Y, X) to (B, C, K, L, Y', X').

    Patch (y, x) begins at row s·y − p and column s·x − p of the picture; what does not fill a whole patch at the right
    and lower edge is left out, so that Y' = ⌊(Y + 2p − K) / s⌋ + 1. For each place (k, l) *in* a patch, one slice
    holds what all patches have there.

    Raises:
        ValueError: the kernel is larger than the padded picture.
    """
    batch, channels, *_ = input.shape
    padded = _zero_padded(input, padding)
    height, width = (
        places(side, kernel_side, stride) for side, kernel_side in zip(padded.shape[2:], kernel, strict=True)
    )
    slices = [
        padded[:, :, k : k + stride * (height - 1) + 1 : stride, l : l + stride * (width - 1) + 1 : stride]
        for k in range(kernel[0])
        for l in range(kernel[1])  # noqa: E741
    ]  # K·L times (B, C, Y', X')
    return torch.stack(slices, dim=2).view(batch, channels, *kernel, height, width)


def places(side: int, kernel: int, stride: int = 1, padding: int = 0) -> int:
    """In how many places a kernel fits along one side: ⌊(Y + 2p − K) / s⌋ + 1.

    Raises:
        ValueError: in none.
    """
    if side + 2 * padding < kernel:
        raise ValueError(f"a kernel of {kernel} does not fit into a side of {side} with {padding} zeros around it")
    return (side + 2 * padding - kernel) // stride + 1


def _zero_padded(input: Tensor, padding: int) -> Tensor:
    if not padding:
        return input
    batch, channels, height, width = input.shape
    above = input.new_zeros(batch, channels, padding, width)
    beside = input.new_zeros(batch, channels, height + 2 * padding, padding)
    return torch.cat([beside, torch.cat([above, input, above], dim=2), beside], dim=3)


@equation(
    r"y_{oij} = b_o + \sum_{c,k,l} w_{ockl}\; x_{c,\;si+k-p,\;sj+l-p}",
    source="LeCun et al. 1998, §II.A; Goodfellow, Bengio and Courville 2016, eq. 9.6: the kernel is not flipped, so "
    "that this is cross-correlation, which the field calls convolution",
    example=_example,
    fused=_fused_convolution,
)
def convolution(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: int = 1, padding: int = 0) -> Tensor:
    """Every patch times the same kernel: the sum of their products says how much the patch is like the kernel.

    Args:
        input: (B, C, Y, X).
        weight: (O, C, K, L), a kernel for each channel that comes out.
        bias: (O).
        stride: s, how many pixels one patch lies beside the next.
        padding: p, how many zeros stand around the picture.

    Returns the feature maps (B, O, Y', X'). The glass box shows ``patches`` (B, C, K, L, Y', X').
    """
    seen = patches(input, (weight.shape[2], weight.shape[3]), stride, padding)
    show("patches", seen)
    maps = torch.matmul(weight.flatten(1), seen.flatten(4).flatten(1, 3))  # (O, CKL) @ (B, CKL, Y'X')
    maps = maps.view(len(input), len(weight), *seen.shape[4:])
    return maps if bias is None else maps + bias.view(-1, 1, 1)
