"""The layers of a network that sees: a convolution, and a block of convolutions with all that belongs around them.

B batch · C channels in · O channels out · Y, X height and width · K side of a kernel
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from congling.equations.convolution import convolution, places
from congling.equations.glass_box import show
from congling.equations.initialisation import Initialiser, he_normal, initialiser_for
from congling.equations.layers import residual_connection
from congling.equations.pooling import max_pooling, mean_pooling
from congling.networks.activations import ACTIVATIONS
from congling.networks.layers import Dropout
from congling.networks.normalisation import BatchNormalisation

Pooling = Literal["max", "mean", "none"]


class Convolution(nn.Module):
    """O kernels that slide over C channels: ``weight`` (O, C, K, K), and ``bias`` (O) from zero.

    Args:
        inputs, outputs: C and O.
        kernel: K.
        stride: how many pixels one patch lies beside the next.
        padding: zeros around the picture; None for ⌊K / 2⌋, with which an odd kernel keeps the size.
        bias: whether there is one; none is needed before a normalisation, which would take it away.
        initialise: fills the kernels as a matrix (O, C·K²): all that goes into a number that comes out counts.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        stride: int = 1,
        padding: int | None = None,
        bias: bool = True,
        initialise: Initialiser = he_normal,
    ) -> None:
        super().__init__()
        self.stride, self.padding = stride, kernel // 2 if padding is None else padding
        self.weight = nn.Parameter(torch.empty(outputs, inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None
        initialise(self.weight.flatten(1))

    def forward(self, input: Tensor) -> Tensor:
        """(B, C, Y, X) to (B, O, Y', X')."""
        return convolution(input, self.weight, self.bias, self.stride, self.padding)

    def side_after(self, side: int) -> int:
        """Y' for a height of Y, or X' for a width of X."""
        return places(side, self.weight.shape[2], self.stride, self.padding)

    def extra_repr(self) -> str:
        outputs, inputs, kernel, _ = self.weight.shape
        return f"{inputs} to {outputs}, kernel={kernel}, stride={self.stride}, padding={self.padding}"


class ConvolutionBlock(nn.Module):
    """Some convolutions, each with its normalisation and activation, then pooling and dropout.

    With ``residual`` there is a way around the convolutions, which ends before the last activation: He et al. 2016,
    eq. 1 and figure 2. Where the block changes channels or size, a 1×1 convolution does so on that way (§3.3, B).

    Args:
        inputs, outputs: channels in and out.
        convolutions: how many; the first one changes the channels and has the ``stride``.
        kernel: the kernels' side.
        pooling: what a window of ``window`` × ``window`` pixels becomes.
        batch_norm: normalise after each convolution (Ioffe and Szegedy 2015, §3.2).
        activation, initialiser: by their names, as of a ``MultiLayerPerceptron``.
        dropout: the probability, after pooling.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        convolutions: int = 1,
        kernel: int = 3,
        stride: int = 1,
        pooling: Pooling = "max",
        window: int = 2,
        batch_norm: bool = True,
        residual: bool = False,
        activation: str = "relu",
        dropout: float = 0.0,
        initialiser: str = "auto",
    ) -> None:
        super().__init__()
        initialise = initialiser_for(initialiser, activation)
        self.convolutions = nn.ModuleList(
            Convolution(before, outputs, kernel, step, bias=not batch_norm, initialise=initialise)
            for before, step in [(inputs, stride)] + [(outputs, 1)] * (convolutions - 1)
        )
        normalisations = [BatchNormalisation(outputs) for _ in range(convolutions)]
        self.normalisations = nn.ModuleList(normalisations) if batch_norm else None
        changes = inputs != outputs or stride != 1
        self.shortcut = Convolution(inputs, outputs, 1, stride, bias=False) if residual and changes else None
        self.residual = residual
        self.activation, self.activation_name = ACTIVATIONS[activation], activation
        self.pooling, self.window = pooling, window
        self.dropout = Dropout(dropout)

    def forward(self, input: Tensor) -> Tensor:
        """(B, C, Y, X) to (B, O, Y', X'). The glass box shows the last ``sums``, ``activated`` and ``pooled``."""
        hidden = input
        for number in range(len(self.convolutions) - 1):
            hidden = self.activation(self._convolved(number, hidden))
        sums = self._convolved(len(self.convolutions) - 1, hidden)
        if self.residual:
            sums = residual_connection(input if self.shortcut is None else self.shortcut(input), sums)
        show("sums", sums)
        activated = self.activation(sums)
        show("activated", activated)
        return self.dropout(self._pooled(activated))  # type: ignore[no-any-return]

    def _convolved(self, number: int, input: Tensor) -> Tensor:
        maps = self.convolutions[number](input)
        return maps if self.normalisations is None else self.normalisations[number](maps)  # type: ignore[no-any-return]

    def _pooled(self, activated: Tensor) -> Tensor:
        if self.pooling == "none":
            return activated
        pool = max_pooling if self.pooling == "max" else mean_pooling
        pooled = pool(activated, self.window)
        show("pooled", pooled)
        return pooled

    def side_after(self, side: int) -> int:
        """The side of the maps that come out, for maps of that side.

        Raises:
            ValueError: nothing would be left of them.
        """
        for layer in self.convolutions:
            assert isinstance(layer, Convolution)
            side = layer.side_after(side)
        return side if self.pooling == "none" else places(side, self.window, self.window)
