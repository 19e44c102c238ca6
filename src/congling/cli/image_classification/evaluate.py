"""``congling evaluate RUN`` of a picture classifier: its mistakes on held-out pictures, or on the user's own folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import tyro

from congling.cli.checkpoint import checkpoint
from congling.cli.classification_scores import print_tables, record, scores
from congling.cli.image_classification.scores import part_with_pictures, score_line
from congling.cli.options import parse
from congling.cli.training import say
from congling.cli.values import print_json
from congling.errors import UsageError
from congling.language import _

if TYPE_CHECKING:
    from congling.tasks.classification_scores import Evaluation
    from congling.tasks.image_classification.picture_classifier import PictureClassifier


@dataclass
class Options:
    """Scoring"""

    run: tyro.conf.Positional[Path]
    """The run's folder."""
    part: Literal["test", "valid", "train"] | None = None
    """Which pictures of the run to score on; the test by default."""
    folder: Path | None = None
    """Your own pictures to score on: a folder with one sub-folder a class, named as the run's classes are."""
    json: bool = False
    """Print one JSON object."""
    checkpoint: str = "best"
    """Which weights: best, last, or the number of a step."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to compute."""


def main(arguments: list[str], prog: str) -> int:
    """Score; the scores go to stdout."""
    description = _("Score a picture classifier: its accuracy, and which classes it takes for which.")
    options = parse(Options, arguments, prog, description)
    if options.part is not None and options.folder is not None:
        raise UsageError(_("--part and --folder exclude each other: give one of them"))
    from congling.learning.runs import Run
    from congling.tasks.image_classification.picture_classifier import PictureClassifier

    classifier = PictureClassifier.load(Run.open(options.run), checkpoint(options.checkpoint), options.device)
    if options.folder is not None:
        found, line = _of_folder(classifier, options.folder)
    else:
        part = options.part or part_with_pictures(classifier.pictures)
        found = classifier.evaluate(part)
        line = score_line(found, part)
    if options.json:
        print_json(record(found, "pictures"))
    else:
        print(line)
        print()
        print_tables(found, _("pictures"), _("picture"))
    return 0


def _of_folder(classifier: PictureClassifier, folder: Path) -> tuple[Evaluation, str]:
    from congling.tasks.image_classification.data import unread_remarks

    found, unread = classifier.evaluate_folder(folder)
    for remark in unread_remarks(unread):
        say(remark)
    line = _("{count} pictures of {folder}: {scores}")
    return found, line.format(count=len(found), folder=folder, scores=scores(found))
