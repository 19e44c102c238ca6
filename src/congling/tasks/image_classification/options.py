"""Everything that the training of a picture classifier can be told, with the defaults; the texts are the help.

Nothing here imports PyTorch, so that ``congling train image-classification --help`` answers at once.
"""

from __future__ import annotations

import copy
import dataclasses
import itertools
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal

from congling.errors import UsageError
from congling.language import _
from congling.learning.options import (
    Budget,
    TrainingOptions,
    require_at_least,
    require_at_most,
    require_below_one,
)

TASK = "image-classification"
MOST_SIDE = 1024  # pixels; far more than an ordinary computer can train with
MOST_CHANNELS = 8192
MOST_PARAMETERS = 500_000_000  # two gigabytes; a slip of the finger should not fill the memory
FIRST_BLOCK, LAST_BLOCK = 32, 256  # channels of the default network's blocks, each twice those of the one before
SMALLEST_MAP = 6  # pixels: maps of a larger side get one more block
FULL = (256, 128)  # widths of the full layers, where there are no blocks
STEPS = 1300  # of a default training, about; it counts in whole epochs
FEWEST_EPOCHS, MOST_EPOCHS = 5, 100


@dataclass
class PictureDataOptions:
    """Data"""

    data: str = "mnist-5k"
    """A named data set (see: congling data list), used when no pictures of your own are given."""
    folder: Path | None = None
    """Your own pictures: a folder with one sub-folder a class (PNG, JPEG, WebP, GIF, BMP; any size)."""
    hub: str | None = None
    """Your own pictures as a Hugging Face data set: its name or a folder."""
    hub_configuration: str | None = None
    """Which sub-set of --hub, where it has several."""
    hub_split: str = "train"
    """Which split of --hub to learn from."""
    image_column: str | None = None
    """Column of --hub with the pictures; by default the first one that holds pictures."""
    label_column: str | None = None
    """Column of --hub with the classes; by default label, or the first one that holds classes."""
    side: int | None = None
    """Width and height in pixels that every picture is brought to; by default 28 for digits, else 64, or less where
    most of your pictures are smaller."""
    colours: Literal["auto", "grey", "colour"] = "auto"
    """Whether the network sees colours; auto looks whether your pictures have any."""
    fit: Literal["crop", "pad"] = "crop"
    """How a picture that is not square is fitted: its middle square, or all of it with its edge's colour around."""
    valid_size: int = 500
    """How many pictures to hold out for validation, of each class in its proportion (at most a fifth of all)."""
    test_size: int = 1000
    """How many pictures to hold out for the test, of each class in its proportion (at most a fifth of all)."""

    def check(self) -> None:
        """Refuse data that exclude each other, and sizes that cannot be."""
        if self.folder is not None and self.hub is not None:
            message = _("{first} and {second} exclude each other: give one of them")
            raise UsageError(message.format(first="--folder", second="--hub"))
        for option, given in (
            ("--hub-configuration", self.hub_configuration),
            ("--image-column", self.image_column),
            ("--label-column", self.label_column),
        ):
            if given is not None and self.hub is None:
                raise UsageError(_("{here} needs {missing} beside it").format(here=option, missing="--hub"))
        require_at_least(
            ("--side", self.side, 1), ("--valid-size", self.valid_size, 1), ("--test-size", self.test_size, 0)
        )
        require_at_most(("--side", self.side, MOST_SIDE))

    @property
    def named(self) -> bool:
        """Whether the data are a named set and not the user's own."""
        return self.folder is None and self.hub is None

    @property
    def name(self) -> str:
        """What the user calls the data."""
        return str(self.folder or self.hub or self.data)


@dataclass
class AugmentationOptions:
    """Augmentation"""

    augment: bool = True
    """Change each picture a little each time that it comes; --no-augment shows them as they are."""
    rotate: float = 10.0
    """Turn by up to so many degrees, to either side."""
    mirror: float = 0.0
    """Exchange left and right with this probability: 0.5 suits most photographs; letters and digits it would spoil."""
    shift: float = 0.08
    """Move by up to this part of the side, in each direction."""
    crop: float = 0.1
    """Cut away up to this part of the side, and enlarge the rest."""
    blur: float = 0.0
    """Take away up to this part of the fine detail."""
    sharpen: float = 0.0
    """Add up to so many times the fine detail."""
    noise: float = 0.0
    """Deviation of the normal noise that is added to each pixel, where 0 is black and 1 is white."""

    @property
    def strengths(self) -> dict[str, float]:
        """What ``data.pictures.augmentation.Augmentation`` takes; it also refuses what is too strong."""
        strengths = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return strengths if strengths.pop("augment") else {}


