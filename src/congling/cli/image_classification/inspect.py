"""``congling inspect RUN picture.png`` of a picture classifier: every value on the way from pixels to classes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import tyro

from congling.cli.checkpoint import checkpoint
from congling.cli.gradients import gradients_by_name, gradients_record, print_gradients
from congling.cli.image_classification.scores import part_with_pictures
from congling.cli.options import parse
from congling.cli.page import write_page
from congling.cli.training import say
from congling.cli.values import names_and_shapes, print_json, print_value, print_values
from congling.errors import UsageError
from congling.language import _

if TYPE_CHECKING:
    from torch import Tensor

    from congling.learning.checkpoints import Which
    from congling.learning.runs import Run
    from congling.tasks.image_classification.picture_classifier import PictureClassifier, PictureToClassify


@dataclass
class Options:
    """Looking inside"""

    run: tyro.conf.Positional[Path]
    """The run's folder."""
    picture: tyro.conf.Positional[Path | None] = None
    """The picture to look at; by default the first one that was held out."""
    invert: Literal["auto", "yes", "no"] = "auto"
    """Exchange light and dark in the picture; auto does so where it stands on the other ground than the run's."""
    target: str | None = None
    """The picture's true class, for --gradients; on the page of --html it is told."""
    html: Path | None = None
    """Write one self-contained page to this file, to open in any browser, also offline: kernels, maps, the arithmetic
    of a pixel, what the answer leans on, mistakes; with --gradients the gradients."""
    gradients: bool = False
    """Show the gradient of the loss instead: layer by layer, what looks wrong, and of each parameter."""
    value: str | None = None
    """Print one value in full: a name of the list, such as blocks.0.activated; with --gradients the gradient of the
    parameter of that name."""
    json: bool = False
    """Print names and shapes as JSON; with --value its numbers."""
    checkpoint: str = "best"
    """Which weights: best, last, or the number of a step."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to compute."""

    def check(self) -> None:
        """Refuse options that mean nothing together."""
        if self.target is not None and not ((self.gradients or self.html) and self.picture):
            raise UsageError(_("--target goes with a picture, and --gradients or --html: the picture's true class"))
        if self.gradients and self.picture and self.target is None:
            raise UsageError(_("--gradients of a picture needs its true class: --target CLASS"))


def main(arguments: list[str], prog: str) -> int:
    """Compute one picture in a glass box, or on the tape, and show what was seen."""
    options = parse(Options, arguments, prog, _("Look inside a picture classifier while it looks at one picture."))
    options.check()
    from congling.learning.runs import Run
    from congling.tasks.image_classification.picture_classifier import PictureClassifier

    run = Run.open(options.run)
    classifier = PictureClassifier.load(run, checkpoint(options.checkpoint), options.device)
    example = _example(classifier, options)
    if options.gradients:
        _show_gradients(run, classifier, example, options)
    elif options.html is not None:
        _write_page(run, classifier, example, options.html, checkpoint(options.checkpoint))
    else:
        _show_values(classifier, example.picture.input, options)
    return 0


@dataclass(frozen=True)
class Example:
    """The picture to look at, what it is called, and the number of its class, where somebody has said it."""

    picture: PictureToClassify
    title: str
    truth: int | None


def _example(classifier: PictureClassifier, options: Options) -> Example:
    if options.picture is not None:
        picture = classifier.fit(options.picture, options.invert)
        if picture.remarks:
            say(f"{options.picture}" + _(": ") + _("; ").join(picture.remarks))
        truth = None if options.target is None else classifier.class_number(options.target)
        return Example(picture, options.picture.name, truth)
    return _held_out_example(classifier)


def _held_out_example(classifier: PictureClassifier) -> Example:
    from congling.tasks.image_classification.picture_classifier import PictureToClassify

    pictures = classifier.pictures
    row = pictures.rows(part_with_pictures(pictures))[:1]
    shown = pictures.pictures(row)
    picture = PictureToClassify(pictures.standardised(shown), shown[0], [])
    title = _("held-out picture {name}").format(name=pictures.names[row[0]])
    return Example(picture, title, int(pictures.targets[row[0]]))


def _write_page(run: Run, classifier: PictureClassifier, example: Example, path: Path, which: Which) -> None:
    from congling.figures.pictures.page import picture_page, view_of_run

    view = view_of_run(run, classifier, example.picture, title=example.title, truth=example.truth, which=which)
    write_page(path, picture_page(view))


def _show_values(classifier: PictureClassifier, pixels: Tensor, options: Options) -> None:
    import torch

    from congling.equations.activations import softmax
    from congling.equations.glass_box import glass_box

    with torch.no_grad(), glass_box() as box:
        outputs = classifier.network(pixels.to(classifier.device))
    values = {"inputs": pixels, **{name: box[name] for name in box}, "probabilities": softmax(outputs)}
    if options.value is not None:
        print_value(values, options.value, options.json)
    elif options.json:
        print_json({"values": names_and_shapes(values)})
    else:
        print_values(values)


def _show_gradients(run: Run, classifier: PictureClassifier, example: Example, options: Options) -> None:
    import torch

    from congling.data.examples import ExampleBatch
    from congling.learning.backprop import Tape

    assert example.truth is not None
    batch = ExampleBatch(example.picture.input, torch.tensor([example.truth])).to(classifier.device)
    with Tape() as tape:
        loss, count = classifier.network.loss(batch)
    gradients = tape.gradients(loss)
    named = gradients_by_name(classifier.network, gradients)
    if options.html is not None:
        from congling.figures.gradients.page import gradient_page

        title, facts = _("Gradients of {run}").format(run=run.path.name), [example.title]
        write_page(
            options.html,
            gradient_page(tape, gradients, title=title, network=classifier.network, loss=float(loss), facts=facts),
        )
    elif options.value is not None:
        print_value(named, options.value, options.json)
    elif options.json:
        print_json({"pictures": count} | gradients_record(float(loss), tape.flow(), named))
    else:
        print_gradients(float(loss), tape.flow(), named)
