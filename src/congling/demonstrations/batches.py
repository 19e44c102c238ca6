"""Road 3.9: mini-batches instead of the whole data set."""

from __future__ import annotations

from congling.demonstrations.claim import Claim, Expectation, Reading, Variant, but, problem
from congling.demonstrations.readings import seconds, steps_done, test_error, validation_loss_by_pass
from congling.language import _


def mini_batches() -> Claim:
    """3.9: many rough steps for the work of a few exact ones."""
    plain = problem(
        function="sine", examples=1000, hidden=[32], epochs=10, optimizer="gradient-descent", validations=10,
    )  # fmt: skip
    rates = (0.01, 0.03, 0.1, 0.2)
    labels = ((1000, _("all 1000 at once")), (100, _("batches of 100")), (10, _("batches of 10")))
    return Claim(
        name="mini-batches",
        road="3.9",
        title=_("Mini-batches: more steps for the same work"),
        statement=_(
            "The gradient of a few examples is rough, but it costs little. Ten passes over the data make 10 steps with "
            "all examples at once and 1000 with batches of 10, and lead much further."
        ),
        variants=tuple(Variant(str(size), label, but(plain, batch_size=size), rates) for size, label in labels),
        metrics=(test_error(), steps_done(), seconds()),
        expectations=(
            Expectation(
                Reading("1000"),
                Reading("10"),
                _("after ten passes the whole set at once leaves {distance} times the test error of batches of 10"),
                times=5,
            ),
            Expectation(Reading("100"), Reading("10"), _("batches of 100 leave {distance} times as much"), times=1.2),
        ),
        courses=(validation_loss_by_pass(),),
        remark=_("The same number of examples is looked at, but not in the same time: a step costs time of its own."),
    )
