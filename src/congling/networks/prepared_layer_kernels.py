"""The parts of ``prepared_kernels``: products, norms, attention and feed-forward layers of N rows, compiled.

Matrices are cut into panels of ``PANEL`` outputs, and rows into groups, so that each product is small: OpenBLAS, which
numba's ``np.dot`` is, multiplies small matrices as they lie, at nearly all that a core can do.

N rows · R rows of keys and values · T places · W width · F inner width · H heads of depth D · I inputs · O outputs
P panels of C outputs. All numbers are float32.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from congling.equations.compiling import part
from congling.equations.softmax_kernels import exponentials

if TYPE_CHECKING:
    from congling.networks.prepared_compiled import DecoderWeights, EncoderWeights

Floats = NDArray[np.float32]
Whole = NDArray[np.int64]

_ZERO, _HALF, _ONE, _EPSILON = np.float32(0), np.float32(0.5), np.float32(1), np.float32(1e-5)
_ROOT_OF_HALF = np.float32(math.sqrt(0.5))
_RELU, _GELU = 0, 1  # and 2 for silu
PANEL, GROUP = 64, 16  # outputs and rows of one product
_SMALL = 1_000_000  # multiplications of a product that OpenBLAS takes for a small one


class Room(NamedTuple):
    """Room for what is calculated on the way, for N rows or more, whose attention goes to as many as T places."""

    rows: Floats  # (N, W)
    normed: Floats  # (N, W)
    projected: Floats  # (N, 3W) queries, keys and values
    answers: Floats  # (N, W)
    inner: Floats  # (N, F)
    update: Floats  # (N, W)
    shares: Floats  # (HT) of one row's attention
    powers: NDArray[np.int32]  # (HT)
    sources: Whole  # (T) the row of keys and values at each place: everywhere the same sentence


@part
def make_room(count: int, width: int, inner: int, heads: int, places: int) -> Room:
    """For so many rows, and attention to so many places."""
    return Room(
        np.empty((count, width), np.float32), np.empty((count, width), np.float32),
        np.empty((count, 3 * width), np.float32), np.empty((count, width), np.float32),
        np.empty((count, inner), np.float32), np.empty((count, width), np.float32),
        np.empty(heads * places, np.float32), np.empty(heads * places, np.int32), np.empty(places, np.int64),
    )  # fmt: skip


@part
def by_head(rows: Floats, heads: int, depth: int) -> Floats:
    """(N, KHD) as (N, K, H, D)."""
    return rows.reshape(len(rows), rows.shape[1] // (heads * depth), heads, depth)


@part
def before_sub_layer(
    rows: Floats, weights: EncoderWeights | DecoderWeights, norm: int, norm_first: bool, room: Room
) -> Floats:
    """What a sub-layer is given, (N, W): the rows, normalised where that comes first."""
    if not norm_first:
        return rows
    normed = room.normed[: len(rows)]
    for row in range(len(rows)):
        for column in range(rows.shape[1]):
            normed[row, column] = rows[row, column]
    normalise(normed, weights.gains[norm], weights.shifts[norm])
    return normed


@part
def after_sub_layer(
    rows: Floats, weights: EncoderWeights | DecoderWeights, norm: int, norm_first: bool, room: Room
) -> None:
    """Add what a sub-layer found, the ``update``, to the rows (N, W); normalise the sum where that comes last."""
    for row in range(len(rows)):
        for column in range(rows.shape[1]):
            rows[row, column] += room.update[row, column]
    if not norm_first:
        normalise(rows, weights.gains[norm], weights.shifts[norm])


@part
def normalise(rows: Floats, gain: Floats, shift: Floats) -> None:
    """Layer normalisation of each row (N, W), in place.

    Numbers are counted through, as they are not vectorised where a loop goes over the array itself, and one array is
    read and written, as two of them could be the same one and would be gone through number by number.
    """
    width = rows.shape[1]
    for row in range(len(rows)):
        numbers = rows[row]
        mean, variance = _ZERO, _ZERO
        for column in range(width):
            mean += numbers[column]
        mean /= np.float32(width)
        for column in range(width):
            variance += (numbers[column] - mean) * (numbers[column] - mean)
        scale = _ONE / np.sqrt(variance / np.float32(width) + _EPSILON)
        for column in range(width):
            numbers[column] = (numbers[column] - mean) * scale * gain[column] + shift[column]


@part
def multiply(input: Floats, weight: Floats, bias: Floats, output: Floats) -> None:
    """XWᵀ + b: (N, I), W in ``panels`` (P, I, C), and (O) to (N, O)."""
    panels, inputs, width = weight.shape
    group = max(1, min(GROUP, _SMALL // (inputs * width)))
    products = np.empty((group, width), np.float32)
    for panel in range(panels):
        start = panel * width
        columns = min(width, len(bias) - start)
        for first in range(0, len(input), group):
            rows = input[first : first + group]
            np.dot(rows, weight[panel], products[: len(rows)])
            for row in range(len(rows)):
                for column in range(columns):
                    output[first + row, start + column] = products[row, column] + bias[start + column]


@part
def remember(projected: Floats, kind: int, keys: Floats, values: Floats, rows: Whole, places: Whole) -> None:
    """Keys and values of N pieces to where they belong.

    Args:
        projected: (N or more, K, H, D): ``kind`` says which of the K are the keys, and the next are the values.
        keys, values: (R, T, H, D), written: (N) at which of the R rows and T places each piece stands.
    """
    heads, depth = keys.shape[2:]
    for number in range(len(rows)):
        row, place = rows[number], places[number]
        for head in range(heads):
            for column in range(depth):
                keys[row, place, head, column] = projected[number, kind, head, column]
                values[row, place, head, column] = projected[number, kind + 1, head, column]


@part
def attend(
    queries: Floats, row: int, keys: Floats, values: Floats, rows: Whole, count: int, room: Room, answers: Floats
) -> None:
    """One row's attention: what its queries find among ``count`` keys and values.

    The heads take turns at each place, so that memory is read in one go; and loops go through slices, which numba knows
    to lie in one piece, as it does not of an index among four.

    Args:
        queries: (N, K, H, D) of each row first the queries, divided by √D already.
        keys, values: (R, T, H, D): at each place that of another of the R ``rows`` (count or more).
        answers: (N, 1, H, D), written.
    """
    heads, depth = keys.shape[2:]
    shares = room.shares[: heads * count]  # head after head
    for place in range(count):
        at_place = keys[rows[place], place]
        for head in range(heads):
            score, query, key = _ZERO, queries[row, 0, head], at_place[head]
            for column in range(depth):
                score += query[column] * key[column]
            shares[head * count + place] = score
    for head in range(heads):
        of_head = shares[head * count : (head + 1) * count]
        greatest = of_head[0]
        for place in range(1, count):
            greatest = max(greatest, of_head[place])
        for place in range(count):
            of_head[place] -= greatest
    exponentials(shares, room.powers)
    for head in range(heads):
        of_head, total = shares[head * count : (head + 1) * count], _ZERO
        for place in range(count):
            total += of_head[place]
        for place in range(count):
            of_head[place] /= total
    answers[row, 0, :] = _ZERO
    for place in range(count):
        at_place = values[rows[place], place]
        for head in range(heads):
            share, value, answer = shares[head * count + place], at_place[head], answers[row, 0, head]
            for column in range(depth):
                answer[column] += share * value[column]


@part
def feed_forward(
    input: Floats,
    weights: EncoderWeights | DecoderWeights,
    layer: int,
    activation: int,
    room: Room,
) -> None:
    """(N, W) to the ``update`` (N, W), by way of ``inner`` (N, F)."""
    inner = room.inner[: len(input)]
    multiply(input, weights.inner[layer], weights.inner_bias[layer], inner)
    _activate(inner, activation)
    multiply(inner, weights.outer[layer], weights.outer_bias[layer], room.update)


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
