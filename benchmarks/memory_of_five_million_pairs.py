"""How much memory a large corpus takes: millions of synthetic pairs through `congling train translation`.

    make benchmark-memory                                        # five million pairs; the bar is 2 GB resident
    python benchmarks/memory_of_five_million_pairs.py --pairs 200000

Everything a user's training does is in it: reading, splitting, two vocabularies, tokenising, planning an epoch, some
steps of a small network, validation and a checkpoint. Prints the peak resident memory of that process.
"""

from __future__ import annotations

import argparse
import random
import resource
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmark import Figure, main

LETTERS = "abcdefghijklmnopqrstuvwxyz"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--pairs", type=int, default=5_000_000)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--folder", default=None, help="where the files go for a while (0.3 GB a million pairs)")


def measure(given: argparse.Namespace) -> tuple[list[Figure], dict[str, Any]]:
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        source, target = Path(folder, "corpus.aa"), Path(folder, "corpus.bb")
        write_language(source, given.pairs, seed=1)
        write_language(target, given.pairs, seed=2)
        began = time.perf_counter()
        train(source, target, Path(folder, "run"), given.steps)
        seconds = time.perf_counter() - began
    what = f"most memory of a training on {given.pairs:,} pairs"
    note = f"resident; {given.steps} steps, {seconds:.0f} s"
    return [Figure(what, peak_gigabytes(), "GB", "≤ 2", note)], {"pairs": given.pairs, "seconds": seconds}


def write_language(path: Path, sentences: int, seed: int) -> None:
    """Sentences of 3 to 20 words out of 20,000, the frequent ones more often."""
    draw = random.Random(seed)
    words = ["".join(draw.choices(LETTERS, k=draw.randint(2, 9))) for _word in range(20_000)]
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for _sentence in range(sentences):
            ranks = [int(20_000 ** draw.random()) for _word in range(draw.randint(3, 20))]
            file.write(" ".join(words[rank - 1] for rank in ranks) + "\n")


def train(source: Path, target: Path, run: Path, steps: int) -> None:
    """As a user would, in a process of its own."""
    sizes = shlex.split("--width 64 --heads 2 --feed-forward 128 --encoder-layers 1 --decoder-layers 1 --validations 1")
    files = ["--source", str(source), "--target", str(target), "--run", str(run), "--steps", str(steps)]
    subprocess.run(
        [sys.executable, "-m", "congling", "train", "translation", *files, *sizes], check=True, stdout=sys.stderr
    )


def peak_gigabytes() -> float:
    """The largest resident memory of a child process so far; Linux counts in KiB, macOS in bytes."""
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return peak / (1e9 if sys.platform == "darwin" else 1e9 / 1024)


if __name__ == "__main__":
    main(__doc__, arguments, measure)
