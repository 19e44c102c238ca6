"""When the compiled step takes over, and what it is given: ``prepared_step`` for a ``PreparedTransformer``.

N rows, each a hypothesis · L layers · W width · V vocabulary, padding included
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from congling.equations.activations import gelu, relu, silu
from congling.networks.layers import LayerNormalisation
from congling.networks.prepared_layers import PreparedDecoderLayer
from congling.networks.prepared_linear import PreparedLinear
from congling.networks.prepared_memory import PreparedState

if TYPE_CHECKING:  # numba, which it imports, takes longer than a few sentences
    from congling.networks.prepared_step import DecoderWeights, Floats

FIRST_STEPS = 200  # of one row; some 15 sentences. Then half a second for numba, five where it must compile yet
ROWS_A_STEP = 16  # so many rows more count as another step
MOST_WEIGHTS = 8_000_000  # these lie in a processor's cache; more of them several threads read together faster


class CompiledStep:
    """The compiled step of one decoder, on the CPU and in float32; to be had once many steps have been taken.

    Args:
        table: (V, W), times √W.
        last_norm: what follows the layers, if anything does.
        projection: the output layer, to (V − 1).
    """

    def __init__(
        self,
        table: Tensor,
        layers: Sequence[PreparedDecoderLayer],
        last_norm: LayerNormalisation | None,
        projection: PreparedLinear,
    ) -> None:
        self.table, self.layers, self.last_norm, self.projection = table, layers, last_norm, projection
        linears = [projection, *(linear for layer in layers for linear in layer.linears)]
        weights = sum(linear.transposed.numel() for linear in linears)
        self.able = table.device.type == "cpu" and table.dtype == torch.float32 and weights <= MOST_WEIGHTS
        self.steps, self.preparing = 0, Lock()
        self.step: Callable[..., None] | None = None

    def ready(self, rows: int) -> bool:
        """Whether a step of so many rows is to be taken here. Each question counts as a step."""
        if not self.able:
            return False
        if self.step is None:
            with self.preparing:  # several threads may ask
                self.steps += 1 + rows // ROWS_A_STEP
                if self.step is None and self.steps > FIRST_STEPS:
                    self._prepare()
        return self.step is not None

    def _prepare(self) -> None:
        from congling.networks.prepared_step import decoder_step

        first = self.layers[0]
        self.norm_first = first.add_and_norm.norm_first
        self.activation = (relu, gelu, silu).index(first.feed_forward.activation)
        self.weights = self._collected()
        self.step = decoder_step

    def _collected(self) -> DecoderWeights:
        from congling.networks.prepared_step import DecoderWeights

        kinds = list(zip(*(layer.linears for layer in self.layers), strict=True))
        linears = [array for kind in kinds for array in _stacked(kind)]
        norms = [norm for layer in self.layers for norm in layer.norms]
        gains, shifts = _array([norm.gain for norm in norms]), _array([norm.bias for norm in norms])
        last = [np.empty(0, np.float32)] * 2
        if self.last_norm is not None:
            last = [_array([self.last_norm.weight])[0], _array([self.last_norm.bias])[0]]
        projection = [array[0] for array in _stacked([self.projection])]
        return DecoderWeights._make([_array([self.table])[0], *linears, gains, shifts, *last, *projection])

    def logits(self, last: Tensor, positions: Tensor, state: PreparedState, past: Tensor) -> Tensor:
        """(N, V − 1) after the pieces ``last`` (N); the newest keys and values are written into ``past``."""
        logits = torch.empty(len(last), len(self.projection.bias))
        assert self.step is not None
        self.step(
            self.weights, self.norm_first, self.activation, np.ascontiguousarray(last.numpy()),
            state.position, positions.numpy(), past.numpy(), state.memory.values.numpy(),
            np.array(state.groups.sentences, np.int64), np.array(state.memory.lengths, np.int64), logits.numpy(),
        )  # fmt: skip
        return logits


def _stacked(linears: Sequence[PreparedLinear]) -> list[Floats]:
    """The matrices in panels (L, P, I, C), and the biases (L, O)."""
    from congling.networks.prepared_step import panels

    matrices = np.stack([panels(linear.transposed.t().numpy()) for linear in linears])
    return [matrices, _array([linear.bias for linear in linears])]


def _array(tensors: Sequence[Tensor]) -> Floats:
    array: Floats = torch.stack(list(tensors)).detach().contiguous().numpy()
    return array
