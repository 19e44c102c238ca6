"""How good a classifier is, of pictures or of texts: in words, as tables, and for a program."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from congling.cli.table import print_table
from congling.language import _

if TYPE_CHECKING:
    from congling.tasks.classification_scores import Evaluation

WORST = 5  # mistakes that are named


def scores(found: Evaluation) -> str:
    """Accuracy with its interval, and cross-entropy."""
    low, high = found.interval
    return _(
        "accuracy {accuracy:.2f} % (95 % interval {low:.2f} to {high:.2f}), cross-entropy {cross_entropy:.4f} nats"
    ).format(accuracy=100 * found.accuracy, low=100 * low, high=100 * high, cross_entropy=found.cross_entropy)


def print_tables(found: Evaluation, examples: str, example: str) -> None:
    """A table of the classes, one of which was taken for which, and the worst mistakes if there are any.

    Args:
        examples, example: what is classified, as headings: "pictures" and "picture".
    """
    print_classes(found, examples)
    print()
    print_confusion(found)
    if found.right < len(found):
        print()
        print_worst(found, example)


def print_classes(found: Evaluation, examples: str) -> None:
    """A row a class: its examples, its precision and its recall."""
    counts = found.confusion.sum(axis=1)
    rows = [
        [name, str(count), _percent(precision), _percent(recall)]
        for name, count, precision, recall in zip(found.classes, counts, found.precision, found.recall, strict=True)
    ]
    print_table([_("class"), examples, _("precision %"), _("recall %")], rows)


def print_confusion(found: Evaluation) -> None:
    """A row a class, a column for each class that its examples were taken for; right answers on the diagonal."""
    rows = [
        [name, *(str(count) if count else "·" for count in counts)]
        for name, counts in zip(found.classes, found.confusion.tolist(), strict=True)
    ]
    print_table([_("true ↓  taken for →"), *found.classes], rows)


def print_worst(found: Evaluation, example: str) -> None:
    """The mistakes that the network was surest of."""
    rows = [
        [found.names[row], found.classes[found.targets[row]], found.classes[taken], f"{probability:.4f}"]
        for row in found.worst(WORST)
        for taken, probability in [(found.predicted[row], found.probabilities[row].max())]
    ]
    print_table([example, _("true class"), _("taken for"), _("probability")], rows)


def record(found: Evaluation, examples: str) -> dict[str, Any]:
    """Everything, for a program; null where a share of nothing is asked for.

    Args:
        examples: what is classified, as a key: "pictures".
    """
    classes = [
        {"name": name, examples: count, "precision": _number(precision), "recall": _number(recall)}
        for name, count, precision, recall in zip(
            found.classes, found.confusion.sum(axis=1).tolist(), found.precision, found.recall, strict=True
        )
    ]
    return {
        examples: len(found), "accuracy": found.accuracy, "interval": list(found.interval),
        "cross_entropy": found.cross_entropy, "classes": classes, "confusion": found.confusion.tolist(),
    }  # fmt: skip


def _percent(share: float) -> str:
    return "–" if math.isnan(share) else f"{100 * share:.1f}"


def _number(share: float) -> float | None:
    return None if math.isnan(share) else float(share)
