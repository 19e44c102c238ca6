"""A Transformer that translates, compiled: reading sources, and writing one piece, each one walk over all weights.

An operation of PyTorch takes microseconds before it starts, and its threads wait for each other at its end: with few
rows that is longer than the work. Here one thread does all of it, and what is calculated on the way stays in the
nearest cache; other sentences are another thread's. What is calculated: ``transformer_layers``.

Matrices are cut into panels of ``PANEL`` outputs, and rows into groups, so that each product is small: OpenBLAS, which
numba's ``np.dot`` is, multiplies small matrices as they lie, at nearly all that a core can do.

All of it stands in one file, because numba keeps its machine code for as long as the file of the called function stays
the same, whatever becomes of others.

N rows: hypotheses, or pieces of sources · B sentences · S source length · L layers · W width · F inner width · H heads
V vocabulary, padding included · I inputs · O outputs · P panels of C outputs. All numbers are float32.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from congling.equations.compiling import part, whole

if TYPE_CHECKING:
    from congling.networks.prepared_compiled import DecoderWeights, EncoderWeights

Floats = NDArray[np.float32]
Whole = NDArray[np.int64]

_ZERO, _HALF, _ONE, _EPSILON = np.float32(0), np.float32(0.5), np.float32(1), np.float32(1e-5)
_ROOT_OF_HALF = np.float32(math.sqrt(0.5))
_RELU, _GELU = 0, 1  # and 2 for silu
_LEAST, _LOG2_OF_E = np.float32(-87), np.float32(math.log2(math.e))  # below −87, e^x is no ordinary float32
_LOG_2_BEGINS, _LOG_2_GOES_ON = np.float32(0.693359375), np.float32(math.log(2) - 0.693359375)
_C3, _C4, _C5, _C6, _C7 = (
    np.float32(number) for number in (1.6666665e-1, 4.1665796e-2, 8.3334519e-3, 1.3981999507e-3, 1.9875691500e-4)
)
_LANES = 64
PANEL, GROUP = 64, 16  # outputs and rows of one product
_SMALL = 1_000_000  # multiplications of a product that OpenBLAS takes for a small one


@whole
def read(
    weights: EncoderWeights,
    heads: int,
    norm_first: bool,
    activation: int,
    source: Whole,
    lengths: Whole,
    positions: Floats,
    memory: Floats,
) -> None:
    """Read sources, and leave in ``memory`` (L, 2, B, S, W) what the decoder's layers will look at.

    Args:
        activation: 0 relu, 1 gelu, 2 silu.
        source: (B, S) pieces, padding at the end; ``lengths`` (B) how many of the S places each sentence fills.
        positions: (S or more, W).
        memory: keys and values for each layer of the decoder, written; what stands at padding is left as it is.
    """
    count, width = lengths.sum(), weights.table.shape[1]
    rows, inner = np.empty((count, width), np.float32), np.empty((count, weights.inner_bias.shape[1]), np.float32)
    normed, answers = np.empty((count, width), np.float32), np.empty((count, width), np.float32)
    projected, update = np.empty((count, 3 * width), np.float32), np.empty((count, width), np.float32)
    looking = _looking(heads, width, source.shape[1])
    sentences, places = np.empty(count, np.int64), np.empty(count, np.int64)
    row = 0
    for sentence in range(len(source)):
        for place in range(lengths[sentence]):
            sentences[row], places[row] = sentence, place
            for column in range(width):
                rows[row, column] = weights.table[source[sentence, place], column] + positions[place, column]
            row += 1
    seen = np.empty(memory.shape[1:], np.float32)  # (2, B, S, W) this layer's own keys and values
    for layer in range(len(weights.input)):
        asking = _before(rows, weights, 2 * layer, norm_first, normed)
        _multiply(asking, weights.input[layer], weights.input_bias[layer], projected)
        for row in range(count):
            keys, values = seen[0, sentences[row], places[row]], seen[1, sentences[row], places[row]]
            _remember(projected[row, width:], keys, values)
        for row in range(count):
            sentence = sentences[row]
            _attend(projected[row], seen[0, sentence], seen[1, sentence], lengths[sentence], looking, answers[row])
        _multiply(answers, weights.output[layer], weights.output_bias[layer], update)
        _after(rows, update, weights, 2 * layer, norm_first)

        entering = _before(rows, weights, 2 * layer + 1, norm_first, normed)
        _feed_forward(entering, weights, layer, activation, inner, update)
        _after(rows, update, weights, 2 * layer + 1, norm_first)
    if len(weights.last_gain):
        _normalise(rows, weights.last_gain, weights.last_shift)
    remembered = np.empty((count, len(weights.memory_bias)), np.float32)  # (N, 2LW)
    _multiply(rows, weights.memory, weights.memory_bias, remembered)
    for row in range(count):
        for layer in range(len(memory)):
            keys, values = memory[layer, 0, sentences[row], places[row]], memory[layer, 1, sentences[row], places[row]]
            _remember(remembered[row, 2 * width * layer :], keys, values)


@whole
def write(
    weights: DecoderWeights,
    heads: int,
    norm_first: bool,
    activation: int,
    last: Whole,
    position: int,
    positions: Floats,
    past: Floats,
    ancestors: Whole,
    memory: Floats,
    sentences: Whole,
    lengths: Whole,
    log_probabilities: Floats,
) -> None:
    """How likely each piece would come next, into ``log_probabilities`` (N, V − 1).

    What a hypothesis wrote stays where it was written when hypotheses change places; ``ancestors`` says where.

    Args:
        activation: 0 relu, 1 gelu, 2 silu.
        last: (N) each row's last piece.
        position: how many positions of ``past`` are filled; the next one is written, and noted in ``ancestors``.
        positions: (more than ``position``, W).
        past: (L, 2, room, N or more, W) keys and values.
        ancestors: (N, room) the row of ``past`` at each position that a hypothesis goes back to.
        memory: (L, 2, B, S, W) keys and values of the source.
        sentences: (N) which of the B a row looks at; ``lengths`` (B) how many of the S places each of them fills.
    """
    count, width = len(last), weights.table.shape[1]
    rows, inner = np.empty((count, width), np.float32), np.empty((count, weights.inner_bias.shape[1]), np.float32)
    normed, answers = np.empty((count, width), np.float32), np.empty((count, width), np.float32)
    projected, update = np.empty((count, 3 * width), np.float32), np.empty((count, width), np.float32)
    looking = _looking(heads, width, max(position + 1, memory.shape[3]))
    seen = np.empty((2, position + 1, width), np.float32)  # one row's keys and values
    for row in range(count):
        ancestors[row, position] = row
        for column in range(width):
            rows[row, column] = weights.table[last[row], column] + positions[position, column]
    for layer in range(len(weights.input)):
        asking = _before(rows, weights, 3 * layer, norm_first, normed)
        _multiply(asking, weights.input[layer], weights.input_bias[layer], projected)
        for row in range(count):
            _remember(projected[row, width:], past[layer, 0, position, row], past[layer, 1, position, row])
        for row in range(count):
            _collect(past[layer], ancestors[row], seen)
            _attend(projected[row], seen[0], seen[1], position + 1, looking, answers[row])
        _multiply(answers, weights.output[layer], weights.output_bias[layer], update)
        _after(rows, update, weights, 3 * layer, norm_first)

        asking = _before(rows, weights, 3 * layer + 1, norm_first, normed)
        _multiply(asking, weights.cross_query[layer], weights.cross_query_bias[layer], update)
        for row in range(count):
            sentence = sentences[row]
            keys, values = memory[layer, 0, sentence], memory[layer, 1, sentence]
            _attend(update[row], keys, values, lengths[sentence], looking, answers[row])
        _multiply(answers, weights.cross_output[layer], weights.cross_output_bias[layer], update)
        _after(rows, update, weights, 3 * layer + 1, norm_first)

        entering = _before(rows, weights, 3 * layer + 2, norm_first, normed)
        _feed_forward(entering, weights, layer, activation, inner, update)
        _after(rows, update, weights, 3 * layer + 2, norm_first)
    if len(weights.last_gain):
        _normalise(rows, weights.last_gain, weights.last_shift)
    _multiply(rows, weights.projection, weights.projection_bias, log_probabilities)
    _log_softmax(log_probabilities)


@part
def _collect(past: Floats, ancestors: Whole, seen: Floats) -> None:
    """Bring what a row's ancestors wrote into ``past`` (2, room, N, W) together: (2, positions, W)."""
    kinds, positions, width = seen.shape
    for kind in range(kinds):
        for position in range(positions):
            written, place = past[kind, position, ancestors[position]], seen[kind, position]
            for column in range(width):
                place[column] = written[column]


