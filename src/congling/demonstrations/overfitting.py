"""Road 3.1 and 3.3: overfitting, and what helps: more data, a simpler model, stopping early."""

from __future__ import annotations

from congling.demonstrations.claim import Claim, Expectation, Options, Reading, Variant, but, problem
from congling.demonstrations.readings import (
    best_test_error,
    both_losses,
    distance_from_truth,
    steps_done,
    test_error,
    train_error,
)
from congling.language import _


def crowded() -> Options:
    """Thirty noisy points of a sine wave, and a network with 4,353 parameters, which can learn them by heart."""
    return problem(
        function="sine", examples=30, noise=1.0, hidden=[64, 64], steps=600, learning_rate=0.02,
        validations=30,
    )  # fmt: skip


def overfitting() -> Claim:
    """3.1: training and validation curves part."""
    return Claim(
        name="overfitting",
        road="3.1",
        title=_("A network that learns by heart"),
        statement=_(
            "A network with far more parameters than examples learns their noise as well. The training error goes on "
            "falling while the error on unseen examples rises again."
        ),
        variants=(Variant("crowded", _("30 noisy examples, 4,353 parameters"), crowded()),),
        metrics=(train_error(), best_test_error(), test_error()),
        expectations=(
            Expectation(
                Reading("crowded"),
                Reading("crowded", "train"),
                _("at the end the test error is {distance} times the training error ({larger} against {smaller})"),
                times=2,
            ),
            Expectation(
                Reading("crowded"),
                Reading("crowded", "best"),
                _("and {distance} times what it had been at the best validation"),
                times=1.15,
            ),
        ),
        courses=(both_losses(),),
        remark=_("The noise alone makes an error of 1 that no network can avoid on unseen examples."),
    )


def more_data() -> Claim:
    """3.1: the same network with more examples."""
    plain = crowded()
    return Claim(
        name="more-data",
        road="3.1",
        title=_("More examples against overfitting"),
        statement=_("The same network cannot learn ten times as many examples by heart: it finds what they share."),
        variants=(
            Variant("30", _("30 examples"), plain),
            Variant("300", _("300 examples"), but(plain, examples=300)),
        ),
        metrics=(test_error(), train_error(), distance_from_truth()),
        expectations=(
            Expectation(
                Reading("30", "truth"),
                Reading("300", "truth"),
                _("with 30 examples the fit is {distance} times as far from the truth ({larger} against {smaller})"),
                times=5,
            ),
            Expectation(Reading("30"), Reading("300"), _("its test error is {distance} times as large"), times=1.15),
        ),
        courses=(both_losses(),),
    )


def simpler_model() -> Claim:
    """3.1: fewer parameters on the same examples."""
    plain = crowded()
    return Claim(
        name="simpler-model",
        road="3.1",
        title=_("A simpler model against overfitting"),
        statement=_("A network with few parameters cannot follow the noise, and does better on unseen examples."),
        variants=(
            Variant("large", _("two layers of 64 (4,353 parameters)"), plain),
            Variant("small", _("one layer of 3 (10 parameters)"), but(plain, hidden=[3])),
        ),
        metrics=(test_error(), train_error(), distance_from_truth()),
        expectations=(
            Expectation(
                Reading("large", "truth"),
                Reading("small", "truth"),
                _("the large network is {distance} times as far from the truth ({larger} against {smaller})"),
                times=1.5,
            ),
            Expectation(
                Reading("small", "train"),
                Reading("large", "train"),
                _("though its training error is the smaller one: the small network's is {distance} times as large"),
                times=1.2,
            ),
        ),
        courses=(both_losses(),),
    )


def early_stopping() -> Claim:
    """3.3: stop when validation stops getting better."""
    plain = crowded()
    return Claim(
        name="early-stopping",
        road="3.3",
        title=_("Stopping early against overfitting"),
        statement=_("Whoever stops when the validation loss no longer falls, stops before the noise is learned."),
        variants=(
            Variant("end", _("all 600 steps"), plain),
            Variant("patience", _("stop after 4 validations that were no better"), but(plain, patience=4)),
        ),
        metrics=(test_error(), distance_from_truth(), steps_done()),
        expectations=(
            Expectation(
                Reading("end", "truth"),
                Reading("patience", "truth"),
                _("to the end the fit is {distance} times as far from the truth ({larger} against {smaller})"),
                times=1.5,
            ),
            Expectation(
                Reading("end", "steps"),
                Reading("patience", "steps"),
                _("and it took {distance} times as many steps ({larger} against {smaller})"),
                times=1.5,
            ),
        ),
        courses=(both_losses(),),
    )
