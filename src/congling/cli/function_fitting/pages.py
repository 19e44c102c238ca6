"""Pages and pictures of a fitted function, written to the files that the user names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from congling.cli.function_fitting.example import example, with_target
from congling.cli.page import say_what_opens_it, write_and_name, write_page
from congling.language import _

PLAIN_RATE = 0.1  # large enough for the sheet's digits to show the step

if TYPE_CHECKING:
    from congling.cli.function_fitting.inspect import Options
    from congling.learning.runs import Run
    from congling.tasks.function_fitting.fitted_function import FittedFunction
    from congling.tasks.function_fitting.gradients import FittingGradients


def write_curves(options: Options) -> bool:
    """Write the page of a run that has no weights: its curve, and why there is no more; False for any other run."""
    from congling.learning.runs import Run

    run = Run.open(options.run)
    if options.html is None or run.checkpoint_steps():
        return False
    from congling.figures.fitting.curve_figures import curves_of_run
    from congling.figures.fitting.curves_page import curves_page

    write_page(options.html, curves_page(curves_of_run(run), name=run.path.name))
    return True


def write_fit(run: Run, fitted: FittedFunction, options: Options) -> bool:
    """Write the page, the picture and the worksheet that are asked for; False where none is."""
    if options.html is not None:
        write_and_name(options.html, _fitting_page(run, fitted, options.landscape))
    if options.worksheet is not None:
        write_and_name(options.worksheet, _worksheet(run, fitted, options))
    if options.png is not None:
        from congling.figures.fitting.page import fit_figure
        from congling.figures.plots import save_png

        save_png(fit_figure(fitted), options.png)
        print(options.png)
    if options.html is not None or options.worksheet is not None:
        say_what_opens_it()
    return (options.html, options.worksheet, options.png) != (None, None, None)


def write_gradients(run: Run, fitted: FittedFunction, found: FittingGradients, examples: str, path: Path) -> None:
    """Write the page of the gradients; ``examples`` says in words what they are the gradients of."""
    from congling.figures.fitting.page import frames_of
    from congling.figures.gradients.page import gradient_page
    from congling.tasks.function_fitting.gradients import flows_in_training

    page = gradient_page(
        found.tape,
        found.gradients,
        title=_("Gradients of {run}").format(run=run.path.name),
        network=fitted.network,
        loss=found.loss,
        facts=[examples],
        inputs={"x": found.examples.inputs},
        flows=flows_in_training(fitted.network, frames_of(run), found.examples),
    )
    write_page(path, page)


def _fitting_page(run: Run, fitted: FittedFunction, weights: tuple[str, str] | None) -> str:
    from congling.figures.fitting.curve_figures import curves_of_run
    from congling.figures.fitting.page import fitting_page, frames_of

    return fitting_page(fitted, curves_of_run(run), frames_of(run), name=run.path.name, weights=weights)


def _worksheet(run: Run, fitted: FittedFunction, options: Options) -> str:
    from congling.figures.worksheet.sheet import worksheet

    data = fitted.data
    part = with_target(example(data, options.numbers, options.target))
    taught = data.examples(part)
    return worksheet(
        fitted.network,
        taught.inputs[0].tolist(),
        taught.targets[0].tolist(),
        learning_rate=_learning_rate(fitted, options),
        answers=options.answers,
        input_names=_names(data.feature_names, data.features_of(part.inputs)[0], data.standardised),
        output_names=data.classes or _names([data.target_name], part.targets[0], data.standardised),
        name=run.path.name,
        standardised=data.standardised,
    )


def _names(names: Sequence[str], numbers: Iterable[float], standardised: bool) -> list[str]:
    """The names; with the user's own numbers, where the network reads others."""
    if not standardised:
        return list(names)
    return [f"{name} = {float(number):.6g}" for name, number in zip(names, numbers, strict=True)]


def _learning_rate(fitted: FittedFunction, options: Options) -> float:
    """Of the sheet's one step, which is one of gradient descent: other optimisers' rates mean something else."""
    training = fitted.options.training
    own = training.learning_rate if training.optimizer == "gradient-descent" else PLAIN_RATE
    return own if options.learning_rate is None else options.learning_rate
