"""The activation functions by the names that options give them."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from congling.equations.activations import (
    exponential,
    gelu,
    identity,
    leaky_relu,
    relu,
    sigmoid,
    silu,
    sine,
    square,
    tanh,
)

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "identity": identity,
    "square": square,
    "sine": sine,
    "exponential": exponential,
    "relu": relu,
    "leaky-relu": leaky_relu,
    "sigmoid": sigmoid,
    "tanh": tanh,
    "gelu": gelu,
    "silu": silu,
}
