"""The tape around a fitted function: the gradient of its loss, now and at earlier steps of its training."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from torch import Tensor

from congling.data.examples import ExampleBatch
from congling.learning.backprop import Flow, Tape
from congling.learning.parameters import load_parameters
from congling.networks.mlp import MultiLayerPerceptron


@dataclass(frozen=True)
class FittingGradients:
    """A tape after ``gradients``; the loss is the network's own, the mean over the examples."""

    tape: Tape
    gradients: dict[Tensor, Tensor]
    loss: float
    examples: ExampleBatch


def fitting_gradients(network: MultiLayerPerceptron, examples: ExampleBatch) -> FittingGradients:
    """The gradient of the mean loss over the examples."""
    batch = examples.to(network.output.weight.device)
    with Tape() as tape:
        total, count = network.loss(batch)
        loss = total / count
    return FittingGradients(tape, tape.gradients(loss), float(loss), batch)


def flows_in_training(
    network: MultiLayerPerceptron, frames: Iterable[tuple[int, Mapping[str, Tensor]]], examples: ExampleBatch
) -> dict[int, Flow]:
    """The flow of gradients that the examples would have had at each step; the network itself stays as it is."""
    earlier, flows = copy.deepcopy(network), dict[int, Flow]()
    for step, weights in frames:
        load_parameters(earlier, dict(weights))
        flows[step] = fitting_gradients(earlier, examples).tape.flow()
    return flows
