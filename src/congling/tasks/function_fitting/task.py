"""Function fitting: a multi-layer perceptron finds a function from examples of it, in memory or into a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from torch import Tensor

from congling.data.examples import ExampleBatch, ExampleBatches
from congling.learning.checkpoints import Which, load_weights
from congling.learning.events import Listener, Reason
from congling.learning.history import History
from congling.learning.parameters import load_parameters
from congling.learning.precision import device_of
from congling.learning.runs import Run
from congling.learning.trainer import Diverged, Trainer
from congling.learning.training_state import Validation
from congling.networks.mlp import MultiLayerPerceptron
from congling.tasks.function_fitting.data import FunctionData
from congling.tasks.function_fitting.fitted_function import FittedFunction, build_network
from congling.tasks.function_fitting.options import TASK, FunctionFittingOptions
from congling.tasks.function_fitting.parts import make_data
from congling.tasks.function_fitting.scores import loss_of, outputs_of, scores_of
from congling.tasks.function_fitting.store import fitting_options_of, has_data, load_data, save_data
from congling.tasks.training import GoingOn, Say, go_on, new_run, preparing, train_into

VALIDATION_SCORES = ("mse", "accuracy")  # of all scores, those that are told at each validation


@dataclass(frozen=True)
class Fit:
    """A training that is over.

    Attributes:
        options: settled.
        network: with the weights of its last step, ready to predict.
        reason: what ended it; after ``diverged``, the weights are those before the step that could not be done.
        best_weights: those with the lowest validation loss; the last ones where there was no validation.
    """

    options: FunctionFittingOptions
    network: MultiLayerPerceptron
    data: FunctionData
    history: History
    reason: Reason
    best_weights: dict[str, Tensor]

    @cached_property
    def fitted(self) -> FittedFunction:
        """The function with the best weights."""
        network = build_network(self.options, self.data)
        load_parameters(network, self.best_weights)
        return FittedFunction(network, self.data, self.options)


def fit(
    options: FunctionFittingOptions,
    listeners: Sequence[Listener] = (),
    run: Run | None = None,
    data: FunctionData | None = None,
) -> Fit:
    """Train, by default in memory alone: nothing is written, and a divergence is a result like others.

    Args:
        run: where checkpoints and frames are kept; a divergence then raises.
        data: examples to use instead of those that the options describe.

    Raises:
        UserError: the data or the options do not allow it.
    """
    options.check()
    data = make_data(options.data, options.training.seed) if data is None else data
    options, history = options.settled(len(data.train), bool(data.classes)), History()
    trainer = make_trainer(options, data, run, [history, *listeners])
    try:
        reason = trainer.train()
    except Diverged:
        if run is not None:
            raise
        reason = "diverged"
    last = {name: tensor.detach().cpu().clone() for name, tensor in trainer.weights().items()}
    network = build_network(options, data).eval()
    load_parameters(network, last)
    best = trainer.best_weights or (last if run is None else load_weights(run, "best"))
    return Fit(options, network, data, history, reason, {name: tensor.cpu() for name, tensor in best.items()})


def train(options: FunctionFittingOptions, say: Say) -> tuple[Run, Reason]:
    """Fit a function from the options; everything is kept in the run's folder.

    Raises:
        UserError: the data, the options or the disk do not allow it; training diverged.
    """
    options.check()
    data = make_data(options.data, options.training.seed)
    settled = options.settled(len(data.train), bool(data.classes))
    subject = settled.data.function if settled.data.table is None else settled.data.table.name.split(".")[0]
    run = new_run(settled, TASK, f"{TASK}-{subject}")
    for remark in data.remarks:
        say(remark)
    with run.training():
        with preparing(run):
            save_data(run, data)
        return run, _train_into(run, settled, data, say, begin=None)


def resume(on: GoingOn, say: Say) -> tuple[Run, Reason]:
    """Go on with a run; what is missing of its data is prepared anew. Errors as ``go_on``."""

    def learn(run: Run, options: FunctionFittingOptions, begin: Which) -> Reason:
        if not has_data(run):
            save_data(run, make_data(options.data, options.training.seed))
        return _train_into(run, options, load_data(run), say, begin)

    return go_on(on, fitting_options_of, learn)


def _train_into(run: Run, options: FunctionFittingOptions, data: FunctionData, say: Say, begin: Which | None) -> Reason:
    def with_listeners(listeners: list[Listener]) -> Trainer[ExampleBatch]:
        return make_trainer(options, data, run, listeners)

    return train_into(run, options.training, with_listeners, say, begin)


def make_trainer(
    options: FunctionFittingOptions, data: FunctionData, run: Run | None, listeners: Sequence[Listener]
) -> Trainer[ExampleBatch]:
    """The trainer of settled options: of one step after the other, for whoever wants to look between them."""
    device = device_of(options.device)
    network = build_network(options, data).to(device)
    examples, training = data.examples("train").to(device), options.training
    batches = ExampleBatches(examples.inputs, examples.targets, training.batch_size, training.seed)
    valid = data.examples("valid")

    def look() -> Validation:
        return validate(network, data, valid)

    return Trainer(network, network.loss, batches, look, run, training, listeners, "examples")


def validate(network: MultiLayerPerceptron, data: FunctionData, valid: ExampleBatch) -> Validation:
    """The network's own loss on the validation part, and its mean squared error or accuracy in the user's units."""
    network.eval()
    outputs = outputs_of(network, valid.inputs)
    scores = scores_of(data, data.valid, outputs)
    return Validation(
        loss_of(network, outputs, valid), {name: scores[name] for name in VALIDATION_SCORES if name in scores}
    )
