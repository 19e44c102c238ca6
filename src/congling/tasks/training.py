"""What every task needs between its options and the trainer: a run's folder, its budget, its listeners, going on.

PyTorch is imported for those who compute with it: a training of word vectors does not.
"""

from __future__ import annotations

import dataclasses
import math
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

from congling.errors import UsageError, UserError
from congling.language import _
from congling.learning.checkpoint_files import examine
from congling.learning.checkpoints import LoadedCheckpoint, Which, checkpoint_folder, load_checkpoint
from congling.learning.events import Listener, Reason
from congling.learning.metrics import MetricsFile, TensorBoardEvents
from congling.learning.options import Budget, Budgeted, TrainingOptions
from congling.learning.progress import ProgressReport
from congling.learning.runs import Run
from congling.learning.training_state import Progress
from congling.tasks.stored_weights import weights_must_fit

if TYPE_CHECKING:
    import torch

AnyOptions = TypeVar("AnyOptions", bound="TaskOptions")
Say = Callable[[str], None]
RUNS = Path("runs")  # where a run lies whose folder the user has not named


class RunTraining(Budgeted, Protocol):
    """What every task's options of the training have; most derive from ``TrainingOptions``."""

    seed: int
    tensorboard: bool

    def check(self) -> None: ...

    def settle_budget(self) -> None: ...


class TaskOptions(Protocol):
    """What the options of every task have."""

    run: Path | None

    @property
    def device(self) -> Literal["auto", "cpu", "cuda"]: ...

    @property
    def training(self) -> RunTraining: ...


class Trains(Protocol):
    """A trainer: that of networks, or that of word vectors."""

    def train(self) -> Reason: ...

    def restore(self, checkpoint: LoadedCheckpoint) -> None: ...

    def finished(self) -> Reason | None: ...


# A new run -----------------------------------------------------------------------------------------------------------


def new_run(options: TaskOptions, task: str, name: str, beside: Mapping[str, Any] | None = None) -> Run:
    """Make the run of a training: its folder, and its ``run.yaml`` with options that leave nothing open.

    Budget and precision are settled in ``options`` too: measured anew, or with another default in a later version, they
    would change in the middle of a training.

    Args:
        options: a dataclass.
        name: of the folder below ``runs/``, with a number if it is taken, where the options name none.
        beside: what ``run.yaml`` says beside the options, such as the languages of a translator.

    Raises:
        UserError: the device is not there, or the folder cannot be had.
    """
    if isinstance(options.training, TrainingOptions):  # word vectors need neither PyTorch nor a choice
        from congling.learning.precision import device_of

        options.training.precision = measured_precision(options.training, device_of(options.device))
    path = options.run or _reserved(RUNS / name)
    options.training.settle_budget()
    assert dataclasses.is_dataclass(options) and not isinstance(options, type)
    config = dataclasses.asdict(options) | {"run": str(path)} | dict(beside or {})
    with _unless_it_fails(path):
        return Run.create(path, config, task=task, seed=options.training.seed)


@contextmanager
def preparing(run: Run) -> Iterator[None]:
    """Inside, nothing was learned yet: whatever ends it early leaves no half run in the way."""
    try:
        yield
    except BaseException:
        shutil.rmtree(run.path, ignore_errors=True)
        raise


def measured_precision(training: TrainingOptions, device: torch.device) -> Literal["float32", "bfloat16"]:
    """What ``auto`` means on this machine."""
    import torch

    from congling.learning.precision import compute_type
    from congling.learning.threads import use_threads

    use_threads(training.threads)
    return "bfloat16" if compute_type(training.precision, device) == torch.bfloat16 else "float32"


def _reserved(first: Path) -> Path:
    """A new folder of that name, or with a number after it; made at once, so that no other process takes the same."""
    number, path = 1, first
    while True:
        try:
            path.mkdir(parents=True)
            return path
        except FileExistsError:
            number += 1
            path = first.with_name(f"{first.name}-{number}")
        except OSError as error:
            raise UserError(_("cannot make {path}: {problem}").format(path=path, problem=error.strerror)) from error


