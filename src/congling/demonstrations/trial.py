"""One training of a demonstration, and what can be read off it.

A training that diverged has no error that means anything: it is infinite, which is worse than any other.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from congling.tasks.function_fitting.options import FunctionFittingOptions

if TYPE_CHECKING:
    from torch import Tensor

    from congling.tasks.function_fitting.data import FunctionData, PartName
    from congling.tasks.function_fitting.task import Fit

Prepare = Callable[["FunctionData", int], "FunctionData"]  # the data and the seed to other data


@dataclass(frozen=True)
class Trial:
    """A variant that was trained with one seed."""

    fit: Fit

    @classmethod
    def of(cls, options: FunctionFittingOptions, prepare: Prepare | None = None) -> Trial:
        """Train in memory.

        Args:
            prepare: makes other data of those that the options describe.
        """
        from congling.tasks.function_fitting.parts import make_data
        from congling.tasks.function_fitting.task import fit

        seed = options.training.seed
        data = make_data(options.data, seed)
        return cls(fit(options, data=data if prepare is None else prepare(data, seed)))

    @property
    def diverged(self) -> bool:
        """Whether the loss or the gradient stopped being a number."""
        return self.fit.reason == "diverged"

    def error(self, part: PartName = "test") -> float:
        """The last weights' mean squared error in the user's units; for classes the part that is wrong, 0 to 1."""
        return self._error(self._scores(part))

    def best_error(self, part: PartName = "test") -> float:
        """``error`` of the weights with the lowest validation loss."""
        return self._error(self.fit.fitted.evaluate(part))

    def distance_from_truth(self) -> float:
        """The last weights' mean squared distance from the function without its noise, on the test part."""
        scores = self._scores("test")
        return math.inf if self.diverged else scores.get("truth_mse", scores["mse"])

    def _scores(self, part: PartName) -> dict[str, float]:
        from congling.tasks.function_fitting.fitted_function import FittedFunction

        return FittedFunction(self.fit.network, self.fit.data, self.fit.options).evaluate(part)

    def _error(self, scores: dict[str, float]) -> float:
        if self.diverged:
            return math.inf
        return 1 - scores["accuracy"] if "accuracy" in scores else scores["mse"]

    # Weights ---------------------------------------------------------------------------------------------------------

    def part_of_weights_below(self, size: float) -> float:
        """Which part of the matrices' weights is nearer to zero than ``size``, 0 to 1."""
        weights = self._matrices()
        return float(sum(float((each.abs() < size).sum()) for each in weights)) / sum(each.numel() for each in weights)

    def sum_of_squares(self) -> float:
        """Σw² over all matrices."""
        return float(sum(float(each.double().square().sum()) for each in self._matrices()))

    def _matrices(self) -> list[Tensor]:
        return [each.detach() for each in self.fit.network.parameters() if each.dim() >= 2]

    # The exact solution of a linear network --------------------------------------------------------------------------

    def distance_from_exact(self) -> float:
        """√Σ(w − w*)² over the weights and the bias, in the units that the network learns in."""
        return float(self._off_exact().square().sum().sqrt())

    def excess_over_exact(self) -> float:
        """How much larger the mean training loss is than that of the exact solution.

        The loss is quadratic and flat at w*, so this is the mean of (X(w − w*))², which keeps its digits where the two
        losses are nearly the same.
        """
        return float((self._design() @ self._off_exact()).square().mean())

    def _off_exact(self) -> Tensor:
        """w − w* for the weights and then the bias: (F + 1, 1)."""
        import torch

        from congling.equations.linear_regression import linear_regression

        output = self.fit.network.output
        found = torch.cat([output.weight.detach(), output.bias.detach()[:, None]], dim=1).double()
        targets = self.fit.data.examples("train").targets.double()
        return found.transpose(0, 1) - linear_regression(self._design(), targets).weights

    def _design(self) -> Tensor:
        """The features and a column of ones for the bias: (N, F + 1)."""
        import torch

        features = self.fit.data.examples("train").inputs.double()
        return torch.cat([features, torch.ones_like(features[:, :1])], dim=1)

    # Gradients -------------------------------------------------------------------------------------------------------

    def first_gradient(self) -> float:
        """The length of the whole gradient at the first step, before clipping."""
        steps = self.fit.history.steps
        return steps[0].gradient_norm if steps else math.inf

    def gradients_by_layer(self) -> list[float]:
        """How strong the gradient of each layer's parameters is before the first step, first layer first.

        Root mean squares for the mean loss over the training part, read off the tape.
        """
        from congling.learning.backprop import Tape
        from congling.tasks.function_fitting.fitted_function import build_network

        network = build_network(self.fit.options, self.fit.data)
        with Tape() as tape:
            loss, count = network.loss(self.fit.data.examples("train"))
        tape.gradients(loss)
        return [layer.weight_gradient_norm / count for layer in tape.flow().layers]
