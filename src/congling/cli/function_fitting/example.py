"""The example to look inside with: out of the words of a command, or one of those that the run has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from congling.cli.function_fitting.rows import number_of, rows_of_words
from congling.cli.function_fitting.scores import part_with_examples
from congling.errors import UsageError
from congling.language import _
from congling.nearest import did_you_mean

if TYPE_CHECKING:
    from congling.tasks.function_fitting.data import FunctionData, Part

LEARNED_FROM = 256  # training examples at most whose mean gradient is shown


def example(data: FunctionData, words: Sequence[str], target: str | None = None) -> Part:
    """The one example that the words are, or the first that was held out; without a target where nobody knows it.

    Raises:
        UsageError: the words are no such numbers, or several examples.
    """
    import numpy as np

    from congling.tasks.function_fitting.data import Part

    if not words:
        held_out = data.part(part_with_examples(data))
        return Part(held_out.inputs[:1], held_out.targets[:1])
    rows = rows_of_words(words, data.input_names)
    if len(rows) > 1:
        raise UsageError(_("{count} examples: one at a time can be looked into").format(count=len(rows)))
    inputs = np.array(rows)
    targets = data.truth(inputs) if target is None else np.array([_target(data, target)])
    return Part(inputs, np.empty(0) if targets is None else targets)


def taught(data: FunctionData, words: Sequence[str], target: str | None) -> Part:
    """What the run is taught: the example of the words with its target, or else examples that it learned from.

    Raises:
        UsageError: as ``example``; or nobody knows the target.
    """
    from congling.tasks.function_fitting.data import Part

    if not words:
        return Part(data.train.inputs[:LEARNED_FROM], data.train.targets[:LEARNED_FROM])
    return with_target(example(data, words, target))


def with_target(part: Part) -> Part:
    """The same example.

    Raises:
        UsageError: nobody knows its target.
    """
    if not len(part.targets):
        raise UsageError(_("what should the run answer to these numbers? Say so with --target"))
    return part


def in_words(data: FunctionData, part: Part) -> str:
    """``x1=0.5 x2=1.2 y=3``, or how many examples there are."""
    if len(part) > 1:
        return _("{count} training examples").format(count=len(part))
    cells = [f"{name}={number:.6g}" for name, number in zip(data.input_names, part.inputs[0], strict=True)]
    if len(part.targets):
        target = part.targets[0]
        cells.append(f"{data.target_name}={data.classes[target] if data.classes else format(float(target[0]), '.6g')}")
    return " ".join(cells)


def _target(data: FunctionData, text: str) -> Any:
    """A class number, or a row of one number."""
    if not data.classes:
        return [number_of(text, "--target")]
    if text not in data.classes:
        message = _("the class {name} was not learned; the classes are {classes}")
        message = message.format(name=text, classes=", ".join(data.classes))
        raise UsageError(message + did_you_mean(text, data.classes))
    return data.classes.index(text)
