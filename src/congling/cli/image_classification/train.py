"""``congling train image-classification``: a convolutional network that learns to tell pictures apart."""

from __future__ import annotations

from pathlib import Path

from congling.cli.options import parse
from congling.cli.training import ResumeOptions, going_on, report, say, suggest
from congling.language import _
from congling.tasks.image_classification.options import ImageClassificationOptions


def main(arguments: list[str], prog: str) -> int:
    """Train a new run."""
    description = _("Train a network that tells pictures apart: handwritten digits, or your own folder of pictures.")
    options = parse(ImageClassificationOptions, arguments, prog, description)
    from congling.tasks.image_classification.task import train

    run, reason = train(options, say)
    return report(run.path, reason, _encourage)


def resume(options: ResumeOptions) -> int:
    """Go on with a run that was stopped, killed or has ended."""
    from congling.tasks.image_classification.task import resume

    run, reason = resume(going_on(options), say)
    return report(run.path, reason, _encourage)


def _encourage(path: Path) -> None:
    """How good the classifier is on pictures that it has not seen, and what to do next."""
    from congling.cli.image_classification.scores import part_with_pictures, score_line
    from congling.learning.runs import Run
    from congling.tasks.image_classification.picture_classifier import PictureClassifier

    classifier = PictureClassifier.load(Run.open(path), device="auto")
    part = part_with_pictures(classifier.pictures)
    say(score_line(classifier.evaluate(part), part))
    suggest(_("done. To try it: {command}"), "predict", str(path), "PICTURE.png")
    suggest(_("Which classes it mixes up: {command}"), "evaluate", str(path))
    options = classifier.options
    if not options.data.named and options.augmentation.augment and not options.augmentation.mirror:
        say(_("If your pictures may be mirrored, as most photographs may, --mirror 0.5 makes more of them."))
