"""When compiled code takes over from PyTorch's operations, and what it is given: ``prepared_kernels``.

N rows, each a hypothesis · B sentences · S source length · L layers · W width · F inner width · H heads · D = W / H
V vocabulary, padding included · I inputs · P panels of C outputs
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

import numpy as np
import torch
from torch import Tensor

from congling.equations.activations import gelu, relu, silu
from congling.networks.layers import LayerNormalisation
from congling.networks.prepared_layers import PreparedDecoderLayer, PreparedEncoderLayer
from congling.networks.prepared_linear import PreparedLinear
from congling.networks.prepared_memory import Memory, PreparedState, Whole

if TYPE_CHECKING:  # numba, which it imports, takes longer than a few sentences
    from congling.networks.prepared_kernels import Floats

FIRST_STEPS = 200  # of one row; some 15 sentences. Then half a second for numba, five where it must compile yet
ROWS_A_STEP = 16  # so many rows more count as another step
MOST_WEIGHTS = 8_000_000  # these lie in a processor's cache; more of them several threads read together faster

Layer = TypeVar("Layer", PreparedEncoderLayer, PreparedDecoderLayer)


class EncoderWeights(NamedTuple):
    """The weights of all layers, those of one kind in one array; 1/√D is a part of what makes queries.

    Matrices are in ``panels``; there are more of them where there are more outputs.
    """

    table: Floats  # (V, W), times √W
    input: Floats  # (L, P, W, C) for 3W outputs, what makes queries, keys and values
    input_bias: Floats  # (L, 3W)
    output: Floats  # (L, P, W, C)
    output_bias: Floats  # (L, W)
    inner: Floats  # (L, P, W, C) for F outputs
    inner_bias: Floats  # (L, F)
    outer: Floats  # (L, P, F, C)
    outer_bias: Floats  # (L, W)
    gains: Floats  # (2L, W), of the norms in their order
    shifts: Floats  # (2L, W)
    last_gain: Floats  # (W), or (0) where nothing is normalised after the layers
    last_shift: Floats  # (W)
    memory: Floats  # (P, W, C) for 2LW outputs, keys and values for each of the decoder's layers
    memory_bias: Floats  # (2LW)


class DecoderWeights(NamedTuple):
    """As ``EncoderWeights``."""

    table: Floats  # (V, W), times √W
    input: Floats  # (L, P, W, C) for 3W outputs
    input_bias: Floats  # (L, 3W)
    output: Floats  # (L, P, W, C)
    output_bias: Floats  # (L, W)
    cross_query: Floats  # (L, P, W, C)
    cross_query_bias: Floats  # (L, W)
    cross_output: Floats  # (L, P, W, C)
    cross_output_bias: Floats  # (L, W)
    inner: Floats  # (L, P, W, C) for F outputs
    inner_bias: Floats  # (L, F)
    outer: Floats  # (L, P, F, C)
    outer_bias: Floats  # (L, W)
    gains: Floats  # (3L, W)
    shifts: Floats  # (3L, W)
    last_gain: Floats  # (W) or (0)
    last_shift: Floats  # (W)
    projection: Floats  # (P, W, C) for V − 1 outputs
    projection_bias: Floats  # (V − 1)


@dataclass(frozen=True)
class Half(Generic[Layer]):
    """The encoder or the decoder.

    Attributes:
        table: (V, W), times √W.
        last_norm: what follows the layers, if anything does.
        projection: what follows that: to the decoder's keys and values, or to (V − 1) logits.
    """

    table: Tensor
    layers: Sequence[Layer]
    last_norm: LayerNormalisation | None
    projection: PreparedLinear

    @property
    def linears(self) -> list[PreparedLinear]:
        """All of them."""
        return [self.projection, *(linear for layer in self.layers for linear in layer.linears)]

    def arrays(self) -> list[Floats]:
        """The weights, in the order of ``EncoderWeights`` or ``DecoderWeights``."""
        kinds = list(zip(*(layer.linears for layer in self.layers), strict=True))
        linears: list[Floats] = [array for kind in kinds for array in _stacked(kind)]
        norms = [norm for layer in self.layers for norm in layer.norms]
        gains, shifts = _array([norm.gain for norm in norms]), _array([norm.bias for norm in norms])
        last: list[Floats] = [np.empty(0, np.float32)] * 2
        if self.last_norm is not None:
            last = [_array([self.last_norm.weight])[0], _array([self.last_norm.bias])[0]]
        projection: list[Floats] = [array[0] for array in _stacked([self.projection])]
        return [_array([self.table])[0], *linears, gains, shifts, *last, *projection]


class CompiledTransformer:
    """Reading and writing on the CPU and in float32 by compiled code; to be had once many steps have been taken."""

    def __init__(self, encoder: Half[PreparedEncoderLayer], decoder: Half[PreparedDecoderLayer]) -> None:
        self.encoder, self.decoder = encoder, decoder
        table, weights = decoder.table, sum(linear.transposed.numel() for linear in decoder.linears)
        self.able = table.device.type == "cpu" and table.dtype == torch.float32 and weights <= MOST_WEIGHTS
        self.steps, self.preparing, self.ready = 0, Lock(), False

    def ready_for(self, rows: int) -> bool:
        """Whether a step of so many rows is to be taken here. Each question counts as a step."""
        if self.able and not self.ready:
            with self.preparing:  # several threads may ask
                self.steps += 1 + rows // ROWS_A_STEP
                if not self.ready and self.steps > FIRST_STEPS:
                    self._prepare()
        return self.ready

    def _prepare(self) -> None:
        from congling.networks import prepared_kernels

        self.kernels = prepared_kernels
        first = self.decoder.layers[0]
        self.norm_first = first.add_and_norm.norm_first
        self.activation = (relu, gelu, silu).index(first.feed_forward.activation)
        self.encoder_weights = EncoderWeights._make(self.encoder.arrays())
        self.decoder_weights = DecoderWeights._make(self.decoder.arrays())
        self.ready = True

    def read(self, source: Tensor, lengths: Whole, positions: Tensor) -> Memory:
        """What the decoder looks at: of sources (B, S) with their ``lengths`` (B,)."""
        heads, width = self.decoder.layers[0].heads, positions.shape[1]
        memory = torch.zeros(len(self.decoder.layers), 2, len(source), heads, source.shape[1], width // heads)
        self.kernels.read(
            self.encoder_weights, self.norm_first, self.activation, np.ascontiguousarray(source.numpy()), lengths,
            positions.numpy(), memory.numpy(),
        )  # fmt: skip
        return Memory(memory, None, lengths)

    def logits(self, last: Tensor, positions: Tensor, state: PreparedState, past: Tensor) -> Tensor:
        """(N, V − 1) after the pieces ``last`` (N); the newest keys and values are written into ``past``."""
        logits = torch.empty(len(last), len(self.decoder.projection.bias))
        self.kernels.decoder_step(
            self.decoder_weights, self.norm_first, self.activation, np.ascontiguousarray(last.numpy()),
            state.position, positions.numpy(), past.numpy(), state.memory.values.numpy(),
            state.groups.sentences, state.memory.lengths, logits.numpy(),
        )  # fmt: skip
        return logits

    def selected(self, past: Tensor, position: int, rows: Tensor) -> Tensor:
        """The given rows of the positions that are filled; the room stays."""
        selected = past.new_empty(*past.shape[:2], len(rows), *past.shape[3:])
        self.kernels.select_past(past.numpy(), position, rows.numpy(), selected.numpy())
        return selected


def _stacked(linears: Sequence[PreparedLinear]) -> list[Floats]:
    """The matrices in panels (L, P, I, C), and the biases (L, O)."""
    matrices = np.stack([_panels(linear.transposed.t().numpy()) for linear in linears])
    return [matrices, _array([linear.bias for linear in linears])]


def _panels(weight: Floats) -> Floats:
    """Cut a matrix (O, I) into panels (P, I, C), each of which lies in memory as one; the last is filled with zeros."""
    from congling.networks.prepared_kernels import PANEL

    missing = -len(weight) % PANEL
    panels = np.pad(weight, ((0, missing), (0, 0))).reshape(-1, PANEL, weight.shape[1])
    return np.ascontiguousarray(panels.transpose(0, 2, 1))


def _array(tensors: Sequence[Tensor]) -> Floats:
    array: Floats = torch.stack(list(tensors)).detach().contiguous().numpy()
    return array
