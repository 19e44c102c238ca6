"""How good a text classifier is on a part of its texts, in a line, and linear models beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from congling.cli.classification_scores import scores
from congling.cli.table import print_table
from congling.language import _

if TYPE_CHECKING:
    from congling.tasks.classification_scores import Evaluation
    from congling.tasks.sentiment.baselines import Baseline
    from congling.tasks.sentiment.data import PartName
    from congling.tasks.sentiment.sentiment_classifier import SentimentClassifier


def part_with_texts(classifier: SentimentClassifier) -> PartName:
    """The test, or the validation part where nothing was held out for a test."""
    return "test" if len(classifier.texts.parts["test"]) else "valid"


def score_line(found: Evaluation, part: PartName) -> str:
    """Accuracy with its interval, and cross-entropy."""
    lines = {
        "train": _("{count} training texts: {scores}"),
        "valid": _("{count} validation texts: {scores}"),
        "test": _("{count} test texts: {scores}"),
    }
    return lines[part].format(count=len(found), scores=scores(found))


def print_baselines(found: Evaluation, baselines: Sequence[Baseline]) -> None:
    """A row for the network, and one for each linear model on the same texts."""
    titles = {"naive Bayes": _("naive Bayes"), "logistic regression": _("logistic regression")}
    rows = [[_("this network"), *_row(found)]]
    rows += [[titles[each.name], *_row(each.evaluation)] for each in baselines]
    print_table([_("model"), _("accuracy %"), _("95 % interval"), _("cross-entropy")], rows)
    print()
    print(_("The others see how often each character and each two or three in a row occur, and nothing of the order."))


def _row(found: Evaluation) -> list[str]:
    low, high = found.interval
    return [f"{100 * found.accuracy:.2f}", f"{100 * low:.2f} … {100 * high:.2f}", f"{found.cross_entropy:.4f}"]


def baselines_record(baselines: Sequence[Baseline]) -> list[dict[str, Any]]:
    """The same for a program."""
    return [
        {
            "name": each.name,
            "accuracy": each.evaluation.accuracy,
            "interval": list(each.evaluation.interval),
            "cross_entropy": each.evaluation.cross_entropy,
            "seconds": round(each.seconds, 2),
        }
        for each in baselines
    ]
