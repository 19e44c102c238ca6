"""How much memory a large corpus takes: millions of synthetic pairs through tokenizers, token store, plan and batches.

    python benchmarks/memory_of_five_million_pairs.py            # five million pairs; the bar is 2 GB resident
    python benchmarks/memory_of_five_million_pairs.py --pairs 200000

Prints a table of each stage: its seconds, and the peak resident memory so far (of the whole process).
"""

from __future__ import annotations

import argparse
import random
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from congling.data.batches import TrainingBatches
from congling.data.token_store import TokenStore, tokenize_pairs
from congling.data.tokenizers import Tokenizer, train_tokenizer

BAR = 2.0  # GB, resident
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def main() -> int:
    options = parsed()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        walk_through(Path(folder), options.pairs, options.sample, options.batches)
    peak = peak_gigabytes()
    print(f"peak {peak:.2f} GB, bar {BAR:.2f} GB: {'kept' if peak < BAR else 'missed'}")
    return 0 if peak < BAR else 1


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--pairs", type=int, default=5_000_000)
    parser.add_argument("--sample", type=int, default=200_000, help="sentences that each vocabulary is learnt from")
    parser.add_argument("--batches", type=int, default=500, help="batches of 4,096 tokens to make")
    parser.add_argument("--folder", default=None, help="where the files go for a while (0.3 GB a million pairs)")
    return parser.parse_args()


def walk_through(folder: Path, pairs: int, sample: int, batches: int) -> None:
    """What training does with a corpus before the network sees it, with a line of the table after each stage."""
    clock = Clock()
    source, target = folder / "source.txt", folder / "target.txt"
    write_language(source, pairs, seed=1)
    write_language(target, pairs, seed=2)
    clock.stage("two text files")
    source_tokenizer, target_tokenizer = (learnt(path, sample) for path in (source, target))
    clock.stage("two vocabularies")
    counts = tokenize_pairs(
        zip(lines(source), lines(target), strict=True),
        source_tokenizer,
        target_tokenizer,
        folder / "pairs.arrow",
        max_source_pieces=200,
        max_target_pieces=200,
    )
    clock.stage(f"{counts.pairs:,} pairs tokenised")
    store = TokenStore.open(folder / "pairs.arrow")
    clock.stage("store opened")
    stream = TrainingBatches(
        store, batch_tokens=4096, seed=1, source_pad=source_tokenizer.pad_id, target_pad=target_tokenizer.pad_id
    )
    clock.stage(f"epoch of {stream.batches_per_epoch:,} batches planned")
    tokens = sum(batch.target_tokens for batch in islice(stream, batches))
    clock.stage(f"{batches:,} batches, {tokens:,} target tokens")


def write_language(path: Path, sentences: int, seed: int) -> None:
    """Sentences of 3 to 20 words out of 20,000, the frequent ones more often."""
    draw = random.Random(seed)
    words = ["".join(draw.choices(LETTERS, k=draw.randint(2, 9))) for _word in range(20_000)]
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for _sentence in range(sentences):
            ranks = [int(20_000 ** draw.random()) for _word in range(draw.randint(3, 20))]
            file.write(" ".join(words[rank - 1] for rank in ranks) + "\n")


def learnt(path: Path, sample: int) -> Tokenizer:
    return train_tokenizer(lines(path), size=8_000, sample=sample)


def lines(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8", newline="\n") as file:
        for line in file:
            yield line.rstrip("\n")


class Clock:
    """Prints a line a stage: its seconds, and the peak of resident memory so far."""

    def __init__(self) -> None:
        self.began = time.perf_counter()

    def stage(self, name: str) -> None:
        print(f"{name:44} {time.perf_counter() - self.began:8.1f} s {peak_gigabytes():8.2f} GB", flush=True)
        self.began = time.perf_counter()


def peak_gigabytes() -> float:
    """The largest resident memory of this process so far; Linux counts in KiB, macOS in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e9 if sys.platform == "darwin" else 1e9 / 1024)


if __name__ == "__main__":
    raise SystemExit(main())
