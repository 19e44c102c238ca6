"""``congling train function-fitting``: a small network that finds a function from examples."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from congling.cli.function_fitting.weights import words_to_see
from congling.cli.options import parse
from congling.cli.training import ResumeOptions, going_on, report, say, suggest
from congling.language import _
from congling.tasks.function_fitting.options import FunctionFittingOptions


def main(arguments: list[str], prog: str) -> int:
    """Train a new run."""
    description = _("Fit a function with a small network: a named one, or the columns of your own table.")
    options = parse(FunctionFittingOptions, arguments, prog, description)
    from congling.tasks.function_fitting.task import train

    with _curve_of_a_divergence():
        run, reason = train(options, say)
    return report(run.path, reason, _encourage)


def resume(options: ResumeOptions) -> int:
    """Go on with a run that was stopped, killed or has ended."""
    from congling.tasks.function_fitting.task import resume

    with _curve_of_a_divergence():
        run, reason = resume(going_on(options), say)
    return report(run.path, reason, _encourage)


@contextmanager
def _curve_of_a_divergence() -> Iterator[None]:
    """Say how to look at the curve of a training that ends in nothing."""
    from congling.learning.trainer import Diverged

    try:
        yield
    except Diverged as error:
        if error.run is not None:
            suggest(_("To see its curve: {command}"), *words_to_see(error.run.path))
        raise


def _encourage(path: Path) -> None:
    """How good the fit is, and what to do with it."""
    from congling.cli.function_fitting.scores import part_with_examples, scores_in_words
    from congling.learning.runs import Run
    from congling.tasks.function_fitting.fitted_function import FittedFunction

    fitted = FittedFunction.load(Run.open(path))
    part = part_with_examples(fitted.data)
    for line in scores_in_words(fitted, part):
        say(line)
    example = ",".join(f"{number:.4g}" for number in fitted.data.part(part).inputs[0])
    suggest(_("done. To try it: {command}"), "predict", str(path), example)
    suggest(_("To see it: {command}"), *words_to_see(path))
