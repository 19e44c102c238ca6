"""The multi-layer perceptron: layers of weighted sums with a bend after each.

B batch · I inputs · O outputs or classes · D width of a hidden layer
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, Protocol

import torch
from torch import Tensor, nn

from congling.equations.glass_box import running, show
from congling.equations.initialisation import Initialiser, initialiser_for
from congling.equations.layers import residual_connection
from congling.equations.losses import absolute_error, cross_entropy, squared_error
from congling.networks.activations import ACTIVATIONS
from congling.networks.layers import Dropout, LayerNormalisation, Linear
from congling.networks.normalisation import BatchNormalisation

LossName = Literal["squared-error", "absolute-error", "cross-entropy"]
Normalisation = Literal["none", "layer", "batch"]

LOSSES: dict[LossName, Callable[[Tensor, Tensor], Tensor]] = {
    "squared-error": squared_error,
    "absolute-error": absolute_error,
    "cross-entropy": cross_entropy,
}
NORMALISATIONS: dict[Normalisation, Callable[[int], nn.Module] | None] = {
    "none": None,
    "layer": LayerNormalisation,
    "batch": BatchNormalisation,
}


class LabelledExamples(Protocol):
    """What the network needs to know of a batch; ``data.examples.ExampleBatch`` is one."""

    @property
    def inputs(self) -> Tensor:
        """(B, I)."""

    @property
    def targets(self) -> Tensor:
        """(B, O) numbers, or (B,) class numbers."""

    def __len__(self) -> int: ...


class FullLayer(nn.Module):
    """g(xWᵀ + b), a hidden layer in which every unit sees every input: Goodfellow et al. 2016, §6.3.

    Args:
        inputs, outputs: the widths.
        activation: g, by its name.
        initialise: fills the weights.
        normalisation: of the sums z, before the activation (Ioffe and Szegedy 2015, §3.2).
        residual: a = x + g(z), with a way around the layer (He et al. 2016); only where both widths are the same.
        dropout: probability with which each output is dropped in training.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        activation: str,
        initialise: Initialiser,
        normalisation: Normalisation = "none",
        residual: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        normalised = NORMALISATIONS[normalisation]
        self.linear = Linear(inputs, outputs, initialise=initialise)
        self.normalisation = None if normalised is None else normalised(outputs)
        self.activation, self.activation_name = ACTIVATIONS[activation], activation
        self.residual = residual and inputs == outputs
        self.dropout = Dropout(dropout)

    def forward(self, input: Tensor) -> Tensor:
        """(B, D_in) to (B, D_out)."""
        sums = self.linear(input)
        if self.normalisation is not None:
            sums = self.normalisation(sums)
        show("sums", sums)
        activated = self.activation(sums)
        show("activated", activated)
        if self.residual:
            return residual_connection(input, activated, self.dropout.mask(activated))
        return self.dropout(activated)  # type: ignore[no-any-return]

    def extra_repr(self) -> str:
        return f"activation={self.activation_name}, residual={self.residual}"


class MultiLayerPerceptron(nn.Module):
    """Hidden layers and a linear output layer; with no hidden layer at all it is linear (or logistic) regression.

    Args:
        inputs, outputs: I and O.
        hidden: the width of each hidden layer.
        activation: a name of ``ACTIVATIONS``.
        loss: what ``loss`` gives. With ``cross-entropy`` the outputs are the logits of O classes.
        dropout, normalisation, residual: of each hidden layer, see ``FullLayer``.
        initialiser: a name of ``equations.initialisation.INITIALISERS``; ``auto`` goes by the activation. The output
            layer has no activation, so that ``auto`` is Xavier's there.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        hidden: Sequence[int],
        activation: str,
        loss: LossName,
        dropout: float = 0.0,
        normalisation: Normalisation = "none",
        residual: bool = False,
        initialiser: str = "auto",
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            FullLayer(
                before,
                width,
                activation=activation,
                initialise=initialiser_for(initialiser, activation),
                normalisation=normalisation,
                residual=residual,
                dropout=dropout,
            )
            for before, width in zip([inputs, *hidden], hidden, strict=False)
        )
        last = hidden[-1] if hidden else inputs
        self.output = Linear(last, outputs, initialise=initialiser_for(initialiser, "identity"))
        self.loss_name: LossName = loss

    def forward(self, inputs: Tensor) -> Tensor:
        """(B, I) to outputs (B, O); for classes these are logits."""
        hidden = inputs.to(self.output.weight.dtype)
        for layer in self.layers:
            hidden = layer(hidden)
        outputs: Tensor = self.output(hidden)
        with running(self.output):
            show("sums", outputs)
        show("outputs", outputs)
        return outputs

    def loss(self, batch: LabelledExamples) -> tuple[Tensor, int]:
        """The loss summed over the examples, and their count; in float32 where the network computes in less."""
        outputs = self(batch.inputs)
        exact = outputs.to(torch.promote_types(outputs.dtype, torch.float32))
        targets = batch.targets if self.loss_name == "cross-entropy" else batch.targets.to(exact.dtype)
        with running(self):
            return LOSSES[self.loss_name](exact, targets), len(batch)
