"""``congling predict RUN 0.5 …`` of a fitted function: the number or the class for each row of numbers."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import tyro

from congling.cli.function_fitting.rows import Row, rows_of_lines, rows_of_words
from congling.cli.function_fitting.weights import open_fitted
from congling.cli.options import exclude, parse
from congling.cli.standard_input import StandardInput
from congling.cli.values import print_json
from congling.errors import UserError
from congling.language import _

if TYPE_CHECKING:
    from congling.tasks.function_fitting.fitted_function import FittedFunction

ROWS_AT_ONCE = 4096


@dataclass
class Options:
    """Predicting"""

    run: tyro.conf.Positional[Path]
    """The run's folder."""
    numbers: tyro.conf.Positional[list[str]] = field(default_factory=list)
    """What to predict from: a number each, or 0.5,1.2 where the run takes two; without any, lines are read from
    standard input, whose first may name the columns."""
    table: Path | None = None
    """Predict for each row of a .csv or .tsv file with the columns that the run learned from (.gz too)."""
    json: bool = False
    """One JSON object a line, with the inputs; for classes with their probabilities."""
    checkpoint: str = "best"
    """Which weights: best, last, or the number of a step."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to compute."""


def main(arguments: list[str], prog: str) -> int:
    """Predict; a line for each row goes to stdout."""
    options = parse(Options, arguments, prog, _("Predict from numbers, or from standard input line by line."))
    if options.table is not None and options.numbers:
        exclude("--table", "NUMBERS")
    _run, fitted = open_fitted(options)
    waiting = StandardInput()
    interactive = not options.numbers and options.table is None and sys.stdin.isatty()
    if interactive:
        wanted = ",".join(fitted.data.input_names)
        print(_("Type {wanted} and press Enter; end with Ctrl-D.").format(wanted=wanted), file=sys.stderr)
    for chunk in _chunks(_rows(options, fitted.data.input_names, waiting), 1 if interactive else ROWS_AT_ONCE):
        _print(fitted, chunk, options.json)
        sys.stdout.flush()
    waiting.check()
    return 0


def _rows(options: Options, names: list[str], waiting: StandardInput) -> Iterable[Row]:
    if options.numbers:
        return rows_of_words(options.numbers, names)
    if options.table is None:
        return rows_of_lines(waiting, names, lambda number: _("standard input, line {number}").format(number=number))
    from congling.data.tables.tables import read_inputs

    rows: list[Row] = read_inputs(options.table, names).tolist()
    return rows


def _chunks(rows: Iterable[Row], size: int) -> Iterator[list[Row]]:
    """So many rows at once; the rows before a wrong one come whole before its error."""
    chunk: list[Row] = []
    try:
        for row in rows:
            chunk.append(row)
            if len(chunk) == size:
                yield chunk
                chunk = []
    except UserError:
        yield chunk
        raise
    yield chunk


def _print(fitted: FittedFunction, rows: list[Row], as_json: bool) -> None:
    import numpy as np

    if not rows:
        return
    for row, outputs in zip(rows, fitted(np.array(rows)).tolist(), strict=True):
        if as_json:
            print_json({"inputs": dict(zip(fitted.data.input_names, row, strict=True)), **_record(fitted, outputs)})
        else:
            print("\t".join(_cells(fitted.data.classes, outputs)))


def _cells(classes: list[str], outputs: list[float]) -> list[str]:
    """The number, or the class and after it each class with its probability."""
    if not classes:
        return [f"{number:.6g}" for number in outputs]
    probabilities = [f"{name}: {value:.4f}" for name, value in zip(classes, outputs, strict=True)]
    return [_likeliest(classes, outputs), *probabilities]


def _record(fitted: FittedFunction, outputs: list[float]) -> dict[str, Any]:
    classes = fitted.data.classes
    if not classes:
        return {"prediction": outputs[0]}
    return {
        "prediction": _likeliest(classes, outputs),
        "probabilities": dict(zip(classes, outputs, strict=True)),
    }


def _likeliest(classes: list[str], probabilities: list[float]) -> str:
    return classes[probabilities.index(max(probabilities))]
