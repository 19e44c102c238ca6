"""Training speed against MarianMTModel and torch.nn.Transformer: target tokens a second, same sentences, in one run.

All train the same sizes (3+3 layers, 4 heads, feed-forward four times the width) on the same Tatoeba sentences with
dropout and AdamW; each way has a process of its own (some 10 GB for all), and steps are taken by turns, so that a
drifting machine slows all. Each peer runs in float32 and with autocast to bfloat16, Marian in bfloat16 throughout too,
and with the attention that it takes by itself (sdpa) and eager. Tokens are target tokens that are not padding, ends
included. Loading and tokenising are left out for all. Ours alone smooths labels, shares batches among threads, and
packs as many sentences at once as its trainer does. The peers get the sentences

- in batches of one length each, which is more than their own trainers do. They come in ever new shapes, for which
  oneDNN compiles kernels, so that all are gone through twice, by "new" shapes and by "known" ones; a long training is
  between the two;
- as Hugging Face's Seq2SeqTrainer draws batches by itself: equally many sentences each, 32, whatever their lengths,
  padded to the longest, which with the padding is about a budget of tokens such as ours; from the whole corpus;
- a few of one length each while another program keeps one processor busy; no bar speaks of that.

A large square product in bfloat16 takes part in the turns: it is the limit that our step's arithmetic (model_flops.py)
is held against.

    make benchmark-training          (or: python benchmarks/training_against_peers.py --widths 192 --batches 6)
"""

from __future__ import annotations

import argparse
import contextlib
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from apart import Apart, Make
from benchmark import Figure, main
from machine_limits import SquareProduct
from model_flops import training_flops
from tatoeba_batches import SOURCE_PIECES, TARGET_PIECES, IdRows, padded_batch, tatoeba_rows
from training_steps import Step, marian_step, our_batches, our_step, sizes_of, torch_step
from turns import by_turns, fastest, median_rate, median_ratio

from congling.data.text.packed_batches import BATCHES_AT_ONCE
from congling.data.text.pair_batches import Batch
from congling.tasks.translation.options import TranslationTraining

OURS = "congling"
DRAWN = "batches as Seq2SeqTrainer draws them"
PEERS, BARS = ("marian", "torch"), {"marian": "≥ 2"}
LIMITS = {f"limit {side}": side for side in (1024, 2048)}


@dataclass(frozen=True)
class Work:
    """A batch as the peers take it, one sentence a row, and one as our trainer lays the same sentences out."""

    padded: Batch
    ours: Batch

    def tokens(self, name: str) -> int:
        """Target tokens that a way takes at once."""
        return (self.ours if name == OURS else self.padded).target_tokens


def ways(width: int, batch_tokens: int) -> dict[str, Make[Work]]:
    """How everything that takes its turn is made, by name; a peer's names begin with the peer."""
    vocabularies = (SOURCE_PIECES, TARGET_PIECES)
    found: dict[str, Make[Work]] = {OURS: partial(on, "ours", our_step, width, *vocabularies, batch_tokens)}
    for precision in ("float32", "autocast", "bfloat16"):
        for attention in ("sdpa", "eager"):
            name = f"marian {precision} {attention}"
            found[name] = partial(on, "padded", marian_step, width, *vocabularies, precision, attention)
    for precision in ("float32", "autocast"):
        found[f"torch {precision}"] = partial(on, "padded", torch_step, width, *vocabularies, precision)
    return found | {name: partial(on_nothing, side) for name, side in LIMITS.items()}


def on(layout: str, make: Callable[..., Step], *given: Any) -> Callable[[Work], None]:
    """A step on the batches in one of the layouts of ``Work``."""
    torch.manual_seed(1)
    step = make(*given)

    def way(work: Work) -> None:
        step(getattr(work, layout))

    return way


def on_nothing(side: int) -> Callable[[Work], None]:
    """The large square product, whatever the batch is."""
    product = SquareProduct(torch.bfloat16, side)

    def way(_work: Work) -> None:
        product()

    return way


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--widths", type=int, nargs="+", default=[192, 256])
    parser.add_argument("--batch-tokens", type=int, default=TranslationTraining().batch_tokens)
    parser.add_argument("--batches", type=int, default=15)
    parser.add_argument("--warm-up", type=int, default=3)
    parser.add_argument("--drawn-sentences", type=int, default=32, help="in a batch as Seq2SeqTrainer draws it")
    parser.add_argument("--busy-batches", type=int, default=4, help="of the first width, with one processor busy")


