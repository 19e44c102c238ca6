"""Where the examples of a fitting come from: drawn from a function, or the rows of a table; split into three parts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from congling.data.functions.functions import FUNCTIONS
from congling.data.tables.features import calculate, feature_of
from congling.data.tables.tables import Table, read_numbers
from congling.errors import UserError
from congling.language import _
from congling.tasks.function_fitting.data import PARTS, FunctionData, Part, Scale
from congling.tasks.function_fitting.options import FunctionDataOptions

Rows = NDArray[np.int64]


def make_data(options: FunctionDataOptions, seed: int) -> FunctionData:
    """Draw or read the examples, split them, and find their scales on the training part.

    Raises:
        UserError: the table cannot be learned from (see ``read_numbers``), or its numbers are too large.
    """
    data = _drawn(options, seed) if options.table is None else _of_table(options.table, options, seed)
    examples = [data.examples(part) for part in PARTS]
    if not all(bool(each.inputs.isfinite().all()) for each in examples):
        raise UserError(_("some inputs are too large to learn from: divide them, or choose other --features"))
    if not all(bool(each.targets.isfinite().all()) for each in examples):
        raise UserError(_("some targets are too large to learn from: divide them"))
    return data


def _drawn(options: FunctionDataOptions, seed: int) -> FunctionData:
    function = FUNCTIONS[options.function]
    sizes = (options.examples, options.valid_size, options.test_size)
    # A generator for each part: more training examples leave the test as it is.
    parts = [
        Part(*function.sample(size, np.random.default_rng([seed, number]), options.noise))
        for number, size in enumerate(sizes)
    ]
    classes = [str(number) for number in range(function.classes)]
    return _scaled(options, parts, function.input_names, "y", classes, function_name=function.name, noise=options.noise)


def _of_table(path: Path, options: FunctionDataOptions, seed: int) -> FunctionData:
    table = read_numbers(path, options.inputs, options.target, options.kind)
    for text in options.features:
        feature_of(text, table.input_names)
    rows = split_rows(table, options.valid_part, options.test_part, np.random.default_rng(seed))
    parts = [Part(table.inputs[each], table.targets[each]) for each in rows]
    return _scaled(options, parts, table.input_names, table.target_name, table.classes, remarks=table.remarks)


def split_rows(table: Table, valid_part: float, test_part: float, generator: np.random.Generator) -> list[Rows]:
    """The rows to learn from, to validate and to test with, in an order drawn anew; each class in its proportion.

    Raises:
        UserError: no row is left to learn from or to validate with.
    """
    order = generator.permutation(len(table.inputs))
    groups = [order[table.targets[order] == label] for label in range(len(table.classes))] or [order]
    cuts = [_cut(group, valid_part, test_part) for group in groups]
    train, valid, test = (np.concatenate(parts) for parts in zip(*cuts, strict=True))
    if not len(valid):  # the best step and patience hang on it
        train, valid = train[:-1], train[-1:]
    if not len(train):
        message = _(
            "{rows} rows are too few for --valid-part {valid:g} and --test-part {test:g}: none is left to learn from"
        )
        raise UserError(message.format(rows=len(order), valid=valid_part, test=test_part))
    return [generator.permutation(part) for part in (train, valid, test)]


def _cut(rows: Rows, valid_part: float, test_part: float) -> tuple[Rows, Rows, Rows]:
    valid, test = round(valid_part * len(rows)), round(test_part * len(rows))
    return rows[valid + test :], rows[:valid], rows[valid : valid + test]


def _scaled(
    options: FunctionDataOptions,
    parts: Sequence[Part],
    input_names: list[str],
    target_name: str,
    classes: list[str],
    *,
    function_name: str | None = None,
    noise: float = 0.0,
    remarks: Sequence[str] = (),
) -> FunctionData:
    train, valid, test = parts
    with np.errstate(all="ignore"):  # overflow is found, and told, by ``make_data``
        features = calculate(options.features, input_names, train.inputs)
        feature_scale = Scale.of(features) if options.standardised else Scale.none(features.shape[1])
        target_scale = Scale.none(0 if classes else 1)
        if options.standardised and not classes:
            target_scale = Scale.of(np.asarray(train.targets, np.float64))
    return FunctionData(
        train,
        valid,
        test, input_names, target_name, classes, list(options.features), feature_scale, target_scale,
        function_name, noise, list(remarks),
    )  # fmt: skip
