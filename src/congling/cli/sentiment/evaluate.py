"""``congling evaluate RUN`` of a text classifier: its mistakes on held-out texts, or on the user's own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import tyro

from congling.cli.checkpoint import checkpoint
from congling.cli.classification_scores import print_tables, record, scores
from congling.cli.options import exclude, parse
from congling.cli.sentiment.scores import baselines_record, part_with_texts, print_baselines, score_line
from congling.cli.values import print_json
from congling.language import _

if TYPE_CHECKING:
    from congling.tasks.classification_scores import Evaluation
    from congling.tasks.sentiment.baselines import Baseline
    from congling.tasks.sentiment.sentiment_classifier import SentimentClassifier


@dataclass
class Options:
    """Scoring"""

    run: tyro.conf.Positional[Path]
    """The run's folder."""
    part: Literal["test", "valid", "train"] | None = None
    """Which texts of the run to score on; the test by default."""
    table: Path | None = None
    """Your own texts to score on: a .csv, .tsv, .jsonl or .parquet file."""
    text_column: str | None = None
    """Column of --table with the texts; by default named as in the training."""
    label_column: str | None = None
    """Column of --table with the labels, named as the run's classes are; by default named as in the training."""
    folder: Path | None = None
    """Your own texts to score on: a folder with one sub-folder a class, named as the run's classes are."""
    baselines: bool = False
    """Train naive Bayes and logistic regression on the run's training texts, and score them too."""
    json: bool = False
    """Print one JSON object."""
    checkpoint: str = "best"
    """Which weights: best, last, or the number of a step."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to compute."""

    def check(self) -> None:
        """Refuse options that mean nothing together."""
        given = {"--part": self.part, "--table": self.table, "--folder": self.folder}
        named = [option for option, value in given.items() if value is not None]
        if len(named) > 1:
            exclude(named[0], named[1])


def main(arguments: list[str], prog: str) -> int:
    """Score; the scores go to stdout."""
    description = _("Score a text classifier: its accuracy, and which classes it takes for which.")
    options = parse(Options, arguments, prog, description)
    options.check()
    from congling.learning.runs import Run
    from congling.tasks.sentiment.sentiment_classifier import SentimentClassifier

    classifier = SentimentClassifier.load(Run.open(options.run), checkpoint(options.checkpoint), options.device)
    found, line = _scored(classifier, options)
    beside = _baselines(classifier, found) if options.baselines else []
    if options.json:
        more = {"baselines": baselines_record(beside)} if options.baselines else {}
        print_json(record(found, "texts") | more)
        return 0
    print(line)
    print()
    if beside:
        print_baselines(found, beside)
        print()
    print_tables(found, _("texts"), _("text"))
    return 0


def _scored(classifier: SentimentClassifier, options: Options) -> tuple[Evaluation, str]:
    if options.table is None and options.folder is None:
        part = options.part or part_with_texts(classifier)
        found = classifier.evaluate(part)
        return found, score_line(found, part)
    trained = classifier.options.data
    found = classifier.evaluate_own(
        options.table,
        options.folder,
        options.text_column or trained.text_column,
        options.label_column or trained.label_column,
    )
    line = _("{count} texts of {name}: {scores}")
    return found, line.format(count=len(found), name=options.table or options.folder, scores=scores(found))


def _baselines(classifier: SentimentClassifier, found: Evaluation) -> list[Baseline]:
    from congling.data.text.labelled_texts import LabelledTexts
    from congling.tasks.sentiment.baselines import baselines

    train, valid = (classifier.labelled(part) for part in ("train", "valid"))
    return baselines(train, valid, LabelledTexts(found.names, found.targets, found.classes))