@contextmanager
def _unless_it_fails(path: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:
        with suppress(OSError):
            path.rmdir()  # the empty folder that was reserved; what holds something stays
        raise


# Training ------------------------------------------------------------------------------------------------------------


def train_into(
    run: Run,
    training: RunTraining,
    make_trainer: Callable[[list[Listener]], Trains],
    say: Say,
    begin: Which | None,
) -> Reason:
    """Train, or go on, with progress on standard error and everything kept in the run's folder.

    Args:
        make_trainer: the task's trainer with these listeners.
        begin: the checkpoint to go on from, if there is any; None for a new run.

    Raises:
        UserError: training diverged; the disk is full; the checkpoint does not fit or is broken.
    """
    with ProgressReport() as progress:
        listeners: list[Listener] = [progress, MetricsFile(run)]
        if training.tensorboard:
            listeners.append(TensorBoardEvents(run))
        trainer = make_trainer(listeners)
        if begin is not None and run.checkpoint_steps():
            _restore(trainer, run, begin)
            if reason := trainer.finished():
                say(_("{run} is trained: {ended}").format(run=run.path, ended=_why(reason, training)))
        _keep_budget(run, training)
        return trainer.train()  # of a finished run, what was left to do after the last step: validating, averaging


def _restore(trainer: Trains, run: Run, which: Which) -> None:
    checkpoint = load_checkpoint(run, which)
    with weights_must_fit(run, (KeyError, ValueError, RuntimeError)):  # other names, other shapes
        trainer.restore(checkpoint)


def _why(reason: Reason, training: RunTraining) -> str:
    if reason == "patience":
        return _("its validation loss had stopped falling")
    if reason == "steps":
        return _("its {steps} steps are done; a larger --steps trains it further").format(steps=training.steps)
    if reason == "epochs":
        return _("its {epochs:g} epochs are done; more --epochs train it further").format(epochs=training.epochs)
    minutes = Budget.of(training).minutes
    return _("its {minutes:g} minutes are spent; more --minutes train it further").format(minutes=minutes)


# Going on ------------------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class GoingOn:
    """A run that was interrupted or killed is to go on, or a finished one gets a longer budget.

    Attributes:
        path: the run's folder.
        minutes, steps, epochs: a new total budget, in the kind that the run was trained with; None for the old one.
        which: the checkpoint to go on from; a run that has none yet begins anew.
    """

    path: Path
    minutes: float | None = None
    steps: int | None = None
    epochs: float | None = None
    which: Which = "last"


def go_on(
    on: GoingOn, options_of: Callable[[Run], AnyOptions], learn: Callable[[Run, AnyOptions, Which], Reason]
) -> tuple[Run, Reason]:
    """Go on with a run; ``learn`` trains with its options, after whatever of its data is missing was prepared.

    Raises:
        UserError: the run is none of the task, or damaged; another process trains it; the budget is spent.
    """
    run = Run.open(on.path)
    options = options_of(run)
    with run.training():
        extend_budget(run, options.training, on)
        return run, learn(run, options, on.which)


def extend_budget(run: Run, training: RunTraining, on: GoingOn) -> None:
    """Give the options of a run another total budget, of the same kind; nothing changes where there is no new one.

    ``run.yaml`` keeps the old one until the checkpoint is restored.

    Raises:
        UsageError: the budget is of another kind than the old one, or spent already.
    """
    if on.minutes is on.steps is on.epochs is None:
        return
    kind = Budget.of(training).kind
    given = {"minutes": on.minutes, "steps": on.steps, "epochs": on.epochs}
    if given[kind] is None:
        raise UsageError(
            _("{run} was trained by {kind}: give the new total with --{kind}").format(run=run.path, kind=kind)
        )
    training.minutes, training.steps, training.epochs = on.minutes, on.steps, on.epochs
    training.check()
    _refuse_a_spent_budget(run, training, _spent(run, on.which))


def _refuse_a_spent_budget(run: Run, training: RunTraining, spent: Progress) -> None:
    if training.steps is not None and training.steps < spent.step:
        message = _("--steps {steps} is a total, and {run} has done {done} already")
        raise UsageError(message.format(steps=training.steps, run=run.path, done=spent.step))
    if training.minutes is not None and training.minutes < spent.seconds / 60:
        message = _("--minutes {minutes:g} is a total, and {run} has spent {spent:g} already")
        rounded = math.ceil(10 * spent.seconds / 60) / 10
        raise UsageError(message.format(minutes=training.minutes, run=run.path, spent=rounded))
    if training.epochs is not None and training.epochs < spent.epoch:
        message = _("--epochs {epochs:g} is a total, and {run} has done {done:g} already")
        rounded = math.ceil(10 * spent.epoch) / 10
        raise UsageError(message.format(epochs=training.epochs, run=run.path, done=rounded))


def _spent(run: Run, which: Which) -> Progress:
    """Where the training of a run stands; at its beginning if that cannot be read: restoring will name the problem."""
    if not run.checkpoint_steps():
        return Progress()
    whole, problem = examine(checkpoint_folder(run, which), ())
    return Progress() if problem else Progress.restored(whole["state"]["progress"])


def _keep_budget(run: Run, training: RunTraining) -> None:
    """Write a budget that ``extend_budget`` changed into ``run.yaml``."""
    stored = run.config["training"]
    budget = {"minutes": training.minutes, "steps": training.steps, "epochs": training.epochs}
    budget = {name: value for name, value in budget.items() if name in stored}  # not every task counts in steps
    if budget != {name: stored.get(name) for name in budget}:
        run.update_config(run.config | {"training": stored | budget})
