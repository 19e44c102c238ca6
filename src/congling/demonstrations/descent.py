"""Road 2.2 and 2.3: gradient descent, its limit, and its learning rate."""

from __future__ import annotations

from congling.demonstrations.claim import Claim, Expectation, Metric, Reading, Variant, but, problem
from congling.demonstrations.readings import test_error, training_loss
from congling.demonstrations.trial import Trial
from congling.language import _

CUBIC = ["x", "x^2", "x^3"]


def exact_regression() -> Claim:
    """2.2: what gradient descent comes to is what setting the derivatives to zero gives at once."""
    plain = problem(
        function="sine", examples=200, noise=0.2, features=CUBIC, standardise="yes", hidden=[],
        optimizer="gradient-descent", learning_rate=0.2, validations=1,
    )  # fmt: skip
    counts = (2, 10, 100, 1000)
    return Claim(
        name="exact-regression",
        road="2.2",
        title=_("Gradient descent ends where the exact solution is"),
        statement=_(
            "For a linear network the best weights can be calculated at once, by setting the derivatives to zero. "
            "Gradient descent comes nearer to the same weights step by step."
        ),
        variants=tuple(
            Variant(str(count), _("{count} steps").format(count=count), but(plain, steps=count)) for count in counts
        ),
        metrics=(
            Metric("distance", _("distance of the weights from the exact ones"), Trial.distance_from_exact),
            Metric("excess", _("training loss above the exact one"), Trial.excess_over_exact),
        ),
        expectations=(
            Expectation(
                Reading("10", "distance"),
                Reading("1000", "distance"),
                _("after 10 steps the weights are {distance} times as far from the exact ones as after 1000"),
                times=1000,
            ),
            Expectation(
                Reading("2", "excess"),
                Reading("100", "excess"),
                _("the loss above the exact one is {distance} times as large after 2 steps as after 100"),
                times=10,
            ),
        ),
        courses=(training_loss(),),
        remark=_("Single precision ends the approach at about 1e-6."),
    )


def learning_rate() -> Claim:
    """2.3: too small, right, too large."""
    plain = problem(function="sine", examples=200, hidden=[16, 16], steps=400, optimizer="gradient-descent")
    rates = ((0.0003, _("0.0003: too small")), (0.1, _("0.1: right")), (1.0, _("1: too large")))
    return Claim(
        name="learning-rate",
        road="2.3",
        title=_("A learning rate too small, right, and too large"),
        statement=_(
            "With too small a learning rate, gradient descent hardly moves; with too large a one it jumps over the "
            "valley and away. Between them lies a rate with which it arrives."
        ),
        variants=tuple(Variant(f"{rate:g}", label, but(plain, learning_rate=rate)) for rate, label in rates),
        metrics=(test_error(),),
        expectations=(
            Expectation(
                Reading("0.0003"),
                Reading("0.1"),
                _("the rate 0.0003 leaves {distance} times the test error of 0.1 ({larger} against {smaller})"),
                times=3,
            ),
            Expectation(Reading("1"), Reading("0.1"), _("the rate 1 leaves {distance} times as much"), times=5),
        ),
        courses=(training_loss(),),
        remark=_("∞ is a training that diverged: its numbers grew until they were none."),
    )
