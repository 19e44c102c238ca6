"""A step of the prepared decoder for few rows, compiled: one walk over all weights instead of 75 operations.

With one hypothesis each operation of PyTorch takes microseconds before it starts, as long as its work does; and a
matrix is read for a single row. Here each weight is read once for all rows, in the order in which it lies in memory,
and what is calculated on the way stays in the nearest cache. What it calculates: ``transformer_layers.DecoderLayer``.

N rows, each a hypothesis · B sentences · S source length · L layers · W width · F inner width · H heads · D = W / H
V vocabulary, padding included · I inputs · O outputs. All numbers are float32.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from congling.equations.compiling import part, whole

Floats = NDArray[np.float32]
Whole = NDArray[np.int64]

_ZERO, _HALF, _ONE, _EPSILON = np.float32(0), np.float32(0.5), np.float32(1), np.float32(1e-5)
_ROOT_OF_HALF = np.float32(math.sqrt(0.5))
_RELU, _GELU = 0, 1  # and 2 for silu


class DecoderWeights(NamedTuple):
    """The weights of all layers, those of one kind in one array; 1/√D is a part of what makes queries."""

    table: Floats  # (V, W), times √W
    input: Floats  # (L, 3W, W), what makes queries, keys and values
    input_bias: Floats  # (L, 3W)
    output: Floats  # (L, W, W)
    output_bias: Floats  # (L, W)
    cross_query: Floats  # (L, W, W)
    cross_query_bias: Floats  # (L, W)
    cross_output: Floats  # (L, W, W)
    cross_output_bias: Floats  # (L, W)
    inner: Floats  # (L, F, W)
    inner_bias: Floats  # (L, F)
    outer: Floats  # (L, W, F)
    outer_bias: Floats  # (L, W)
    gains: Floats  # (3L, W), of the norms in their order
    shifts: Floats  # (3L, W)
    last_gain: Floats  # (W), or (0) where nothing is normalised after the layers
    last_shift: Floats  # (W)
    projection: Floats  # (V − 1, W)
    projection_bias: Floats  # (V − 1)


@whole
def decoder_step(
    weights: DecoderWeights,
    norm_first: bool,
    activation: int,
    last: Whole,
    position: int,
    positions: Floats,
    past: Floats,
    memory: Floats,
    sentences: Whole,
    lengths: Whole,
    logits: Floats,
) -> None:
    """How well each piece would come next, into ``logits`` (N, V − 1).

    Args:
        activation: 0 relu, 1 gelu, 2 silu.
        last: (N) each row's last piece.
        position: how many positions of ``past`` are filled; the next one is written.
        positions: (more than ``position``, W).
        past: (L, 2, N, H, room, D) keys and values.
        memory: (L, 2, B, H, S, D) keys and values of the source.
        sentences: (N) which of the B a row looks at; ``lengths`` (B) how many of the S places each of them fills.
    """
    count, width = len(last), weights.table.shape[1]
    rows, inner = np.empty((count, width), np.float32), np.empty((count, weights.inner.shape[1]), np.float32)
    normed, answers = np.empty((count, width), np.float32), np.empty((count, width), np.float32)
    projected, update = np.empty((count, 3 * width), np.float32), np.empty((count, width), np.float32)
    scores = np.empty(max(position + 1, memory.shape[4]), np.float32)
    for row in range(count):
        for column in range(width):
            rows[row, column] = weights.table[last[row], column] + positions[position, column]
    for layer in range(len(weights.input)):
        asking = _before(rows, weights, 3 * layer, norm_first, normed)
        _multiply(asking, weights.input[layer], weights.input_bias[layer], projected)
        for row in range(count):
            _remember(projected[row], past[layer, :, row], position)
            _attend(projected[row], past[layer, :, row], position + 1, scores, answers[row])
        _multiply(answers, weights.output[layer], weights.output_bias[layer], update)
        _after(rows, update, weights, 3 * layer, norm_first)

        asking = _before(rows, weights, 3 * layer + 1, norm_first, normed)
        _multiply(asking, weights.cross_query[layer], weights.cross_query_bias[layer], update)
        for row in range(count):
            sentence = sentences[row]
            _attend(update[row], memory[layer, :, sentence], lengths[sentence], scores, answers[row])
        _multiply(answers, weights.cross_output[layer], weights.cross_output_bias[layer], update)
        _after(rows, update, weights, 3 * layer + 1, norm_first)

        entering = _before(rows, weights, 3 * layer + 2, norm_first, normed)
        _multiply(entering, weights.inner[layer], weights.inner_bias[layer], inner)
        _activate(inner, activation)
        _multiply(inner, weights.outer[layer], weights.outer_bias[layer], update)
        _after(rows, update, weights, 3 * layer + 2, norm_first)
    if len(weights.last_gain):
        _normalise(rows, weights.last_gain, weights.last_shift, rows)
    _multiply(rows, weights.projection, weights.projection_bias, logits)


@part
def _before(rows: Floats, weights: DecoderWeights, norm: int, norm_first: bool, normed: Floats) -> Floats:
    """What a sub-layer is given, (N, W): the rows, normalised where that comes first."""
    if not norm_first:
        return rows
    _normalise(rows, weights.gains[norm], weights.shifts[norm], normed)
    return normed


@part
def _after(rows: Floats, update: Floats, weights: DecoderWeights, norm: int, norm_first: bool) -> None:
    """Add what a sub-layer found to the rows, (N, W); normalise the sum where that comes last."""
    for row in range(len(rows)):
        for column in range(rows.shape[1]):
            rows[row, column] += update[row, column]
    if not norm_first:
        _normalise(rows, weights.gains[norm], weights.shifts[norm], rows)


@part
def _normalise(input: Floats, gain: Floats, shift: Floats, output: Floats) -> None:
    """Layer normalisation of each row, (N, W) to (N, W), which may be the same array."""
    count = np.float32(input.shape[1])
    for row in range(len(input)):
        numbers, normed = input[row], output[row]
        mean, variance = _ZERO, _ZERO
        for number in numbers:
            mean += number
        mean /= count
        for number in numbers:
            variance += (number - mean) * (number - mean)
        scale = _ONE / np.sqrt(variance / count + _EPSILON)
        for column in range(len(numbers)):
            normed[column] = (numbers[column] - mean) * scale * gain[column] + shift[column]


@part
def _multiply(input: Floats, weight: Floats, bias: Floats, output: Floats) -> None:
    """XWᵀ + b: (N, I), (O, I) and (O) to (N, O)."""
    if len(input) == 1:
        _multiply_one(input[0], weight, bias, output[0], 0, len(weight))
        return
    fours = len(weight) - len(weight) % 4
    for first in range(0, fours, 4):
        _multiply_one(input[0], weight, bias, output[0], first, first + 4)  # brings the four rows of W near
        for row in range(1, len(input)):
            _multiply_four(input[row], weight, bias, output[row], first)
    for row in range(len(input)):
        _multiply_one(input[row], weight, bias, output[row], fours, len(weight))


@part
def _multiply_one(input: Floats, weight: Floats, bias: Floats, output: Floats, first: int, last: int) -> None:
    """Outputs ``first`` … ``last`` − 1 of one row, (I) to (O): W is read in the order in which it lies in memory."""
    for place in range(first, last):
        output[place] = _product(input, weight[place], weight.shape[1]) + bias[place]


@part
def _multiply_four(input: Floats, weight: Floats, bias: Floats, output: Floats, first: int) -> None:
    """Four outputs of one row at once, each input read once for them: for a W that is near already."""
    weight0, weight1, weight2, weight3 = weight[first], weight[first + 1], weight[first + 2], weight[first + 3]
    sum0, sum1, sum2, sum3 = _ZERO, _ZERO, _ZERO, _ZERO
    for place in range(len(input)):
        number = input[place]
        sum0 += number * weight0[place]
        sum1 += number * weight1[place]
        sum2 += number * weight2[place]
        sum3 += number * weight3[place]
    output[first], output[first + 1] = sum0 + bias[first], sum1 + bias[first + 1]
    output[first + 2], output[first + 3] = sum2 + bias[first + 2], sum3 + bias[first + 3]


@part
def _product(one: Floats, other: Floats, count: int) -> np.float32:
    """The inner product of the first ``count`` numbers."""
    total = _ZERO
    for place in range(count):
        total += one[place] * other[place]
    return total


@part
def _remember(projected: Floats, past: Floats, position: int) -> None:
    """Write a row's newest keys and values, the last two thirds of (3W), into its ``past`` (2, H, room, D)."""
    heads, depth = past.shape[1], past.shape[3]
    for kind in range(2):
        for head in range(heads):
            first = ((kind + 1) * heads + head) * depth
            for place in range(depth):
                past[kind, head, position, place] = projected[first + place]


