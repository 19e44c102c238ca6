"""The tape's backward pass against autograd's, on the default translation network: seconds, in one run.

Both walk the same plain formulas in float32 on the same Tatoeba batches; steps are taken by turns, and forward and
backward passes are timed apart. As a third, the training's own way: fused formulas with autograd.

    make benchmark-tape            (or: python benchmarks/tape_against_autograd.py --width 192)
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable

import torch
from tatoeba_batches import SOURCE_PIECES, TARGET_PIECES, tatoeba_batches
from torch import Tensor

from congling.data.text.pair_batches import Batch
from congling.equations.glass_box import glass_box
from congling.learning.backprop import Tape
from congling.learning.memory import settle_memory
from congling.learning.threads import use_threads
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--width", type=int, default=192)
    parser.add_argument("--batch-tokens", type=int, default=2048)
    parser.add_argument("--steps", type=int, default=9)
    parser.add_argument("--threads", type=int, default=None)
    given = parser.parse_args()
    settle_memory()
    use_threads(given.threads)
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
    report(times, given.width, given.batch_tokens)


def report(times: dict[str, list[Times]], width: int, batch_tokens: int) -> None:
    """The medians, and the tape's backward pass over autograd's, pair by pair."""
    medians = {name: [statistics.median(part) for part in zip(*taken, strict=True)] for name, taken in times.items()}
    pairs = zip(times["tape"], times["autograd, plain formulas"], strict=True)
    ratio = statistics.median(ours[1] / theirs[1] for ours, theirs in pairs)
    for name, (forward, backward) in medians.items():
        print(f"{name:26} forward {forward:7.3f} s   backward {backward:7.3f} s")
    print(f"the tape's backward pass takes {ratio:.2f} of autograd's time, over the same plain formulas")
    record = {
        "machine": platform.processor() or platform.machine(), "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "width": width, "batch_tokens": batch_tokens, "pairs": len(times["tape"]), "seconds": medians, "ratio": ratio,
    }  # fmt: skip
    print(json.dumps(record))


if __name__ == "__main__":
    main()
