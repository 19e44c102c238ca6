"""The network that recognises pictures: blocks of convolutions find features, full layers decide by them.

B batch · C channels of the picture · Y, X its height and width, which are equal here
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor, nn

from congling.equations.glass_box import running
from congling.equations.losses import cross_entropy
from congling.errors import UsageError
from congling.language import _
from congling.networks.convolution_layers import ConvolutionBlock, Pooling
from congling.networks.mlp import MultiLayerPerceptron


class PictureBatch(Protocol):
    """What the network needs to know of a batch; ``data.examples.ExampleBatch`` is one."""

    @property
    def inputs(self) -> Tensor:
        """(B, C, Y, X)."""

    @property
    def targets(self) -> Tensor:
        """(B,) numbers of classes."""


class ConvolutionalNetwork(nn.Module):
    """Blocks of convolutions, then full layers: LeCun et al. 1998, figure 2. Without blocks, a perceptron on pixels.

    Args:
        channels: C, of the pictures.
        side: Y = X, of the pictures.
        classes: how many to tell apart.
        blocks: the channels of each block's feature maps.
        convolutions, kernel, stride, pooling, window, batch_norm, residual: as of ``ConvolutionBlock``.
        hidden: the widths of the full layers before the one that gives the classes.
        activation, initialiser: in blocks and full layers.
        dropout: the probability, in the full layers; ``block_dropout`` after each block.

    Raises:
        UsageError: so many blocks leave nothing of such a small picture.
    """

    def __init__(
        self,
        channels: int,
        side: int,
        classes: int,
        *,
        blocks: Sequence[int],
        convolutions: int = 1,
        kernel: int = 3,
        stride: int = 1,
        pooling: Pooling = "max",
        window: int = 2,
        batch_norm: bool = True,
        residual: bool = False,
        hidden: Sequence[int] = (),
        activation: str = "relu",
        dropout: float = 0.0,
        block_dropout: float = 0.0,
        initialiser: str = "auto",
    ) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            ConvolutionBlock(
                before, after, convolutions=convolutions, kernel=kernel, stride=stride, pooling=pooling, window=window,
                batch_norm=batch_norm, residual=residual, activation=activation, dropout=block_dropout,
                initialiser=initialiser,
            )
            for before, after in zip([channels, *blocks], blocks, strict=False)
        )  # fmt: skip
        self.sides = _sides(self.blocks, side)
        features = (blocks[-1] if blocks else channels) * self.sides[-1] ** 2
        self.full = MultiLayerPerceptron(
            features,
            classes,
            hidden=hidden,
            activation=activation,
            loss="cross-entropy",
            dropout=dropout,
            initialiser=initialiser,
        )

    def features(self, pictures: Tensor) -> Tensor:
        """What the blocks find: (B, C, Y, X) to (B, C', Y', X')."""
        maps = pictures.to(next(self.parameters()).dtype)
        for block in self.blocks:
            maps = block(maps)
        return maps

    def forward(self, pictures: Tensor) -> Tensor:
        """(B, C, Y, X) to logits (B, classes)."""
        return self.full(self.features(pictures).flatten(1))  # type: ignore[no-any-return]

    def loss(self, batch: PictureBatch) -> tuple[Tensor, int]:
        """The cross-entropy in nats, summed over the batch, and the number of its pictures."""
        with running(self):
            logits = self(batch.inputs)
            loss = cross_entropy(logits.to(torch.promote_types(logits.dtype, torch.float32)), batch.targets)
        return loss, len(batch.targets)


def _sides(blocks: nn.ModuleList, side: int) -> list[int]:
    """The side of the maps before the first block and after each."""
    sides = [side]
    for number, block in enumerate(blocks, start=1):
        assert isinstance(block, ConvolutionBlock)
        try:
            sides.append(block.side_after(sides[-1]))
        except ValueError:
            raise UsageError(
                _(
                    "a picture of {side}×{side} pixels is too small for {blocks} blocks: before block {number} its maps"
                    " are {left}×{left}; use fewer blocks, larger pictures, a smaller kernel, or no pooling"
                ).format(side=side, blocks=len(blocks), number=number, left=sides[-1])
            ) from None
    return sides
