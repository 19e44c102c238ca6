"""A trained picture classifier: pictures in, probabilities of classes out.

B batch · C channels · Y = X side of a picture · K classes
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from operator import attrgetter
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from congling.data.pictures.folders import LabelledPicture
from congling.data.pictures.pictures import Pixels, read_picture
from congling.data.pictures.sets import PARTS, PictureSet
from congling.equations.activations import softmax
from congling.errors import UserError
from congling.language import _
from congling.learning.checkpoints import Which, load_weights
from congling.learning.parameters import load_parameters
from congling.learning.precision import device_of
from congling.learning.runs import Run
from congling.nearest import did_you_mean
from congling.networks.cnn import ConvolutionalNetwork
from congling.tasks.classification_scores import Evaluation
from congling.tasks.image_classification.background import LOOKED_AT, Ground, ground_of, has_other_ground, inverted
from congling.tasks.image_classification.data import load_pictures, of_folder
from congling.tasks.image_classification.options import TASK, ImageClassificationOptions
from congling.tasks.stored_options import cannot_be, not_understood, options_of
from congling.tasks.stored_weights import weights_must_fit

AT_ONCE = 250  # pictures
PartName = Literal["train", "valid", "test"]
Invert = Literal["auto", "yes", "no"]


def classification_options_of(run: Run) -> ImageClassificationOptions:
    """The options that a run was trained with, settled; errors as ``options_of``."""
    options = options_of(run, ImageClassificationOptions, TASK)
    for name in ("data.side", "network.blocks", "network.hidden"):
        if attrgetter(name)(options) is None:
            raise not_understood(run, cannot_be(f"config.{name}", None))
    return options


def build_network(options: ImageClassificationOptions, classes: int) -> ConvolutionalNetwork:
    """The network that settled options describe, as it is before training: their seed decides it.

    Raises:
        UsageError: the pictures are too small for it.
    """
    data, network = options.data, options.network
    assert data.side is not None and network.blocks is not None and network.hidden is not None
    torch.manual_seed(options.training.seed)
    return ConvolutionalNetwork(
        3 if data.colours == "colour" else 1,
        data.side,
        classes,
        blocks=network.blocks,
        convolutions=network.convolutions,
        kernel=network.kernel,
        stride=network.stride,
        pooling=network.pooling,
        window=network.window,
        batch_norm=network.batch_norm,
        residual=network.residual,
        hidden=network.hidden,
        activation=network.activation,
        dropout=network.dropout,
        block_dropout=network.block_dropout,
        initialiser=network.initialiser,
    )


@dataclass(frozen=True)
class PictureToClassify:
    """A picture from a file, fitted as those that the run learned from.

    Attributes:
        input: (1, C, Y, X), standardised: what the network takes.
        shown: (C, Y, X) from 0 (black) to 1, to look at.
        remarks: what was changed to fit it, in sentences for the user.
    """

    input: Tensor
    shown: Tensor
    remarks: list[str]


class PictureClassifier:
    """Classifies with a network, which is put into ``eval`` mode, and the pictures that it learned from.

    Attributes:
        classes: their names.
        pictures: of the run, in their three parts.
        options: what it was trained with, settled.
    """

    def __init__(
        self, network: ConvolutionalNetwork, pictures: PictureSet, options: ImageClassificationOptions
    ) -> None:
        self.network, self.pictures, self.options = network.eval(), pictures, options
        self.classes = pictures.classes

    @classmethod
    def load(cls, run: Run, which: Which = "best", device: str = "cpu") -> PictureClassifier:
        """Open a run's pictures and the weights of one of its checkpoints.

        Raises:
            UserError: the run is of another task, incomplete or damaged.
        """
        options, pictures = classification_options_of(run), load_pictures(run)
        with weights_must_fit(run):
            network = build_network(options, len(pictures.classes))
            load_parameters(network, load_weights(run, which))
        return cls(network.to(device_of(device)), pictures, options)

    @property
    def device(self) -> torch.device:
        """Where the network computes."""
        return next(self.network.parameters()).device

    @cached_property
    def ground(self) -> Ground | None:
        """What nearly all pictures that were learned from have around them."""
        rows = self.pictures.rows("train")
        return ground_of(self.pictures.pixels[rows[:: max(1, len(rows) // LOOKED_AT)]])

    def fit(self, path: Path | str, invert: Invert = "auto") -> PictureToClassify:
        """Read a picture and fit it as those that were learned from.

        Args:
            invert: exchange light and dark; ``auto`` where the ground of the pictures is nearly always dark, or
                light, and this picture has the other one.

        Raises:
            UserError: it cannot be read, see ``read_picture``.
        """
        found = read_picture(path, self.pictures.shape)
        pixels, remarks = found.pixels, list(found.remarks)
        if invert == "yes" or (invert == "auto" and has_other_ground(pixels, self.ground)):
            pixels = inverted(pixels)
            remarks.append(self._inversion(invert))
        return self._to_classify(pixels, remarks)

    def _inversion(self, invert: Invert) -> str:
        if invert == "yes":
            return _("light and dark were exchanged")
        if self.ground == "dark":
            return _("its ground is light, that of the pictures learned from is dark: light and dark were exchanged")
        return _("its ground is dark, that of the pictures learned from is light: light and dark were exchanged")

    def _to_classify(self, pixels: Pixels, remarks: list[str]) -> PictureToClassify:
        shown = torch.tensor(pixels).float() / 255
        return PictureToClassify(self.pictures.standardised(shown[None]), shown, remarks)

    @torch.no_grad()
    def __call__(self, inputs: Tensor) -> NDArray[np.float64]:
        """Pictures (B, C, Y, X), standardised, to the probability of each class (B, K)."""
        outputs = [self.network(some.to(self.device)).double() for some in torch.split(inputs, AT_ONCE)]
        probabilities: NDArray[np.float64] = softmax(torch.cat(outputs)).cpu().numpy()
        return probabilities

    def evaluate(self, part: PartName = "test") -> Evaluation:
        """What the network gives for the pictures of a part.

        Raises:
            UserError: there are none.
        """
        assert part in PARTS
        rows = self.pictures.rows(part)
        if not len(rows):
            raise UserError(_("--part {part}: no pictures are held out for it").format(part=part))
        inputs = (self.pictures.examples(some).inputs for some in np.array_split(rows, -(-len(rows) // AT_ONCE)))
        probabilities = np.concatenate(list(map(self, inputs)))
        names = [self.pictures.names[row] for row in rows]
        return Evaluation(self.classes, names, self.pictures.targets[rows], probabilities)

    def evaluate_folder(self, path: Path) -> tuple[Evaluation, list[str]]:
        """The same for a folder of the user's, one sub-folder a class; and why pictures of it could not be read.

        Raises:
            UserError: there is no such folder, a class in it was not learned, or none of its pictures can be read.
        """
        found = of_folder(path, to_learn=False)
        number_of = [self.class_number(name) for name in found.classes]
        pictures, unread = list[LabelledPicture](), list[str]()
        probabilities = list[NDArray[np.float64]]()
        coming = found.all(self.pictures.shape)
        while some := list(islice(coming, AT_ONCE)):
            unread += [picture.reason for picture in some if picture.pixels is None]
            if readable := [picture for picture in some if picture.pixels is not None]:
                pixels = np.stack([picture.pixels for picture in readable if picture.pixels is not None])
                probabilities.append(self(self.pictures.standardised(torch.from_numpy(pixels).float() / 255)))
                pictures += [replace(picture, pixels=None) for picture in readable]
        if not pictures:
            message = _("none of the pictures in {path} can be read, first: {reason}")
            raise UserError(message.format(path=path, reason=unread[0]))
        targets = np.array([number_of[picture.target] for picture in pictures], np.int64)
        names = [picture.name for picture in pictures]
        return Evaluation(self.classes, names, targets, np.concatenate(probabilities)), unread

    def class_number(self, name: str) -> int:
        """The number of a class.

        Raises:
            UserError: it was not learned; the message holds the nearest one.
        """
        if name in self.classes:
            return self.classes.index(name)
        message = _("the class {name} was not learned; the classes are {classes}")
        message = message.format(name=name, classes=", ".join(self.classes))
        raise UserError(message + did_you_mean(name, self.classes))
