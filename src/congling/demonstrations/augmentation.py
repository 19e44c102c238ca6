"""Road 3.2: data augmentation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from congling.demonstrations.claim import Claim, Expectation, Reading, Variant, problem
from congling.demonstrations.readings import both_losses, part_learned_wrong, part_wrong
from congling.language import _

if TYPE_CHECKING:
    from congling.tasks.function_fitting.data import FunctionData

COPIES = 20


def augmentation() -> Claim:
    """3.2: altered copies of the same pictures."""
    plain = problem(hidden=[64], steps=200, batch_size=60, learning_rate=0.01)
    return Claim(
        name="augmentation",
        road="3.2",
        title=_("Altered copies of the same pictures"),
        statement=_(
            "A picture that is turned or shifted a little shows the same thing. Copies that are altered so teach a "
            "network what does not matter, without a single new example. Copies altered as nothing ever is do not."
        ),
        variants=(
            Variant("plain", _("30 pictures of 6 letters"), plain, prepare=_as_they_are),
            Variant("altered", _("with 20 copies of each, turned and shifted"), plain, prepare=_turned_and_shifted),
            Variant("mirrored", _("with 20 copies of each, mirrored or not"), plain, prepare=_mirrored),
        ),
        metrics=(part_wrong(), part_learned_wrong()),
        expectations=(
            Expectation(
                Reading("plain"),
                Reading("altered"),
                _("of the unseen pictures {larger} are wrong, and {smaller} with turned and shifted copies"),
                by=0.1,
            ),
            Expectation(
                Reading("mirrored"),
                Reading("altered"),
                _("with mirrored copies, which are no letters, {larger}"),
                by=0.1,
            ),
        ),
        courses=(both_losses(),),
        remark=_("The pictures have 12 × 12 points and are drawn by the program, so that nothing has to be fetched."),
    )


def _as_they_are(data: FunctionData, seed: int) -> FunctionData:
    from congling.demonstrations.letters import letters

    return letters(seed)


def _turned_and_shifted(data: FunctionData, seed: int) -> FunctionData:
    from congling.data.pictures.augmentation import Augmentation
    from congling.demonstrations.letters import letters, with_copies

    return with_copies(letters(seed), Augmentation(rotate=20, shift=0.12), COPIES, seed)


def _mirrored(data: FunctionData, seed: int) -> FunctionData:
    from congling.data.pictures.augmentation import Augmentation
    from congling.demonstrations.letters import letters, with_copies

    return with_copies(letters(seed), Augmentation(mirror=0.5), COPIES, seed)
