"""Road 1.2 and 1.3: what activations, width and depth are for."""

from __future__ import annotations

from congling.demonstrations.claim import Claim, Expectation, Reading, Variant, but, problem
from congling.demonstrations.readings import test_error, train_error, training_loss
from congling.language import _


def activation() -> Claim:
    """1.2: a linear network cannot bend."""
    plain = problem(function="sine", examples=200, hidden=[16, 16], steps=600, learning_rate=0.02)
    return Claim(
        name="activation",
        road="1.2",
        title=_("A linear network cannot bend"),
        statement=_(
            "Layers of weighted sums alone stay one straight line, however many there are. A non-linear function "
            "after each lets the network follow a curve."
        ),
        variants=(
            Variant("identity", _("identity: three linear layers"), but(plain, activation="identity")),
            Variant("line", _("no hidden layer: one straight line"), but(plain, activation="identity", hidden=[])),
            Variant("relu", "ReLU", but(plain, activation="relu")),
            Variant("tanh", "tanh", but(plain, activation="tanh")),
            Variant("sine", _("sine"), but(plain, activation="sine")),
        ),
        metrics=(test_error(), train_error()),
        expectations=(
            Expectation(
                Reading("identity"),
                Reading("relu"),
                _("three linear layers leave {distance} times the test error of ReLU ({larger} against {smaller})"),
                times=30,
            ),
            Expectation(Reading("identity"), Reading("tanh"), _("and {distance} times that of tanh"), times=30),
        ),
        courses=(training_loss(),),
        remark=_("Three linear layers end where one straight line ends: compare the first two rows."),
    )


def width() -> Claim:
    """1.3: more neurons fit more."""
    plain = problem(function="sinc", examples=200, steps=600, learning_rate=0.02)
    names = ((1, _("1 neuron")), (2, _("2 neurons")), (4, _("4 neurons")), (8, _("8 neurons")))
    return Claim(
        name="width",
        road="1.3",
        title=_("More neurons fit more"),
        statement=_("A hidden layer follows a curve the better, the more neurons it has."),
        variants=tuple(Variant(str(count), label, but(plain, hidden=[count])) for count, label in names),
        metrics=(test_error(), train_error()),
        expectations=(
            Expectation(Reading("1"), Reading("2"), _("1 neuron leaves {distance} times the test error of 2"), times=3),
            Expectation(Reading("2"), Reading("8"), _("2 neurons leave {distance} times that of 8"), times=3),
        ),
        courses=(training_loss(),),
    )


def depth() -> Claim:
    """1.3: more layers fit more."""
    plain = problem(function="gabor", examples=300, steps=600, learning_rate=0.01)
    return Claim(
        name="depth",
        road="1.3",
        title=_("More layers fit more"),
        statement=_(
            "Layers that follow each other make shapes of shapes: three narrow layers follow a curve better than one, "
            "and than a single layer with as many parameters."
        ),
        variants=(
            Variant("8", _("one layer of 8 (25 parameters)"), but(plain, hidden=[8])),
            Variant("8-8", _("two layers of 8 (97 parameters)"), but(plain, hidden=[8, 8])),
            Variant("8-8-8", _("three layers of 8 (169 parameters)"), but(plain, hidden=[8, 8, 8])),
            Variant("56", _("one layer of 56 (169 parameters)"), but(plain, hidden=[56])),
        ),
        metrics=(test_error(), train_error()),
        expectations=(
            Expectation(
                Reading("8"),
                Reading("8-8-8"),
                _("one layer of 8 leaves {distance} times the test error of three ({larger} against {smaller})"),
                times=3,
            ),
            Expectation(
                Reading("56"),
                Reading("8-8-8"),
                _("one layer with as many parameters as three leaves {distance} times"),
                times=3,
            ),
        ),
        courses=(training_loss(),),
        remark=_("All took the same number of steps. With more of them, the wide layer may come nearer."),
    )
