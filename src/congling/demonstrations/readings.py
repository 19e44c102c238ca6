"""What the claims read off a training, with the names that people see; and the lines of their figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from congling.demonstrations.claim import Course, Metric
from congling.demonstrations.trial import Trial
from congling.language import _

TINY = 0.01  # a weight nearer to zero than this counts as none

Lines = Mapping[str, tuple[Sequence[float], Sequence[float]]]


def test_error() -> Metric:
    """The error on unseen examples at the end of training."""
    return Metric("test", _("test error"), Trial.error)


def part_wrong() -> Metric:
    """The part of the unseen pictures that get the wrong class at the end of training."""
    return Metric("test", _("unseen pictures wrong"), Trial.error, False, percent=True)


def part_learned_wrong() -> Metric:
    """The part of the pictures learned from that get the wrong class at the end of training."""
    return Metric("train", _("training pictures wrong"), lambda trial: trial.error("train"), False, percent=True)


def train_error() -> Metric:
    """The error on the examples that were learned from, at the end of training."""
    return Metric("train", _("training error"), lambda trial: trial.error("train"))


def best_test_error() -> Metric:
    """The error on unseen examples at the step that validated best."""
    return Metric("best", _("test error at the best validation"), Trial.best_error)


def distance_from_truth() -> Metric:
    """How far the fit is from the function without noise, at the end of training."""
    return Metric("truth", _("squared distance from the truth"), Trial.distance_from_truth)


def steps_done() -> Metric:
    """How many steps the training took."""
    return Metric("steps", _("steps"), lambda trial: float(len(trial.fit.history.steps)), False)


def seconds() -> Metric:
    """How long the steps took, of the machine that ran them."""
    return Metric("seconds", _("seconds"), lambda trial: trial.fit.history.steps[-1].seconds, False)


def first_gradient() -> Metric:
    """The length of the first step's gradient."""
    return Metric("gradient", _("length of the first gradient"), Trial.first_gradient)


def arriving_gradient() -> Metric:
    """How much of the last hidden layer's gradient arrives at the first layer before the first step."""
    return Metric("arriving", _("first layer's gradient / last hidden layer's"), _arriving)


def _arriving(trial: Trial) -> float:
    layers = trial.gradients_by_layer()
    return layers[0] / layers[-2]


def small_weights() -> Metric:
    """The part of the weights that are nearly zero."""
    return Metric(
        "zeros", _("weights below 0.01"), lambda trial: trial.part_of_weights_below(TINY), False, percent=True
    )


def sum_of_squares() -> Metric:
    """How large the weights are."""
    return Metric("squares", _("sum of the squared weights"), Trial.sum_of_squares)


# Lines ---------------------------------------------------------------------------------------------------------------


def training_loss(upwards: str | None = None) -> Course:
    """The loss of every step's batch."""
    title = _("The loss while it learns")
    return Course(title, _("step"), upwards or _("training loss"), lambda trial: {"": _steps(trial)})


def validation_loss_by_pass() -> Course:
    """The loss of every validation, over how often each example was looked at."""
    return Course(
        _("The validation loss while it learns"),
        _("passes over the data"),
        _("validation loss"),
        lambda trial: {"": _by_pass(trial)},
    )


def both_losses() -> Course:
    """Training and validation loss, which part where a network learns its examples by heart."""
    return Course(
        _("Training loss (dotted) and validation loss (solid)"),
        _("step"),
        _("loss"),
        lambda trial: {"training": _steps(trial), "": _validations(trial)},
    )


def gradient_by_layer() -> Course:
    """The strength of each layer's gradient before the first step."""
    return Course(
        _("The gradient of each layer's weights before the first step"),
        _("layer"),
        _("root mean square of the gradient"),
        _by_layer,
    )


def gradient_by_step() -> Course:
    """The length of the gradient at each step, before clipping."""
    return Course(
        _("The length of the gradient before clipping"), _("step"), _("length of the gradient"), _gradient_norms
    )


def _steps(trial: Trial) -> tuple[Sequence[float], Sequence[float]]:
    steps = trial.fit.history.steps
    return [float(each.step) for each in steps], [each.loss for each in steps]


def _validations(trial: Trial) -> tuple[Sequence[float], Sequence[float]]:
    validations = trial.fit.history.validations
    return [float(each.step) for each in validations], [each.loss for each in validations]


def _by_pass(trial: Trial) -> tuple[Sequence[float], Sequence[float]]:
    steps, losses = _validations(trial)
    last = trial.fit.history.steps[-1]
    return [step * last.epoch / last.step for step in steps], losses


def _gradient_norms(trial: Trial) -> Lines:
    steps = trial.fit.history.steps
    return {"": ([float(each.step) for each in steps], [each.gradient_norm for each in steps])}


def _by_layer(trial: Trial) -> Lines:
    gradients = trial.gradients_by_layer()
    return {"": (list(map(float, range(1, len(gradients) + 1))), gradients)}
