"""The problem of recalling: a letter comes, after it only noise, and at the end the letter is asked for.

How far back it came is the only difficulty, so that what a network does with distance is seen by itself. Each distance
is a training of its own: learning with near letters first would make the far ones easier.

B batch · T positions · W width
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Literal

from congling.learning.options import Budget, OptimizerName, Precision, TrainingOptions
from congling.learning.schedules import ScheduleName

if TYPE_CHECKING:
    from torch import Tensor

    from congling.demonstrations.recall_network import RecallNetwork

LETTERS, NOISES = 8, 8  # symbols that may be asked for, and symbols that mean nothing
QUESTION = LETTERS + NOISES  # the last symbol of every sequence
LEARNED_FROM, UNSEEN = 4096, 512  # sequences

Reader = Literal["elman", "gru", "lstm", "attention"]


@dataclass
class RecallTraining(TrainingOptions):
    """Training"""

    default_budget: ClassVar[Budget] = Budget(steps=250)

    batch_size: int = 32
    optimizer: OptimizerName = "adam"
    learning_rate: float = 3e-3
    schedule: ScheduleName = "constant"
    adam_betas: tuple[float, float] = (0.9, 0.999)
    warmup_steps: int = 0
    precision: Precision = "float32"
    validations: int = 1
    threads: int | None = 1


@dataclass
class RecallOptions:
    """How networks learn to recall.

    Attributes:
        reader: what reads the sequence.
        parameters: how many numbers a network may learn; its width follows.
        distances: how far back the letter came, in rising order; a training each.
    """

    reader: Reader = "elman"
    parameters: int = 12_000
    distances: tuple[int, ...] = (5, 20, 80)
    training: RecallTraining = field(default_factory=RecallTraining)


def sequences(count: int, distance: int, seed: int) -> tuple[Tensor, Tensor]:
    """Symbols (count, T) and the letters (count,) that they begin with, T = ``distance`` + 1."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    symbols = torch.randint(LETTERS, QUESTION, (count, distance + 1), generator=generator)
    symbols[:, 0] = letters = torch.randint(0, LETTERS, (count,), generator=generator)
    symbols[:, -1] = QUESTION
    return symbols, letters


@dataclass(frozen=True)
class RecallTrial:
    """Networks that have learned to recall, one for each distance, with one seed.

    Attributes:
        recalled: the part of unseen sequences whose letter is recalled, for each distance; by chance it is 1 / 8.
    """

    options: RecallOptions
    recalled: tuple[float, ...]

    @classmethod
    def of(cls, options: RecallOptions) -> RecallTrial:
        """Train in memory."""
        return cls(options, tuple(_recalled(options, distance) for distance in options.distances))

    @property
    def nearest(self) -> float:
        """``recalled`` at the smallest distance."""
        return self.recalled[0]

    @property
    def farthest(self) -> float:
        """``recalled`` at the largest distance."""
        return self.recalled[-1]

    @cached_property
    def gradients(self) -> tuple[float, ...]:
        """How much of the gradient arrives 1, 2, 3 … places before the question, before anything was learned.

        The length of ∂L/∂x, x the vector of the symbol there, as a part of that one place before; means over sequences.
        """
        import torch

        from congling.equations.losses import cross_entropy

        network = _begun(self.options)
        symbols, letters = sequences(UNSEEN, self.options.distances[-1], self.options.training.seed)
        vectors = network.embed(symbols).detach().requires_grad_()
        (gradient,) = torch.autograd.grad(cross_entropy(network.read(vectors), letters), vectors)  # (B, T, W)
        lengths = gradient.norm(dim=2).mean(dim=0).flip(0)[1:]  # (T − 1)
        return tuple((lengths / lengths[0]).tolist())

    @property
    def arriving(self) -> float:
        """The last of ``gradients``: how much arrives at the letter itself, at the largest distance."""
        return self.gradients[-1]


def _begun(options: RecallOptions) -> RecallNetwork:
    import torch

    from congling.demonstrations.recall_network import network_of

    torch.manual_seed(options.training.seed)
    return network_of(options)


def _recalled(options: RecallOptions, distance: int) -> float:
    """Train at one distance; the part of unseen sequences whose letter is then recalled, none after a divergence."""
    import torch

    from congling.data.examples import ExampleBatch, ExampleBatches
    from congling.learning.trainer import Diverged, Trainer
    from congling.learning.training_state import Validation

    training, network = options.training, _begun(options)
    learned = ExampleBatches(*sequences(LEARNED_FROM, distance, training.seed), training.batch_size, training.seed)
    unseen = ExampleBatch(*sequences(UNSEEN, distance, training.seed + 1_000_000))

    def validate() -> Validation:
        with torch.no_grad():
            loss, count = network.loss(unseen)
        return Validation(float(loss) / count)

    try:
        Trainer(network, network.loss, learned, validate, None, training).train()
    except Diverged:
        return 0.0
    with torch.no_grad():
        return float((network.eval()(unseen.inputs).argmax(dim=1) == unseen.targets).double().mean())
