"""The Transformer for translating only: ``Transformer.start``, ``step`` and ``select`` in fewer and larger operations.

The function is that of ``Transformer``, which is the one to read; here is what makes it faster once no weight changes:

- each matrix is laid out for the processor (``PreparedLinear``), and 1/√D is a part of W^Q;
- padding takes part in the encoder's attention alone, not in its matrix products;
- the hypotheses of a sentence share its memory: they ask it together, and it is copied only when sentences leave;
- keys and values of all layers stand in one tensor, with room for those to come;
- on a processor reading and each step become a single compiled function (``CompiledTransformer``).

B sentences · S source length · P source pieces without padding · N rows, each a hypothesis · T positions so far
L layers · W width · H heads · D = W / H · K most rows of one sentence · V vocabulary, padding included
"""

from __future__ import annotations

import math
from typing import cast

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from congling.equations.positions import sinusoidal_positions
from congling.networks.prepared_compiled import CompiledTransformer, Half
from congling.networks.prepared_layers import PreparedDecoderLayer, PreparedEncoderLayer
from congling.networks.prepared_linear import PreparedLinear, filled
from congling.networks.prepared_memory import Grid, Groups, Memory, PreparedState
from congling.networks.transformer import InputEmbedding, Transformer
from congling.networks.transformer_layers import DecoderLayer, EncoderLayer

FIRST_ROOM = 16  # positions; it doubles when it is full


