"""A Transformer that translates, compiled: reading sources, and how likely each piece comes next.

An operation of PyTorch takes microseconds before it starts, and its threads wait for each other at its end: with few
rows that is longer than the work. Here one thread does all of it, and what is calculated on the way stays in the
nearest cache; other sentences are another thread's. What is calculated: ``transformer_layers``.

N rows: hypotheses, or pieces of sources · B sentences · S source length · T positions, the most there may be
L layers · W width · F inner width · H heads of depth D · V vocabulary, padding included. All numbers are float32.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from congling.equations.compiling import part, whole
from congling.networks.prepared_layer_kernels import (
    Floats,
    Room,
    Whole,
    after_sub_layer,
    attend,
    before_sub_layer,
    by_head,
    feed_forward,
    make_room,
    multiply,
    normalise,
    remember,
)

if TYPE_CHECKING:
    from congling.networks.prepared_compiled import CompiledDecoder, EncoderWeights


@whole
def read(
    weights: EncoderWeights,
    norm_first: bool,
    activation: int,
    source: Whole,
    lengths: Whole,
    positions: Floats,
    memory: Floats,
) -> None:
    """Read sources, and leave in ``memory`` (L, 2, B, S, H, D) what the decoder's layers will look at.

    Args:
        activation: 0 relu, 1 gelu, 2 silu.
        source: (B, S) pieces, padding at the end; ``lengths`` (B) how many of the S places each sentence fills.
        positions: (S or more, W).
        memory: keys and values for each layer of the decoder, written; what stands at padding is left as it is.
    """
    count, width, (heads, depth) = lengths.sum(), weights.table.shape[1], memory.shape[4:]
    room = make_room(count, width, weights.inner_bias.shape[1], heads, source.shape[1])
    rows = room.rows
    sentences, places = np.empty(count, np.int64), np.empty(count, np.int64)
    row = 0
    for sentence in range(len(source)):
        for place in range(lengths[sentence]):
            sentences[row], places[row] = sentence, place
            for column in range(width):
                rows[row, column] = weights.table[source[sentence, place], column] + positions[place, column]
            row += 1
    seen = np.empty(memory.shape[1:], np.float32)  # (2, B, S, H, D) this layer's own keys and values
    projected, answers = by_head(room.projected, heads, depth), by_head(room.answers, heads, depth)
    for layer in range(len(weights.input)):
        asking = before_sub_layer(rows, weights, 2 * layer, norm_first, room)
        multiply(asking, weights.input[layer], weights.input_bias[layer], room.projected)
        remember(projected, 1, seen[0], seen[1], sentences, places)
        for row in range(count):
            room.sources[:] = sentences[row]
            attend(projected, row, seen[0], seen[1], room.sources, lengths[sentences[row]], room, answers)
        multiply(room.answers, weights.output[layer], weights.output_bias[layer], room.update)
        after_sub_layer(rows, weights, 2 * layer, norm_first, room)

        entering = before_sub_layer(rows, weights, 2 * layer + 1, norm_first, room)
        feed_forward(entering, weights, layer, activation, room)
        after_sub_layer(rows, weights, 2 * layer + 1, norm_first, room)
    if len(weights.last_gain):
        normalise(rows, weights.last_gain, weights.last_shift)
    remembered = np.empty((count, len(weights.memory_bias)), np.float32)  # (N, 2LW)
    multiply(rows, weights.memory, weights.memory_bias, remembered)
    for layer in range(len(memory)):
        remember(by_head(remembered, heads, depth), 2 * layer, memory[layer, 0], memory[layer, 1], sentences, places)


@part
def next_logits(
    decoder: CompiledDecoder, last: Whole, position: int, past: Past, sentences: Whole, room: Room, logits: Floats
) -> None:
    """The logits (N or more, V − 1) of each piece that could come next.

    What a hypothesis wrote stays where it was written when hypotheses change places; ``past.ancestors`` says where, and
    at ``position`` where that goes which is written now.

    Args:
        last: (N) each row's last piece.
        position: how many positions are written.
        sentences: (N or more) which of the B sentences a row looks at.
    """
    count, width, weights, norm_first = len(last), decoder.weights.table.shape[1], decoder.weights, decoder.norm_first
    rows, written_at, positions = room.rows[:count], np.empty(count, np.int64), np.full(count, position)
    heads, depth = decoder.memory.shape[4:]
    projected, update = by_head(room.projected, heads, depth), by_head(room.update, heads, depth)
    answers = by_head(room.answers, heads, depth)
    for row in range(count):
        written_at[row] = past.ancestors[row, position]
        for column in range(width):
            rows[row, column] = weights.table[last[row], column] + decoder.positions[position, column]
    for layer in range(len(weights.input)):
        asking = before_sub_layer(rows, weights, 3 * layer, norm_first, room)
        multiply(asking, weights.input[layer], weights.input_bias[layer], room.projected)
        keys, values = past.written[layer, 0], past.written[layer, 1]
        remember(projected, 1, keys, values, written_at, positions)
        for row in range(count):
            attend(projected, row, keys, values, past.ancestors[row], position + 1, room, answers)
        multiply(room.answers[:count], weights.output[layer], weights.output_bias[layer], room.update)
        after_sub_layer(rows, weights, 3 * layer, norm_first, room)

        asking = before_sub_layer(rows, weights, 3 * layer + 1, norm_first, room)
        multiply(asking, weights.cross_query[layer], weights.cross_query_bias[layer], room.update)
        keys, values = decoder.memory[layer, 0], decoder.memory[layer, 1]
        for row in range(count):
            room.sources[:] = sentences[row]
            attend(update, row, keys, values, room.sources, decoder.lengths[sentences[row]], room, answers)
        multiply(room.answers[:count], weights.cross_output[layer], weights.cross_output_bias[layer], room.update)
        after_sub_layer(rows, weights, 3 * layer + 1, norm_first, room)

        entering = before_sub_layer(rows, weights, 3 * layer + 2, norm_first, room)
        feed_forward(entering, weights, layer, decoder.activation, room)
        after_sub_layer(rows, weights, 3 * layer + 2, norm_first, room)
    if len(weights.last_gain):
        normalise(rows, weights.last_gain, weights.last_shift)
    multiply(rows, weights.projection, weights.projection_bias, logits)


class Past(NamedTuple):
    """What up to N rows wrote at up to T positions."""

    written: Floats  # (L, 2, N, T, H, D) keys and values
    ancestors: Whole  # (N, T) at which of the N rows each position of a hypothesis stands


@part
def past_for(decoder: CompiledDecoder, count: int, most: int) -> Past:
    """Room for so many rows of so many pieces, which stand in their own rows until they change places.

    What is never written takes no memory: pages come as they are used.
    """
    layers, (heads, depth) = len(decoder.weights.input), decoder.memory.shape[4:]
    written = np.empty((layers, 2, count, most, heads, depth), np.float32)
    ancestors = np.empty((count, most), np.int64)
    for row in range(count):
        ancestors[row] = row
    return Past(written, ancestors)


@part
def room_for(decoder: CompiledDecoder, count: int, most: int) -> Room:
    """Room for the ``next_logits`` of so many rows of so many pieces."""
    inner, (places, heads) = decoder.weights.inner_bias.shape[1], decoder.memory.shape[3:5]
    return make_room(count, decoder.weights.table.shape[1], inner, heads, max(most, places))
