"""``congling inspect RUN TEXT`` of a text classifier: every value on the way from words to classes, listed or drawn."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import tyro

from congling.cli.checkpoint import checkpoint
from congling.cli.gradients import gradients_by_name, gradients_record, print_gradients
from congling.cli.options import parse
from congling.cli.page import write_page
from congling.cli.sentiment.scores import part_with_texts
from congling.cli.values import names_and_shapes, print_json, print_value, print_values
from congling.errors import UsageError
from congling.language import _

if TYPE_CHECKING:
    from congling.learning.runs import Run
    from congling.tasks.sentiment.sentiment_classifier import SentimentClassifier


@dataclass
class Options:
    """Looking inside"""

    run: tyro.conf.Positional[Path]
    """The run's folder."""
    text: tyro.conf.Positional[str | None] = None
    """The text to look at; by default the first one that was held out."""
    target: str | None = None
    """The text's true class, for --gradients; on the page of --html it is told."""
    html: Path | None = None
    """Write one self-contained page to this file, to open in any browser, also offline: the reading word by word, the
    hidden state and its gates through time; with --gradients the gradients."""
    gradients: bool = False
    """Show the gradient of the loss instead: layer by layer, what looks wrong, and of each parameter."""
    value: str | None = None
    """Print one value in full: a name of the list, such as recurrent.layers.0.forward_scan.hidden; with --gradients the
    gradient of the parameter of that name."""
    json: bool = False
    """Print names and shapes as JSON; with --value its numbers."""
    checkpoint: str = "best"
    """Which weights: best, last, or the number of a step."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to compute."""

    def check(self) -> None:
        """Refuse options that mean nothing together."""
        if self.target is not None and not ((self.gradients or self.html) and self.text is not None):
            raise UsageError(_("--target goes with a text, and --gradients or --html: the text's true class"))
        if self.gradients and self.text is not None and self.target is None:
            raise UsageError(_("--gradients of a text needs its true class: --target CLASS"))


@dataclass(frozen=True)
class Example:
    """The text to look at, and the number of its class, where somebody has said it."""

    text: str
    truth: int | None


def main(arguments: list[str], prog: str) -> int:
    """Read one text in a glass box, or on the tape, and show what was seen."""
    options = parse(Options, arguments, prog, _("Look inside a text classifier while it reads one text."))
    options.check()
    from congling.learning.runs import Run
    from congling.tasks.sentiment.sentiment_classifier import SentimentClassifier

    run = Run.open(options.run)
    classifier = SentimentClassifier.load(run, checkpoint(options.checkpoint), options.device)
    example = _example(classifier, options)
    if options.gradients:
        _show_gradients(run, classifier, example, options)
    elif options.html is not None:
        _write_page(run, classifier, example, options.html)
    else:
        _show_values(classifier, example, options)
    return 0


def _example(classifier: SentimentClassifier, options: Options) -> Example:
    if options.text is not None:
        return Example(options.text, None if options.target is None else classifier.class_number(options.target))
    store = classifier.part(part_with_texts(classifier))
    return Example(store.texts([0])[0], int(store.targets[0]))


def _write_page(run: Run, classifier: SentimentClassifier, example: Example, path: Path) -> None:
    from congling.figures.sentiment.page import sentiment_page
    from congling.figures.sentiment.view import view_of_text

    write_page(path, sentiment_page(view_of_text(run.path.name, classifier, example.text, example.truth)))


def _show_values(classifier: SentimentClassifier, example: Example, options: Options) -> None:
    from congling.tasks.sentiment.inside import look_inside

    inside = look_inside(classifier, example.text)
    if options.value is not None:
        print_value(inside.values, options.value, options.json)
    elif options.json:
        print_json({"pieces": inside.pieces, "values": names_and_shapes(inside.values)})
    else:
        print(" ".join(inside.pieces))
        print_values(inside.values)


def _show_gradients(run: Run, classifier: SentimentClassifier, example: Example, options: Options) -> None:
    from congling.learning.backprop import Tape

    assert example.truth is not None
    ids, _left_out = classifier.ids(example.text)
    with Tape() as tape:
        loss, _count = classifier.network.loss(classifier.batch([ids], [example.truth]))
    gradients = tape.gradients(loss)
    named = gradients_by_name(classifier.network, gradients)
    if options.html is not None:
        from congling.figures.gradients.page import gradient_page

        title, facts = _("Gradients of {run}").format(run=run.path.name), [example.text]
        write_page(
            options.html,
            gradient_page(tape, gradients, title=title, network=classifier.network, loss=float(loss), facts=facts),
        )
    elif options.value is not None:
        print_value(named, options.value, options.json)
    elif options.json:
        pieces = classifier.shown_pieces(example.text, ids)
        print_json({"pieces": pieces} | gradients_record(float(loss), tape.flow(), named))
    else:
        print_gradients(float(loss), tape.flow(), named)
