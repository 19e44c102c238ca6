"""How well the default translator translates after so many minutes, on Tatoeba's held-out test sentences.

Through the command line, as a user does it: train, then evaluate. The first training is to reach BLEU 20 within five
minutes, from the fetched data, tokenisation included; the second is the one of ``make translate``. Nothing else should
run beside it. Options after ``--`` go to ``congling train translation``, for other data or sizes.

    make benchmark-quality           (or: python benchmarks/translation_quality.py --minutes 4.5)
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmark import Figure, main

BARS = {4.5: "≥ 20", 10.0: "≥ 24"}
CONGLING = [sys.executable, "-m", "congling"]


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--minutes", type=float, nargs="+", default=list(BARS))
    parser.add_argument("options", nargs="*", help="of congling train translation, after --")


def measure(given: argparse.Namespace) -> tuple[list[Figure], dict[str, Any]]:
    figures, details = list[Figure](), dict[str, Any]()
    for minutes in given.minutes:
        with tempfile.TemporaryDirectory() as folder:
            found = train_and_score(Path(folder) / "run", minutes, given.options)
        bleu, chrf = (found["scores"][kind] for kind in ("bleu", "chrf"))
        note = f"chrF2 {chrf['score']:.1f}; {bleu['signature']}"
        bar = "" if given.options else BARS.get(minutes, "")
        figures.append(Figure(f"translation: BLEU after {minutes:g} minutes of training", bleu["score"], "", bar, note))
        whole = "translation: from the fetched data to those weights, tokenisation included"
        figures.append(Figure(whole, found["seconds"] / 60, "minutes", f"≤ {minutes + 0.5:g}"))
        details[f"{minutes:g} minutes"] = found
    return figures, details


def train_and_score(run: Path, minutes: float, options: list[str]) -> dict[str, Any]:
    """The scores of one run, and the seconds that the training took in all."""
    begun = time.perf_counter()
    train = [*CONGLING, "train", "translation", "--minutes", str(minutes), "--run", str(run), *options]
    subprocess.run(train, stdout=subprocess.DEVNULL, check=True)
    seconds = time.perf_counter() - begun
    scored = subprocess.run([*CONGLING, "evaluate", str(run), "--json"], stdout=subprocess.PIPE, text=True, check=True)
    return {"scores": scores_of(json.loads(scored.stdout)), "seconds": seconds}


def scores_of(report: dict[str, Any]) -> dict[str, Any]:
    """The scores of ``congling evaluate --json`` by their kind."""
    return {each["name"].lower().rstrip("2"): each for each in report["scores"]}


if __name__ == "__main__":
    main(__doc__, arguments, measure)
