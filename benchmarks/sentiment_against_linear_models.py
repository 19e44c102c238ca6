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

import json
import platform
import sys
import tempfile
import time
from pathlib import Path

import torch

from congling.cli.options import parse
from congling.cli.training import say
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
        run, _reason = train(options, say)
        seconds, processor_seconds = time.perf_counter() - begun, time.process_time() - worked
        report(run, seconds, processor_seconds)


def report(run: Run, seconds: float, processor_seconds: float) -> None:
    """A line a model, and all numbers as JSON."""
    classifier = SentimentClassifier.load(run)
    found = classifier.evaluate("test")
    beside = baselines(*(classifier.labelled(part) for part in ("train", "valid", "test")))
    rows = [("congling", found, seconds), *((each.name, each.evaluation, each.seconds) for each in beside)]
    print(f"{len(found)} held-out reviews; congling: {processor_seconds:.0f} s of processor time")
    for name, evaluation, taken in rows:
        print(f"{name:<20} {_line(evaluation)}   {taken:7.1f} s")
    numbers = {name: {"accuracy": each.accuracy, "interval": each.interval, "seconds": s} for name, each, s in rows}
    machine = {"threads": torch.get_num_threads(), "torch": torch.__version__, "machine": platform.machine()}
    print(json.dumps({"reviews": len(found), "processor_seconds": processor_seconds, **machine, "models": numbers}))


def _line(found: Evaluation) -> str:
    low, high = found.interval
    return f"{100 * found.accuracy:6.2f} %  (95 % interval {100 * low:.2f} … {100 * high:.2f})"


if __name__ == "__main__":
    main()
