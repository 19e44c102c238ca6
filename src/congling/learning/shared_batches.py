"""Several threads share each batch: data parallelism within one process.

An operation that threads share ends when the slowest of them ends, some thousand times a step; and small operations are
over before a second thread has begun. Here each thread takes some rows of the batch through the whole network and back
alone, with a copy of the network that computes with the same values and leaves gradients of its own. They meet once a
step: the gradient of a sum is the sum of the gradients.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

from congling.equations.random_numbers import drawing_from
from congling.learning.gradients import by_autograd
from congling.learning.parameters import FlatParameters
from congling.learning.threads import Workers

B = TypeVar("B")


@dataclass(frozen=True)
class Sharing(Generic[B]):
    """How a batch can be shared.

    Attributes:
        split: a batch into so many parts, or fewer where there are not enough rows; their losses and counts must add up
            to those of the batch.
        loss: of a part, as a sum over its tokens or examples, and their count, by the network that is given.
        most: parts; with more of them each would be too small to be worth a thread.
    """

    split: Callable[[B, int], Sequence[B]]
    loss: Callable[[Any, B], tuple[Tensor, int]]
    most: int


class SharedBatches(Generic[B]):
    """Differentiates batches on several threads.

    Args:
        parameters: of the network; what a batch leaves is to be had from ``parameters.collect``.
        count: of threads, each with a copy of the network.
        threads: that each of these computes with.
    """

    def __init__(
        self, network: nn.Module, parameters: FlatParameters, sharing: Sharing[B], count: int, threads: int
    ) -> None:
        copies = [copy.deepcopy(network) for _copy in range(count - 1)]
        for twin in copies:
            parameters.share(twin)
        self.networks, self.sharing = [network, *copies], sharing
        self.generators = [torch.Generator() for _network in self.networks]
        self.workers = Workers(count, threads)

    def differentiate(self, batch: B) -> tuple[float, int]:
        """Leave the gradients of a batch; returns its loss, as a sum, and its count.

        Each part draws random numbers from a generator that is seeded from PyTorch's own: with the same number of
        threads a training repeats, and goes on from a checkpoint as if nothing had happened.
        """
        parts = self.sharing.split(batch, len(self.networks))
        for network in self.networks[1:]:
            network.train(self.networks[0].training)
        seeds: list[int] = torch.randint(2**62, (len(parts),)).tolist()
        found = self.workers.map(self._one, list(zip(range(len(parts)), parts, seeds, strict=True)))
        return sum(loss for loss, _count in found), sum(count for _loss, count in found)

    def _one(self, part: tuple[int, B, int]) -> tuple[float, int]:
        number, rows, seed = part
        with drawing_from(self.generators[number].manual_seed(seed)):
            return by_autograd(lambda given: self.sharing.loss(self.networks[number], given), rows)


def shared_batches(
    network: nn.Module, parameters: FlatParameters, sharing: Sharing[B], threads: int
) -> SharedBatches[B] | None:
    """Batches shared by as many of the threads as is worth it, if these are several; the others help them."""
    count = min(threads, sharing.most)
    return SharedBatches(network, parameters, sharing, count, threads // count) if count > 1 else None
