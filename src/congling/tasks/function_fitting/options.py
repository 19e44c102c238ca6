"""Everything that the fitting of a function can be told. The defaults stand here once; the field texts are the help.

Nothing here imports PyTorch, so that ``congling train function-fitting --help`` answers at once.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal

from congling.data.functions.functions import FUNCTIONS
from congling.data.tables.features import feature_of
from congling.errors import UsageError
from congling.language import _
from congling.learning.options import (
    Budget,
    OptimizerName,
    Precision,
    TrainingOptions,
    require_at_least,
    require_at_most,
    require_below_one,
)
from congling.learning.schedules import ScheduleName
from congling.nearest import did_you_mean

Activation = Literal[
    "identity", "square", "sine", "exponential", "relu", "leaky-relu", "sigmoid", "tanh", "gelu", "silu"
]
TASK = "function-fitting"
LossChoice = Literal["auto", "squared-error", "absolute-error", "cross-entropy"]
MOST_EXAMPLES = 10_000_000
WHOLE = 1000  # so many examples, or fewer, are one batch where no --batch-size is given
BATCH_SIZE = 128  # else
FUNCTION_ALONE = ("examples", "noise", "valid_size", "test_size")  # what means nothing beside a table
TABLE_ALONE = ("inputs", "target", "kind", "valid_part", "test_part")
MOST_PARAMETERS = 500_000_000  # two gigabytes; a slip of the finger should not fill the memory


@dataclass(frozen=True)
class Preset:
    """What a network and its training are by default for one function."""

    hidden: tuple[int, ...] = (32, 32)
    steps: int = 2000


PRESETS = {
    "line": Preset(hidden=(), steps=500),
    "plane": Preset(hidden=(), steps=500),
    "ripple": Preset(hidden=(48, 48), steps=3000),
    "gabor-surface": Preset(hidden=(48, 48), steps=3000),
    "spiral": Preset(hidden=(32, 32, 32), steps=3000),
}
OTHERWISE = Preset()


@dataclass
class FunctionDataOptions:
    """Data"""

    function: str = "sine"
    """The function to find: a curve (line, sine, step, polynomial, absolute, exponential, sinc, gabor), a surface
    (plane, saddle, ripple, gabor-surface) or points of two classes (circle, xor, gaussians, spiral, moons)."""
    table: Path | None = None
    """Your own data instead: a .csv or .tsv file whose first line names the columns (.gz too)."""
    inputs: list[str] = field(default_factory=list)
    """Columns of --table to predict from; all but the target by default."""
    target: str | None = None
    """Column of --table to predict; the last one by default."""
    kind: Literal["auto", "regression", "classes"] = "auto"
    """What the target of --table is: a number or a class; auto takes words, and up to 10 whole numbers, as classes."""
    examples: int = 500
    """How many examples of --function to learn from."""
    noise: float = 0.0
    """Deviation of the normal noise on the values of --function, or on the places of its points."""
    valid_size: int = 200
    """How many examples of --function to draw for validation."""
    test_size: int = 1000
    """How many examples of --function to draw for the test."""
    valid_part: float = 0.2
    """Part of the rows of --table that is held out for validation."""
    test_part: float = 0.2
    """Part of the rows of --table that is held out for the test."""
    features: list[str] = field(default_factory=list)
    """What the network sees, calculated from the inputs, such as x1, x1^2, x1*x2, sin-x1, cos-x1; by default the inputs
    themselves."""
    standardise: Literal["auto", "yes", "no"] = "auto"
    """Bring each feature, and a number to predict, to mean 0 and deviation 1; auto does so with --table."""

    def check(self) -> None:
        """Refuse what no data can be."""
        if self.table is None:
            self._check_function()
        else:
            self._refuse_changed(("function",), _("--function and --table exclude each other: give one of them"))
            self._refuse_changed(FUNCTION_ALONE, _("{option} belongs to --function, and --table is given"))
        require_at_least(
            ("--examples", self.examples, 1),
            ("--valid-size", self.valid_size, 1),
            ("--test-size", self.test_size, 1),
            ("--noise", self.noise, 0),
        )
        for option, count in (
            ("--examples", self.examples), ("--valid-size", self.valid_size), ("--test-size", self.test_size)
        ):  # fmt: skip
            require_at_most((option, count, MOST_EXAMPLES))
        require_below_one(("--valid-part", self.valid_part), ("--test-part", self.test_part))
        if self.valid_part + self.test_part >= 1:
            message = _("--valid-part {valid:g} and --test-part {test:g} leave no rows to learn from")
            raise UsageError(message.format(valid=self.valid_part, test=self.test_part))

    def _check_function(self) -> None:
        if self.function not in FUNCTIONS:
            message = _("there is no function {name}; choose one of {names}, or give --table")
            names = ", ".join(FUNCTIONS)
            raise UsageError(message.format(name=self.function, names=names) + did_you_mean(self.function, FUNCTIONS))
        self._refuse_changed(TABLE_ALONE, _("{option} belongs to --table: give a table beside it"))
        for text in self.features:
            feature_of(text, FUNCTIONS[self.function].input_names)

    def _refuse_changed(self, names: Sequence[str], message: str) -> None:
        """Refuse the first of these options that is not as it is by default: it would change nothing."""
        untouched = FunctionDataOptions()
        for name in names:
            if getattr(self, name) != getattr(untouched, name):
                raise UsageError(message.format(option=f"--{name.replace('_', '-')}"))

    @property
    def standardised(self) -> bool:
        """What ``standardise`` comes to."""
        return self.standardise == "yes" or (self.standardise == "auto" and self.table is not None)


@dataclass
class FunctionNetworkOptions:
    """Network"""

    hidden: list[int] | None = None
    """Width of each hidden layer, such as 32 32; none at all after --hidden is linear regression. By default chosen
    for the function."""
    activation: Activation = "tanh"
    """Activation function of the hidden layers; with identity, all layers together stay one linear map."""
    loss: LossChoice = "auto"
    """What training makes small; auto is the squared error for numbers and the cross-entropy for classes."""
    dropout: float = 0.0
    """Part of each hidden layer's outputs that is dropped in training."""
    normalisation: Literal["none", "layer", "batch"] = "none"
    """Normalise the sums of each hidden layer, over the layer or over the batch."""
    residual: bool = False
    """Add to each hidden layer's output its input, where both have the same width."""
    initialiser: Literal["auto", "xavier", "he", "lecun", "zeros", "small-normal", "unit-normal"] = "auto"
    """What the weights are before training; auto is He's for rectifiers and Xavier's for all else."""

    def check(self) -> None:
        """Refuse sizes that no network can have."""
        for width in self.hidden or ():
            require_at_least(("--hidden", width, 1))
        widths = self.hidden or []
        parameters = sum(before * after for before, after in itertools.pairwise(widths)) + sum(widths)
        if parameters > MOST_PARAMETERS:
            message = _("--hidden {widths} makes a network of {millions:,.0f} million parameters; at most {most}")
            words = " ".join(map(str, widths))
            raise UsageError(message.format(widths=words, millions=parameters / 1e6, most=MOST_PARAMETERS // 10**6))
        require_below_one(("--dropout", self.dropout))


@dataclass
class FittingTraining(TrainingOptions):
    """Training"""

    default_budget: ClassVar[Budget] = Budget(steps=OTHERWISE.steps)

    minutes: float | None = None
    """Train for so many minutes; the schedule follows the part that is spent. Without any such budget: a number of
    steps that suits the function, some seconds."""
    optimizer: OptimizerName = "adam"
    """How a step follows from the gradient."""
    batch_size: int | None = None
    """Examples in a batch; by default all of them where there are at most 1000, else 128."""
    learning_rate: float = 5e-3
    """The highest learning rate, reached at the end of the warm-up."""
    schedule: ScheduleName = "constant"
    """How the learning rate falls after the warm-up."""
    adam_betas: tuple[float, float] = (0.9, 0.999)
    """How slowly Adam's two running means move; RMSProp has the second one alone."""
    warmup_steps: int = 0
    """Updates over which the learning rate rises from zero."""
    clip_norm: float = 0.0
    """Longest gradient that is let through whole; 0 lets all through."""
    precision: Precision = "float32"
    """Number type of the computation; auto takes bfloat16 where it is faster here. Learning itself is in float32."""
    validations: int = 20
    """How often to validate over the whole training."""
    threads: int | None = 1
    """Processor threads; a small network is fastest with one."""

    def check(self) -> None:
        """Refuse values that no training can have, in the user's own words."""
        super().check()
        require_at_least(("--batch-size", self.batch_size, 1))


@dataclass
class FunctionFittingOptions:
    """Function fitting"""

    run: Path | None = None
    """Folder of the new run; by default runs/function-fitting-FUNCTION, with a number if that is taken."""
    device: Literal["auto", "cpu", "cuda"] = "cpu"
    """Where to compute; small networks are fastest on the processor."""
    data: FunctionDataOptions = field(default_factory=FunctionDataOptions)
    network: FunctionNetworkOptions = field(default_factory=FunctionNetworkOptions)
    training: FittingTraining = field(default_factory=FittingTraining)

    def check(self) -> None:
        """Refuse options that contradict each other, before anything is read or written."""
        self.data.check()
        self.network.check()
        self.training.check()
        if self.data.table is None:
            _loss(self.network.loss, bool(FUNCTIONS[self.data.function].classes))

    def settled(self, examples: int, classes: bool) -> FunctionFittingOptions:
        """A copy that leaves nothing open, for so many examples to learn from and a target of this kind.

        Raises:
            UsageError: the target cannot have the loss.
        """
        settled = copy.deepcopy(self)
        data, network, training = settled.data, settled.network, settled.training
        preset = PRESETS.get(data.function, OTHERWISE) if data.table is None else OTHERWISE
        if training.steps is training.minutes is training.epochs is None:
            training.steps = preset.steps
        if training.batch_size is None:
            training.batch_size = examples if examples <= WHOLE else BATCH_SIZE
        if network.hidden is None:
            network.hidden = list(preset.hidden)
        data.standardise = "yes" if data.standardised else "no"
        if data.table is not None:
            data.kind = "classes" if classes else "regression"
        network.loss = _loss(network.loss, classes)
        return settled


def _loss(choice: LossChoice, classes: bool) -> LossChoice:
    """What training makes small."""
    if choice == "auto":
        return "cross-entropy" if classes else "squared-error"
    if classes != (choice == "cross-entropy"):
        way_out = _("classes: take cross-entropy") if classes else _("a number: take squared-error or absolute-error")
        raise UsageError(_("--loss {loss} does not fit a target of {way_out}").format(loss=choice, way_out=way_out))
    return choice