class PreparedTransformer:
    """``decoding.steps.Steps`` of a Transformer whose weights must not change any more: most of them are copied.

    Args:
        lasting: whether there may be so much to translate that compiling pays.
    """

    def __init__(self, network: Transformer, lasting: bool = True) -> None:
        self.source_table, self.target_table = _table(network.source_embedding), _table(network.target_embedding)
        self.positions = torch.empty(0, 0)
        self.encoder_layers = [PreparedEncoderLayer(cast(EncoderLayer, layer)) for layer in network.encoder.layers]
        self.decoder_layers = [PreparedDecoderLayer(cast(DecoderLayer, layer)) for layer in network.decoder.layers]
        self.encoder_norm, self.decoder_norm = network.encoder.norm, network.decoder.norm
        parts = [layer.cross_memory for layer in self.decoder_layers]
        self.memory = PreparedLinear(torch.cat([weight for weight, _ in parts]), torch.cat([bias for _, bias in parts]))
        self.heads = self.decoder_layers[0].heads
        self.projection = PreparedLinear(network.projection, network.output_bias)
        self.compiled = CompiledTransformer(
            Half(self.source_table, self.encoder_layers, self.encoder_norm, self.memory),
            Half(self.target_table, self.decoder_layers, self.decoder_norm, self.projection),
        )
        self.compiled.able &= lasting

    @property
    def is_compiled(self) -> bool:
        """Whether there was so much to do that it is done by compiled code by now."""
        return self.compiled.ready

    def start(self, source: Tensor, source_padding: Tensor) -> PreparedState:
        """Read the source, (B, S) ids; nothing is written yet."""
        if self.is_compiled:
            lengths, positions = (
                (~source_padding).sum(dim=1).numpy(),
                self._positions_until(source.shape[1], self.source_table),
            )
            memory = self.compiled.read(source, lengths, positions)
        else:
            memory = self._read(source, source_padding)
        _layers, _kinds, sentences, heads, _length, depth = memory.values.shape
        nothing = memory.values.new_empty(len(self.decoder_layers), 2, sentences, heads, 0, depth)
        begun = PreparedState(sentences, 0, memory, Groups(np.arange(sentences)), nothing)
        return begun if self.is_compiled else self.select(begun, torch.arange(sentences, device=source.device))

    def _read(self, source: Tensor, source_padding: Tensor) -> Memory:
        grid = Grid.of(source_padding, self.heads, self.source_table.dtype)
        read = self._encode(source, grid)
        values = grid.spread(self.memory(read)).view(*source.shape, len(self.decoder_layers), 2, self.heads, -1)
        return Memory(values.permute(2, 3, 0, 4, 1, 5).contiguous(), grid.mask, grid.lengths)  # (L, 2, B, H, S, D)

    def _encode(self, source: Tensor, grid: Grid) -> Tensor:
        """(B, S) ids to the encoder's output (P, W)."""
        positions = self._positions_until(grid.length, self.source_table)
        embedded = F.embedding(source, self.source_table) + positions[: grid.length]  # (B, S, W)
        rows = grid.gather(embedded.flatten(0, 1))
        for layer in self.encoder_layers:
            rows = layer(rows, grid)
        return rows if self.encoder_norm is None else self.encoder_norm(rows)

    def step(self, state: PreparedState, last: Tensor) -> tuple[Tensor, PreparedState]:
        """Log-probabilities (N, V − 1) of the next piece after the pieces ``last`` (N)."""
        past = _with_room(state.past, state.position)
        positions = self._positions_until(state.position + 1, self.target_table)
        if self.compiled.ready_for(len(last)):
            logits = self.compiled.logits(last, positions, state, past)
        else:
            logits = self._logits(last, positions, state, past)
        log_probabilities = torch.log_softmax(logits.float(), dim=-1)
        return log_probabilities, PreparedState(state.count, state.position + 1, state.memory, state.groups, past)

    def _logits(self, last: Tensor, positions: Tensor, state: PreparedState, past: Tensor) -> Tensor:
        """(N, V − 1) after the pieces ``last`` (N); the newest keys and values are written into ``past``."""
        rows = F.embedding(filled(last), self.target_table) + positions[state.position]
        newest = past[..., state.position, :].unbind(0)
        until = past[..., : state.position + 1, :].flatten(2, 3).unbind(0)
        memory = state.memory.values.flatten(2, 3).unbind(0)
        for number, layer in enumerate(self.decoder_layers):
            rows = layer.step(rows, newest[number], until[number], memory[number], state)
        rows = rows if self.decoder_norm is None else self.decoder_norm(rows)
        return self.projection(rows)[: state.count]

    def select(self, state: PreparedState, rows: Tensor) -> PreparedState:
        """Keep, repeat or reorder hypotheses: ``rows`` (M) of the N there are."""
        count, rows = len(rows), rows if self.is_compiled else filled(rows)
        sentences = state.groups.sentences[rows.cpu().numpy()]
        kept = np.unique(sentences)
        alone = len(kept) == count  # one row a sentence: each has a memory of its own, the rows that fill up too
        chosen, memory = sentences if alone else kept, state.memory
        if not np.array_equal(chosen, np.arange(len(memory.lengths))):
            memory = memory.select(chosen)
        numbered = np.arange(len(rows)) if alone else np.searchsorted(kept, sentences)
        selected = self.compiled.selected if self.is_compiled else _selected
        return PreparedState(
            count, state.position, memory, Groups(numbered), selected(state.past, state.position, rows)
        )

    def _positions_until(self, length: int, like: Tensor) -> Tensor:
        if len(self.positions) < length:
            self.positions = sinusoidal_positions(max(256, 2 * length), like.shape[-1]).to(like)
        return self.positions


def _selected(past: Tensor, position: int, rows: Tensor) -> Tensor:
    """The given rows of the positions that are filled; the room stays."""
    selected = past.new_empty(*past.shape[:2], len(rows), *past.shape[3:])
    if position:
        torch.index_select(past[..., :position, :], 2, rows, out=selected[..., :position, :])
    return selected


def _with_room(past: Tensor, position: int) -> Tensor:
    """Room for one more position."""
    if past.shape[4] > position:
        return past
    grown = past.new_empty(*past.shape[:4], max(FIRST_ROOM, 2 * position), past.shape[5])
    grown[..., :position, :] = past[..., :position, :]
    return grown


def _table(embedding: InputEmbedding) -> Tensor:
    """√W times each piece's vector, and zeros for padding: (V, W)."""
    weight = embedding.table.weight.detach()
    return F.pad(weight * math.sqrt(weight.shape[1]), (0, 0, 0, 1))
