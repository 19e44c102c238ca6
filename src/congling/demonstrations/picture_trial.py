"""One training on pictures, and what can be read off it: mistakes, wherever the picture stands, and sizes.

B batch · C channels · Y, X height and width
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from congling.tasks.image_classification.options import ImageClassificationOptions

if TYPE_CHECKING:
    from torch import Tensor

    from congling.data.examples import ExampleBatch
    from congling.data.pictures.sets import PictureSet
    from congling.networks.cnn import ConvolutionalNetwork
    from congling.tasks.image_classification.picture_classifier import PartName
    from congling.tasks.image_classification.task import PictureFit

FARTHEST = 6  # pixels that pictures are moved by
WAYS = ((1, 0), (-1, 0), (0, 1), (0, -1))  # down, up, right, left

PictureSource = Callable[[int], "PictureSet"]  # the seed to pictures in three parts


@dataclass(frozen=True)
class PictureTrial:
    """A variant that was trained on pictures with one seed."""

    fit: PictureFit

    @classmethod
    def of(cls, options: ImageClassificationOptions, pictures: PictureSource) -> PictureTrial:
        """Train in memory, on the pictures of the options' seed."""
        from congling.tasks.image_classification.task import fit

        return cls(fit(options, pictures(options.training.seed)))

    @property
    def diverged(self) -> bool:
        """Whether the loss or the gradient stopped being a number."""
        return self.fit.reason == "diverged"

    @property
    def network(self) -> ConvolutionalNetwork:
        """With the last weights, in ``eval`` mode."""
        return self.fit.classifier.network

    def error(self, part: PartName = "test") -> float:
        """The part of the pictures that the last weights give a wrong class, 0 to 1."""
        return math.inf if self.diverged else 1 - self.fit.classifier.evaluate(part).accuracy

    # Pictures that are moved -----------------------------------------------------------------------------------------

    @cached_property
    def errors_by_shift(self) -> list[float]:
        """``error`` on unseen pictures that are moved by 0, 1, 2 … pixels: the mean over the four ways."""
        if self.diverged:
            return [math.inf] * (FARTHEST + 1)
        return [self.error()] + [self._error_moved(by) for by in range(1, FARTHEST + 1)]

    def _error_moved(self, by: int) -> float:
        unseen, classify = self._unseen, self.fit.classifier
        wrong = [(classify(moved).argmax(axis=1) != unseen.targets.numpy()).mean() for moved in _moved(unseen, by)]
        return float(sum(wrong)) / len(wrong)

    def change_of_features(self, by: int = 1) -> float:
        """How much what the blocks find in unseen pictures changes when these are moved: ‖f' − f‖ / ‖f‖.

        The mean over the pictures and the four ways; f is all maps of the last block, after pooling, as one vector.
        """
        import torch

        if self.diverged:
            return math.inf
        with torch.no_grad():
            before, *after = (
                self.network.features(inputs).flatten(1).double()  # (B, C'·Y'·X')
                for inputs in (self._unseen.inputs, *_moved(self._unseen, by))
            )
        changes = [(each - before).norm(dim=1) / before.norm(dim=1) for each in after]
        return float(torch.cat(changes).mean())

    @cached_property
    def _unseen(self) -> ExampleBatch:
        pictures = self.fit.classifier.pictures
        return pictures.examples(pictures.rows("test"))

    # Sizes -----------------------------------------------------------------------------------------------------------

    def weights_of_first_layer(self) -> float:
        """How many weights lie between the pixels and what the first layer makes of them; without biases."""
        return float(next(each for each in self.network.parameters() if each.dim() >= 2).numel())

    def parameters(self) -> float:
        """How many numbers the whole network learns."""
        return float(sum(each.numel() for each in self.network.parameters()))


def _moved(examples: ExampleBatch, by: int) -> list[Tensor]:
    """The pictures moved by so many pixels in each of the four ways; what leaves on one side returns on the other."""
    import torch

    return [torch.roll(examples.inputs, (by * down, by * right), dims=(2, 3)) for down, right in WAYS]
