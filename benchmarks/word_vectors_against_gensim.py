"""Word vectors against gensim's Word2Vec: words a second, quality and memory, on the same text with the same settings.

- speed: words of the raw text, the rare ones that are dropped included, by the wall-clock time of all epochs, without
  counting words and without compiling. Gensim is measured with corpus_file= and with sentences=; its better one counts.
  Gensim looks words up in its vocabulary in every epoch, ours are written down as numbers once, before: so the ratio is
  given with the time of these preparations too, of counting and, for ours, numbering.
- quality: WordSim-353 (Spearman) of vectors from the English excerpt, and the loss a prediction of held-out Chinese,
  by our equation for both; means over seeds.
- memory: the highest resident memory of a process that counts the words of a synthetic Zipf text, trains and saves.

Every measurement is a process of its own; the two take turns.

    make benchmark-words            (or: python benchmarks/word_vectors_against_gensim.py --what speed --rounds 5)
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmark import Figure, main
from word_vector_texts import print_remark, write_chinese, write_english, write_zipf
from word_vector_training import lines_of, train_and_score

LEAST_COUNT = 5
WAYS = ("gensim corpus_file", "gensim sentences", "congling")
KINDS = ("skip-gram", "cbow")


class Comparison:
    """Runs measurements in processes of their own, and remembers them."""

    def __init__(self, workers: int, epochs: int) -> None:
        self.common: dict[str, Any] = {
            "workers": workers, "epochs": epochs, "size": 100, "min_count": LEAST_COUNT, "cbow": False, "seed": 1,
            "save": False, "pairs": "", "held_out": "",
        }  # fmt: skip

    def run(self, way: str, text: Path, **chosen: Any) -> dict[str, Any]:
        given = self.common | {"way": way, "text": str(text)} | chosen
        environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # threads are the workers
        command = [sys.executable, __file__, "--measure", json.dumps(given)]
        outcome = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
        found: dict[str, Any] = json.loads(outcome.stdout)
        print_remark(f"{way:<20} {chosen} {found}")
        return found

    def speed(self, text: Path, rounds: int) -> dict[str, Any]:
        """The medians of words a second, and ours over gensim's better way, by kind of training; this also with the
        time of preparing."""
        size = sum(map(len, lines_of(text))) * self.common["epochs"]
        found = {}
        for kind in KINDS:
            seconds: dict[str, list[float]] = {way: [] for way in WAYS}
            all_seconds: dict[str, list[float]] = {way: [] for way in WAYS}
            for _round in range(rounds):
                for way in WAYS:
                    measured = self.run(way, text, cbow=kind == "cbow")
                    seconds[way].append(measured["seconds"])
                    all_seconds[way].append(measured["seconds"] + measured["preparing"])
            rates = {way: size / statistics.median(taken) for way, taken in seconds.items()}
            found[kind] = rates | {"ratio": ratio_of(seconds), "ratio with preparing": ratio_of(all_seconds)}
        return found

    def quality(self, english: tuple[Path, Path], chinese: tuple[Path, Path], seeds: Sequence[int]) -> dict[str, Any]:
        """The means over the seeds, by kind of training and by whose vectors."""
        found: dict[str, Any] = {}
        for kind in KINDS:
            for way in (WAYS[0], WAYS[2]):
                chosen = [{"seed": seed, "cbow": kind == "cbow"} for seed in seeds]
                alike = [self.run(way, english[0], pairs=str(english[1]), **each)["spearman"] for each in chosen]
                losses = [self.run(way, chinese[0], held_out=str(chinese[1]), **each)["loss"] for each in chosen]
                found[f"{kind}, {way}"] = {
                    "spearman": statistics.mean(alike), "spearman_each": alike,
                    "loss": statistics.mean(losses), "loss_each": losses,
                }  # fmt: skip
        return found

    def memory(self, text: Path) -> dict[str, Any]:
        """Megabytes by way, of 300 numbers a word and one epoch."""
        return {way: self.run(way, text, size=300, min_count=1, epochs=1, save=True) for way in WAYS}


def ratio_of(seconds: dict[str, list[float]]) -> float:
    """How many times as fast ours is as gensim's better way, by the medians."""
    medians = {way: statistics.median(taken) for way, taken in seconds.items()}
    return min(medians[way] for way in WAYS[:2]) / medians["congling"]


def speed_figures(found: dict[str, Any]) -> list[Figure]:
    """Ours against gensim's better way, without and with the time of preparing."""
    figures = []
    for kind, rates in found.items():
        theirs = max(rates[way] for way in WAYS[:2])
        note = f"{rates['congling'] / 1e6:.2f} against {theirs / 1e6:.2f} million words/s"
        figures.append(Figure(f"word vectors, {kind}: congling / gensim's better", rates["ratio"], "×", "≥ 1.2", note))
        what = f"word vectors, {kind}, with preparing: congling / gensim's better"
        figures.append(Figure(what, rates["ratio with preparing"], "×"))
    return figures


def quality_figures(found: dict[str, Any]) -> list[Figure]:
    """How far ours lies from gensim's, in the means over the seeds."""
    figures = []
    for kind in KINDS:
        theirs, ours = found[f"{kind}, {WAYS[0]}"], found[f"{kind}, congling"]
        for name, measured, bar, unit in (("spearman", "WordSim-353", "≥ -0.01", ""), ("loss", "loss", "≤ 0", "nats")):
            note = f"{spread(ours[f'{name}_each'])}, and {spread(theirs[f'{name}_each'])}"
            what = f"word vectors, {kind}, {measured}: congling − gensim"
            figures.append(Figure(what, ours[name] - theirs[name], unit, bar, note))
    return figures


def spread(values: Sequence[float]) -> str:
    """The mean, and how far the seeds lie apart."""
    return f"{statistics.mean(values):.4f} ({min(values):.4f} to {max(values):.4f})"


def memory_figures(found: dict[str, Any]) -> list[Figure]:
    """The most memory of ours over that of gensim's thriftier way."""
    ours, theirs = found["congling"]["megabytes"], min(found[way]["megabytes"] for way in WAYS[:2])
    note = f"{ours:,.0f} against {theirs:,.0f} MB resident"
    return [Figure("word vectors, 200,000 × 300, most memory: congling / gensim", ours / theirs, "×", "≤ 1", note)]


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--what", nargs="+", choices=["speed", "quality", "memory"],
                        default=["speed", "quality", "memory"])  # fmt: skip
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])


def measure(given: argparse.Namespace) -> tuple[list[Figure], dict[str, Any]]:
    comparison, figures = Comparison(given.workers, given.epochs), list[Figure]()
    details: dict[str, Any] = {"workers": given.workers, "epochs": given.epochs}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if "speed" in given.what:
            details["speed"] = comparison.speed(write_chinese(folder)[0], given.rounds)
            figures += speed_figures(details["speed"])
        if "quality" in given.what:
            details["quality"] = comparison.quality(write_english(folder), write_chinese(folder), given.seeds)
            figures += quality_figures(details["quality"])
        if "memory" in given.what:
            details["memory"] = comparison.memory(write_zipf(folder, 200_000, 2_000_000))
            figures += memory_figures(details["memory"])
    return figures, details


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:  # one measurement, in a process of its own
        print(json.dumps(train_and_score(json.loads(sys.argv[2]))))
    else:
        main(__doc__, arguments, measure)
