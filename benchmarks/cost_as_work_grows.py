"""How cost grows with the work: training time and memory against the corpus, decoding time against the length.

- Corpus: a tenth, three tenths and all of Tatoeba, shuffled, each through `congling train translation` in a process of
  its own: two vocabularies, tokenising, one epoch of a small network, validation. Seconds before the first step and
  seconds of the epoch. Then each again with fifty steps, for the peak of resident memory: it must not be mixed up with
  what a longer training takes, whose batches come in ever new shapes, until all have come. Synthetic corpora of up to
  ten times that size follow.
- Decoding: a translator of the default sizes with random weights, which may not end before its time: sources of so
  many pieces, as many pieces written, greedily and by a beam of 5.

Each curve is drawn, and its exponent k in cost ∝ sizeᵏ fitted: 1 is linear, 0 is flat.

    python benchmarks/cost_as_work_grows.py          (or: … --lengths 8 16 32 --rounds 3 --figure /tmp/cost.svg)
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shlex
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from benchmark import Figure, main
from curves import Curve, Panel, svg
from memory_of_five_million_pairs import write_language
from tatoeba_batches import SOURCE_PIECES, TARGET_PIECES

from congling.data.sources import fetch, find_source
from congling.data.text.pair_readers import read_tatoeba
from congling.decoding.beam import beam_search
from congling.decoding.greedy import greedy_search
from congling.learning.threads import threads_for
from congling.networks.prepared_transformer import PreparedTransformer
from congling.networks.transformer import Transformer
from congling.tasks.translation.network_options import NetworkOptions
from congling.tasks.translation.translator import build_network

PICTURE = Path(__file__).parent.parent / "docs" / "cost_as_work_grows.svg"
SHARES = (0.1, 0.3, 1.0)
SYNTHETIC = (50_000, 150_000, 500_000)
SMALL = """
    --width 64 --heads 2 --feed-forward 128 --encoder-layers 1 --decoder-layers 1 --validations 1 --valid-size 100
    --test-size 100
"""
FEW_STEPS = "--steps 50"
LINEAR, FLAT = "≤ 1.15", "≤ 0.15"  # bars of exponents


@dataclass(frozen=True)
class Training:
    """What one training cost: its pairs, seconds before the first step and of all steps, the peak in MB."""

    pairs: int
    preparing: float
    steps: float
    megabytes: float


# The corpus ----------------------------------------------------------------------------------------------------------


def real_corpora(shares: list[float]) -> dict[int, list[tuple[str, str]]]:
    """So many pairs of Tatoeba; a smaller corpus is the beginning of a larger one, in an order of chance."""
    pairs = [(a.replace("\n", " "), b.replace("\n", " ")) for a, b in read_tatoeba(fetch(find_source("tatoeba-zh-en")))]
    random.Random(1).shuffle(pairs)
    return {round(share * len(pairs)): pairs[: round(share * len(pairs))] for share in shares}


def train_on(pairs: list[tuple[str, str]], folder: Path, threads: int, length: str) -> Training:
    """An epoch or some steps on these pairs."""
    source, target = folder / f"{len(pairs)}.zh", folder / f"{len(pairs)}.en"
    for path, side in ((source, 0), (target, 1)):
        path.write_text("".join(pair[side] + "\n" for pair in pairs), encoding="utf-8")
    return train(source, target, len(pairs), folder / f"run{len(pairs)}{length}".replace(" ", ""), threads, length)


def train_on_synthetic(count: int, folder: Path, threads: int) -> Training:
    """A few steps on pairs of made-up words."""
    source, target = folder / f"{count}.aa", folder / f"{count}.bb"
    write_language(source, count, seed=1)
    write_language(target, count, seed=2)
    return train(source, target, count, folder / f"made{count}", threads, FEW_STEPS)


def train(source: Path, target: Path, pairs: int, run: Path, threads: int, length: str) -> Training:
    """As a user would, in a process of its own; its peak memory is asked of the system when it ends."""
    files = ["--source", str(source), "--target", str(target), "--run", str(run), "--threads", str(threads)]
    command = [sys.executable, "-m", "congling", "train", "translation", *files, *shlex.split(SMALL + length)]
    begun = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _process_id, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"the training on {pairs} pairs failed; try it by hand: {shlex.join(command)}")
    whole = time.perf_counter() - begun
    lines = (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    steps = max(each["seconds"] for each in map(json.loads, lines) if "train/loss" in each)
    print(f"{pairs:,} pairs: {whole:.0f} s, of which {steps:.0f} s are steps", file=sys.stderr, flush=True)
    return Training(pairs, whole - steps, steps, usage.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3))


# The length ----------------------------------------------------------------------------------------------------------


def decoding_seconds(network: Transformer, length: int, beam: int, rounds: int) -> float:
    """The least time to read so many pieces and to write as many, as the translator does; the end is forbidden.

    The processor's own seconds: one thread does such a sentence, so on a machine that does nothing else they are the
    seconds that a user waits, and what else it does cannot bend the curve. The least, since disturbance only adds.
    """
    steps = PreparedTransformer(network)
    steps.compiled.prepare()  # as after some sentences
    source = torch.randint(2, SOURCE_PIECES - 1, (1, length))
    settings: dict[str, Any] = {
        "end_id": 0, "pad_id": TARGET_PIECES - 1, "max_lengths": torch.tensor([length]), "banned": (0, 1),
    }  # fmt: skip
    padding = torch.zeros(1, length, dtype=torch.bool)
    taken = []
    parameters = sum(parameter.numel() for parameter in network.parameters())
    for _round in range(rounds + 1):
        begun = time.process_time()
        with torch.inference_mode(), threads_for(beam, parameters):
            if beam == 1:
                found = greedy_search(steps, source, padding, **settings)
            else:
                found = beam_search(steps, source, padding, beam=beam, **settings)[0]
        taken.append(time.process_time() - begun)
        if len(found[0].ids) != length:
            raise RuntimeError(f"{len(found[0].ids)} pieces were written, not {length}")
    return min(taken[1:])


class Vocabulary:
    """As much of a tokenizer as a network's sizes need."""

    def __init__(self, size: int) -> None:
        self.size = size