@dataclass
class PictureNetworkOptions:
    """Network"""

    network: Literal["cnn", "mlp"] = "cnn"
    """Convolution blocks and then full layers, or for comparison full layers on the pixels alone."""
    blocks: list[int] | None = None
    """Channels of each convolution block, such as 32 64 128; by default chosen for the pictures' size."""
    convolutions: int = 2
    """Convolutions in each block."""
    kernel: int = 3
    """Side of the kernels in pixels."""
    stride: int = 1
    """How many pixels the first convolution of each block moves at a time."""
    pooling: Literal["max", "mean", "none"] = "max"
    """What each window of --window × --window pixels becomes at the end of a block."""
    window: int = 2
    """Side of the pooling windows in pixels."""
    batch_norm: bool = True
    """Normalise after each convolution over the batch."""
    residual: bool = False
    """Give each block a way around its convolutions."""
    hidden: list[int] | None = None
    """Width of each full layer before the one that decides; by default none after blocks, and 256 128 with --network
    mlp."""
    activation: Literal[
        "identity", "square", "sine", "exponential", "relu", "leaky-relu", "sigmoid", "tanh", "gelu", "silu"
    ] = "relu"
    """Activation function of convolutions and full layers."""
    dropout: float = 0.0
    """Part of each full layer's outputs that is dropped in training."""
    block_dropout: float = 0.0
    """Part of each block's outputs that is dropped in training."""
    initialiser: Literal["auto", "xavier", "he", "lecun", "zeros", "small-normal", "unit-normal"] = "auto"
    """What the weights are before training; auto is He's for rectifiers and Xavier's for all else."""

    def check(self) -> None:
        """Refuse sizes that no network can have."""
        if self.network == "mlp" and self.blocks:
            raise UsageError(_("--blocks belongs to --network cnn: an mlp has full layers alone (--hidden)"))
        for option, sizes in (("--blocks", self.blocks), ("--hidden", self.hidden)):
            for size in sizes or ():
                require_at_least((option, size, 1))
        for channels in self.blocks or ():
            require_at_most(("--blocks", channels, MOST_CHANNELS))
        require_at_least(
            ("--convolutions", self.convolutions, 1),
            ("--kernel", self.kernel, 1),
            ("--stride", self.stride, 1),
            ("--window", self.window, 1),
        )
        require_at_most(("--kernel", self.kernel, MOST_SIDE), ("--convolutions", self.convolutions, 100))
        require_below_one(("--dropout", self.dropout), ("--block-dropout", self.block_dropout))
        self._check_parameters()

    def _check_parameters(self) -> None:
        """Only what the options alone decide: the first full layer hangs on the pictures' size too."""
        area, blocks, hidden = self.kernel**2, self.blocks or [], self.hidden or []
        inside = (self.convolutions - 1) * sum(channels**2 for channels in blocks)
        between = sum(before * after for before, after in itertools.pairwise(blocks))
        parameters = area * (inside + between) + sum(one * other for one, other in itertools.pairwise(hidden))
        if parameters > MOST_PARAMETERS:
            message = _("these sizes make a network of {millions:,.0f} million parameters; at most {most}")
            raise UsageError(message.format(millions=parameters / 1e6, most=MOST_PARAMETERS // 10**6))


@dataclass
class PictureTraining(TrainingOptions):
    """Training"""

    default_budget: ClassVar[Budget] = Budget(epochs=MOST_EPOCHS)
    score: ClassVar[str | None] = "accuracy"

    minutes: float | None = None
    """Train for so many minutes; the schedule follows the part that is spent. Without any such budget: a number of
    epochs that suits the number of pictures."""
    batch_size: int = 64
    """Pictures in a batch."""
    learning_rate: float = 4e-3
    """The highest learning rate, reached at the end of the warm-up."""
    l2: float = 1e-4
    """Add half so much times the sum of w² over all matrices to the mean loss: it keeps weights small."""
    adam_betas: tuple[float, float] = (0.9, 0.99)
    """How slowly Adam's two running means move; RMSProp has the second one alone."""
    warmup_steps: int = 100
    """Updates over which the learning rate rises from zero."""

    def check(self) -> None:
        """Refuse values that no training can have, in the user's own words."""
        super().check()
        require_at_least(("--batch-size", self.batch_size, 1))


@dataclass
class ImageClassificationOptions:
    """Image classification"""

    run: Path | None = None
    """Folder of the new run; by default runs/image-classification-DATA, with a number if that is taken."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to compute."""
    data: PictureDataOptions = field(default_factory=PictureDataOptions)
    augmentation: AugmentationOptions = field(default_factory=AugmentationOptions)
    network: PictureNetworkOptions = field(default_factory=PictureNetworkOptions)
    training: PictureTraining = field(default_factory=PictureTraining)

    def check(self) -> None:
        """Refuse options that contradict each other, before anything is read or written."""
        for group in (self.data, self.network, self.training):
            group.check()

    def settled(self, *, side: int, channels: int, pictures: int) -> ImageClassificationOptions:
        """A copy that leaves nothing open, for pictures of this shape and so many of them to learn from.

        Raises:
            UsageError: an option would have no effect.
        """
        settled = copy.deepcopy(self)
        data, network, training = settled.data, settled.network, settled.training
        data.side, data.colours = side, "colour" if channels == 3 else "grey"
        if network.network == "mlp":
            network.blocks = []
        elif network.blocks is None:
            network.blocks = default_blocks(side, network)
        if network.hidden is None:
            network.hidden = [] if network.blocks else list(FULL)
        if network.dropout and not network.hidden:
            raise UsageError(
                _("--dropout acts in the full layers, of which there are none: give --hidden, or take --block-dropout")
            )
        if training.steps is training.minutes is training.epochs is None:
            a_pass = -(-pictures // training.batch_size) / training.accumulation
            training.epochs = float(min(max(round(STEPS / a_pass), FEWEST_EPOCHS), MOST_EPOCHS))
        return settled


def default_blocks(side: int, network: PictureNetworkOptions) -> list[int]:
    """Channels of as many blocks as leave maps of a few pixels; one at least."""
    shrinks = network.stride * (1 if network.pooling == "none" else network.window)
    blocks = [FIRST_BLOCK]
    while shrinks > 1 and (side := side // shrinks) >= SMALLEST_MAP:
        blocks.append(min(2 * blocks[-1], LAST_BLOCK))
    return blocks
