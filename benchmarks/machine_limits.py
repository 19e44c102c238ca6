"""What the machine can do at most: matrix products in float32 and bfloat16, and copying.

- a large square product, the best of several sizes: the limit that other benchmarks are held against.
- the products of a Transformer's training step in their own sizes, one after the other, forward and backward, with
  nothing between them: how much of the limit these sizes leave.
- copying a vector that no cache holds: bytes read and written, a second.

    make benchmark-limits            (or: python benchmarks/machine_limits.py --rounds 9)
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from benchmark import Figure, main
from model_flops import Product, TransformerSizes, forward_products
from torch import Tensor

SIDES = (1024, 2048)
COPIED = 64 * 2**20  # float32 numbers
TYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
SENTENCES, SOURCE, TARGET = 180, 11, 11  # a batch of Tatoeba of 2,048 tokens at most


class SquareProduct:
    """A product of two square matrices, to be done again and again."""

    def __init__(self, dtype: torch.dtype, side: int) -> None:
        self.first, self.second = (torch.randn(side, side).to(dtype) for _factor in range(2))
        self.flops = 2 * side**3

    def __call__(self, _work: object = None) -> Tensor:
        return torch.matmul(self.first, self.second)


class StepProducts:
    """All products of a training step in their own sizes: each forward, and backward for either factor."""

    def __init__(self, dtype: torch.dtype, sizes: TransformerSizes) -> None:
        products = list(forward_products(sizes, SENTENCES, SOURCE, TARGET))
        self.factors = [(product.layers, *_factors(product, dtype)) for product in products]
        self.flops = 2 * 3 * sum(product.multiply_adds for product in products)

    def __call__(self) -> None:
        for layers, first, second, outcome in self.factors:
            for _layer in range(layers):
                torch.matmul(first, second)
                torch.matmul(outcome, second.transpose(-1, -2))
                torch.matmul(first.transpose(-1, -2), outcome)


def _factors(product: Product, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    batch = (product.batch,) if product.batch > 1 else ()
    first = torch.randn(*batch, product.rows, product.inner).to(dtype)
    second = torch.randn(*batch, product.columns, product.inner).to(dtype).transpose(-1, -2)  # as weights lie
    return first, second, torch.randn(*batch, product.rows, product.columns).to(dtype)


def rate(work: Callable[[], object], amount: float, rounds: int) -> float:
    """The median of the amount a second, after one round that does not count."""
    work()
    taken = []
    for _round in range(rounds):
        begun = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begun)
    return amount / statistics.median(taken)


def square_rate(dtype: torch.dtype, rounds: int) -> float:
    """FLOP/s of the large square product, at the side that suits the machine best."""
    return max(rate(product, product.flops, rounds) for product in (SquareProduct(dtype, side) for side in SIDES))


def copy_rate(rounds: int) -> float:
    """Bytes a second, those read and those written."""
    source = torch.ones(COPIED)
    target = torch.empty_like(source)
    return rate(lambda: target.copy_(source), 2 * source.nbytes, rounds)


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--widths", type=int, nargs="+", default=[192, 256])


@torch.no_grad()
def measure(given: argparse.Namespace) -> tuple[list[Figure], dict[str, Any]]:
    figures = []
    for name, dtype in TYPES.items():
        limit = square_rate(dtype, given.rounds)
        figures.append(Figure(f"matrix product, {name}, large and square", limit / 1e9, "GFLOP/s"))
        for width in given.widths:
            step = StepProducts(dtype, TransformerSizes(width, 4 * width, 3, 3, 4, 3999))
            reached = rate(step, step.flops, given.rounds)
            what = f"matrix products of a 3+3 Transformer's step, width {width}, {name}"
            figures.append(Figure(what, reached / 1e9, "GFLOP/s", note=f"{reached / limit:.0%} of the square's"))
    figures.append(Figure("copying 256 MB", copy_rate(given.rounds) / 1e9, "GB/s", note="read and written"))
    return figures, {"sides": SIDES, "sentences": SENTENCES, "source": SOURCE, "target": TARGET}


if __name__ == "__main__":
    main(__doc__, arguments, measure)
