"""The sums of exponentials of a softmax, and the largest of many numbers, as parts of compiled functions.

All numbers are float32. Loops count by index, because a loop over the array itself is not vectorised.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from congling.equations.compiling import part

Floats = NDArray[np.float32]
Powers = NDArray[np.int32]

_ZERO, _HALF, _ONE = np.float32(0), np.float32(0.5), np.float32(1)
_LEAST, _LOG2_OF_E = np.float32(-87), np.float32(math.log2(math.e))  # below −87, e^x is no ordinary float32
_LOG_2_BEGINS, _LOG_2_GOES_ON = np.float32(0.693359375), np.float32(math.log(2) - 0.693359375)
_C3, _C4, _C5, _C6, _C7 = (
    np.float32(number) for number in (1.6666665e-1, 4.1665796e-2, 8.3334519e-3, 1.3981999507e-3, 1.9875691500e-4)
)
_LANES = 64


@part
def log_sum_of_exponentials(numbers: Floats, powers: Powers) -> np.float32:
    """log Σ e^x over the numbers x, (V); ``powers`` (V or more) is room."""
    greatest, powers = largest(numbers), powers[: len(numbers)]
    _powers_of_two(numbers, greatest, powers)
    log_sum: np.float32 = greatest + np.float32(
        math.log(_sum_of_exponentials(numbers, greatest, powers.view(np.float32)))
    )
    return log_sum


@part
def log_softmax(rows: Floats, powers: Powers) -> None:
    """log softmax of each row (N, V), in place; ``powers`` (V or more) is room."""
    for row in range(len(rows)):
        numbers = rows[row]
        log_sum = log_sum_of_exponentials(numbers, powers)
        for place in range(len(numbers)):
            numbers[place] -= log_sum


@part
def exponentials(numbers: Floats, powers: Powers) -> None:
    """e^x of each number x, (V), in place; ``powers`` (V or more) is room."""
    powers = powers[: len(numbers)]
    _powers_of_two(numbers, _ZERO, powers)
    of_two = powers.view(np.float32)
    for place in range(len(numbers)):
        numbers[place] = _exponential(numbers[place], of_two[place])


@part
def largest(numbers: Floats) -> np.float32:
    """The largest of them, but for NaN; of lines of 64 the largest in each column first, by vector instructions."""
    lanes = np.empty(_LANES, np.float32)
    for lane in range(_LANES):
        lanes[lane] = -np.inf
    lines = len(numbers) // _LANES
    for line in range(lines):
        for lane in range(_LANES):
            lanes[lane] = max(lanes[lane], numbers[line * _LANES + lane])
    greatest: np.float32 = lanes[0]
    for number in lanes:
        greatest = max(greatest, number)
    for number in numbers[lines * _LANES :]:
        greatest = max(greatest, number)
    return greatest


@part
def first(numbers: Floats, number: np.float32) -> int:
    """Where a number comes first, or 0 where it does not; lines of 64 without it are passed by vector instructions."""
    for line in range(0, len(numbers), _LANES):
        there = 0
        for place in range(line, min(line + _LANES, len(numbers))):
            there += numbers[place] == number
        if there:
            for place in range(line, len(numbers)):
                if numbers[place] == number:
                    return place
    return 0


@part
def _powers_of_two(numbers: Floats, greatest: np.float32, powers: Powers) -> None:
    """The bits of 2^n, where e^x = 2^n e^r for each x = number − ``greatest``, n is whole and |r| ≤ ½ log 2."""
    for place in range(len(numbers)):
        power = np.floor(max(numbers[place] - greatest, _LEAST) * _LOG2_OF_E + _HALF)
        powers[place] = (np.int32(power) + np.int32(127)) << np.int32(23)


@part
def _sum_of_exponentials(numbers: Floats, greatest: np.float32, powers: Floats) -> np.float32:
    """Σ e^x with each x = number − ``greatest``."""
    total = _ZERO
    for place in range(len(numbers)):
        total += _exponential(numbers[place] - greatest, powers[place])
    return total


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
