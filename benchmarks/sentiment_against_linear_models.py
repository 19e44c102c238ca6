"""Praise or blame: the default network against naive Bayes and logistic regression, in one run.

The default network reads with recurrent layers and has a linear model of n-grams beside them; ``--ngrams 0`` is the
recurrent part alone.

All three learn from the same reviews of reviews-zh, each once, and are scored on the same held-out ones, by which
nothing was chosen: the best checkpoint of the network and the strength of the logistic regression are chosen on the
validation reviews. The linear models are scikit-learn's, on one to three characters in a row.

    make benchmark-sentiment      (or: python benchmarks/sentiment_against_linear_models.py, with options of
                                  congling train sentiment)
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import torch
from benchmark import Figure, say

from congling.cli.options import parse
from congling.cli.training import say as say_remark
from congling.learning.runs import Run
from congling.tasks.classification_scores import Evaluation
from congling.tasks.sentiment.baselines import baselines
from congling.tasks.sentiment.options import SentimentOptions
from congling.tasks.sentiment.sentiment_classifier import SentimentClassifier
from congling.tasks.sentiment.task import train


def main() -> None:
    options = parse(SentimentOptions, sys.argv[1:], "sentiment_against_linear_models.py", __doc__ or "")
    with tempfile.TemporaryDirectory() as folder:
        options.run = options.run or Path(folder) / "run"
        begun, worked = time.perf_counter(), time.process_time()
        run, _reason = train(options, say_remark)
        seconds, processor_seconds = time.perf_counter() - begun, time.process_time() - worked
        report(run, seconds, processor_seconds)


def report(run: Run, seconds: float, processor_seconds: float) -> None:
    """What part of the held-out reviews each model gets right."""
    classifier = SentimentClassifier.load(run)
    found = classifier.evaluate("test")
    beside = baselines(*(classifier.labelled(part) for part in ("train", "valid", "test")))
    rows = [("congling", found, seconds), *((each.name, each.evaluation, each.seconds) for each in beside)]
    figures = [_figure(name, evaluation, taken) for name, evaluation, taken in rows]
    figures.append(Figure("reviews: congling, all included", seconds / 60, "minutes", "≤ 10"))
    details = {"reviews": len(found), "processor_seconds": processor_seconds}
    say(figures, details, torch.get_num_threads())


def _figure(name: str, found: Evaluation, seconds: float) -> Figure:
    low, high = found.interval
    note = f"95 % interval {100 * low:.2f} … {100 * high:.2f}; {len(found)} held-out reviews; {seconds:.1f} s"
    bar = "≥ 87 %" if name == "congling" else ""
    return Figure(f"reviews: {name}, accuracy", 100 * found.accuracy, "%", bar, note)


if __name__ == "__main__":
    main()
