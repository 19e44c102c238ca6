"""The blocks of the Transformer: many-headed attention, feed-forward, add & norm, and the two kinds of layer.

B batch · T target length · S source length · W width of the model · H heads · D = W / H width of one head
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn

from congling.equations.attention import attention, join_heads
from congling.equations.glass_box import running, show
from congling.equations.layers import linear, residual_connection
from congling.networks.activations import ACTIVATIONS
from congling.networks.layers import Dropout, LayerNormalisation, Linear

Activation = Literal["relu", "gelu", "silu"]
KeysAndValues = tuple[Tensor, Tensor]  # both (B, H, S, D)


class MultiHeadAttention(nn.Module):
    """Concat(head₁ … head_H) W^O, each head with its own W^Q, W^K, W^V: Vaswani et al. 2017, §3.2.2.

    The three times H small matrices lie in one: ``input_projection.weight`` (3W, W) has the rows of W^Q, then W^K,
    then W^V, each with the heads one below the other. One large product equals the many small ones.
    """

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"a width of {width} cannot be divided among {heads} heads")
        self.width, self.heads = width, heads
        self.input_projection = Linear(width, 3 * width, parts=3)
        self.output_projection = Linear(width, width)
        self.dropout = Dropout(dropout)

    def project(self, input: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values of one sequence: (B, T, W) to three times (B, H, T, D)."""
        query, key, value = self._project(input, 0, 3)
        return query, key, value

    def project_query(self, input: Tensor) -> Tensor:
        """Queries alone: (B, T, W) to (B, H, T, D)."""
        return self._project(input, 0, 1)[0]

    def project_memory(self, memory: Tensor) -> KeysAndValues:
        """Keys and values alone: (B, S, W) to twice (B, H, S, D)."""
        key, value = self._project(memory, 1, 3)
        return key, value

    def _project(self, input: Tensor, first: int, last: int) -> tuple[Tensor, ...]:
        rows = slice(first * self.width, last * self.width)
        batch, length, _ = input.shape
        with running(self):
            weight, bias = self.input_projection.weight[rows], self.input_projection.bias[rows]
            projected = linear(input, weight, bias).view(batch, length, last - first, self.heads, -1)
            parts = projected.permute(2, 0, 3, 1, 4).contiguous().unbind(0)  # each (B, H, T, D)
            for name, part in zip(("query", "key", "value")[first:last], parts, strict=True):
                show(name, part)
        return parts

    def forward(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
        """Attend with projected heads, join them and mix them: (B, H, T, D) to (B, T, W)."""
        kept = None
        if self.training and self.dropout.probability:
            kept = self.dropout.mask(query.new_empty(*query.shape[:3], key.shape[2]))  # (B, H, T, S)
        heads = attention(query, key, value, mask, kept)
        show("heads", heads)
        return self.output_projection(join_heads(heads))  # type: ignore[no-any-return]


class FeedForward(nn.Module):
    """g(xW₁ + b₁)W₂ + b₂, at every position for itself: Vaswani et al. 2017, §3.3."""

    def __init__(self, width: int, inner_width: int, dropout: float, activation: Activation) -> None:
        super().__init__()
        self.inner = Linear(width, inner_width)
        self.outer = Linear(inner_width, width)
        self.dropout = Dropout(dropout)
        self.activation = ACTIVATIONS[activation]

    def forward(self, input: Tensor) -> Tensor:
        """(B, T, W) to (B, T, W)."""
        activated = self.activation(self.inner(input))  # (B, T, F)
        show("activated", activated)
        return self.outer(self.dropout(activated))  # type: ignore[no-any-return]


class AddAndNorm(nn.Module):
    """A way around a sub-layer, and normalisation: LN(x + f(x)) as in Vaswani et al. 2017, §3.1.

    With ``norm_first`` it is x + f(LN(x)), as in Xiong et al. 2020: steadier when the network is deep.
    """

    def __init__(self, width: int, dropout: float, norm_first: bool) -> None:
        super().__init__()
        self.norm = LayerNormalisation(width)
        self.dropout = Dropout(dropout)
        self.norm_first = norm_first

    def forward(self, input: Tensor, sublayer: Callable[[Tensor], Tensor]) -> Tensor:
        """(B, T, W) to (B, T, W)."""
        update = sublayer(self.norm(input) if self.norm_first else input)
        added = residual_connection(input, update, self.dropout.mask(update))
        return added if self.norm_first else self.norm(added)


class EncoderLayer(nn.Module):
    """Self-attention, then feed-forward, each with add & norm: Vaswani et al. 2017, §3.1, figure 1 on the left."""

    def __init__(
        self,
        width: int,
        heads: int,
        inner_width: int,
        *,
        dropout: float,
        attention_dropout: float,
        activation_dropout: float,
        activation: Activation,
        norm_first: bool,
    ) -> None:
        super().__init__()
        self.self_attention = MultiHeadAttention(width, heads, attention_dropout)
        self.self_attention_add_and_norm = AddAndNorm(width, dropout, norm_first)
        self.feed_forward = FeedForward(width, inner_width, activation_dropout, activation)
        self.feed_forward_add_and_norm = AddAndNorm(width, dropout, norm_first)

    def forward(self, input: Tensor, mask: Tensor | None) -> Tensor:
        """(B, S, W) to (B, S, W); ``mask`` (B, 1, 1, S) keeps every position from looking at padding."""

        def attend(x: Tensor) -> Tensor:
            return self.self_attention(*self.self_attention.project(x), mask)  # type: ignore[no-any-return]

        attended = self.self_attention_add_and_norm(input, attend)
        return self.feed_forward_add_and_norm(attended, self.feed_forward)  # type: ignore[no-any-return]


class DecoderLayer(nn.Module):
    """Masked self-attention, attention to the encoder's output, feed-forward: Vaswani et al. 2017, §3.1, on the right.

    In the cross-attention the decoder asks (its W^Q) and the encoder answers (its output through W^K and W^V).
    """

    def __init__(
        self,
        width: int,
        heads: int,
        inner_width: int,
        *,
        dropout: float,
        attention_dropout: float,
        activation_dropout: float,
        activation: Activation,
        norm_first: bool,
    ) -> None:
        super().__init__()
        self.self_attention = MultiHeadAttention(width, heads, attention_dropout)
        self.self_attention_add_and_norm = AddAndNorm(width, dropout, norm_first)
        self.cross_attention = MultiHeadAttention(width, heads, attention_dropout)
        self.cross_attention_add_and_norm = AddAndNorm(width, dropout, norm_first)
        self.feed_forward = FeedForward(width, inner_width, activation_dropout, activation)
        self.feed_forward_add_and_norm = AddAndNorm(width, dropout, norm_first)

    def forward(
        self,
        input: Tensor,
        memory: KeysAndValues,
        memory_mask: Tensor | None,
        mask: Tensor | None,
        past: KeysAndValues | None = None,
    ) -> tuple[Tensor, KeysAndValues]:
        """One layer over all positions, or over the newest one with what is remembered of the ``past``.

        Args:
            input: (B, T, W).
            memory: the encoder's output, projected by ``cross_attention.project_memory``.
            memory_mask: (B, 1, 1, S), against the source's padding.
            mask: (T, T), against looking ahead; None when only the newest position is asked for.
            past: keys and values of the positions before.

        Returns (B, T, W) and the keys and values of all positions so far.
        """
        present: list[Tensor] = []

        def attend_to_itself(x: Tensor) -> Tensor:
            query, key, value = self.self_attention.project(x)
            if past is not None:
                key, value = torch.cat([past[0], key], dim=2), torch.cat([past[1], value], dim=2)
            present.extend((key, value))
            return self.self_attention(query, key, value, mask)  # type: ignore[no-any-return]

        def attend_to_source(x: Tensor) -> Tensor:
            return self.cross_attention(self.cross_attention.project_query(x), *memory, memory_mask)  # type: ignore[no-any-return]

        x = self.self_attention_add_and_norm(input, attend_to_itself)
        x = self.cross_attention_add_and_norm(x, attend_to_source)
        return self.feed_forward_add_and_norm(x, self.feed_forward), (present[0], present[1])
