"""Road 3.7: gradients that explode, and clipping, good initialisation and normalised inputs against it."""

from __future__ import annotations

from congling.demonstrations.claim import Claim, Expectation, Options, Reading, Variant, but, problem
from congling.demonstrations.readings import (
    first_gradient,
    gradient_by_layer,
    gradient_by_step,
    test_error,
    training_loss,
)
from congling.language import _


def exploding_gradients() -> Claim:
    """3.7: weights too large, and every layer more makes the gradient larger."""
    plain = problem(
        function="sine", examples=200, activation="relu", initialiser="unit-normal", steps=50,
        optimizer="gradient-descent", learning_rate=0.001,
    )  # fmt: skip
    return Claim(
        name="exploding-gradients",
        road="3.7",
        title=_("Gradients that explode"),
        statement=_(
            "Where the weights are large, each layer more makes signal and gradient many times as large, until a "
            "single step of training throws the weights far away and the numbers end."
        ),
        variants=(
            Variant("1", _("1 layer of 32, weights of deviation 1"), but(plain, hidden=[32])),
            Variant("3", _("3 layers"), but(plain, hidden=[32] * 3)),
            Variant("6", _("6 layers"), but(plain, hidden=[32] * 6)),
            Variant("he", _("6 layers, initialised after He"), but(plain, hidden=[32] * 6, initialiser="he")),
        ),
        metrics=(test_error(), first_gradient()),
        expectations=(
            Expectation(
                Reading("6", "gradient"),
                Reading("1", "gradient"),
                _("the first gradient is {distance} times as long with 6 layers as with 1"),
                times=1000,
            ),
            Expectation(
                Reading("6", "gradient"),
                Reading("he", "gradient"),
                _("and {distance} times as long as with 6 layers that begin with He's weights"),
                times=1000,
            ),
            Expectation(Reading("6"), Reading("he"), _("their test errors are {larger} and {smaller}"), times=10),
        ),
        courses=(gradient_by_layer(),),
        remark=_("∞ is a training that diverged: its numbers grew until they were none."),
    )


def _steep() -> Options:
    """Six layers of ReLU and a rate at which the gradient explodes."""
    return problem(
        function="sine", examples=200, batch_size=20, activation="relu", hidden=[32] * 6, steps=300,
        optimizer="gradient-descent", learning_rate=0.1,
    )  # fmt: skip


def clipping() -> Claim:
    """3.7: a gradient that is too long is shortened."""
    plain, rates = _steep(), (0.003, 0.01, 0.03, 0.1, 0.3)
    return Claim(
        name="clipping",
        road="3.7",
        title=_("Clipping against exploding gradients"),
        statement=_(
            "A gradient that is longer than a limit is shortened to it and keeps its direction. A single steep place "
            "no longer throws the weights away, and larger steps can be dared."
        ),
        variants=(
            Variant("none", _("rate 0.1, no clipping"), plain),
            Variant("careful", _("no clipping, its best rate"), plain, rates),
            Variant("clipped", "--clip-norm 1", but(plain, clip_norm=1.0), rates),
        ),
        metrics=(test_error(),),
        expectations=(
            Expectation(
                Reading("none"),
                Reading("clipped"),
                _("without clipping the test error is {larger} where with it it is {smaller}"),
                times=2,
            ),
            Expectation(
                Reading("careful"),
                Reading("clipped"),
                _("at the best rates that each can bear, it is {distance} times as large without clipping"),
                times=1.5,
            ),
        ),
        courses=(gradient_by_step(),),
        remark=_("∞ is a training that diverged: its numbers grew until they were none."),
    )


