"""``congling inspect RUN`` of a fitted function: values, gradients, the fit drawn, and a worksheet to print."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import tyro

from congling.cli.function_fitting.example import example, in_words, taught
from congling.cli.function_fitting.pages import write_curves, write_fit, write_gradients
from congling.cli.function_fitting.weights import open_fitted
from congling.cli.gradients import gradients_by_name, gradients_record, print_gradients
from congling.cli.options import exclude, parse
from congling.cli.training import say
from congling.cli.values import names_and_shapes, print_json, print_value, print_values
from congling.errors import UsageError
from congling.language import _
from congling.learning.options import require_above_zero

if TYPE_CHECKING:
    from congling.learning.runs import Run
    from congling.tasks.function_fitting.fitted_function import FittedFunction


@dataclass
class Options:
    """Looking inside"""

    run: tyro.conf.Positional[Path]
    """The run's folder."""
    numbers: tyro.conf.Positional[list[str]] = field(default_factory=list)
    """The example to look at: a number, or 0.5,1.2 where the run takes two; by default one that was held out."""
    target: str | None = None
    """What the run should answer to the example, for --gradients and --worksheet: a number or a class; where the
    function is known, by default its value."""
    html: Path | None = None
    """Write one self-contained page to this file, to open in any browser, also offline: the fit, every neuron, curves,
    the network; with --gradients the gradients."""
    png: Path | None = None
    """Write the fit as a picture to this file (needs the extra: pip install 'congling[png]')."""
    worksheet: Path | None = None
    """Write the example as a hand calculation to this file: forward, backward and one step, to print."""
    answers: bool = True
    """Fill the worksheet in; --no-answers leaves boxes, with the solutions on the last page."""
    learning_rate: float | None = None
    """Learning rate of the worksheet's step; by default the run's own where it learned by gradient descent, else
    0.1."""
    landscape: tuple[str, str] | None = None
    """Draw the loss over two weights of your choice too, in the page of --html: such as 'layers.0.linear.weight[0,1]'
    'output.bias[0]', counted from 0."""
    gradients: bool = False
    """Show the gradient of the loss instead: layer by layer, what looks wrong, and of each parameter; of the given
    example, or of training examples."""
    value: str | None = None
    """Print one value in full: a name of the list, such as layers.0.activated; with --gradients the gradient of the
    parameter of that name."""
    json: bool = False
    """Print names and shapes as JSON; with --value its numbers."""
    checkpoint: str = "best"
    """Which weights: best, last, or the number of a step."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to compute."""

    def check(self) -> None:
        """Refuse options that mean nothing together."""
        if self.target is not None and not (self.gradients or self.worksheet):
            raise UsageError(_("--target goes with --gradients or --worksheet: what the run is to be taught"))
        if self.target is not None and not self.numbers:
            raise UsageError(_("--target needs the numbers beside it that it belongs to"))
        if self.gradients and (self.png is not None or self.worksheet is not None):
            raise UsageError(_("--png and --worksheet draw no table of gradients: give --html"))
        if self.worksheet is None and not self.answers:
            raise UsageError(_("--no-answers goes with --worksheet"))
        if self.worksheet is None and self.learning_rate is not None:
            raise UsageError(_("{option} goes with {other}").format(option="--learning-rate", other="--worksheet"))
        require_above_zero(("--learning-rate", self.learning_rate))
        if self.landscape is not None and (self.html is None or self.gradients):
            raise UsageError(_("--landscape is drawn in the page of the fit: give --html, without --gradients"))
        self._check_files()

    def _check_files(self) -> None:
        """What is printed goes to no file, and each file is one thing."""
        files = {"--html": self.html, "--png": self.png, "--worksheet": self.worksheet}
        given = {option: path for option, path in files.items() if path is not None}
        for printed, wanted in (("--value", self.value is not None), ("--json", self.json)):
            if wanted and given:
                exclude(printed, next(iter(given)))
        for (first, path), (second, other) in itertools.combinations(given.items(), 2):
            if path.absolute() == other.absolute():
                message = _("{first} and {second} cannot both be written to {path}")
                raise UsageError(message.format(first=first, second=second, path=path))

    @property
    def wants_the_page_alone(self) -> bool:
        """Whether the page of the fit is all that is wanted: it can be drawn without weights."""
        return self.html is not None and not (self.gradients or self.worksheet or self.png)


def main(arguments: list[str], prog: str) -> int:
    """Compute one example in a glass box, or on the tape, and show what was seen."""
    options = parse(Options, arguments, prog, _("Look inside a fitted function while it computes one example."))
    options.check()
    if options.wants_the_page_alone and write_curves(options):
        return 0
    run, fitted = open_fitted(options)
    if options.gradients:
        _show_gradients(run, fitted, options)
    elif not write_fit(run, fitted, options):
        _print(fitted, options)
    return 0


def _print(fitted: FittedFunction, options: Options) -> None:
    """Every value on the way from the example to the outputs."""
    import torch

    from congling.equations.glass_box import glass_box

    part = example(fitted.data, options.numbers)
    prepared = fitted.data.prepared(part.inputs)
    with torch.no_grad(), glass_box() as box:
        fitted.network(prepared.to(fitted.network.output.weight.device))
    values = {"inputs": prepared, **{name: box[name] for name in box}}
    if options.value is not None:
        print_value(values, options.value, options.json)
    elif options.json:
        print_json({"values": names_and_shapes(values)})
    else:
        print(in_words(fitted.data, part))
        print_values(values)
        if fitted.data.standardised:
            say(_("the network calculates with standardised numbers: each minus its mean, divided by its deviation"))


def _show_gradients(run: Run, fitted: FittedFunction, options: Options) -> None:
    """The gradient of the mean loss over the example, or over some that the run learned from."""
    from congling.tasks.function_fitting.gradients import fitting_gradients

    part = taught(fitted.data, options.numbers, options.target)
    found = fitting_gradients(fitted.network, fitted.data.examples(part))
    named = gradients_by_name(fitted.network, found.gradients)
    if options.html is not None:
        write_gradients(run, fitted, found, in_words(fitted.data, part), options.html)
    elif options.value is not None:
        print_value(named, options.value, options.json)
    elif options.json:
        print_json({"examples": len(part)} | gradients_record(found.loss, found.tape.flow(), named))
    else:
        print(in_words(fitted.data, part))
        print_gradients(found.loss, found.tape.flow(), named)
