"""A fitted function: numbers in, numbers or probabilities of classes out, all in the user's units."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray

from congling.data.tables.tables import read_numbers
from congling.data.tables.targets import Kind
from congling.equations.activations import softmax
from congling.errors import UserError
from congling.language import _
from congling.learning.checkpoints import Which, load_weights
from congling.learning.parameters import load_parameters
from congling.learning.precision import device_of
from congling.learning.runs import Run
from congling.nearest import did_you_mean
from congling.networks.mlp import LossName, MultiLayerPerceptron
from congling.tasks.function_fitting.data import FunctionData, Part, PartName
from congling.tasks.function_fitting.options import FunctionFittingOptions
from congling.tasks.function_fitting.scores import outputs_of, scores_of
from congling.tasks.function_fitting.store import fitting_options_of, load_data

Array = NDArray[np.float64]


def build_network(options: FunctionFittingOptions, data: FunctionData) -> MultiLayerPerceptron:
    """The network that the options describe for these data, as it is before training: their seed decides it."""
    settled = options.settled(len(data.train), bool(data.classes)).network
    torch.manual_seed(options.training.seed)
    return MultiLayerPerceptron(
        len(data.feature_names),
        data.outputs,
        hidden=settled.hidden or (),
        activation=settled.activation,
        loss=cast(LossName, settled.loss),
        dropout=settled.dropout,
        normalisation=settled.normalisation,
        residual=settled.residual,
        initialiser=settled.initialiser,
    )


class FittedFunction:
    """Predicts with a network, which is put into ``eval`` mode, and the data that say what its numbers mean.

    Attributes:
        options: what it was fitted with, settled.
    """

    def __init__(self, network: MultiLayerPerceptron, data: FunctionData, options: FunctionFittingOptions) -> None:
        self.network, self.data, self.options = network.eval(), data, options

    @classmethod
    def load(cls, run: Run, which: Which = "best", device: str = "cpu") -> FittedFunction:
        """Open a run's data and the weights of one of its checkpoints.

        Raises:
            UserError: the run is of another task, incomplete or damaged.
        """
        options, data = fitting_options_of(run), load_data(run)
        network = build_network(options, data)
        try:
            load_parameters(network, load_weights(run, which))
        except ValueError as error:
            raise UserError(
                _("the weights of {run} do not fit its run.yaml: {reason}").format(run=run.path, reason=error)
            ) from error
        return cls(network.to(device_of(device)), data, options)

    def __call__(self, inputs: Array) -> Array:
        """Predictions (N, 1), or the probability of each class (N, O), for inputs (N, I) in the user's units."""
        outputs = outputs_of(self.network, self.data.prepared(inputs))
        if self.data.classes:
            probabilities: Array = softmax(outputs.double()).numpy()
            return probabilities
        return self.data.restored(outputs)

    def evaluate(self, part: PartName | Part = "test") -> dict[str, float]:
        """The scores of a part, see ``scores_of``; empty where the part has no examples."""
        rows = self.data.part(part) if isinstance(part, str) else part
        if not len(rows):
            return {}
        return scores_of(self.data, rows, outputs_of(self.network, self.data.prepared(rows.inputs)))

    def read_part(self, path: Path) -> tuple[Part, list[str]]:
        """The examples of another table with the same columns, and remarks on how it was read.

        Raises:
            UserError: as ``read_numbers``; and for a class that was not learned.
        """
        data = self.data
        kind: Kind = "classes" if data.classes else "regression"
        table = read_numbers(path, data.input_names, data.target_name, kind, to_learn=False)
        if not data.classes:
            return Part(table.inputs, table.targets), table.remarks
        for name in table.classes:
            if name not in data.classes:
                message = _("{path}: the class {name} was not learned; the classes are {classes}")
                message = message.format(path=path, name=name, classes=", ".join(data.classes))
                raise UserError(message + did_you_mean(name, data.classes))
        numbers = np.array([data.classes.index(name) for name in table.classes], np.int64)
        return Part(table.inputs, numbers[table.targets.astype(np.int64)]), table.remarks
