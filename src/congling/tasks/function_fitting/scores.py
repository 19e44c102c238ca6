"""How good a fit is: the loss that the network makes small, and what people ask for, in the user's units."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from congling.data.examples import ExampleBatch
from congling.networks.mlp import LOSSES, MultiLayerPerceptron
from congling.tasks.function_fitting.data import FunctionData, Part

ROWS_AT_ONCE = 1 << 16


@torch.no_grad()
def outputs_of(network: MultiLayerPerceptron, inputs: Tensor) -> Tensor:
    """What a network in ``eval`` mode gives for prepared inputs (N, F): (N, O) float32; any number of rows."""
    device = network.output.weight.device
    return torch.cat([network(rows.to(device)).float().cpu() for rows in torch.split(inputs, ROWS_AT_ONCE)])


def mean_loss(network: MultiLayerPerceptron, examples: ExampleBatch) -> float:
    """The mean loss over all examples, without dropout and penalties."""
    network.eval()
    return loss_of(network, outputs_of(network, examples.inputs), examples)


def loss_of(network: MultiLayerPerceptron, outputs: Tensor, examples: ExampleBatch) -> float:
    """The mean of the network's own loss over outputs that are there already."""
    return float(LOSSES[network.loss_name](outputs.double(), _exact(examples.targets.cpu()))) / len(examples)


def accuracy(network: MultiLayerPerceptron, examples: ExampleBatch) -> float:
    """The part of the examples whose class gets the largest output, 0 to 1."""
    network.eval()
    return _right(outputs_of(network, examples.inputs), examples.targets.cpu().numpy())


def scores_of(data: FunctionData, part: Part, outputs: Tensor) -> dict[str, float]:
    """``accuracy`` and ``cross_entropy`` for classes; else ``mse``, ``mae`` and ``r2`` in the user's units.

    ``truth_mse`` is the mean squared error against the function without its noise. ``r2`` is left out where the
    targets are all the same: there is nothing to explain then.
    """
    if data.classes:
        entropy = float(LOSSES["cross-entropy"](outputs.double(), data.targets(part.targets))) / len(part)
        return {"accuracy": _right(outputs, part.targets), "cross_entropy": entropy}
    return errors_of(data, part, data.restored(outputs))


def errors_of(data: FunctionData, part: Part, predicted: NDArray[np.float64]) -> dict[str, float]:
    """``scores_of`` of predicted numbers (N, O), in the user's units."""
    targets = np.asarray(part.targets, np.float64)
    difference = predicted - targets
    scores = {"mse": float(np.mean(difference**2)), "mae": float(np.mean(np.abs(difference)))}
    if targets.min() < targets.max():
        scores["r2"] = 1 - scores["mse"] / float(targets.var())
    truth = data.truth(part.inputs) if data.noise else None
    if truth is not None:
        scores["truth_mse"] = float(np.mean((predicted - truth.astype(np.float64)) ** 2))
    return scores


def _right(outputs: Tensor, targets: NDArray[np.generic]) -> float:
    return float(np.mean(outputs.argmax(dim=1).numpy() == targets))


def _exact(targets: Tensor) -> Tensor:
    return targets.double() if targets.is_floating_point() else targets
