"""The gradient of a step: of the mean loss over its batches, by PyTorch's autograd or by the tape, and of penalties."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import Tensor

from congling.equations.penalties import l1_gradient, l2_gradient
from congling.learning.backprop import Tape
from congling.learning.options import Backprop
from congling.learning.parameters import FlatParameters

if TYPE_CHECKING:  # it differentiates parts of a batch by what is here
    from congling.learning.shared_batches import SharedBatches

B = TypeVar("B")
Loss = Callable[[B], tuple[Tensor, int]]  # a sum over the batch's tokens or examples, and their count


@dataclass(frozen=True)
class MeanLoss:
    """What a step's batches gave: their mean loss, its count of tokens or examples, and the first fault, if known."""

    value: float
    count: int
    fault: str | None = None


def mean_gradient(
    parameters: FlatParameters,
    loss: Loss[B],
    batches: Iterable[B],
    backprop: Backprop,
    shared: SharedBatches[B] | None = None,
) -> MeanLoss:
    """Leave the gradient of the mean loss over all batches in ``parameters.gradient``; returns that loss.

    Sums and counts add up exactly over batches, so that two halves give what the whole would have given. Where batches
    are ``shared``, that is how they are differentiated.
    """
    parameters.clear()
    total, counted, fault = 0.0, 0, None
    for batch in batches:
        if shared is not None:
            value, count = shared.differentiate(batch)
        elif backprop == "tape":
            value, count, found = _by_tape(loss, batch)
            fault = fault or found
        else:
            value, count = by_autograd(loss, batch)
        parameters.collect()
        total, counted = total + value, counted + count
    parameters.gradient /= counted
    return MeanLoss(total / counted, counted, fault)


def by_autograd(loss: Loss[B], batch: B) -> tuple[float, int]:
    """Add the batch's gradients to those of the parameters; returns its loss, as a sum, and its count."""
    value, count = loss(batch)
    value.backward()  # type: ignore[no-untyped-call]
    return float(value.detach()), count


def _by_tape(loss: Loss[B], batch: B) -> tuple[float, int, str | None]:
    with Tape(keep=False) as tape:
        value, count = loss(batch)
    finite = bool(value.isfinite())
    for leaf, gradient in tape.gradients(value).items():
        finite = finite and bool(gradient.isfinite().all())
        if leaf.grad is not None:  # an input that wants a gradient is a leaf too, but no parameter
            leaf.grad += gradient
    return float(value), count, None if finite else _fault(tape, value)


def _fault(tape: Tape, loss: Tensor) -> str | None:
    """Which operation made the first number that is not finite, in words."""
    tape.keep = True  # only now is it worth the memory
    tape.gradients(loss)
    found = tape.first_non_finite()
    return None if found is None else str(found)


@torch.no_grad()
def add_penalties(parameters: FlatParameters, l1: float, l2: float) -> None:
    """Add the gradients of the penalties on all matrices; biases and the gains of norms are left alone."""
    matrices = slice(0, parameters.matrices)
    weights, gradient = parameters.master[matrices], parameters.gradient[matrices]
    if l1:
        gradient += l1_gradient(weights, l1)
    if l2:
        gradient += l2_gradient(weights, l2)


@torch.no_grad()
def clip_gradient(gradient: Tensor, largest: float | None) -> float:
    """Shorten the gradient vector to the length ``largest`` if it is longer: Pascanu et al. 2013, algorithm 1.

    Returns the length it had.
    """
    length = float(torch.linalg.vector_norm(gradient))
    if largest and length > largest:
        gradient *= largest / length
    return length