def initialisation() -> Claim:
    """3.7: where the weights begin."""
    plain = problem(
        function="sine", examples=200, batch_size=50, activation="relu", hidden=[32] * 4, steps=300,
        optimizer="momentum", learning_rate=0.01,
    )  # fmt: skip
    labels = {
        "he": _("He's: deviation √(2/n)"),
        "xavier": _("Xavier's: deviation √(2/(n+m))"),
        "zeros": _("all zero"),
        "small-normal": _("deviation 0.01"),
        "unit-normal": _("deviation 1"),
    }
    return Claim(
        name="initialisation",
        road="3.7",
        title=_("Where the weights begin"),
        statement=_(
            "With weights of zero all neurons of a layer stay the same; with very small ones the signal dies out, with "
            "large ones it explodes. Weights scaled by the width keep signal and gradient in bounds."
        ),
        variants=tuple(Variant(name, label, but(plain, initialiser=name)) for name, label in labels.items()),
        metrics=(test_error(), first_gradient()),
        expectations=(
            Expectation(Reading("zeros"), Reading("he"), _("zeros leave {distance} times He's test error"), times=10),
            Expectation(Reading("small-normal"), Reading("he"), _("a deviation of 0.01 {distance} times"), times=10),
            Expectation(Reading("unit-normal"), Reading("he"), _("a deviation of 1 {distance} times"), times=10),
        ),
        courses=(training_loss(),),
        remark=_("n is the number of inputs of a layer, m of its outputs. ∞ is a training that diverged."),
    )


def input_normalisation() -> Claim:
    """3.7: inputs of very different sizes."""
    powers = ["x", "x^2", "x^3", "x^4", "x^5"]
    plain = problem(
        function="sine", examples=200, features=powers, hidden=[], steps=300, optimizer="gradient-descent",
        validations=1,
    )  # fmt: skip
    rates = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 0.3, 1.0)
    return Claim(
        name="input-normalisation",
        road="3.7",
        title=_("Inputs brought to the same size"),
        statement=_(
            "Where one input is a hundred times as large as another, so is its weights' gradient: a step that suits "
            "one weight is far too long for the other. Standardised inputs bear a large learning rate."
        ),
        variants=(
            Variant("fast", _("powers of x up to 306, rate 0.1"), but(plain, learning_rate=0.1)),
            Variant("raw", _("powers of x up to 306"), plain, rates),
            Variant("standardised", "--standardise yes", but(plain, standardise="yes"), rates),
        ),
        metrics=(test_error(), first_gradient()),
        expectations=(
            Expectation(
                Reading("fast"),
                Reading("standardised"),
                _("as they are, the rate 0.1 leaves a test error of {larger}"),
                times=10,
            ),
            Expectation(
                Reading("raw"),
                Reading("standardised"),
                _("at the best rate of each, {distance} times that of standardised ones ({larger} against {smaller})"),
                times=5,
            ),
        ),
        courses=(training_loss(),),
    )


def layer_normalisation() -> Claim:
    """3.7: the same idea inside the network."""
    plain = problem(
        function="sine", examples=200, batch_size=50, activation="relu", hidden=[32] * 4, initialiser="unit-normal",
        steps=300, optimizer="gradient-descent",
    )  # fmt: skip
    rates = (1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.1)
    return Claim(
        name="layer-normalisation",
        road="3.7",
        title=_("Sums brought to the same size in every layer"),
        statement=_(
            "Normalising each layer's sums does inside the network what standardising does to its inputs: even weights "
            "that begin far too large no longer make the gradient explode."
        ),
        variants=(
            Variant("none", _("weights of deviation 1"), plain, rates),
            Variant("layer", "--normalisation layer", but(plain, normalisation="layer"), rates),
        ),
        metrics=(test_error(), first_gradient()),
        expectations=(
            Expectation(
                Reading("none", "gradient"),
                Reading("layer", "gradient"),
                _("without normalisation the first gradient is {distance} times as long"),
                times=100,
            ),
            Expectation(
                Reading("none"),
                Reading("layer"),
                _("at the best rate of each the test error is {larger} without and {smaller} with it"),
                times=2,
            ),
        ),
        courses=(training_loss(),),
    )
