"""``congling inspect RUN TEXT`` of a language model: every number and gradient of one reading, listed or drawn."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import tyro

from congling.cli.checkpoint import checkpoint
from congling.cli.gradients import gradients_by_name, gradients_record, print_gradients
from congling.cli.language_model.scores import record, scores
from congling.cli.options import parse
from congling.cli.page import write_page
from congling.cli.values import names_and_shapes, print_json, print_value, print_values
from congling.language import _

if TYPE_CHECKING:
    from congling.learning.runs import Run
    from congling.tasks.language_model.gradients import ReadingGradients
    from congling.tasks.language_model.text_generator import TextGenerator, TextInside


@dataclass
class Options:
    """Looking inside"""

    run: tyro.conf.Positional[Path]
    """The run's folder."""
    text: tyro.conf.Positional[str]
    """The text to read."""
    gradients: bool = False
    """Show the gradient of the text's loss instead: layer by layer, what looks wrong, and of each parameter."""
    html: Path | None = None
    """Write one self-contained page to this file, to open in any browser, also offline: the surprise of each piece,
    what was foretold in its place, and the state through time; with --gradients the gradients."""
    value: str | None = None
    """Print one value in full: a name of the list, such as recurrent.layers.0.forward_scan.hidden; with --gradients
    the gradient of the parameter of that name."""
    json: bool = False
    """Print pieces, probabilities, names and shapes as JSON; with --value its numbers."""
    checkpoint: str = "best"
    """Which weights: best, last, or the number of a step."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to compute."""


def main(arguments: list[str], prog: str) -> int:
    """Read one text in a glass box, or on the tape, and show what was seen."""
    options = parse(Options, arguments, prog, _("Look inside a language model while it reads one text."))
    from congling.learning.runs import Run
    from congling.tasks.language_model.text_generator import TextGenerator

    run = Run.open(options.run)
    generator = TextGenerator.load(run, checkpoint(options.checkpoint), options.device)
    if options.gradients:
        _show_gradients(run, generator, options)
        return 0
    inside = generator.look_inside(options.text)
    if options.html is not None:
        write_page(options.html, _page(run, generator, inside))
    else:
        _print(inside, options)
    return 0


def _page(run: Run, generator: TextGenerator, inside: TextInside) -> str:
    from congling.figures.language_model.page import reading_page
    from congling.figures.language_model.view import reading_view

    view = reading_view(
        inside.seen,
        inside.log_probabilities,
        inside.ids,
        generator.tokenizer.pieces,
        name=run.path.name,
        text=inside.text,
        opening=generator.opening,
    )
    return reading_page(view)


def _print(inside: TextInside, options: Options) -> None:
    values = {name: inside.seen[name] for name in inside.seen}
    if options.value is not None:
        print_value(values, options.value, options.json)
    elif options.json:
        print_json(_record(inside) | {"values": names_and_shapes(values)})
    else:
        print(" ".join(map(repr, inside.pieces)))
        print(scores(inside.score))
        print_values(values)


def _record(inside: TextInside) -> dict[str, Any]:
    own = [float(inside.log_probabilities[t, number]) for t, number in enumerate(inside.ids)]
    return {"pieces": inside.pieces, "log_probabilities": own, "score": record(inside.score)}


def _show_gradients(run: Run, generator: TextGenerator, options: Options) -> None:
    from congling.tasks.language_model.gradients import reading_gradients

    found = reading_gradients(generator, options.text)
    named = gradients_by_name(generator.network, found.gradients)
    if options.html is not None:
        write_page(options.html, _gradient_page(run, generator, found))
    elif options.value is not None:
        print_value(named, options.value, options.json)
    elif options.json:
        print_json({"pieces": found.pieces} | gradients_record(found.loss, found.tape.flow(), named))
    else:
        print(" ".join(map(repr, found.pieces)))
        print_gradients(found.loss, found.tape.flow(), named)


def _gradient_page(run: Run, generator: TextGenerator, found: ReadingGradients) -> str:
    from congling.figures.gradients.page import gradient_page

    title, facts = _("Gradients of {run}").format(run=run.path.name), [" ".join(map(repr, found.pieces))]
    return gradient_page(
        found.tape, found.gradients, title=title, network=generator.network, loss=found.loss, facts=facts
    )
