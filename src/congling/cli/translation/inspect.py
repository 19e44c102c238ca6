"""``congling inspect RUN TEXT`` of a translator: every number and gradient of one translation, listed or drawn."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import tyro

from congling.cli.checkpoint import checkpoint
from congling.cli.gradients import gradients_by_name, gradients_record, print_gradients
from congling.cli.options import parse
from congling.cli.page import say_what_opens_it, write_and_name, write_page
from congling.cli.values import Values, finite, names_and_shapes, print_json, print_value, print_values
from congling.errors import UsageError
from congling.language import _
from congling.tasks.translation.options import SearchOptions

if TYPE_CHECKING:
    from congling.figures.translation.view import TranslationView
    from congling.learning.runs import Run
    from congling.tasks.translation.gradients import TranslationGradients
    from congling.tasks.translation.translator import Inside, Translator


@dataclass
class Options:
    """Looking inside"""

    run: tyro.conf.Positional[Path]
    """The run's folder."""
    text: tyro.conf.Positional[str]
    """The sentence to translate."""
    gradients: bool = False
    """Show the gradient of the translation's loss instead: layer by layer, what looks wrong, and of each parameter."""
    target: str | None = None
    """The translation whose loss --gradients goes back from; by default the one that the run itself writes."""
    html: Path | None = None
    """Write one self-contained page to this file, to open in any browser, also offline."""
    svg: Path | None = None
    """Write one picture to this file: which source pieces each target piece looked at."""
    value: str | None = None
    """Print one value in full: a dotted name of the list, such as decoder.layers.0.cross_attention.weights; with
    --gradients the gradient of the parameter of that name."""
    json: bool = False
    """Print what was seen as JSON: pieces, hypotheses, names and shapes; with --value its numbers."""
    checkpoint: str = "best"
    """Which weights: best, last, or the number of a step."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to compute."""
    search: SearchOptions = field(default_factory=SearchOptions)

    def check(self) -> None:
        """Refuse options that mean nothing together."""
        self.search.check()
        if self.target is not None and not self.gradients:
            raise UsageError(_("--target goes with --gradients: what the run is to be taught"))
        if self.svg is not None and self.gradients:
            raise UsageError(_("--svg draws no gradients: give --html"))


def main(arguments: list[str], prog: str) -> int:
    """Translate one sentence in a glass box, or on the tape, and show what was seen."""
    options = parse(Options, arguments, prog, _("Look inside while a run translates one sentence."))
    options.check()
    from congling.learning.runs import Run
    from congling.tasks.translation.translator import Translator

    run = Run.open(options.run)
    translator = Translator.load(run, checkpoint(options.checkpoint), options.device)
    inside = translator.look_inside(options.text, options.search)
    if options.gradients:
        _show_gradients(run, translator, inside, options)
    elif options.html is not None or options.svg is not None:
        _write_figures(_view(run, translator, inside, options.text), options)
    else:
        _print(inside, {name: inside.seen[name] for name in inside.seen}, options)
    return 0


# Values --------------------------------------------------------------------------------------------------------------


def _print(inside: Inside, seen: Values, options: Options) -> None:
    if options.value is not None:
        print_value(seen, options.value, options.json)
    elif options.json:
        print_json(_record(inside, seen))
    else:
        print(" ".join(inside.source_pieces))
        print(" ".join(inside.target_pieces))
        print_values(seen)


def _record(inside: Inside, seen: Values) -> dict[str, Any]:
    return {
        "translation": inside.text,
        "source_pieces": inside.source_pieces,
        "target_pieces": inside.target_pieces,
        "hypotheses": [
            {"ids": each.ids, "log_probability": finite(each.log_probability), "score": finite(each.score)}
            for each in inside.hypotheses
        ],
        "values": names_and_shapes(seen),
    }


def _write_figures(view: TranslationView, options: Options) -> None:
    from congling.figures.translation.page import translation_page
    from congling.figures.translation.picture import translation_picture

    for path, draw in ((options.html, translation_page), (options.svg, translation_picture)):
        if path is not None:
            write_and_name(path, draw(view))
    say_what_opens_it()


def _view(run: Run, translator: Translator, inside: Inside, text: str) -> TranslationView:
    from congling.figures.translation.view import view_from_glass_box

    return view_from_glass_box(
        inside.seen,
        name=run.path.name,
        source_text=text,
        source_ids=inside.source_ids,
        target_ids=inside.target_ids,
        source_tokenizer=translator.source_tokenizer,
        target_tokenizer=translator.target_tokenizer,
        hypotheses=inside.hypotheses,
    )


# Gradients -----------------------------------------------------------------------------------------------------------


def _show_gradients(run: Run, translator: Translator, inside: Inside, options: Options) -> None:
    from congling.tasks.translation.gradients import translation_gradients

    target_ids = inside.target_ids[:-1]  # the ids are to lack the end
    if options.target is not None:
        target_ids = translator.target_tokenizer.encode(options.target)
    found = translation_gradients(translator, inside.source_ids[:-1], target_ids)
    named = gradients_by_name(translator.network, found.gradients)
    if options.html is not None:
        _write_gradient_page(run, translator, found, options)
    elif options.value is not None:
        print_value(named, options.value, options.json)
    elif options.json:
        pieces = {"source_pieces": found.source_pieces, "target_pieces": found.target_pieces}
        print_json(pieces | gradients_record(found.loss, found.tape.flow(), named))
    else:
        print(" ".join(found.source_pieces))
        print(" ".join(found.target_pieces))
        print_gradients(found.loss, found.tape.flow(), named)


def _write_gradient_page(run: Run, translator: Translator, found: TranslationGradients, options: Options) -> None:
    from congling.figures.gradients.page import gradient_page

    assert options.html is not None
    facts = [" ".join(found.source_pieces), " ".join(found.target_pieces)]
    title = _("Gradients of {run}").format(run=run.path.name)
    page = gradient_page(
        found.tape, found.gradients, title=title, network=translator.network, loss=found.loss, facts=facts
    )
    write_page(options.html, page)
