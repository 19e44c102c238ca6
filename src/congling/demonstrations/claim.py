"""What a claim is: a family of trainings that differ in one thing, what is read off them, and what must differ.

A claim is declared, not programmed: its variants are the options of ``congling train function-fitting``, of
``congling train image-classification``, or of a problem made for it, so that "the same, but ``--l2 0.01``" stands there
as ``but(plain, l2=0.01)``.
Nothing in a declaration says that the claim holds: an ``Expectation`` names two readings and the margin between them,
and the runs decide.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from congling.demonstrations.recall import RecallOptions
from congling.demonstrations.waiting_time import WaitingOptions
from congling.tasks.function_fitting.options import FunctionFittingOptions
from congling.tasks.image_classification.options import ImageClassificationOptions
from congling.tasks.translation.options import TranslationOptions

if TYPE_CHECKING:
    from congling.demonstrations.picture_trial import PictureSource
    from congling.demonstrations.trial import Prepare

SHORT_SEEDS = (1, 2, 3)
FULL_SEEDS = tuple(range(1, 11))
SURE = 0.9  # the part of the seeds that must go the way of the claim: all of three, nine of ten

Options = FunctionFittingOptions | ImageClassificationOptions | TranslationOptions | RecallOptions | WaitingOptions
SomeOptions = TypeVar("SomeOptions", bound=Options)


def but(options: SomeOptions, **changes: Any) -> SomeOptions:
    """The same options, but some differ; each change is named as its flag is: ``but(plain, learning_rate=0.1)``."""
    parts: dict[str, Any] = {name: part for name, part in vars(options).items() if is_dataclass(part)}
    for group, part in parts.items():
        names = {field.name for field in fields(part)}
        parts[group] = replace(part, **{name: changes.pop(name) for name in names & changes.keys()})
    return replace(options, **parts, **changes)


def problem(**changes: Any) -> FunctionFittingOptions:
    """What ``congling train function-fitting`` does by itself, but for these changes."""
    return but(FunctionFittingOptions(), **changes)


@dataclass(frozen=True)
class Variant:
    """One member of the family.

    Attributes:
        name: what readings and JSON call it; ``label`` is what people read.
        options: how it is trained.
        rates: learning rates of which the best is taken, chosen by the claim's first metric with a seed that is not
            among the measured ones. So that no optimiser loses to another because of a rate that does not suit it.
        prepare: makes the data of those that the options describe, where no option says how.
        pictures: makes those that are learned from and tested with, for image classification.
    """

    name: str
    label: str
    options: Options
    rates: tuple[float, ...] = ()
    prepare: Prepare | None = None
    pictures: PictureSource | None = None

    @property
    def repeatable(self) -> bool:
        """Whether its options say all, so that a command line can train it again."""
        said = isinstance(self.options, FunctionFittingOptions | ImageClassificationOptions | TranslationOptions)
        return said and self.prepare is None and self.pictures is None


@dataclass(frozen=True)
class Metric:
    """A number that is read off a training; ``title`` is what people read.

    Attributes:
        of: reads it off a ``Trial``, or off a ``PictureTrial`` in a claim about pictures.
        logarithmic: whether its axis is; not for what may be zero.
        percent: whether it is a part of a whole, 0 to 1, and told in percent.
    """

    name: str
    title: str
    of: Callable[[Any], float]
    logarithmic: bool = True
    percent: bool = False


@dataclass(frozen=True)
class Reading:
    """One metric of one variant."""

    variant: str
    metric: str = "test"


@dataclass(frozen=True)
class Expectation:
    """``larger`` is so many ``times`` as large as ``smaller``, or larger ``by`` so much, seed by seed.

    Attributes:
        phrase: what is seen, true whatever the numbers are; may hold {times} or {by}, {larger} and {smaller}.
    """

    larger: Reading
    smaller: Reading
    phrase: str
    times: float | None = None
    by: float | None = None

    @property
    def margin(self) -> float:
        """The least median distance, a ratio or a difference, with which the claim holds."""
        margin = self.times if self.times is not None else self.by
        assert margin is not None
        return margin

    @property
    def even(self) -> float:
        """The distance of two equal readings."""
        return 0.0 if self.times is None else 1.0

    def distance(self, larger: float, smaller: float) -> float:
        """How far the two readings of one seed are apart; two that both diverged are equal."""
        if larger == smaller:
            return self.even
        if self.times is None:
            return larger - smaller
        return larger / smaller if smaller else float("inf")


@dataclass(frozen=True)
class Verdict:
    """What became of an expectation: the distance of each seed, their median, and how many go the way of the claim."""

    expectation: Expectation
    distances: tuple[float, ...]

    @property
    def distance(self) -> float:
        """The median of the seeds' distances."""
        return statistics.median(self.distances)

    @property
    def right(self) -> int:
        """How many seeds go the way of the claim, by however little."""
        return sum(distance > self.expectation.even for distance in self.distances)

    @property
    def held(self) -> bool:
        """Whether the margin is reached and enough seeds agree."""
        return self.distance >= self.expectation.margin and self.right >= SURE * len(self.distances)


@dataclass(frozen=True)
class Curve:
    """A line of the figure: of one variant and one seed.

    Attributes:
        part: tells lines of one training apart, or is "".
        course: the number of the claim's course that it belongs to.
    """

    variant: str
    part: str
    x: Sequence[float]
    y: Sequence[float]
    course: int = 0


@dataclass(frozen=True)
class Course:
    """What the lines of a part of the claim's figure show.

    Attributes:
        across, upwards: what is on the axes.
        of: the lines of one training, by part: (x, y) each.
        percent: whether what goes upwards is a part of a whole, 0 to 1.
    """

    title: str
    across: str
    upwards: str
    of: Callable[[Any], Mapping[str, tuple[Sequence[float], Sequence[float]]]]
    logarithmic: bool = True
    percent: bool = False


@dataclass(frozen=True)
class Claim:
    """A claim of the story, with the family of runs that tries it.

    Attributes:
        name: what ``congling demonstrate`` calls it.
        road: the item of the road from zero that makes the claim, such as "3.4".
        title: one line.
        statement: what the story tells, a sentence or two.
        variants: the family; the first one is what the others are compared with.
        metrics: what is read off each run; the first one chooses learning rates (the lowest is best).
        expectations: what must differ, and by how much.
        courses: the lines of the figure, from top to bottom.
        remark: what a reader should know before taking the result further; may be empty.
        seeds, more_seeds: of the short form and of the full one.
    """

    name: str
    road: str
    title: str
    statement: str
    variants: tuple[Variant, ...]
    metrics: tuple[Metric, ...]
    expectations: tuple[Expectation, ...]
    courses: tuple[Course, ...]
    remark: str = ""
    seeds: tuple[int, ...] = SHORT_SEEDS
    more_seeds: tuple[int, ...] = FULL_SEEDS

    def metric(self, name: str) -> Metric:
        """The metric of that name."""
        return next(metric for metric in self.metrics if metric.name == name)

    def judge(self, values: Mapping[Reading, Sequence[float]]) -> tuple[Verdict, ...]:
        """A verdict on each expectation; the values of a reading stand in the order of the seeds."""
        return tuple(
            Verdict(each, tuple(map(each.distance, values[each.larger], values[each.smaller])))
            for each in self.expectations
        )