@part
def _before(
    rows: Floats, weights: EncoderWeights | DecoderWeights, norm: int, norm_first: bool, normed: Floats
) -> Floats:
    """What a sub-layer is given, (N, W): the rows, normalised where that comes first."""
    if not norm_first:
        return rows
    normed[:] = rows
    _normalise(normed, weights.gains[norm], weights.shifts[norm])
    return normed


@part
def _after(rows: Floats, update: Floats, weights: EncoderWeights | DecoderWeights, norm: int, norm_first: bool) -> None:
    """Add what a sub-layer found to the rows, (N, W); normalise the sum where that comes last."""
    for row in range(len(rows)):
        for column in range(rows.shape[1]):
            rows[row, column] += update[row, column]
    if not norm_first:
        _normalise(rows, weights.gains[norm], weights.shifts[norm])


@part
def _normalise(rows: Floats, gain: Floats, shift: Floats) -> None:
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
def _multiply(input: Floats, weight: Floats, bias: Floats, output: Floats) -> None:
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
def _remember(projected: Floats, keys: Floats, values: Floats) -> None:
    """A row's newest keys and values, the first 2W of the numbers given, to where they belong, (W) each."""
    width = len(keys)
    for column in range(width):
        keys[column], values[column] = projected[column], projected[width + column]


class _Looking(NamedTuple):
    """Room for one row's attention to as many as T places."""

    queries: Floats  # (H, W): in each line the query of one head, at its own columns, and zeros elsewhere
    shares: Floats  # (HT)
    powers: NDArray[np.int32]  # (HT)
    answers: Floats  # (H, W)


