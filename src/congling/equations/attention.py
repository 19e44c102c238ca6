"""Attention: each query looks at every key, and takes the values in the proportion in which the keys answer.

B batch · H heads · T queries · S keys and values · D the width of one head · A inner width of additive attention
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from congling.equations.activations import softmax, tanh
from congling.equations.equation import equation
from congling.equations.glass_box import show
from congling.equations.layers import dropout

SHORT = 512  # up to this many keys a batched matrix product beats the flash kernel on a CPU, above all backwards


def _example(generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    query, key, value = (
        torch.randn(2, 3, length, 7, dtype=torch.float64, generator=generator).requires_grad_()
        for length in (5, 11, 11)
    )
    lengths = torch.tensor([11, 6])
    return query, key, value, padding_mask(torch.arange(11) >= lengths[:, None], torch.float64)


def _fused_attention(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None, kept: Tensor | None = None
) -> Tensor:
    if kept is None and (query.device.type != "cpu" or key.shape[-2] > SHORT):
        return F.scaled_dot_product_attention(query, key, value, mask)
    scores = torch.matmul(query * (1 / math.sqrt(query.shape[-1])), key.transpose(-1, -2))  # (B, H, T, S)
    weights = torch.softmax(scores if mask is None else scores.add_(mask), dim=-1)
    return torch.matmul(weights if kept is None else weights * kept, value)  # (B, H, T, D)


@equation(
    r"\operatorname{softmax}\!\left(\frac{QK^\top}{\sqrt{d_k}} + M\right)V",
    source="Vaswani et al. 2017, eq. 1; the mask M as in §3.2.3",
    example=_example,
    fused=_fused_attention,
)
def attention(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None, kept: Tensor | None = None
) -> Tensor:
    """Scaled dot-product attention, for every head at once.

    Args:
        query: (B, H, T, D), what each position asks for.
        key: (B, H, S, D), what each position offers.
        value: (B, H, S, D), what each position hands over.
        mask: 0 where a query may look and −∞ where it may not, in a shape that broadcasts to (B, H, T, S).
        kept: a dropout mask for the weights, (B, H, T, S).

    Returns (B, H, T, D). The glass box shows ``scores`` and ``weights``, both (B, H, T, S).
    """
    scores = torch.matmul(query, key.transpose(-1, -2)) / math.sqrt(query.shape[-1])  # (B, H, T, S)
    if mask is not None:
        scores = scores + mask
    show("scores", scores)
    weights = softmax(scores)
    show("weights", weights)
    return torch.matmul(weights if kept is None else dropout(weights, kept), value)  # (B, H, T, D)


def padding_mask(padding: Tensor, dtype: torch.dtype) -> Tensor:
    """No query looks at padding: (B, S) booleans, True at padding, into (B, 1, 1, S) of 0 and −∞."""
    mask = torch.zeros(padding.shape, dtype=dtype, device=padding.device)
    return mask.masked_fill_(padding, -math.inf)[:, None, None, :]


def causal_mask(length: int, dtype: torch.dtype, device: torch.device | None = None) -> Tensor:
    """No query looks at what comes after it: (T, T) with −∞ above the diagonal and 0 elsewhere."""
    return torch.full((length, length), -math.inf, dtype=dtype, device=device).triu_(1)


def same_sentence_mask(queries: Tensor, keys: Tensor, dtype: torch.dtype) -> Tensor:
    """A query looks only at keys of its own sentence, where rows hold several: (B, T) and (B, S) to (B, 1, T, S)."""
    apart = queries[:, :, None] != keys[:, None, :]
    return torch.zeros(apart.shape, dtype=dtype, device=keys.device).masked_fill_(apart, -math.inf)[:, None]


def split_heads(input: Tensor, heads: int) -> Tensor:
    """(B, T, H·D) into (B, H, T, D): one large projection is many small ones side by side."""
    batch, length, width = input.shape
    return input.view(batch, length, heads, width // heads).transpose(1, 2)


def join_heads(input: Tensor) -> Tensor:
    """(B, H, T, D) into (B, T, H·D): the heads' results one after the other."""
    batch, heads, length, width = input.shape
    return input.transpose(1, 2).reshape(batch, length, heads * width)


# Additive attention --------------------------------------------------------------------------------------------------


def _additive_example(generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    query, key, value, vector = (
        torch.randn(*shape, dtype=torch.float64, generator=generator).requires_grad_()
        for shape in ((3, 7), (3, 11, 7), (3, 11, 5), (7,))
    )
    lengths = torch.tensor([11, 6, 1])
    mask = padding_mask(torch.arange(11) >= lengths[:, None], torch.float64)[:, 0, 0]
    return query, key, value, vector, mask


def _fused_additive_attention(
    query: Tensor, key: Tensor, value: Tensor, vector: Tensor, mask: Tensor | None = None
) -> Tensor:
    scores = torch.matmul((query.unsqueeze(1) + key).tanh_(), vector)  # (B, S)
    weights = torch.softmax(scores if mask is None else scores.add_(mask), dim=-1)
    return torch.bmm(weights.unsqueeze(1), value).squeeze(1)


@equation(
    r"\operatorname{softmax}_s\!\left(v^\top \tanh(q + k_s) + m_s\right) \cdot V,"
    r"\quad q = W_a s_{t-1},\; k_s = U_a h_s",
    source="Bahdanau, Cho and Bengio 2015, §3.1, eq. 5 and 6, and appendix A.1.2; the mask m against padding",
    example=_additive_example,
    fused=_fused_additive_attention,
)
def additive_attention(query: Tensor, key: Tensor, value: Tensor, vector: Tensor, mask: Tensor | None = None) -> Tensor:
    """Attention whose scores come of a small network: query and key are added, bent, and weighed by a vector.

    Args:
        query: (B, A), what one position asks for, projected: q = W_a s.
        key: (B, S, A), what each source position offers, projected: k = U_a h.
        value: (B, S, D), what each source position hands over.
        vector: (A), v.
        mask: (B, S), 0 where the query may look and −∞ where it may not.

    Returns the context (B, D). The glass box shows ``scores`` and ``weights``, both (B, S).
    """
    scores = torch.matmul(tanh(query.unsqueeze(1) + key), vector)  # (B, S)
    if mask is not None:
        scores = scores + mask
    show("scores", scores)
    weights = softmax(scores)
    show("weights", weights)
    return torch.matmul(weights.unsqueeze(1), value).squeeze(1)  # (B, 1, S) @ (B, S, D)
