"""Road 3.6: gradients that vanish on their way back, and residual connections against it."""

from __future__ import annotations

from congling.demonstrations.claim import Claim, Expectation, Reading, Variant, but, problem
from congling.demonstrations.readings import arriving_gradient, gradient_by_layer, test_error
from congling.language import _


def vanishing_gradients() -> Claim:
    """3.6: through sigmoids, less and less of the gradient arrives."""
    plain = problem(
        function="sine", examples=200, batch_size=50, activation="sigmoid", steps=400, optimizer="momentum",
        learning_rate=0.03,
    )  # fmt: skip
    return Claim(
        name="vanishing-gradients",
        road="3.6",
        title=_("Gradients that vanish"),
        statement=_(
            "Each layer multiplies the gradient by the derivative of its activation, at most 1/4 for the sigmoid. The "
            "deeper the network, the less arrives at its first layers, and they hardly learn."
        ),
        variants=(
            Variant("2", _("sigmoid, 2 layers"), but(plain, hidden=[16] * 2)),
            Variant("4", _("sigmoid, 4 layers"), but(plain, hidden=[16] * 4)),
            Variant("8", _("sigmoid, 8 layers"), but(plain, hidden=[16] * 8)),
            Variant("tanh", _("tanh, 8 layers"), but(plain, hidden=[16] * 8, activation="tanh")),
        ),
        metrics=(test_error(), arriving_gradient()),
        expectations=(
            Expectation(
                Reading("2", "arriving"),
                Reading("8", "arriving"),
                _("through 8 layers of sigmoids {smaller} of the gradient arrives, through 2 {larger}"),
                times=100,
            ),
            Expectation(
                Reading("8"),
                Reading("2"),
                _("8 layers leave {distance} times the test error of 2 ({larger} against {smaller})"),
                times=3,
            ),
            Expectation(
                Reading("8"),
                Reading("tanh"),
                _("and {distance} times that of 8 layers with tanh, whose derivative is up to 1"),
                times=10,
            ),
        ),
        courses=(gradient_by_layer(),),
    )


def residual_connections() -> Claim:
    """3.6: a way around each layer."""
    plain = problem(
        function="sine", examples=200, batch_size=50, activation="sigmoid", hidden=[16] * 8, steps=400,
        optimizer="momentum", learning_rate=0.01,
    )  # fmt: skip
    return Claim(
        name="residual-connections",
        road="3.6",
        title=_("Residual connections against vanishing gradients"),
        statement=_(
            "Where a layer's input is added to its output, the gradient has a way around the layer on which nothing is "
            "multiplied: it arrives at the first layers of a deep network."
        ),
        variants=(
            Variant("plain", _("8 layers of sigmoids"), plain),
            Variant("residual", "--residual", but(plain, residual=True)),
        ),
        metrics=(test_error(), arriving_gradient()),
        expectations=(
            Expectation(
                Reading("residual", "arriving"),
                Reading("plain", "arriving"),
                _("{distance} times as much of the gradient arrives at the first layer"),
                times=100,
            ),
            Expectation(
                Reading("plain"),
                Reading("residual"),
                _("without this way the test error is {distance} times as large ({larger} against {smaller})"),
                times=2,
            ),
        ),
        courses=(gradient_by_layer(),),
    )