@part
def _attend(query: Floats, pairs: Floats, count: int, scores: Floats, answer: Floats) -> None:
    """One row's attention, head by head: what (W) queries find among the first ``count`` keys and values.

    Args:
        query: (W) or more, divided by √D already.
        pairs: (2, H, places, D) keys and values.
        scores: room for ``count`` numbers.
        answer: (W), written.
    """
    heads, depth = pairs.shape[1], pairs.shape[3]
    for head in range(heads):
        keys, values = pairs[0, head], pairs[1, head]
        asks, finds = query[head * depth : (head + 1) * depth], answer[head * depth : (head + 1) * depth]
        for place in range(count):
            scores[place] = _product(asks, keys[place], depth)
        largest, total = scores[0], _ZERO
        for place in range(1, count):
            largest = max(largest, scores[place])
        for place in range(count):
            scores[place] = math.exp(scores[place] - largest)
            total += scores[place]
        finds[:] = _ZERO
        for place in range(count):
            share, value = scores[place] / total, values[place]
            for column in range(depth):
                finds[column] += share * value[column]


@part
def _activate(numbers: Floats, activation: int) -> None:
    """``equations.activations`` by number, in place."""
    flat = numbers.reshape(numbers.size)
    for place in range(len(flat)):
        number = flat[place]
        if activation == _RELU:
            flat[place] = max(number, _ZERO)
        elif activation == _GELU:
            flat[place] = _HALF * number * (_ONE + math.erf(number * _ROOT_OF_HALF))
        else:
            flat[place] = number / (_ONE + math.exp(-number))