# The benchmark -------------------------------------------------------------------------------------------------------


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--shares", type=float, nargs="+", default=list(SHARES), help="of Tatoeba")
    parser.add_argument("--synthetic", type=int, nargs="+", default=list(SYNTHETIC), help="made-up pairs, for memory")
    parser.add_argument("--lengths", type=int, nargs="+", default=[8, 16, 32, 64, 128])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--figure", type=Path, default=PICTURE)


def measure(given: argparse.Namespace) -> tuple[list[Figure], dict[str, Any]]:
    threads = torch.get_num_threads()
    torch.manual_seed(1)
    network = build_network(NetworkOptions(), Vocabulary(SOURCE_PIECES), Vocabulary(TARGET_PIECES), False).eval()  # type: ignore[arg-type]
    decoding = [
        Curve(name, given.lengths, [decoding_seconds(network, n, beam, given.rounds) * 1e3 for n in given.lengths])  # type: ignore[arg-type]
        for name, beam in (("greedy", 1), ("beam 5", 5))
    ]
    with tempfile.TemporaryDirectory() as folder:
        corpora = list(real_corpora(given.shares).values())
        real = [train_on(pairs, Path(folder), threads, "--epochs 1") for pairs in corpora]
        short = [train_on(pairs, Path(folder), threads, FEW_STEPS) for pairs in corpora]
        made = [train_on_synthetic(count, Path(folder), threads) for count in given.synthetic]
    training = [_curve("one epoch", real, "steps"), _curve("before it", real, "preparing")]
    memory = [_curve("Tatoeba", short, "megabytes"), _curve("made up", made, "megabytes")]
    panels = [
        Panel("Training", "pairs of Tatoeba", "seconds", training),
        Panel("Decoding", "pieces of source and translation", "milliseconds a sentence", decoding),
        Panel("Memory", "pairs", "peak resident MB", memory),
    ]
    given.figure.write_text(svg("Cost as work grows", panels), encoding="utf-8")
    details = {
        panel.title: {c.name: dict(zip(c.sizes, c.costs, strict=True)) for c in panel.curves} for panel in panels
    }
    return [figure for panel in panels for figure in figures_of(panel)], details


def _curve(name: str, trainings: list[Training], what: str) -> Curve:
    return Curve(name, [each.pairs for each in trainings], [getattr(each, what) for each in trainings])


def figures_of(panel: Panel) -> list[Figure]:
    """The exponents of a panel, with the costs that they were fitted to."""
    bar = FLAT if panel.title == "Memory" else LINEAR
    figures = []
    for curve in panel.curves:
        pairs = zip(curve.sizes, curve.costs, strict=True)
        note = f"{panel.cost}: " + ", ".join(f"{cost:,.3g} at {size:,.0f}" for size, cost in pairs)
        what = f"{panel.title.lower()} ({curve.name}), exponent of cost over {panel.size}"
        figures.append(Figure(what, curve.exponent, "", bar, note))
    return figures


if __name__ == "__main__":
    main(__doc__, arguments, measure)
