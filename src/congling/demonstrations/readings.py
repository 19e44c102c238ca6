"""What the claims read off a training, with the names that people see; and the lines of their figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from congling.demonstrations.claim import Course, Metric
from congling.demonstrations.picture_trial import PictureTrial
from congling.demonstrations.trial import Trial
from congling.language import _

TINY = 0.01  # a weight nearer to zero than this counts as none

Lines = Mapping[str, tuple[Sequence[float], Sequence[float]]]


def test_error() -> Metric:
    """The error on unseen examples at the end of training."""
    return Metric("test", _("test error"), Trial.error)


def part_wrong() -> Metric:
    """The part of the unseen pictures that get the wrong class at the end of training."""
    return Metric("test", _("unseen pictures wrong"), lambda trial: trial.error(), False, percent=True)


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


def part_wrong_moved(by: int) -> Metric:
    """The part of the unseen pictures that get the wrong class when they are moved by so many pixels."""
    title = _("wrong when moved by {pixels} pixels").format(pixels=by)
    return Metric(f"moved-{by}", title, lambda trial: trial.errors_by_shift[by], False, percent=True)


def change_of_features() -> Metric:
    """How much what the convolutions found changes when a picture moves by one pixel."""
    return Metric(
        "change", _("change of the features by one pixel"), PictureTrial.change_of_features, False, percent=True
    )


def weights_of_first_layer() -> Metric:
    """How many weights the pixels go through first."""
    return Metric("weights", _("weights of the first layer"), PictureTrial.weights_of_first_layer)


def size_of_network() -> Metric:
    """How many numbers the whole network learns."""
    return Metric("parameters", _("parameters of the network"), PictureTrial.parameters)


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


def right_by_shift() -> Course:
    """The part of the unseen pictures that get their class, by how far these are moved."""
    return Course(
        _("Unseen pictures, moved by so many pixels"),
        _("shift in pixels"),
        _("unseen pictures right"),
        _by_shift,
        False,
        percent=True,
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


def _by_shift(trial: PictureTrial) -> Lines:
    errors = trial.errors_by_shift
    return {"": (list(map(float, range(len(errors)))), [1 - error for error in errors])}
