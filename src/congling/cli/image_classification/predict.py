"""``congling predict RUN a.png …`` of a picture classifier: the likeliest classes of each picture."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import tyro

from congling.cli.checkpoint import checkpoint
from congling.cli.one_by_one import raise_last
from congling.cli.options import parse
from congling.cli.standard_input import StandardInput
from congling.cli.training import say
from congling.cli.values import print_json
from congling.errors import UserError
from congling.language import _
from congling.learning.options import require_at_least

if TYPE_CHECKING:
    from congling.tasks.image_classification.picture_classifier import PictureClassifier


@dataclass
class Options:
    """Classifying"""

    run: tyro.conf.Positional[Path]
    """The run's folder."""
    pictures: tyro.conf.Positional[list[Path]] = field(default_factory=list)
    """The pictures' files; without any, their names are read from standard input, one a line."""
    top: int = 3
    """How many of the likeliest classes to print."""
    invert: Literal["auto", "yes", "no"] = "auto"
    """Exchange light and dark; auto does so where the run's pictures nearly all have a dark ground, and this one has a
    light one, or the other way round."""
    json: bool = False
    """One JSON object a line, with the probabilities of all classes."""
    checkpoint: str = "best"
    """Which weights: best, last, or the number of a step."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to compute."""


def main(arguments: list[str], prog: str) -> int:
    """Classify; a line for each picture goes to stdout, and how it was fitted to stderr.

    A picture that cannot be read does not keep the others waiting: it is the error at the end.
    """
    options = parse(Options, arguments, prog, _("Classify pictures: the likeliest classes, and their probabilities."))
    require_at_least(("--top", options.top, 1))
    from congling.learning.runs import Run
    from congling.tasks.image_classification.picture_classifier import PictureClassifier

    classifier = PictureClassifier.load(Run.open(options.run), checkpoint(options.checkpoint), options.device)
    waiting, errors = StandardInput(), list[UserError]()
    for path in _paths(options, waiting):
        try:
            _classify(classifier, path, options)
        except UserError as error:
            errors.append(error)
    waiting.check()
    raise_last(errors)
    return 0


def _paths(options: Options, waiting: StandardInput) -> Iterator[Path]:
    if options.pictures:
        yield from options.pictures
        return
    if sys.stdin.isatty():
        say(_("Type the name of a picture's file and press Enter; end with Ctrl-D."))
    for line in waiting:
        if line.strip():
            yield Path(line)


def _classify(classifier: PictureClassifier, path: Path, options: Options) -> None:
    picture = classifier.fit(path, options.invert)
    (probabilities,) = classifier(picture.input).tolist()
    if picture.remarks:
        say(f"{path}" + _(": ") + _("; ").join(picture.remarks))
    ordered = sorted(zip(classifier.classes, probabilities, strict=True), key=lambda pair: -pair[1])
    if options.json:
        print_json(
            {
                "picture": str(path),
                "prediction": ordered[0][0],
                "probabilities": dict(ordered),
                "remarks": picture.remarks,
            }
        )
    else:
        print("\t".join([str(path), *(f"{name}: {value:.4f}" for name, value in ordered[: options.top])]))
    sys.stdout.flush()
