"""A picture on its way through a network: what every layer made of it, as plain arrays, read off a glass box.

C channels in · O channels out · Y, X height and width of what goes in, Y', X' of what comes out · K side of a kernel
D neurons · N classes
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from congling.equations.glass_box import GlassBox, glass_box
from congling.equations.normalisation import batch_normalisation_inference
from congling.networks.cnn import ConvolutionalNetwork
from congling.networks.convolution_layers import Convolution, ConvolutionBlock
from congling.networks.normalisation import BatchNormalisation

Array = NDArray[np.float32]


@dataclass(frozen=True)
class ChannelNormalisation:
    """What batch normalisation does to each channel, (O) each: gain · (x − mean) / deviation + bias."""

    mean: Array
    deviation: Array
    gain: Array
    bias: Array


@dataclass(frozen=True)
class SeenConvolution:
    """One convolution with all that stands around it, for one picture.

    Attributes:
        path: such as ``blocks.0.convolutions.1``.
        stride, padding: of the convolution.
        activation: its name.
        pooling: ``max`` or ``mean`` after the block's last convolution; else, or where there is none, "".
        window: of the pooling.
        inputs: (C, Y, X).
        kernels: (O, C, K, K).
        bias: (O), None where a normalisation follows.
        normalisation: None where there is none.
        around: (O, Y', X'), what came around the block and is added to ``sums``; None where nothing is.
        sums: (O, Y', X'), before the activation.
        activated: (O, Y', X').
        pooled: (O, Y'', X''), None where nothing is pooled.
    """

    path: str
    stride: int
    padding: int
    activation: str
    pooling: str
    window: int
    inputs: Array
    kernels: Array
    bias: Array | None
    normalisation: ChannelNormalisation | None
    around: Array | None
    sums: Array
    activated: Array
    pooled: Array | None


@dataclass(frozen=True)
class SeenPicture:
    """Everything that one set of weights made of one picture.

    Attributes:
        step: the training step of the weights.
        convolutions: in order; none in a network of full layers alone.
        templates: (D, C, Y, X), the weights of the first full layer as pictures, where the pixels themselves go in.
        full: by path, (D) what each hidden full layer gives.
        scores: (N), the logits.
    """

    step: int
    convolutions: list[SeenConvolution]
    templates: Array | None
    full: dict[str, Array]
    scores: Array

    @property
    def probabilities(self) -> NDArray[np.float64]:
        """(N): the softmax of the scores."""
        powers = np.exp(self.scores.astype(np.float64) - self.scores.max())
        return np.asarray(powers / powers.sum())


@torch.no_grad()
def look(network: ConvolutionalNetwork, picture: Tensor, step: int) -> SeenPicture:
    """What a network in ``eval`` mode makes of a picture (1, C, Y, X), standardised; of a batch the first is seen."""
    with glass_box() as box:
        scores = network(picture)
    convolutions: list[SeenConvolution] = []
    inputs = picture
    for number, block in enumerate(network.blocks):
        assert isinstance(block, ConvolutionBlock)
        convolutions += _block(box, f"blocks.{number}", block, inputs)
        inputs = box[f"blocks.{number}.output"]
    full = {path: _array(box[path][0]) for path in box.paths("activated") if path.startswith("full.")}
    return SeenPicture(step, convolutions, _templates(network, picture), full, _array(scores[0]))


def _block(box: GlassBox, path: str, block: ConvolutionBlock, inputs: Tensor) -> list[SeenConvolution]:
    last, entering = len(block.convolutions) - 1, inputs
    seen = []
    for number, layer in enumerate(block.convolutions):
        assert isinstance(layer, Convolution)
        is_last = number == last
        normalisation = None if block.normalisations is None else block.normalisations[number]
        kind = "convolutions" if normalisation is None else "normalisations"
        sums = box[f"{path}.sums"] if is_last else box[f"{path}.{kind}.{number}.output"]
        activated = box[f"{path}.activated"] if is_last else block.activation(sums)
        pools = is_last and block.pooling != "none"
        seen.append(
            SeenConvolution(
                path=f"{path}.convolutions.{number}",
                stride=layer.stride,
                padding=layer.padding,
                activation=block.activation_name,
                pooling=block.pooling if pools else "",
                window=block.window,
                inputs=_array(inputs[0]),
                kernels=_array(layer.weight),
                bias=None if layer.bias is None else _array(layer.bias),
                normalisation=_normalisation(normalisation),
                around=_around(box, path, block, entering) if is_last else None,
                sums=_array(sums[0]),
                activated=_array(activated[0]),
                pooled=_array(box[f"{path}.pooled"][0]) if pools else None,
            )
        )
        inputs = activated
    return seen


def _normalisation(layer: nn.Module | None) -> ChannelNormalisation | None:
    if not isinstance(layer, BatchNormalisation):
        return None
    zero, one = torch.zeros_like(layer.weight), torch.ones_like(layer.weight)
    shrunk = batch_normalisation_inference(one[None], one, zero, zero, layer.running_variance)[0]  # 1 / √(σ² + ε)
    return ChannelNormalisation(*map(_array, (layer.running_mean, 1 / shrunk, layer.weight, layer.bias)))


def _around(box: GlassBox, path: str, block: ConvolutionBlock, entering: Tensor) -> Array | None:
    if not block.residual:
        return None
    return _array((entering if block.shortcut is None else box[f"{path}.shortcut.output"])[0])


def _templates(network: ConvolutionalNetwork, picture: Tensor) -> Array | None:
    if len(network.blocks):
        return None
    layers = network.full.layers
    first: Any = layers[0].linear if len(layers) else network.full.output
    return _array(first.weight).reshape(-1, *picture.shape[1:])


def _array(tensor: Tensor) -> Array:
    return np.array(tensor.detach().cpu().float().numpy())  # a copy: a parameter may be given other weights later