def measure(given: argparse.Namespace) -> tuple[list[Figure], dict[str, Any]]:
    rows = tatoeba_rows(given.batch_tokens)
    ours = our_batches(rows[: max(given.batches, BATCHES_AT_ONCE)], given.batch_tokens)[: given.batches]
    alike, drawn = (layouts(each, ours) for each in (rows, drawn_at_random(rows, given.drawn_sentences)))
    work = alike + drawn
    figures, details = list[Figure](), dict[str, Any](batch_tokens=given.batch_tokens)
    for width in given.widths:
        makers = ways(width, given.batch_tokens)
        everything = {name: Apart(make, work, torch.get_num_threads()) for name, make in makers.items()}
        quiet, busy = contextlib.nullcontext(), one_processor_busy()
        few = given.warm_up + given.busy_batches if given.busy_batches and width == given.widths[0] else 0
        for case, numbers, beside in (
            ("new shapes", range(len(alike)), quiet),
            ("known shapes", range(len(alike)), quiet),
            (DRAWN, range(len(alike), len(work)), quiet),
            ("known shapes, one processor busy", range(min(few, len(alike))), busy),
        ):
            counted = [work[number] for number in numbers[given.warm_up :]]
            if not counted:
                continue
            with beside:
                seconds = by_turns(everything, numbers, given.warm_up)
            limit = max(median_rate([2 * side**3] * len(counted), seconds.pop(name)) for name, side in LIMITS.items())
            for name, taken in seconds.items():  # a target token
                seconds[name] = [one / each.tokens(name) for one, each in zip(taken, counted, strict=True)]
            rates = {name: median_rate([1.0] * len(counted), taken) for name, taken in seconds.items()}
            figures += against_peers(f"width {width}, {case}", seconds, rates, bars=BARS if beside is quiet else {})
            if beside is quiet and case != DRAWN:
                figures.append(against_limit(width, case, counted, seconds[OURS], limit))
            details[f"width {width}, {case}"] = {"target tokens/s": rates, "limit, GFLOP/s": limit / 1e9}
        for each in everything.values():
            each.end()
    return figures, details


def layouts(rows: list[tuple[IdRows, IdRows]], ours: list[Batch]) -> list[Work]:
    """Batches of the peers', one of ours beside each, as long as there are both."""
    return [Work(padded_batch(*each), packed) for each, packed in zip(rows, ours, strict=False)]


def drawn_at_random(rows: list[tuple[IdRows, IdRows]], sentences: int) -> list[tuple[IdRows, IdRows]]:
    """As many batches of so many of these sentences each, whatever their lengths."""
    pairs = [pair for batch in rows for pair in zip(*batch, strict=True)]
    order = np.random.default_rng(1).permutation(len(pairs))
    parts = [order[first : first + sentences] for first in range(0, len(pairs), sentences)][: len(rows)]
    return [([pairs[k][0] for k in part], [pairs[k][1] for k in part]) for part in parts]


@contextlib.contextmanager
def one_processor_busy() -> Iterator[None]:
    """Inside, another program computes all the time, with one thread."""
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as process:
        try:
            yield
        finally:
            process.kill()


def against_peers(
    case: str, seconds: dict[str, list[float]], rates: dict[str, float], bars: Mapping[str, str]
) -> list[Figure]:
    """Ours against the fastest way of each peer, and against what Marian's users get without choosing."""
    figures = [Figure(f"training, {case}: congling", rates[OURS], "target tokens/s")]
    pairs = f"median of {len(seconds[OURS])} pairs"
    for peer in PEERS:
        names = {"its fastest": [name for name in seconds if name.startswith(peer)]}
        if peer == "marian":
            names["its fastest with its own attention"] = [name for name in names["its fastest"] if "sdpa" in name]
        for which, among in names.items():
            best = fastest(seconds, among)
            what = f"training, {case}: congling / {best} ({which})"
            note = f"{rates[OURS]:,.0f} against {rates[best]:,.0f} target tokens/s, {pairs}"
            figures.append(Figure(what, median_ratio(seconds[best], seconds[OURS]), "×", bars.get(peer, ""), note))
    return figures


def against_limit(width: int, case: str, work: list[Work], seconds: list[float], limit: float) -> Figure:
    """The step's arithmetic a second, as a part of the limit. ``seconds`` are those of a target token."""
    sizes, padded = sizes_of(width, TARGET_PIECES), [each.padded for each in work]
    a_token = sum(training_flops(sizes, batch) for batch in padded) / sum(batch.target_tokens for batch in padded)
    reached = median_rate([a_token] * len(seconds), seconds)
    ours = [each.ours for each in work]
    note = f"{reached / 1e9:,.0f} of {limit / 1e9:,.0f} GFLOP/s; padding: of our places of the sources"
    note += f" {padding(ours, 'source'):.1%}, of the targets {padding(ours, 'target'):.1%};"
    note += f" of the peers' {padding(padded, 'source'):.1%} and {padding(padded, 'target'):.1%}"
    what = f"training, width {width}, {case}: model FLOPs / bfloat16 matrix-product rate"
    return Figure(what, 100 * reached / limit, "%", "≥ 50 %", note)


def padding(batches: list[Batch], side: str) -> float:
    """The part of the places in padded batches that hold no token."""
    filled = sum(getattr(batch, f"{side}_tokens") for batch in batches)
    places = {"source": [batch.source for batch in batches], "target": [batch.target_output for batch in batches]}
    return 1 - filled / sum(each.numel() for each in places[side])


if __name__ == "__main__":
    main(__doc__, arguments, measure)
