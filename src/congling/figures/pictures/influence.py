"""Which pixels a decision leans on: by the gradient from the tape, and by covering the picture patch by patch.

C channels · Y, X height and width · N classes · P side of a covering patch
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from congling.learning.backprop import Tape
from congling.networks.cnn import ConvolutionalNetwork

Array = NDArray[np.float32]
PLACES = 28  # of the covering patch along a side, at most about
PATCHES = 6  # as many patches would stand side by side
AT_ONCE = 256  # covered pictures that go through the network together


@dataclass(frozen=True)
class Influence:
    """What the pixels mean to the scores (before the softmax) of some classes, n of them.

    Attributes:
        classes: (n) numbers of the classes.
        gradient: (n, Y, X): max over the channels of |∂score/∂x|. Simonyan et al. 2014, §3.1.
        product: (n, Y, X): Σ over the channels of x · ∂score/∂x, of the standardised picture, in which zero is the
            mean of the training pictures. Shrikumar et al. 2017, §2.
        drop: (n, P', P'): by how much the score falls when a patch is covered with that mean. Zeiler and Fergus 2014,
            §4.2, who covered with grey.
        patch, stride: the covering patch's side, and how many pixels it moves from place to place.
    """

    classes: list[int]
    gradient: Array
    product: Array
    drop: Array
    patch: int
    stride: int


def influence(network: ConvolutionalNetwork, picture: Tensor, classes: Sequence[int]) -> Influence:
    """Look at a picture (1, C, Y, X), standardised, with a network in ``eval`` mode."""
    network = copy.deepcopy(network).requires_grad_(False)  # the picture alone is a leaf of the tape
    gradients = _gradients(network, picture, classes)  # (n, C, Y, X)
    side = picture.shape[-1]
    patch = max(1, round(side / PATCHES))
    stride = max(1, -(-side // PLACES))
    drop = _drops(network, picture, classes, patch, stride)
    return Influence(
        list(classes),
        _array(gradients.abs().amax(dim=1)),
        _array((gradients * picture).sum(dim=1)),
        _array(drop),
        patch,
        stride,
    )


def _gradients(network: ConvolutionalNetwork, picture: Tensor, classes: Sequence[int]) -> Tensor:
    leaf = picture.detach().clone().requires_grad_()
    with Tape(keep=False) as tape:
        scores = network(leaf)[0]
        chosen = [scores[number] for number in classes]
    gradients = [tape.gradients(score).get(leaf) for score in chosen]
    return torch.cat([torch.zeros_like(picture) if each is None else each for each in gradients])


@torch.no_grad()
def _drops(network: ConvolutionalNetwork, picture: Tensor, classes: Sequence[int], patch: int, stride: int) -> Tensor:
    """(n, P', P'): place (p, q) covers the rows from s·p and the columns from s·q on."""
    places = range(0, picture.shape[-1] - patch + 1, stride)
    covered = picture.repeat(len(places) ** 2, 1, 1, 1)
    for number, (top, left) in enumerate((top, left) for top in places for left in places):
        covered[number, :, top : top + patch, left : left + patch] = 0.0
    scores = torch.cat([network(some) for some in torch.split(covered, AT_ONCE)])[:, list(classes)]  # (places², n)
    drops: Tensor = network(picture)[0, list(classes)] - scores
    return drops.T.reshape(len(classes), len(places), len(places))


def _array(tensor: Tensor) -> Array:
    return np.asarray(tensor.detach().cpu().float().numpy())
