"""The Transformer's layers when no weight changes any more: see ``transformer_layers`` for what they calculate.

B sentences · S source length · P source pieces without padding · N rows, each a hypothesis · T positions so far
W width · H heads · D = W / H · K most rows of one sentence · G sentences times heads
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from congling.equations.positions import sinusoidal_positions
from congling.networks.layers import Linear
from congling.networks.prepared_linear import PreparedLinear
from congling.networks.prepared_memory import Grid, PreparedState
from congling.networks.transformer_layers import AddAndNorm, DecoderLayer, EncoderLayer, FeedForward, MultiHeadAttention


def attend(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
    """``equations.attention`` with queries that are divided by √D already: (G, Q, D), (G, S, D) twice to (G, Q, D).

    Args:
        mask: (G, 1, S), or None where all may be looked at.
    """
    key = key.transpose(1, 2)
    scores = torch.bmm(query, key) if mask is None else torch.baddbmm(mask, query, key)  # (G, Q, S)
    return torch.bmm(torch.softmax(scores, dim=-1), value)


class Positions:
    """The first rows of ``equations.positions``, of which it makes more when more are asked for.

    Args:
        like: (any, W), of the type and on the device that they are wanted in.
    """

    def __init__(self, like: Tensor) -> None:
        self.rows, self.like = like.new_empty(0, like.shape[1]), like

    def __call__(self, count: int) -> Tensor:
        """(``count`` or more, W)."""
        if len(self.rows) < count:
            self.rows = sinusoidal_positions(max(256, 2 * count), self.like.shape[1]).to(self.like)
        return self.rows


class AddAndNormed:
    """``AddAndNorm`` without dropout: (N, W) to (N, W)."""

    def __init__(self, block: AddAndNorm) -> None:
        self.gain, self.bias, self.norm_first = block.norm.weight.detach(), block.norm.bias.detach(), block.norm_first

    def __call__(self, input: Tensor, sublayer: Callable[[Tensor], Tensor]) -> Tensor:
        if self.norm_first:
            return input + sublayer(self.norm(input))
        return self.norm(input + sublayer(input))

    def norm(self, input: Tensor) -> Tensor:
        return F.layer_norm(input, self.gain.shape, self.gain, self.bias)


class _FeedForward:
    def __init__(self, block: FeedForward) -> None:
        self.inner, self.outer = _linear(block.inner), _linear(block.outer)
        self.activation = block.activation

    def __call__(self, input: Tensor) -> Tensor:
        return self.outer(self.activation(self.inner(input)))


def _input_parts(block: MultiHeadAttention) -> tuple[Tensor, Tensor]:
    """W^Q, W^K and W^V one below the other, and their biases, with 1/√D in what makes the queries."""
    width = block.width
    scale = block.input_projection.weight.new_ones(3 * width)
    scale[:width] = 1 / math.sqrt(width // block.heads)
    return block.input_projection.weight.detach() * scale[:, None], block.input_projection.bias.detach() * scale


class PreparedEncoderLayer:
    def __init__(self, layer: EncoderLayer) -> None:
        self.heads = layer.self_attention.heads
        self.input = PreparedLinear(*_input_parts(layer.self_attention))
        self.output = _linear(layer.self_attention.output_projection)
        self.add_and_norm = AddAndNormed(layer.self_attention_add_and_norm)
        self.feed_forward = _FeedForward(layer.feed_forward)
        self.feed_forward_add_and_norm = AddAndNormed(layer.feed_forward_add_and_norm)

    @property
    def linears(self) -> list[PreparedLinear]:
        """What a piece passes through, in this order."""
        return [self.input, self.output, self.feed_forward.inner, self.feed_forward.outer]

    @property
    def norms(self) -> list[AddAndNormed]:
        """One for each sub-layer, in their order."""
        return [self.add_and_norm, self.feed_forward_add_and_norm]

    def __call__(self, input: Tensor, grid: Grid) -> Tensor:
        """(P, W) to (P, W)."""
        attended = self.add_and_norm(input, lambda x: self.attend(x, grid))
        return self.feed_forward_add_and_norm(attended, self.feed_forward)

    def attend(self, input: Tensor, grid: Grid) -> Tensor:
        """Self-attention: (P, W) to (P, W)."""
        sentences, length = grid.sentences, grid.length
        projected = grid.spread(self.input(input)).view(sentences, length, 3, self.heads, -1)
        query, key, value = projected.permute(2, 0, 3, 1, 4).flatten(1, 2).unbind(0)  # each (B · H, S, D)
        heads = attend(query, key, value, grid.mask).view(sentences, self.heads, length, -1)
        return self.output(grid.gather(heads.transpose(1, 2).reshape(sentences * length, -1)))


class PreparedDecoderLayer:
    def __init__(self, layer: DecoderLayer) -> None:
        width, self.heads = layer.self_attention.width, layer.self_attention.heads
        self.input = PreparedLinear(*_input_parts(layer.self_attention))
        self.output = _linear(layer.self_attention.output_projection)
        self.add_and_norm = AddAndNormed(layer.self_attention_add_and_norm)
        weight, bias = _input_parts(layer.cross_attention)
        self.cross_query = PreparedLinear(weight[:width], bias[:width])
        self.cross_memory = weight[width:], bias[width:]
        self.cross_output = _linear(layer.cross_attention.output_projection)
        self.cross_add_and_norm = AddAndNormed(layer.cross_attention_add_and_norm)
        self.feed_forward = _FeedForward(layer.feed_forward)
        self.feed_forward_add_and_norm = AddAndNormed(layer.feed_forward_add_and_norm)

    @property
    def linears(self) -> list[PreparedLinear]:
        """What the newest position passes through, in this order."""
        attentions = [self.input, self.output, self.cross_query, self.cross_output]
        return [*attentions, self.feed_forward.inner, self.feed_forward.outer]

    @property
    def norms(self) -> list[AddAndNormed]:
        """One for each sub-layer, in their order."""
        return [self.add_and_norm, self.cross_add_and_norm, self.feed_forward_add_and_norm]

    def step(self, input: Tensor, newest: Tensor, past: Tensor, memory: Tensor, state: PreparedState) -> Tensor:
        """The newest position: (N, W) to (N, W).

        Args:
            newest: (2, N, H, D), where this position's keys and values are to be written.
            past: (2, N · H, T + 1, D), all positions' keys and values, this one included.
            memory: (2, B · H, S, D).
        """

        def attend_to_itself(x: Tensor) -> Tensor:
            projected = self.input(x).view(len(x), 3, self.heads, -1)
            newest.copy_(projected[:, 1:].transpose(0, 1))
            query = projected[:, 0].reshape(past.shape[1], 1, -1)  # (N · H, 1, D)
            return self.output(attend(query, past[0], past[1], None).view(x.shape))

        def attend_to_source(x: Tensor) -> Tensor:
            query = state.groups.spread(self.cross_query(x), self.heads)  # (B · H, K, D)
            answers = attend(query, memory[0], memory[1], state.memory.mask)
            return self.cross_output(state.groups.gather(answers, self.heads))

        x = self.add_and_norm(input, attend_to_itself)
        x = self.cross_add_and_norm(x, attend_to_source)
        return self.feed_forward_add_and_norm(x, self.feed_forward)


def _linear(layer: Linear) -> PreparedLinear:
    return PreparedLinear(layer.weight, layer.bias)
