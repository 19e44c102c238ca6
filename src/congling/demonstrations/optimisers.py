"""Road 3.8: slow convergence, and the optimisers against it. Each is given the best of several learning rates."""

from __future__ import annotations

from congling.demonstrations.claim import Claim, Expectation, Options, Reading, Variant, but, problem
from congling.demonstrations.readings import test_error, train_error, training_loss
from congling.language import _

RATES = (0.01, 0.03, 0.1, 0.3, 1.0)
POWERS = ["x", "x^2", "x^3", "x^4", "x^5"]


def _ravine() -> Options:
    """A linear network on powers of x that go up and down together: steep across, hardly any slope along."""
    return problem(
        function="sine", examples=200, features=POWERS, standardise="yes", hidden=[], steps=300,
        optimizer="gradient-descent", validations=1,
    )  # fmt: skip


def momentum() -> Claim:
    """3.8: speed that is kept from step to step."""
    plain = _ravine()
    return Claim(
        name="momentum",
        road="3.8",
        title=_("Momentum through a ravine"),
        statement=_(
            "In a ravine, gradient descent jumps from wall to wall and hardly moves along it. With momentum the jumps "
            "cancel, the way along adds up, and the same number of steps leads much further."
        ),
        variants=(
            Variant("descent", _("gradient descent"), plain, RATES),
            Variant("momentum", _("momentum"), but(plain, optimizer="momentum"), RATES),
            Variant("nesterov", "Nesterov", but(plain, optimizer="nesterov"), RATES),
        ),
        metrics=(train_error(), test_error()),
        expectations=(
            Expectation(
                Reading("descent", "train"),
                Reading("momentum", "train"),
                _("after 300 steps gradient descent leaves {distance} times the training error of momentum"),
                times=10,
            ),
            Expectation(
                Reading("descent", "train"),
                Reading("nesterov", "train"),
                _("and {distance} times Nesterov's"),
                times=10,
            ),
        ),
        courses=(training_loss(),),
    )


def rmsprop() -> Claim:
    """3.8: a step size for each weight."""
    plain = but(_ravine(), standardise="no")
    rates = (1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.1, 1.0)
    return Claim(
        name="rmsprop",
        road="3.8",
        title=_("RMSProp: a step size for each weight"),
        statement=_(
            "RMSProp divides each weight's gradient by how large it usually is. Where the inputs are of very different "
            "sizes, every weight gets steps that suit it, and no single learning rate has to suit all."
        ),
        variants=(
            Variant("descent", _("gradient descent"), plain, rates),
            Variant("momentum", _("momentum"), but(plain, optimizer="momentum"), rates),
            Variant("rmsprop", "RMSProp", but(plain, optimizer="rmsprop"), rates),
        ),
        metrics=(train_error(), test_error()),
        expectations=(
            Expectation(
                Reading("descent", "train"),
                Reading("rmsprop", "train"),
                _("after 300 steps gradient descent leaves {distance} times the training error of RMSProp"),
                times=2,
            ),
        ),
        courses=(training_loss(),),
    )


def adam() -> Claim:
    """3.8: momentum and a step size for each weight together."""
    plain = problem(
        function="sine", examples=200, batch_size=50, hidden=[32, 32], steps=200, optimizer="gradient-descent",
        validations=1,
    )  # fmt: skip
    rates = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3)
    return Claim(
        name="adam",
        road="3.8",
        title=_("Adam: momentum and a step size for each weight"),
        statement=_(
            "Adam joins both ideas, and arrives sooner than gradient descent, momentum or RMSProp alone, each at the "
            "learning rate that suits it best."
        ),
        variants=(
            Variant("descent", _("gradient descent"), plain, rates),
            Variant("momentum", _("momentum"), but(plain, optimizer="momentum"), rates),
            Variant("rmsprop", "RMSProp", but(plain, optimizer="rmsprop"), rates),
            Variant("adam", "Adam", but(plain, optimizer="adam"), rates),
        ),
        metrics=(train_error(), test_error()),
        expectations=(
            Expectation(
                Reading("descent", "train"),
                Reading("adam", "train"),
                _("after 200 steps gradient descent leaves {distance} times the training error of Adam"),
                times=3,
            ),
            Expectation(
                Reading("momentum", "train"), Reading("adam", "train"), _("momentum {distance} times"), times=1.2
            ),
            Expectation(
                Reading("rmsprop", "train"), Reading("adam", "train"), _("RMSProp {distance} times"), times=1.2
            ),
        ),
        courses=(training_loss(),),
    )
