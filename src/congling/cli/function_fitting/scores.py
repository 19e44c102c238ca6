"""How good a fit is, in words and as a table, beside the exact linear regression on the same examples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from congling.cli.table import print_table
from congling.language import _

if TYPE_CHECKING:
    from congling.tasks.function_fitting.data import FunctionData, PartName
    from congling.tasks.function_fitting.fitted_function import FittedFunction

Scores = Mapping[str, float]


def part_with_examples(data: FunctionData) -> PartName:
    """The test, or the validation part where nothing was held out for a test."""
    return "test" if len(data.test) else "valid"


def score_titles() -> dict[str, str]:
    """What each score is called, in the user's language."""
    return {
        "mse": _("mean squared error"),
        "mae": _("mean absolute error"),
        "r2": _("R², explained part of the variance"),
        "truth_mse": _("mean squared error to the function without noise"),
        "accuracy": _("accuracy"),
        "cross_entropy": _("cross-entropy in nats"),
    }


def part_titles() -> dict[str, str]:
    """What each part of the examples is called, in the user's language."""
    return {"train": _("training"), "valid": _("validation"), "test": _("test")}


def scores_in_words(fitted: FittedFunction, part: PartName) -> Iterator[str]:
    """A line with the scores on a part, and one with the same of the exact linear regression."""
    count = len(fitted.data.part(part))
    rows: dict[str, Scores] = {
        _("{part}, {count} examples").format(part=part_titles()[part], count=count): fitted.evaluate(part)
    }
    if linear := linear_scores(fitted, part):
        rows[_("the exact linear regression")] = linear
    titles = score_titles()
    for name, found in rows.items():
        yield name + _(": ") + _("; ").join(f"{titles[key]} {value:.4g}" for key, value in found.items())


def linear_scores(fitted: FittedFunction, part: PartName) -> Scores:
    """The scores of the exact linear regression on a part; none where classes are to be told apart."""
    from congling.tasks.function_fitting.linear_baseline import linear_baseline

    baseline = linear_baseline(fitted.data)
    return {} if baseline is None else baseline.scores.get(part, {})


def print_scores(columns: Mapping[str, Scores]) -> None:
    """A row a score, a column each for the network and what stands beside it."""
    titles = score_titles()
    names = dict.fromkeys(name for scores in columns.values() for name in scores)
    rows = [
        [titles[name], *(f"{scores[name]:.6g}" if name in scores else "–" for scores in columns.values())]
        for name in names
    ]
    print_table([_("score"), *columns], rows)
