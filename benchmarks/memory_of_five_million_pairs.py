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

BAR = 2.0  # GB, resident
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def main() -> int:
    options = parsed()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        source, target = Path(folder, "corpus.aa"), Path(folder, "corpus.bb")
        write_language(source, options.pairs, seed=1)
        write_language(target, options.pairs, seed=2)
        began = time.perf_counter()
        train(source, target, Path(folder, "run"), options.steps)
        seconds = time.perf_counter() - began
    peak = peak_gigabytes()
    verdict = "kept" if peak < BAR else "missed"
    print(f"{options.pairs:,} pairs, {options.steps} steps: {seconds:.0f} s")
    print(f"peak {peak:.2f} GB, bar {BAR:.2f} GB: {verdict}")
    return 0 if peak < BAR else 1


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--pairs", type=int, default=5_000_000)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--folder", default=None, help="where the files go for a while (0.3 GB a million pairs)")
    return parser.parse_args()


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
    subprocess.run([sys.executable, "-m", "congling", "train", "translation", *files, *sizes], check=True)


def peak_gigabytes() -> float:
    """The largest resident memory of a child process so far; Linux counts in KiB, macOS in bytes."""
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return peak / (1e9 if sys.platform == "darwin" else 1e9 / 1024)


if __name__ == "__main__":
    raise SystemExit(main())
