"""``congling evaluate RUN`` of a fitted function: its errors on held-out examples, or on the user's own table."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import tyro

from congling.cli.function_fitting.scores import linear_scores, part_titles, print_scores
from congling.cli.function_fitting.weights import open_fitted
from congling.cli.options import exclude, parse
from congling.cli.training import say
from congling.cli.values import print_json
from congling.errors import UserError
from congling.language import _

if TYPE_CHECKING:
    from congling.tasks.function_fitting.data import Part
    from congling.tasks.function_fitting.fitted_function import FittedFunction


@dataclass
class Options:
    """Scoring"""

    run: tyro.conf.Positional[Path]
    """The run's folder."""
    part: Literal["test", "valid", "train"] | None = None
    """Which examples of the run to score on; the test by default."""
    table: Path | None = None
    """Your own examples to score on: a .csv or .tsv file with the columns that the run learned from (.gz too)."""
    json: bool = False
    """Print one JSON object."""
    checkpoint: str = "best"
    """Which weights: best, last, or the number of a step."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to compute."""


def main(arguments: list[str], prog: str) -> int:
    """Score; the scores go to stdout."""
    description = _("Score a fitted function: its errors, beside those of the exact linear regression.")
    options = parse(Options, arguments, prog, description)
    if options.part is not None and options.table is not None:
        exclude("--part", "--table")
    run, fitted = open_fitted(options)
    part = options.part or "test"
    examples = fitted.data.part(part) if options.table is None else _own_examples(fitted, options.table)
    if not len(examples):
        message = _("{run} holds out no examples for the {part}: choose another --part, or give --table")
        raise UserError(message.format(run=run.path, part=part_titles()[part]))
    scores = fitted.evaluate(examples)
    linear = linear_scores(fitted, part) if options.table is None else {}
    if options.json:
        print_json({"examples": len(examples), "scores": scores} | ({"linear_regression": linear} if linear else {}))
        return 0
    print(_("{count} examples").format(count=len(examples)))
    print_scores({_("network"): scores} | ({_("exact linear regression"): linear} if linear else {}))
    return 0


def _own_examples(fitted: FittedFunction, path: Path) -> Part:
    examples, remarks = fitted.read_part(path)
    for remark in remarks:
        say(remark)
    return examples
