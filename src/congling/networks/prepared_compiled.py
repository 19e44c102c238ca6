"""When compiled code takes over from PyTorch's operations, and what it is given: ``prepared_kernels``.

N rows, each a hypothesis · B sentences · S source length · L layers · W width · F inner width
V vocabulary, padding included · I inputs · P panels of C outputs
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

import numpy as np
import torch
from torch import Tensor

from congling.equations.activations import gelu, relu, silu
from congling.networks.layers import LayerNormalisation
from congling.networks.prepared_layers import Positions, PreparedDecoderLayer, PreparedEncoderLayer
from congling.networks.prepared_linear import PreparedLinear

if TYPE_CHECKING:  # numba, which it imports, takes longer than a few sentences
    from congling.networks.prepared_layer_kernels import Floats, Whole

FIRST_STEPS = 200  # of one row; some 15 sentences. Then half a second for numba
FIRST_STEPS_EVER = 5_000  # where nothing is compiled yet, which takes some 16 seconds, once on a machine
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


class CompiledDecoder(NamedTuple):
    """What is written from: the decoder, and what has been read.

    T positions, the most there may be.
    """

    weights: DecoderWeights
    norm_first: bool
    activation: int  # 0 relu, 1 gelu, 2 silu
    positions: Floats  # (T or more, W)
    memory: Floats  # (L, 2, B, S, H, D) keys and values of the sources
    lengths: Whole  # (B) how many of the S places each of them fills


class CompiledTransformer:
    """Reads for compiled searches, on the CPU and in float32, once that pays.

    Args:
        positions: what is added to the pieces at the first places, at least so many.
    """

    def __init__(
        self, encoder: Half[PreparedEncoderLayer], decoder: Half[PreparedDecoderLayer], positions: Positions
    ) -> None:
        self.encoder, self.decoder, self.positions = encoder, decoder, positions
        table, weights = decoder.table, sum(linear.transposed.numel() for linear in decoder.linears)
        self.able = table.device.type == "cpu" and table.dtype == torch.float32 and weights <= MOST_WEIGHTS
        self.steps, self.laying_out, self.laid_out = 0, Lock(), False

    def count(self, rows: int) -> None:
        """A step of so many rows was taken without this."""
        self.steps += 1 + rows // ROWS_A_STEP

    def prepare(self) -> None:
        """Let it pay from now on."""
        self.steps = FIRST_STEPS_EVER

    def pays(self, search: Callable[[], Callable[..., Any]]) -> bool:
        """Whether a search that begins now is to be compiled: it is already, or there was as much work as that is."""
        if not self.able or self.steps < FIRST_STEPS:
            return False
        from congling.equations.compiling import is_kept

        return self.steps >= FIRST_STEPS_EVER or is_kept(search())

    def read(self, source: Tensor, source_padding: Tensor, most: int) -> CompiledDecoder:
        """Read the source, (B, S) ids, for a search of as many as ``most`` pieces."""
        self._lay_out()
        sentences, length = source.shape
        lengths = (~source_padding).sum(dim=1).numpy()
        layers, heads = len(self.decoder.layers), self.decoder.layers[0].heads
        depth = self.decoder.table.shape[1] // heads
        memory = np.empty((layers, 2, sentences, length, heads, depth), np.float32)
        pieces, positions = np.ascontiguousarray(source.numpy()), self.positions(max(length, most)).numpy()
        self.kernels.read(self.encoder_weights, *self.variant, pieces, lengths, positions, memory)
        return CompiledDecoder(self.decoder_weights, *self.variant, positions, memory, lengths)

    def _lay_out(self) -> None:
        with self.laying_out:  # several threads may ask
            if self.laid_out:
                return
            from congling.networks import prepared_kernels

            self.kernels = prepared_kernels
            first = self.decoder.layers[0]
            activation = (relu, gelu, silu).index(first.feed_forward.activation)
            self.variant = first.add_and_norm.norm_first, activation
            self.encoder_weights = EncoderWeights._make(self.encoder.arrays())
            self.decoder_weights = DecoderWeights._make(self.decoder.arrays())
            self.laid_out = True


def _stacked(linears: Sequence[PreparedLinear]) -> list[Floats]:
    """The matrices in panels (L, P, I, C), and the biases (L, O)."""
    matrices = np.stack([_panels(linear.transposed.t().numpy()) for linear in linears])
    return [matrices, _array([linear.bias for linear in linears])]


def _panels(weight: Floats) -> Floats:
    """Cut a matrix (O, I) into panels (P, I, C), each of which lies in memory as one; the last is filled with zeros."""
    from congling.networks.prepared_layer_kernels import PANEL

    missing = -len(weight) % PANEL
    panels = np.pad(weight, ((0, missing), (0, 0))).reshape(-1, PANEL, weight.shape[1])
    return np.ascontiguousarray(panels.transpose(0, 2, 1))


def _array(tensors: Sequence[Tensor]) -> Floats:
    array: Floats = torch.stack(list(tensors)).detach().contiguous().numpy()
    return array
