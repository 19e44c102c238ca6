"""Training speed against Joey NMT 2.3 through its own command line: target tokens a second, in alternating rounds.

Joey trains in a process of its own, from an environment of its own (.venv-joeynmt), the same sizes on the same Tatoeba
pieces (joeynmt_files.py), in float32: it turns half precision off on a processor. Its speed is the one that it logs
itself for every update: target tokens that are not padding, ends included, by wall-clock time. That holds its loading
of a batch, which splits lines of numbers at spaces; ours is measured on batches that are ready. It trains as it does by
itself, on shuffled rows, which leaves much padding in its batches, and on rows that come in the order of their lengths,
which is the fairer comparison of the engines. Each round is one process of Joey's for either, and then ours on the same
rows; the first updates of each do not count.

    make benchmark-joeynmt           (or: python benchmarks/training_against_joeynmt.py --widths 192 --rounds 1)
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from benchmark import Figure, main
from joeynmt_files import speeds, write_joeynmt
from tatoeba_batches import SOURCE_PIECES, TARGET_PIECES, IdRows, tatoeba_rows
from training_steps import Step, our_batches, our_step

from congling.data.text.pair_batches import Batch
from congling.tasks.translation.options import TranslationTraining

PYTHON = Path(".venv-joeynmt/bin/python")
OURS = "congling"
ORDERS = {"Joey NMT (its own, shuffled batches)": True, "Joey NMT (rows by length)": False}  # whether it shuffles


def joeynmt_rate(python: Path, configuration: Path, warm_up: int) -> float:
    """The median over the updates of one training."""
    environment = os.environ | {"OMP_NUM_THREADS": str(torch.get_num_threads())}
    command = [str(python.absolute()), "-m", "joeynmt", "train", str(configuration), "--skip-test"]
    outcome = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)
    found = speeds(outcome.stdout)[warm_up:]
    if outcome.returncode or not found:
        raise SystemExit(f"Joey NMT did not train:\n{outcome.stdout[-2000:]}")
    return statistics.median(found)


def our_rate(step: Step, batches: list[Batch], warm_up: int) -> float:
    """The median over the batches."""
    rates = []
    for batch in batches:
        begun = time.perf_counter()
        step(batch)
        rates.append(batch.target_tokens / (time.perf_counter() - begun))
    return statistics.median(rates[warm_up:])


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--python", type=Path, default=PYTHON, help="of the environment with Joey NMT")
    parser.add_argument("--widths", type=int, nargs="+", default=[192, 256])
    parser.add_argument("--batch-tokens", type=int, default=TranslationTraining().batch_tokens)
    parser.add_argument("--batches", type=int, default=20)
    parser.add_argument("--warm-up", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=2)


def measure(given: argparse.Namespace) -> tuple[list[Figure], dict[str, Any]]:
    if not given.python.exists():
        raise SystemExit(f"no Joey NMT at {given.python}: make benchmark-joeynmt installs it")
    rows = tatoeba_rows(given.batch_tokens, given.batches)
    rows.sort(key=lambda batch: max(map(len, batch[0] + batch[1])))
    figures, details = list[Figure](), {"batch_tokens": given.batch_tokens}
    for width in given.widths:
        rates = rounds(given, rows, width)
        for theirs in ORDERS:
            ratio = statistics.median(one / other for one, other in zip(rates[OURS], rates[theirs], strict=True))
            note = f"{statistics.median(rates[OURS]):,.0f} against {statistics.median(rates[theirs]):,.0f}"
            note += f" target tokens/s, median of {given.rounds} rounds"
            figures.append(Figure(f"training, width {width}: congling / {theirs}", ratio, "×", "≥ 8", note))
        details[f"width {width}"] = rates
    return figures, details


def rounds(given: argparse.Namespace, rows: list[tuple[IdRows, IdRows]], width: int) -> dict[str, list[float]]:
    """Target tokens a second of each round, ours and Joey's."""
    torch.manual_seed(1)
    step, batches = (
        our_step(width, SOURCE_PIECES, TARGET_PIECES, given.batch_tokens),
        our_batches(rows, given.batch_tokens),
    )
    rates: dict[str, list[float]] = {name: [] for name in (OURS, *ORDERS)}
    for _round in range(given.rounds):
        for name, shuffle in ORDERS.items():
            with tempfile.TemporaryDirectory() as folder:
                settings = {"width": width, "batch_tokens": given.batch_tokens, "updates": len(rows)}
                configuration = write_joeynmt(Path(folder), rows, shuffle=shuffle, **settings)
                rates[name].append(joeynmt_rate(given.python, configuration, given.warm_up))
        rates[OURS].append(our_rate(step, batches, given.warm_up))
    return rates


if __name__ == "__main__":
    main(__doc__, arguments, measure)
