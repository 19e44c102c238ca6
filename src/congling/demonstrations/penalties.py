"""Road 3.4 and 3.5: penalties on the weights, and dropout."""

from __future__ import annotations

from congling.demonstrations.claim import Claim, Expectation, Reading, Variant, but, problem
from congling.demonstrations.overfitting import crowded
from congling.demonstrations.readings import (
    both_losses,
    distance_from_truth,
    small_weights,
    sum_of_squares,
    test_error,
    train_error,
)
from congling.language import _


def l1() -> Claim:
    """3.4: the L1 penalty makes weights zero."""
    plain = problem(function="sine", examples=200, noise=0.1, hidden=[32], steps=1000, learning_rate=0.01)
    return Claim(
        name="l1",
        road="3.4",
        title=_("The L1 penalty makes weights zero"),
        statement=_(
            "A penalty on the sum of |w| pulls every weight with the same force, and so to zero and not only towards "
            "it; a penalty on the sum of w² does not. The larger the coefficient, the fewer weights are left."
        ),
        variants=(
            Variant("none", _("no penalty"), plain),
            Variant("l2", "--l2 0.003", but(plain, l2=0.003)),
            Variant("l1", "--l1 0.001", but(plain, l1=0.001)),
            Variant("more", "--l1 0.01", but(plain, l1=0.01)),
        ),
        metrics=(test_error(), small_weights(), sum_of_squares()),
        expectations=(
            Expectation(
                Reading("l1", "zeros"),
                Reading("none", "zeros"),
                _("with L1 {larger} of the weights are nearly zero, without {smaller}"),
                by=0.2,
            ),
            Expectation(Reading("l1", "zeros"), Reading("l2", "zeros"), _("with L2 instead {smaller}"), by=0.2),
            Expectation(
                Reading("more", "zeros"),
                Reading("l1", "zeros"),
                _("with ten times the coefficient {larger}"),
                by=0.1,
            ),
        ),
        courses=(both_losses(),),
        remark=_("The coefficient is a hyperparameter: look at what the largest one does to the test error."),
    )


def l2() -> Claim:
    """3.4: the L2 penalty keeps weights small."""
    plain = crowded()
    return Claim(
        name="l2",
        road="3.4",
        title=_("The L2 penalty keeps weights small"),
        statement=_("A penalty on the sum of w² keeps the weights small, and the fit smooth: less noise is learned."),
        variants=(
            Variant("none", _("no penalty"), plain),
            Variant("l2", "--l2 0.03", but(plain, l2=0.03)),
            Variant("more", "--l2 1", but(plain, l2=1.0)),
        ),
        metrics=(test_error(), distance_from_truth(), sum_of_squares()),
        expectations=(
            Expectation(
                Reading("none", "squares"),
                Reading("l2", "squares"),
                _("without the penalty the squared weights are {distance} times as large ({larger} against {smaller})"),
                times=3,
            ),
            Expectation(
                Reading("none", "truth"),
                Reading("l2", "truth"),
                _("and the fit is {distance} times as far from the truth"),
                times=2,
            ),
            Expectation(
                Reading("more", "truth"),
                Reading("l2", "truth"),
                _("a coefficient of 1 is too much: {distance} times as far as with 0.03"),
                times=1.5,
            ),
        ),
        courses=(both_losses(),),
    )


def dropout() -> Claim:
    """3.5: dropped neurons."""
    plain = crowded()
    return Claim(
        name="dropout",
        road="3.5",
        title=_("Dropout against overfitting"),
        statement=_(
            "Where some neurons are dropped at each step, no neuron can rely on another to cancel its mistakes, and "
            "less is learned by heart."
        ),
        variants=(
            Variant("none", _("no dropout"), plain),
            Variant("dropout", "--dropout 0.3", but(plain, dropout=0.3)),
        ),
        metrics=(test_error(), train_error(), distance_from_truth()),
        expectations=(
            Expectation(
                Reading("none", "truth"),
                Reading("dropout", "truth"),
                _("without dropout the fit is {distance} times as far from the truth ({larger} against {smaller})"),
                times=1.5,
            ),
            Expectation(
                Reading("dropout", "train"),
                Reading("none", "train"),
                _("with it the training error is {distance} times as large"),
                times=1.1,
            ),
        ),
        courses=(both_losses(),),
    )
