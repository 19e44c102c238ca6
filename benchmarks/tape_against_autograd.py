"""The tape's backward pass against autograd's, on the default translation network: seconds, in one run.

Both walk the same plain formulas in float32 on the same Tatoeba batches; steps are taken by turns, and forward and
backward passes are timed apart. As a third, the training's own way: fused formulas with autograd.

    make benchmark-tape            (or: python benchmarks/tape_against_autograd.py --width 192)
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from benchmark import Figure, main
from tatoeba_batches import SOURCE_PIECES, TARGET_PIECES, tatoeba_batches
from torch import Tensor

from congling.data.text.pair_batches import Batch
from congling.equations.glass_box import glass_box
from congling.learning.backprop import Tape
from congling.networks.transformer import Transformer

Times = tuple[float, float]  # seconds of the forward and of the backward pass


def by_tape(network: Transformer, batch: Batch) -> Times:
    begun = time.perf_counter()
    with Tape(keep=False) as tape:
        loss, _ = network.loss(batch, 0.1)
    between = time.perf_counter()
    for parameter, gradient in tape.gradients(loss).items():
        parameter.grad = gradient
    return between - begun, time.perf_counter() - between


def by_autograd(network: Transformer, batch: Batch) -> Times:
    begun = time.perf_counter()
    with glass_box():
        loss, _ = network.loss(batch, 0.1)
    return _backward(network, loss, begun)


def fused(network: Transformer, batch: Batch) -> Times:
    begun = time.perf_counter()
    loss, _ = network.loss(batch, 0.1)
    return _backward(network, loss, begun)


def _backward(network: Transformer, loss: Tensor, begun: float) -> Times:
    between = time.perf_counter()
    for parameter in network.parameters():
        parameter.grad = None
    loss.backward()
    return between - begun, time.perf_counter() - between


WAYS: dict[str, Callable[[Transformer, Batch], Times]] = {
    "tape": by_tape,
    "autograd, plain formulas": by_autograd,
    "autograd, fused formulas": fused,
}


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--width", type=int, default=192)
    parser.add_argument("--batch-tokens", type=int, default=2048)
    parser.add_argument("--steps", type=int, default=9)


def measure(given: argparse.Namespace) -> tuple[list[Figure], dict[str, Any]]:
    torch.manual_seed(1)
    network = Transformer(
        SOURCE_PIECES, TARGET_PIECES, width=given.width, heads=4, feed_forward=4 * given.width, encoder_layers=3,
        decoder_layers=3, dropout=0.1, norm_first=True,
    ).train()  # fmt: skip
    batches = tatoeba_batches(given.batch_tokens, given.steps + 2)
    times: dict[str, list[Times]] = {name: [] for name in WAYS}
    for number, batch in enumerate(batches):
        for name, step in WAYS.items():
            taken = step(network, batch)
            if number >= 2:  # the first two warm up
                times[name].append(taken)
    medians = {name: [statistics.median(part) for part in zip(*taken, strict=True)] for name, taken in times.items()}
    details = {"width": given.width, "batch_tokens": given.batch_tokens, "seconds, forward and backward": medians}
    return [backward_ratio(times, other, medians) for other in list(WAYS)[1:]], details


def backward_ratio(times: dict[str, list[Times]], other: str, medians: dict[str, list[float]]) -> Figure:
    """The tape's backward pass over another one, pair by pair; the bar is for the same formulas."""
    ratio = statistics.median(ours[1] / theirs[1] for ours, theirs in zip(times["tape"], times[other], strict=True))
    note = f"{medians['tape'][1]:.3f} against {medians[other][1]:.3f} s, median of {len(times['tape'])} pairs"
    bar = "≤ 2" if "plain" in other else ""
    return Figure(f"time of the tape's backward pass / {other}", ratio, "×", bar, note)


if __name__ == "__main__":
    main(__doc__, arguments, measure)
