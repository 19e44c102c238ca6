"""The Transformer for translating only: ``Transformer.start``, ``step`` and ``select`` in fewer and larger operations.

The function is that of ``Transformer``, which is the one to read; here is what makes it faster once no weight changes:

- each matrix is laid out for the processor (``PreparedLinear``), and 1/√D is a part of W^Q;
- padding takes part in the encoder's attention alone, not in its matrix products;
- the hypotheses of a sentence share its memory: they ask it together, and it is copied only when sentences leave;
- keys and values of all layers stand in one tensor, with room for those to come;
- on a processor whole searches are compiled (``CompiledTransformer``).

B sentences · S source length · P source pieces without padding · N rows, each a hypothesis · T positions so far
L layers · W width · H heads · D = W / H · K most rows of one sentence · V vocabulary, padding included
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor
from torch.nn import functional as F

from congling.networks.prepared_compiled import CompiledDecoder, CompiledTransformer, Half
from congling.networks.prepared_layers import Positions, PreparedDecoderLayer, PreparedEncoderLayer
from congling.networks.prepared_linear import PreparedLinear, filled
from congling.networks.prepared_memory import FIRST_ROOM, Grid, Groups, Memory, PreparedState
from congling.networks.transformer import InputEmbedding, Transformer
from congling.networks.transformer_layers import DecoderLayer, EncoderLayer


class PreparedTransformer:
    """``decoding.steps.Steps`` of a Transformer whose weights must not change any more: most of them are copied.

    Args:
        lasting: whether there may be so much to translate that compiling pays.
    """

    def __init__(self, network: Transformer, lasting: bool = True) -> None:
        self.source_table, self.target_table = _table(network.source_embedding), _table(network.target_embedding)
        self.positions = Positions(self.target_table)
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
            self.positions,
        )
        self.compiled.able &= lasting

    def read_for(
        self, search: Callable[[], Callable[..., Any]], source: Tensor, source_padding: Tensor, most: int
    ) -> CompiledDecoder | None:
        """What a compiled ``search`` of as many as ``most`` pieces goes on from, where compiling that pays by now."""
        return self.compiled.read(source, source_padding, most) if self.compiled.pays(search) else None

    def start(self, source: Tensor, source_padding: Tensor) -> PreparedState:
        """Read the source, (B, S) ids; nothing is written yet."""
        grid = Grid.of(source_padding, self.heads, self.source_table.dtype)
        read = self._encode(source, grid)
        layers = len(self.decoder_layers)
        values = grid.spread(self.memory(read)).view(*source.shape, layers, 2, self.heads, -1)
        values = values.permute(2, 3, 0, 4, 1, 5).contiguous()  # (L, 2, B, H, S, D)
        memory = Memory(values, grid.mask, grid.lengths)
        nothing = values.new_empty(layers, 2, len(source), self.heads, 0, values.shape[-1])
        begun = PreparedState(len(source), 0, memory, Groups.of(list(range(len(source))), source.device), nothing)
        return self.select(begun, torch.arange(len(source), device=source.device))

    def _encode(self, source: Tensor, grid: Grid) -> Tensor:
        """(B, S) ids to the encoder's output (P, W)."""
        embedded = F.embedding(source, self.source_table) + self.positions(grid.length)[: grid.length]  # (B, S, W)
        rows = grid.gather(embedded.flatten(0, 1))
        for layer in self.encoder_layers:
            rows = layer(rows, grid)
        return rows if self.encoder_norm is None else self.encoder_norm(rows)

    def step(self, state: PreparedState, last: Tensor) -> tuple[Tensor, PreparedState]:
        """Log-probabilities (N, V − 1) of the next piece after the pieces ``last`` (N)."""
        self.compiled.count(len(last))
        past = _with_room(state.past, state.position)
        log_probabilities = torch.log_softmax(self._logits(last, state, past).float(), dim=-1)
        return log_probabilities, PreparedState(state.count, state.position + 1, state.memory, state.groups, past)

    def _logits(self, last: Tensor, state: PreparedState, past: Tensor) -> Tensor:
        """(N, V − 1) after the pieces ``last`` (N); the newest keys and values are written into ``past``."""
        rows = F.embedding(filled(last), self.target_table) + self.positions(state.position + 1)[state.position]
        newest = past[..., state.position, :].unbind(0)
        until = past[..., : state.position + 1, :].flatten(2, 3).unbind(0)
        memory = state.memory.values.flatten(2, 3).unbind(0)
        for number, layer in enumerate(self.decoder_layers):
            rows = layer.step(rows, newest[number], until[number], memory[number], state)
        rows = rows if self.decoder_norm is None else self.decoder_norm(rows)
        return self.projection(rows)[: state.count]

    def select(self, state: PreparedState, rows: Tensor) -> PreparedState:
        """Keep, repeat or reorder hypotheses: ``rows`` (M) of the N there are."""
        count, rows = len(rows), filled(rows)
        sentences = [state.groups.sentences[row] for row in rows.tolist()]
        kept = sorted(set(sentences))
        alone = len(kept) == count  # one row a sentence: each has a memory of its own, the rows that fill up too
        memory = state.memory
        chosen = sentences if alone else kept
        if chosen != list(range(len(memory.lengths))):
            memory = memory.select(chosen)
        number = {sentence: place for place, sentence in enumerate(kept)}
        numbered = list(range(len(rows))) if alone else [number[sentence] for sentence in sentences]
        past = _selected(state.past, state.position, rows)
        return PreparedState(count, state.position, memory, Groups.of(numbered, rows.device), past)


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
