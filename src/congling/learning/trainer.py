"""The trainer: how the parameters of any network here are found. It knows neither the network nor the data.

Forward, loss, backward, update, repeat, until a budget of steps or minutes is spent, the
validations have stopped getting better, or the user presses Ctrl-C. Everything that decides the next step is saved in a
checkpoint, so that a training that was killed goes on as if nothing had happened.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any, Generic, NoReturn, Protocol, TypeVar

from torch import Tensor, nn

from congling.language import _
from congling.learning.checkpoints import LoadedCheckpoint, restore_random_state
from congling.learning.diverged import Diverged as Diverged
from congling.learning.events import (
    CheckpointSaved,
    Event,
    Listener,
    Reason,
    Sampled,
    StepDone,
    TrainingEnded,
    TrainingStarted,
    Unit,
    Validated,
)
from congling.learning.gradients import Loss, MeanLoss, add_penalties, clip_gradient, mean_gradient
from congling.learning.interrupts import Interrupts
from congling.learning.keeping import InMemory, Keeper, OnDisk, copied
from congling.learning.memory import settle_memory
from congling.learning.optimizers import Optimizer
from congling.learning.options import Budget, TrainingOptions
from congling.learning.parameters import FlatParameters, buffers_of, load_buffers
from congling.learning.precision import compute_type
from congling.learning.runs import Run
from congling.learning.schedules import rate_factor
from congling.learning.shared_batches import Sharing, shared_batches
from congling.learning.threads import use_threads
from congling.learning.training_state import Progress, Validation

B = TypeVar("B")
B_co = TypeVar("B_co", covariant=True)


class TrainingData(Protocol[B_co]):
    """An endless stream of batches that can say where it stands and go back there."""

    @property
    def epoch(self) -> int: ...

    @property
    def epoch_fraction(self) -> float: ...

    def __iter__(self) -> Iterator[B_co]: ...

    def state(self) -> dict[str, Any]: ...

    def restore(self, state: dict[str, Any]) -> None: ...


class Trainer(Generic[B]):
    """Finds the parameters of one network.

    Args:
        network: what learns. Its parameters move into one flat vector.
        loss: the loss of a batch as a sum over its tokens or examples, and their count.
        data: the batches to learn from.
        validate: looks at the network between two steps.
        run: where everything is kept; None trains in memory and writes nothing.
        listeners: hear every event: progress bar, metrics file, TensorBoard.
        unit: what the loss counts.
        sharing: how several threads can share a batch, where that is faster than sharing each operation.
    """

    def __init__(
        self,
        network: nn.Module,
        loss: Loss[B],
        data: TrainingData[B],
        validate: Callable[[], Validation],
        run: Run | None,
        options: TrainingOptions,
        listeners: Sequence[Listener] = (),
        unit: Unit = "examples",
        sharing: Sharing[B] | None = None,
    ) -> None:
        settle_memory()
        threads = use_threads(options.threads)
        self.network, self.loss, self.data, self.validate = network, loss, data, validate
        self.run, self.options, self.listeners, self.unit = run, options, listeners, unit
        self.budget = Budget.of(options)
        device = next(network.parameters()).device
        self.parameters = FlatParameters(network, compute_type(options.precision, device))
        self.optimizer = Optimizer(
            self.parameters, options.optimizer, options.momentum, options.adam_betas, options.weight_decay
        )
        self.shared = None
        if sharing is not None and device.type == "cpu" and options.backprop == "autograd":
            self.shared = shared_batches(network, self.parameters, sharing, threads)
        self.keeper: Keeper = InMemory() if run is None else OnDisk(run, options.keep_checkpoints)
        self.progress = Progress()
        self.interrupts = Interrupts()
        self._begun = self._saved = time.monotonic()

    @property
    def best_weights(self) -> dict[str, Tensor] | None:
        """A copy of the weights at the best validation, of a training in memory; a run has them on the disk."""
        return self.keeper.best if isinstance(self.keeper, InMemory) else None

    # The loop --------------------------------------------------------------------------------------------------------

    def train(self) -> Reason:
        """Train until the budget is spent or something else ends it; returns what did."""
        self._begun = time.monotonic() - self.progress.seconds
        self._saved = time.monotonic()
        self._tell(self._started())
        with contextlib.nullcontext() if self.run is None else self.interrupts.caught():
            reason = self._loop()
        if reason != "interrupted":
            self._use_average()
        self._tell(TrainingEnded(self.progress.step, reason, self.progress.seconds))
        return reason

    def _started(self) -> TrainingStarted:
        run = None if self.run is None else str(self.run.path)
        size, budget, resumed_from = self.parameters.master.numel(), self.budget, self.progress.step or None
        return TrainingStarted(run, size, budget.steps, budget.minutes, budget.epochs, resumed_from, self.unit)

    def _loop(self) -> Reason:
        batches = iter(self.data)
        if self.progress.step == 0:
            self.keeper.frame(0, self.weights)
        while (fraction := self._fraction()) < 1:
            if self._out_of_patience():
                return "patience"
            self._step(batches, fraction)
            if self._validation_is_due():
                self._look()
            elif time.monotonic() - self._saved > 60 * self.options.save_minutes or self.interrupts.requested:
                self._save()
            if self.interrupts.requested:
                return "interrupted"
        if not self.progress.validated:
            self._look()
        return self.budget.kind

    def finished(self) -> Reason | None:
        """Why there is nothing left to do, for a run that was restored; None while there is."""
        if self._out_of_patience():
            return "patience"
        progress = self.progress
        return self.budget.kind if self.budget.spent(progress.step, progress.seconds, progress.epoch) >= 1 else None

    def _out_of_patience(self) -> bool:
        return bool(self.options.patience) and self.progress.waited >= (self.options.patience or 0)

    def _step(self, batches: Iterator[B], fraction: float) -> None:
        begun = time.monotonic()
        options, progress = self.options, self.progress
        self.network.train()
        some = islice(batches, options.accumulation)
        loss = mean_gradient(self.parameters, self.loss, some, options.backprop, self.shared)
        add_penalties(self.parameters, options.l1, options.l2)
        norm = clip_gradient(self.parameters.gradient, options.clip_norm)
        rate = options.learning_rate * rate_factor(options.schedule, progress.step + 1, fraction, options.warmup_steps)
        if not (math.isfinite(loss.value) and math.isfinite(norm)):
            self._stop_diverged(progress.step + 1, _numbers(loss, norm, rate))
        self.optimizer.step(rate)
        self.parameters.publish()
        progress.step += 1
        progress.count += loss.count
        progress.epoch = self.data.epoch + self.data.epoch_fraction
        progress.seconds = time.monotonic() - self._begun
        speed = loss.count / max(time.monotonic() - begun, 1e-9)  # a clock may stand still for a short step
        self.keeper.frame(progress.step, self.weights)
        self._tell(
            StepDone(
                step=progress.step, loss=loss.value, learning_rate=rate, gradient_norm=norm, count=loss.count,
                per_second=speed, seconds=progress.seconds, epoch=progress.epoch, fraction=self._fraction(),
            )
        )  # fmt: skip

    # Looking and saving ----------------------------------------------------------------------------------------------

    def _validation_is_due(self) -> bool:
        if self.options.validate_every is not None:
            return self.progress.step % self.options.validate_every == 0
        return self._validations_due(self._fraction()) > self.progress.validations

    def _validations_due(self, fraction: float) -> int:
        return int(fraction * self.options.validations + 1e-9)  # a third of three is one, rounding or not

    def _look(self) -> None:
        """Validate, remember whether this is the best so far, and save."""
        progress = self.progress
        validation = self.validate()
        if not math.isfinite(validation.loss):
            self._stop_diverged(progress.step, _("validation loss {loss:g}").format(loss=validation.loss))
        progress.validations = max(progress.validations + 1, self._validations_due(self._fraction()))
        best = progress.note(validation, self.options.ranked_by)
        progress.seconds = time.monotonic() - self._begun
        self._tell(self._validated(validation, best))
        if validation.samples:
            self._tell(Sampled(progress.step, validation.samples, validation.titles))
        self._save()

    def _save(self) -> None:
        progress = self.progress
        if not bool(self.parameters.master.isfinite().all()):  # never in the place of a good checkpoint
            self._stop_diverged(progress.step, _("weights that are not finite"))
        progress.seconds = time.monotonic() - self._begun
        path = self.keeper.save(
            progress.step,
            self.weights(),
            self.optimizer.state(),
            {"progress": vars(progress), "data": self.data.state(), "budget": vars(self.budget)},
            best=progress.best_step == progress.step,
            also=self._steps_to_average(),
        )
        self._saved = time.monotonic()
        if path is not None:
            self._tell(CheckpointSaved(progress.step, path))

    def weights(self) -> dict[str, Tensor]:
        """The learned parameters by name, in full precision, and the buffers of the network."""
        return self.parameters.named(self.parameters.master) | buffers_of(self.network)

    def take(self, weights: dict[str, Tensor]) -> None:
        """Go on with these ``weights``."""
        buffers = buffers_of(self.network)
        load_buffers(self.network, {name: weights[name] for name in buffers})
        parameters = {name: values for name, values in weights.items() if name not in buffers}
        self.parameters.fill(self.parameters.master, parameters)
        self.parameters.publish()

    def restore(self, checkpoint: LoadedCheckpoint) -> None:
        """Go back to where the checkpoint was saved: parameters, optimiser, random numbers, place in the data."""
        self.take(checkpoint.weights)
        self.optimizer.restore(checkpoint.optimizer)
        restore_random_state(checkpoint.random)
        self.data.restore(checkpoint.state["data"])
        self.progress = progress = Progress.restored(checkpoint.state["progress"])
        self.keeper.go_back(progress.step, progress.best_step)
        if Budget(**checkpoint.state.get("budget", vars(self.budget))) != self.budget:
            # The validations are spread over the new budget, and whoever gives one wants no early end at once.
            spent = self.budget.spent(progress.step, progress.seconds, progress.epoch)
            progress.validations = self._validations_due(spent)
            progress.waited = 0

    def _steps_to_average(self) -> list[int]:
        return self.progress.steps_to_average(self.options.average, self.options.average_of)

    def _use_average(self) -> None:
        """Average some checkpoints, and let the average be the best one if its validation is better."""
        there = self.keeper.steps()
        chosen = [step for step in self._steps_to_average() if step in there]
        if len(chosen) < 2:
            return
        before = copied(self.weights())
        self.take(self.keeper.average(chosen))
        validation = self.validate()
        best = self.progress.is_best(validation, self.options.ranked_by)
        self._tell(self._validated(validation, best, len(chosen)))
        if best:
            self.keeper.mark_best(self.weights())
        self.take(before)

    # Ends ------------------------------------------------------------------------------------------------------------

    def _stop_diverged(self, step: int, numbers: str) -> NoReturn:
        self._tell(TrainingEnded(self.progress.step, "diverged", self.progress.seconds))
        if self.options.clip_norm:
            advice = _("Try a smaller --learning-rate, more --warmup-steps or a smaller --clip-norm")
        else:
            advice = _("Try a smaller --learning-rate, more --warmup-steps or --clip-norm 1")
        message = _("training diverged at step {step}: {numbers}; {kept}. {advice}")
        said = message.format(step=step, numbers=numbers, kept=self.keeper.kept(), advice=advice)
        raise Diverged(said, self.run)

    # Small things ----------------------------------------------------------------------------------------------------

    def _fraction(self) -> float:
        seconds = time.monotonic() - self._begun if self.budget.seconds is not None else 0.0
        return self.budget.spent(self.progress.step, seconds, self.progress.epoch)

    def _validated(self, validation: Validation, best: bool, averaged: int = 0) -> Validated:
        perplexity = validation.perplexity if self.unit == "tokens" else None
        return Validated(self.progress.step, validation.loss, perplexity, validation.scores, best, averaged)

    def _tell(self, event: Event) -> None:
        for listener in self.listeners:
            listener(event)


def _numbers(loss: MeanLoss, norm: float, rate: float) -> str:
    numbers = _("loss {loss:g}, gradient norm {norm:g}, learning rate {rate:g}")
    said = numbers.format(loss=loss.value, norm=norm, rate=rate)
    return said if loss.fault is None else f"{said}; {loss.fault}"