@part
def _looking(heads: int, width: int, places: int) -> _Looking:
    queries, answers = np.zeros((heads, width), np.float32), np.empty((heads, width), np.float32)
    return _Looking(queries, np.empty(heads * places, np.float32), np.empty(heads * places, np.int32), answers)


@part
def _attend(query: Floats, keys: Floats, values: Floats, count: int, looking: _Looking, answer: Floats) -> None:
    """One row's attention: what the heads' queries find among the first ``count`` keys and values.

    Two products for all heads, most of whose work is zeros and columns of other heads, begin and end in less time than
    two small ones for each head.

    Args:
        query: (W) or more, divided by √D already.
        keys, values: (places, W).
        answer: (W), written.
    """
    heads, width = looking.queries.shape
    depth = width // heads
    for head in range(heads):
        for column in range(head * depth, (head + 1) * depth):
            looking.queries[head, column] = query[column]
    flat, powers = looking.shares[: heads * count], looking.powers[: heads * count]
    shares = flat.reshape(heads, count)
    np.dot(looking.queries, keys[:count].T, shares)
    for head in range(heads):
        largest = shares[head, 0]
        for place in range(1, count):
            largest = max(largest, shares[head, place])
        for place in range(count):
            shares[head, place] -= largest
    _powers_of_two(flat, _ZERO, powers)
    _exponentials(flat, powers.view(np.float32))
    np.dot(shares, values[:count], looking.answers)
    for head in range(heads):
        total = _ZERO
        for place in range(count):
            total += shares[head, place]
        for column in range(head * depth, (head + 1) * depth):
            answer[column] = looking.answers[head, column] / total


@part
def _feed_forward(
    input: Floats,
    weights: EncoderWeights | DecoderWeights,
    layer: int,
    activation: int,
    inner: Floats,
    output: Floats,
) -> None:
    """(N, W) to (N, W) by way of ``inner`` (N, F)."""
    _multiply(input, weights.inner[layer], weights.inner_bias[layer], inner)
    _activate(inner, activation)
    _multiply(inner, weights.outer[layer], weights.outer_bias[layer], output)


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


@part
def _log_softmax(rows: Floats) -> None:
    """Logits (N, V) to log-probabilities, in place: minus the logarithm of the sum of all exponentials."""
    powers = np.empty(rows.shape[1], np.int32)
    for number in range(len(rows)):
        row = rows[number]
        largest = _largest(row)
        _powers_of_two(row, largest, powers)
        log_sum = largest + np.float32(math.log(_sum_of_exponentials(row, largest, powers.view(np.float32))))
        for place in range(len(row)):
            row[place] -= log_sum


@part
def _powers_of_two(numbers: Floats, largest: np.float32, powers: NDArray[np.int32]) -> None:
    """The bits of 2^n, where e^x = 2^n e^r for each x = number − ``largest``, n is whole and |r| ≤ ½ log 2."""
    for place in range(len(numbers)):
        power = np.floor(max(numbers[place] - largest, _LEAST) * _LOG2_OF_E + _HALF)
        powers[place] = (np.int32(power) + np.int32(127)) << np.int32(23)


@part
def _sum_of_exponentials(numbers: Floats, largest: np.float32, powers: Floats) -> np.float32:
    """Σ e^x with each x = number − ``largest``."""
    total = _ZERO
    for place in range(len(numbers)):
        total += _exponential(numbers[place] - largest, powers[place])
    return total


@part
def _exponentials(numbers: Floats, powers: Floats) -> None:
    """e^x of each number x, in place."""
    for place in range(len(numbers)):
        numbers[place] = _exponential(numbers[place], powers[place])


@part
def _exponential(number: np.float32, power_of_two: np.float32) -> np.float32:
    """e^x = 2^n e^r, with e^r by the polynomial of Cephes' ``expf``, off by 1e-7 at most.

    Additions and products alone become vector instructions, as a call of ``exp`` does not.
    """
    number = max(number, _LEAST)
    power = np.floor(number * _LOG2_OF_E + _HALF)
    rest = number - power * _LOG_2_BEGINS - power * _LOG_2_GOES_ON
    polynomial = ((((_C7 * rest + _C6) * rest + _C5) * rest + _C4) * rest + _C3) * rest + _HALF
    result: np.float32 = (polynomial * rest * rest + rest + _ONE) * power_of_two
    return result


@part
def _largest(numbers: Floats) -> np.float32:
    """The largest of them; of lines of 64 the largest in each column first, by vector instructions."""
    lanes = np.empty(_LANES, np.float32)
    for lane in range(_LANES):
        lanes[lane] = -np.inf
    lines = len(numbers) // _LANES
    for line in range(lines):
        for lane in range(_LANES):
            lanes[lane] = max(lanes[lane], numbers[line * _LANES + lane])
    largest: np.float32 = lanes[0]
    for number in lanes:
        largest = max(largest, number)
    for number in numbers[lines * _LANES :]:
        largest = max(largest, number)
    return largest
