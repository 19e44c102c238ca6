"""What a search needs of a network: one target position at a time, for many hypotheses at once.

N rows are N hypotheses; V is the vocabulary. A network that offers ``Steps`` can be searched greedily, by beam or by
sampling, whatever it keeps between two positions: keys and values, a recurrent state, or the whole prefix.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from congling.equations.glass_box import scope, show

T = TypeVar("T")


class Steps(Protocol):
    """A network's way to continue hypotheses by one piece; the state between two steps is its own affair.

    A network without a source, as a language model is, takes a prompt in its place and writes on from it.
    """

    def start(self, source: Tensor, source_padding: Tensor) -> Any:
        """The state of one row for each sentence.

        Args:
            source: (B, S) int64 pieces.
            source_padding: (B, S) bool, True at padding.
        """

    def step(self, state: Any, last: Tensor) -> tuple[Tensor, Any]:
        """One position further: ``last`` (N,) int64 gives log-probabilities (N, V) and the new state.

        A network that never says padding, the last piece, may leave out its column.
        """

    def select(self, state: Any, rows: Tensor) -> Any:
        """The state of the given ``rows`` (M,) int64 of the old one: rows are dropped, repeated and reordered."""


def take_step(steps: Steps, state: Any, last: Tensor, position: int) -> tuple[Tensor, Any]:
    """``steps.step``, which a glass box sees under ``step.<position>``; the first position is 0."""
    with scope(f"step.{position}"):
        log_probabilities, state = steps.step(state, last)
        show("log_probabilities", log_probabilities)  # (N, V)
    return log_probabilities, state


def compiled_search(
    steps: Steps, search: Callable[[], Callable[..., T]], source: Tensor, source_padding: Tensor, most: int
) -> Callable[..., T] | None:
    """A whole search as one compiled function, where the network has had so much to do that this pays by now.

    Args:
        search: imports the function, which is given what the network has read as its first argument.
        most: the greatest number of pieces of any sentence.

    Returns:
        The function, which has read the source.
    """
    read = getattr(steps, "read_for", None)
    decoder = None if read is None else read(search, source, source_padding, most)
    return None if decoder is None else functools.partial(search(), decoder)


def select_rows(steps: Steps, state: Any, rows: NDArray[np.int64], count: int, device: torch.device) -> Any:
    """``steps.select``, which copies the whole state, left out where the ``count`` rows stay as they are."""
    if np.array_equal(rows, np.arange(count)):
        return state
    return steps.select(state, torch.from_numpy(rows).to(device))
