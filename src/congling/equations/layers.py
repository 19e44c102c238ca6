"""What one layer calculates: a linear map, a look-up, a normalisation, dropout and a residual connection.

Shapes: N stands for any leading dimensions, D for a width.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from congling.equations.equation import equation
from congling.equations.one_hot import one_hot
from congling.equations.random_numbers import generator


def _normal(generator: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=generator).requires_grad_()


def _linear_example(generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    return _normal(generator, 3, 5, 7), _normal(generator, 11, 7), _normal(generator, 11)


@equation(
    r"XW^\top + b",
    source="Goodfellow, Bengio and Courville 2016, §6.1",
    example=_linear_example,
    fused=F.linear,
)
def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """A fully connected layer: every output is a weighted sum of all inputs.

    Args: ``input`` (N, D_in), ``weight`` (D_out, D_in), ``bias`` (D_out). Returns (N, D_out).
    """
    output = torch.matmul(input, weight.transpose(0, 1))
    return output if bias is None else output + bias


def _embedding_example(generator: torch.Generator) -> tuple[Tensor, Tensor]:
    return torch.randint(0, 13, (3, 5), generator=generator), _normal(generator, 13, 7)


def _look_up(indices: Tensor, weight: Tensor) -> Tensor:
    return F.embedding(indices, weight)


@equation(
    r"\operatorname{onehot}(i)\,E = E_i",
    source="Bengio et al. 2003, §2: the matrix C",
    example=_embedding_example,
    fused=_look_up,
)
def embedding(indices: Tensor, weight: Tensor) -> Tensor:
    """One-hot rows times the embedding matrix: which is nothing but looking up row i.

    Args: ``indices`` (N) of integers below V, ``weight`` (V, D). Returns (N, D).
    """
    return torch.matmul(one_hot.plain(indices, weight.shape[0]).to(weight.dtype), weight)  # (N, V) @ (V, D)


def _normalisation_example(generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    return _normal(generator, 5, 11), _normal(generator, 11), _normal(generator, 11)


def _fused_layer_normalisation(input: Tensor, gain: Tensor, bias: Tensor, epsilon: float = 1e-5) -> Tensor:
    return F.layer_norm(input, (input.shape[-1],), gain, bias, epsilon)


@equation(
    r"g \odot \frac{x-\mu}{\sqrt{\sigma^2+\varepsilon}} + b",
    source="Ba, Kiros and Hinton 2016, eq. 4; variance over D, not D − 1",
    example=_normalisation_example,
    fused=_fused_layer_normalisation,
)
def layer_normalisation(input: Tensor, gain: Tensor, bias: Tensor, epsilon: float = 1e-5) -> Tensor:
    """Each vector is brought to mean 0 and variance 1, then stretched by a gain and moved by a bias.

    Args: ``input`` (N, D), ``gain`` (D), ``bias`` (D). Returns (N, D).
    """
    mean = input.mean(dim=-1, keepdim=True)
    centred = input - mean
    variance = (centred * centred).mean(dim=-1, keepdim=True)
    return centred * torch.rsqrt(variance + epsilon) * gain + bias


def _dropout_example(generator: torch.Generator) -> tuple[Tensor, Tensor]:
    return _normal(generator, 5, 7), (torch.rand(5, 7, dtype=torch.float64, generator=generator) < 0.9) / 0.9


@equation(
    r"x \odot m,\quad m_i = \begin{cases}0 & \text{with probability } p\\ \frac{1}{1-p} & \text{else}\end{cases}",
    source="Srivastava et al. 2014, §4; scaled in training, so that nothing changes afterwards",
    example=_dropout_example,
)
def dropout(input: Tensor, mask: Tensor) -> Tensor:
    """Some numbers, drawn anew at each step, are set to zero; the others grow, so that the mean stays.

    Args: ``input`` and ``mask`` of one shape; ``draw_dropout_mask`` draws the mask.
    """
    return input * mask


def draw_dropout_mask(like: Tensor, probability: float) -> Tensor:
    """A mask of 0 and 1 / (1 − p) in the shape and type of ``like``, from ``random_numbers.generator``.

    On a CPU, drawing one float a number costs more than all else in a small network, so that each random 64-bit word
    serves eight numbers: a byte is kept where it is below 256 (1 − p), rounded. The scale uses the rounded
    probability; p itself is met to within 1/512, and between 1/256 and 255/256.
    """
    if like.device.type != "cpu":
        return torch.empty_like(like).bernoulli_(1 - probability, generator=generator()).div_(1 - probability)
    kept = min(255, max(1, round(256 * (1 - probability))))  # of 256 byte values
    count = like.numel()
    words = torch.empty((count + 7) // 8, dtype=torch.int64).random_(-(2**63), None, generator=generator())
    signed = words.view(torch.int8)[:count].view(like.shape)  # −128 … 127, all equally likely
    # Booleans are slow on a CPU: the same 0 or 1 by arithmetic. Integers up to 256 are exact even in bfloat16.
    return signed.to(like.dtype).add_(129 - (256 - kept)).clamp_(0, 1).mul_(256 / kept)


def _residual_example(generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    update, mask = _dropout_example(generator)
    return _normal(generator, 5, 7), update, mask


def _fused_residual(input: Tensor, update: Tensor, mask: Tensor | None = None) -> Tensor:
    return input + update if mask is None else torch.addcmul(input, update, mask)


@equation(
    r"x + m \odot f(x)",
    source="He et al. 2016, eq. 1, with dropout as in Vaswani et al. 2017, §5.4",
    example=_residual_example,
    fused=_fused_residual,
)
def residual_connection(input: Tensor, update: Tensor, mask: Tensor | None = None) -> Tensor:
    """A layer's result is added to what went in, so that there is always a way around the layer.

    Args: ``input``, ``update`` = f(input) and the dropout ``mask``, all of one shape.
    """
    return input + (update if mask is None else dropout(update, mask))
