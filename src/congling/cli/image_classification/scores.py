"""How good a picture classifier is on a part of its pictures, in a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from congling.cli.classification_scores import scores
from congling.language import _

if TYPE_CHECKING:
    from congling.data.pictures.sets import PictureSet
    from congling.tasks.classification_scores import Evaluation
    from congling.tasks.image_classification.picture_classifier import PartName


def part_with_pictures(pictures: PictureSet) -> PartName:
    """The test, or the validation part where nothing was held out for a test."""
    return "test" if len(pictures.rows("test")) else "valid"


def part_titles() -> dict[str, str]:
    """What each part of the pictures is called, in the user's language."""
    return {"train": _("training pictures"), "valid": _("validation pictures"), "test": _("test pictures")}


def score_line(found: Evaluation, part: PartName) -> str:
    """Accuracy with its interval, and cross-entropy."""
    return _("{count} {part}: {scores}").format(count=len(found), part=part_titles()[part], scores=scores(found))
