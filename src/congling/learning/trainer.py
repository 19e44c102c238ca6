"""The trainer: how the parameters of any network here are found. It knows neither the network nor the data.

Forward, loss, backward, update, repeat, until a budget of steps or minutes is spent, the
validation loss has stopped falling, or the user presses Ctrl-C. Everything that decides the next step is saved in a
checkpoint, so that a training that was killed goes on as if nothing had happened.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, NoReturn, Protocol, TypeVar

from torch import Tensor, nn

from congling.errors import UserError
from congling.language import _
from congling.learning.checkpoints import (
    LoadedCheckpoint,
    average_weights,
    go_back,
    mark_best,
    random_state,
    restore_random_state,
    save_checkpoint,
)
from congling.learning.events import (
    CheckpointSaved,
    Event,
    Listener,
    Reason,
    Sampled,
    StepDone,
    TrainingEnded,
    TrainingStarted,
    Validated,
)
from congling.learning.frames import drop_frames_after, is_frame_step, save_frame
from congling.learning.interrupts import Interrupts
from congling.learning.memory import settle_memory
from congling.learning.optimizers import AdamW, clip_gradient
from congling.learning.options import Budget, TrainingOptions
from congling.learning.parameters import FlatParameters
from congling.learning.precision import compute_type
from congling.learning.runs import Run
from congling.learning.schedules import rate_factor
from congling.learning.threads import use_threads
from congling.learning.training_state import Progress, Validation

B = TypeVar("B")
B_co = TypeVar("B_co", covariant=True)
Loss = Callable[[B], tuple[Tensor, int]]


class TrainingData(Protocol[B_co]):
    """An endless stream of batches that can say where it stands and go back there."""

    epoch: int

    @property
    def epoch_fraction(self) -> float: ...

    def __iter__(self) -> Iterator[B_co]: ...

    def state(self) -> dict[str, Any]: ...

    def restore(self, state: dict[str, Any]) -> None: ...


class Trainer(Generic[B]):
    """Finds the parameters of one network.

    Args:
        network: what learns. Its parameters move into one flat vector.
        loss: the loss of a batch as a sum over its tokens, and their count.
        data: the batches to learn from.
        validate: looks at the network between two steps.
        run: where everything is kept.
        listeners: hear every event: progress bar, metrics file, TensorBoard.
    """

    def __init__(
        self,
        network: nn.Module,
        loss: Loss[B],
        data: TrainingData[B],
        validate: Callable[[], Validation],
        run: Run,
        options: TrainingOptions,
        listeners: Sequence[Listener] = (),
    ) -> None:
        settle_memory()
        use_threads(options.threads)
        self.network, self.loss, self.data, self.validate = network, loss, data, validate
        self.run, self.options, self.listeners = run, options, listeners
        self.budget = Budget.of(options)
        device = next(network.parameters()).device
        self.parameters = FlatParameters(network, compute_type(options.precision, device))
        self.optimizer = AdamW(self.parameters, options.adam_betas, weight_decay=options.weight_decay)
        self.progress = Progress()
        self.interrupts = Interrupts()
        self._begun = self._saved = time.monotonic()

    # The loop --------------------------------------------------------------------------------------------------------

    def train(self) -> Reason:
        """Train until the budget is spent or something else ends it; returns what did."""
        resumed = self.progress.step or None
        self._begun = time.monotonic() - self.progress.seconds
        self._saved = time.monotonic()
        size = self.parameters.master.numel()
        self._tell(TrainingStarted(str(self.run.path), size, self.budget.steps, self._minutes(), resumed))
        with self.interrupts.caught():
            reason = self._loop()
        if reason != "interrupted":
            self._use_average()
        self._tell(TrainingEnded(self.progress.step, reason, self.progress.seconds))
        return reason

    def _loop(self) -> Reason:
        batches = iter(self.data)
        if self.progress.step == 0:
            save_frame(self.run, 0, self.weights())
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
        return self._spent()

    def finished(self) -> Reason | None:
        """Why there is nothing left to do, for a run that was restored; None while there is."""
        if self._out_of_patience():
            return "patience"
        return self._spent() if self.budget.spent(self.progress.step, self.progress.seconds) >= 1 else None

    def _out_of_patience(self) -> bool:
        return bool(self.options.patience) and self.progress.waited >= (self.options.patience or 0)

    def _spent(self) -> Reason:
        return "steps" if self.budget.steps is not None else "minutes"

    def _step(self, batches: Iterator[B], fraction: float) -> None:
        begun = time.monotonic()
        options, progress = self.options, self.progress
        self.network.train()
        loss, tokens = self._gradient(batches)
        norm = clip_gradient(self.parameters.gradient, options.clip_norm)
        rate = options.learning_rate * rate_factor(options.schedule, progress.step + 1, fraction, options.warmup_steps)
        if not (math.isfinite(loss) and math.isfinite(norm)):
            numbers = _("loss {loss:g}, gradient norm {norm:g}, learning rate {rate:g}")
            self._stop_diverged(progress.step + 1, numbers.format(loss=loss, norm=norm, rate=rate))
        self.optimizer.step(rate)
        self.parameters.publish()
        progress.step += 1
        progress.tokens += tokens
        progress.seconds = time.monotonic() - self._begun
        speed = tokens / (time.monotonic() - begun)
        if is_frame_step(progress.step):
            save_frame(self.run, progress.step, self.weights())
        epoch = self.data.epoch + self.data.epoch_fraction
        self._tell(
            StepDone(
                step=progress.step, loss=loss, learning_rate=rate, gradient_norm=norm, tokens=tokens,
                tokens_per_second=speed, seconds=progress.seconds, epoch=epoch, fraction=self._fraction(),
            )
        )  # fmt: skip

    def _gradient(self, batches: Iterator[B]) -> tuple[float, int]:
        """Leave the gradient of the mean loss over all accumulated batches; returns that loss and the token count.

        Sums and counts add up exactly over batches, so that two halves give what the whole would have given.
        """
        self.parameters.clear()
        total, tokens = 0.0, 0
        for _number in range(self.options.accumulation):
            loss, count = self.loss(next(batches))
            loss.backward()  # type: ignore[no-untyped-call]
            self.parameters.collect()
            total, tokens = total + float(loss.detach()), tokens + count
        self.parameters.gradient /= tokens
        return total / tokens, tokens

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
        best = progress.note(validation)
        progress.seconds = time.monotonic() - self._begun
        self._tell(Validated(progress.step, validation.loss, validation.perplexity, validation.scores, best))
        if validation.samples:
            self._tell(Sampled(progress.step, validation.samples))
        self._save()

    def _save(self) -> None:
        progress = self.progress
        if not bool(self.parameters.master.isfinite().all()):  # never in the place of a good checkpoint
            self._stop_diverged(progress.step, _("weights that are not finite"))
        progress.seconds = time.monotonic() - self._begun
        path = save_checkpoint(
            self.run,
            progress.step,
            weights=self.weights(),
            optimizer=self.optimizer.state(),
            random=random_state(),
            state={"progress": vars(progress), "data": self.data.state(), "budget": vars(self.budget)},
            keep=self.options.keep_checkpoints,
            best=progress.best_step == progress.step,
            also=self._steps_to_average(),
        )
        self._saved = time.monotonic()
        self._tell(CheckpointSaved(progress.step, str(path)))

    def weights(self) -> dict[str, Tensor]:
        """The learned parameters by name, in full precision."""
        return self.parameters.named(self.parameters.master)

    def restore(self, checkpoint: LoadedCheckpoint) -> None:
        """Go back to where the checkpoint was saved: parameters, optimiser, random numbers, place in the data."""
        self.parameters.fill(self.parameters.master, checkpoint.weights)
        self.parameters.publish()
        self.optimizer.restore(checkpoint.optimizer)
        restore_random_state(checkpoint.random)
        self.data.restore(checkpoint.state["data"])
        self.progress = progress = Progress(**checkpoint.state["progress"])
        drop_frames_after(self.run, progress.step)
        go_back(self.run, progress.step, progress.best_step)
        if checkpoint.state.get("budget", vars(self.budget)) != vars(self.budget):
            # The validations are spread over the new budget, and whoever gives one wants no early end at once.
            progress.validations = self._validations_due(self.budget.spent(progress.step, progress.seconds))
            progress.waited = 0

    def _steps_to_average(self) -> list[int]:
        return self.progress.steps_to_average(self.options.average, self.options.average_of)

    def _use_average(self) -> None:
        """Average some checkpoints, and let the average be the best one if its validation loss is lower."""
        there = self.run.checkpoint_steps()
        chosen = [step for step in self._steps_to_average() if step in there]
        if len(chosen) < 2:
            return
        before = self.parameters.master.clone()
        self.parameters.fill(self.parameters.master, average_weights(self.run, chosen))
        self.parameters.publish()
        validation = self.validate()
        best = self.progress.is_best(validation)
        event = Validated(
            self.progress.step, validation.loss, validation.perplexity, validation.scores, best, len(chosen)
        )
        self._tell(event)
        if best:
            mark_best(self.run, "average", self.weights())
        self.parameters.master.copy_(before)
        self.parameters.publish()

    # Ends ------------------------------------------------------------------------------------------------------------

    def _stop_diverged(self, step: int, numbers: str) -> NoReturn:
        self._tell(TrainingEnded(self.progress.step, "diverged", self.progress.seconds))
        steps = self.run.checkpoint_steps()
        kept = (
            _("the last good checkpoint is kept: step {step} in {path}").format(step=steps[-1], path=self.run.path)
            if steps
            else _("no checkpoint had been saved yet")
        )
        raise UserError(
            _(
                "training diverged at step {step}: {numbers}; {kept}. "
                "Try a smaller --learning-rate, more --warmup-steps or a smaller --clip-norm"
            ).format(step=step, numbers=numbers, kept=kept)
        )

    # Small things ----------------------------------------------------------------------------------------------------

    def _fraction(self) -> float:
        seconds = time.monotonic() - self._begun if self.budget.steps is None else 0.0
        return self.budget.spent(self.progress.step, seconds)

    def _minutes(self) -> float | None:
        return None if self.budget.seconds is None else self.budget.seconds / 60

    def _tell(self, event: Event) -> None:
        for listener in self.listeners:
            listener(event)
