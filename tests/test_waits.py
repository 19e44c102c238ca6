"""Where a training step waits for its device: each number that Python asks for empties a GPU's queue of work."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from congling.data.text.pair_batches import Batch, collate
from congling.equations.losses import TOKENS_AT_ONCE
from congling.learning.gradients import clip_gradient, mean_gradient
from congling.learning.optimizers import Optimizer
from congling.learning.parameters import FlatParameters
from congling.networks.transformer import Transformer

WAITING = ("aten._local_scalar_dense", "aten.nonzero.", "aten.masked_select", "aten.equal", "aten._unique")
LOSS, NORM, PADDING = 1, 1, 1  # the step's two numbers, and which places of the target are no padding
VOCABULARY = 31


class Waits(TorchDispatchMode):
    """Counts the operations after which the processor must know what the device has found."""

    def __init__(self) -> None:
        super().__init__()
        self.counted: Counter[str] = Counter()

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if str(function).startswith(WAITING):
            self.counted[str(function)] += 1
        return function(*args, **(kwargs or {}))


def batch_of(sentences: int, length: int) -> Batch:
    draw = np.random.default_rng(2)
    rows = draw.integers(2, VOCABULARY - 1, (sentences, length)).tolist()
    return collate(rows, rows, VOCABULARY - 1, VOCABULARY - 1)


@pytest.mark.parametrize("chunks", [1, 3])
def test_a_step_waits_for_few_numbers(chunks: int) -> None:
    """Guards a GPU's speed: a `float(…)` or a mask made of booleans in a layer would stop it at every layer."""
    torch.manual_seed(1)
    network = Transformer(
        VOCABULARY, VOCABULARY, width=6, heads=2, feed_forward=5, encoder_layers=3, decoder_layers=3, dropout=0.1
    ).train()
    parameters = FlatParameters(network, torch.bfloat16)
    optimizer = Optimizer(parameters, "adamw", momentum=0.0, betas=(0.9, 0.98))

    def loss(batch: Batch) -> tuple[Tensor, int]:
        return network.loss(batch, 0.1)

    batch = batch_of(chunks * TOKENS_AT_ONCE // 16, 15)  # with the end, 16 pieces each
    with Waits() as waits:
        mean_gradient(parameters, loss, [batch], "autograd")
        clip_gradient(parameters.gradient, 1.0)
        optimizer.step(1e-3)
        parameters.publish()
    assert 0 < waits.counted.total() <= LOSS + NORM + PADDING + chunks, waits.counted


class Heard:
    """Stands for a tensor on the CPU, of a machine with a GPU, and remembers what was asked of it."""

    device = torch.device("cpu")

    def __init__(self) -> None:
        self.asked: list[str] = []

    def pin_memory(self) -> Heard:
        self.asked.append("pin")
        return self

    def to(self, device: torch.device | str, non_blocking: bool = False) -> Heard:
        self.asked.append(f"to {device}, waiting: {not non_blocking}")
        return self


@pytest.mark.parametrize(
    ("device", "asked"), [("cuda", ["pin", "to cuda, waiting: False"]), ("cpu", ["to cpu, waiting: False"])]
)
def test_only_pinned_memory_is_copied_to_a_gpu(device: str, asked: list[str]) -> None:
    """Guards against `non_blocking` from memory that is not pinned, for which PyTorch waits, and pinning for a CPU."""
    tensors = [Heard() for _tensor in range(4)]
    moved = Batch(*tensors, 5, 7, 3).to(device)  # type: ignore[arg-type]
    assert [each.asked for each in tensors] == [asked] * 4
    assert (moved.source_tokens, moved.target_tokens, moved.sentences) == (5, 7, 3)
