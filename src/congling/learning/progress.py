"""Progress of a training on standard error: a live line on a terminal, a plain line now and then in a log file."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import TextIO

from rich.cells import cell_len
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.text import Text

from congling.language import _
from congling.learning.events import (
    CheckpointSaved,
    Event,
    Sampled,
    StepDone,
    TrainingEnded,
    TrainingStarted,
    Unit,
    Validated,
)

_SMOOTHING = 0.98  # how much of the shown loss is that of earlier steps
_PAUSE = 1.0  # seconds at least from one validation's line to the next
_HUGE = 1e6  # from here on decimal places say nothing


class ProgressReport:
    """Listens to a training and tells a person how it goes; use it as a context, so that the live line ends cleanly.

    Args:
        stream: where to write; standard error if None.
        interval: seconds between two plain lines, where the stream is no terminal.
        clock: gives seconds; the tests' own.
    """

    def __init__(
        self, stream: TextIO | None = None, interval: float = 30.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._console = Console(file=stream or sys.stderr, highlight=False, soft_wrap=True, emoji=False, markup=False)
        self._interval, self._clock = interval, clock
        self._line_time = clock()
        self._live: tuple[Progress, TaskID] | None = None
        self._loss = SmoothedLoss()
        self._time_left = TimeLeft(clock)
        self._unit: Unit = "examples"
        self._validation_time = -math.inf
        self._best_held: Validated | None = None  # the best validation and the last one, where they were not told
        self._last_held: Validated | None = None

    def __enter__(self) -> ProgressReport:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the terminal."""
        if self._live:
            self._live[0].stop()
            self._live = None

    def __call__(self, event: Event) -> None:
        match event:
            case TrainingStarted():
                self._unit = event.unit
                self._say(started_line(event))
                self._start_live()
            case StepDone():
                self._show_step(event)
            case Validated():
                self._hear_validation(event)
            case Sampled():
                self._tell_held()
                for line in sample_lines(event):
                    self._say(line)
            case CheckpointSaved():
                pass
            case TrainingEnded():
                self.close()
                self._tell_held()
                self._say(ended_line(event))

    def _hear_validation(self, event: Validated) -> None:
        """Tell it, or hold it back until the end: a short training would else fill the screen."""
        held = None if event.averaged or self._clock() - self._validation_time >= _PAUSE else event
        self._last_held = held
        if event.best:
            self._best_held = held
        if held is None:
            self._tell_validation(event)

    def _tell_held(self) -> None:
        best, last = self._best_held, self._last_held
        self._best_held = self._last_held = None
        for event in [last] if best is last else [best, last]:
            if event is not None:
                self._tell_validation(event)

    def _tell_validation(self, event: Validated) -> None:
        self._validation_time = self._clock()
        self._say(validation_line(event))

    def _show_step(self, event: StepDone) -> None:
        self._loss.add(event.loss)
        left = self._time_left.after(event.fraction)
        line = f"{event.fraction:4.0%}  {step_line(event, self._loss.value, left, self._unit)}"
        if self._live:
            progress, task = self._live
            progress.update(task, completed=event.fraction, description=line)
        elif self._clock() - self._line_time >= self._interval:
            self._line_time = self._clock()
            self._say(line)

    def _start_live(self) -> None:
        if self._console.is_terminal and not self._live:
            columns = BarColumn(12), TextColumn("{task.description}", markup=False)
            progress = Progress(*columns, console=self._console, refresh_per_second=2, redirect_stdout=False)
            progress.start()
            self._live = progress, progress.add_task("", total=1.0)

    def _say(self, line: str) -> None:
        self._console.print(Text(line))  # a Text: brackets in somebody's corpus are no markup


class SmoothedLoss:
    """An exponential mean of the losses, true from the first one on."""

    def __init__(self) -> None:
        self._sum = self._weight = 0.0

    def add(self, loss: float) -> None:
        self._sum = _SMOOTHING * self._sum + (1 - _SMOOTHING) * loss
        self._weight = _SMOOTHING * self._weight + (1 - _SMOOTHING)

    @property
    def value(self) -> float:
        return self._sum / self._weight


class TimeLeft:
    """How long the rest will take, from the fraction done since the training was last started."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._start: tuple[float, float] | None = None  # time and fraction

    def after(self, fraction: float) -> float | None:
        """Seconds left; None while nothing is known."""
        now = self._clock()
        if self._start is None:
            self._start = now, fraction
        begun, fraction_begun = self._start
        if fraction <= fraction_begun:
            return None
        return max(0.0, (now - begun) * (1 - fraction) / (fraction - fraction_begun))


def started_line(event: TrainingStarted) -> str:
    """How large the network is, how long it trains, and where it goes on."""
    if event.steps is not None:
        line = _("Training {parameters} parameters for {steps} steps")
    elif event.minutes is not None:
        line = _("Training {parameters} parameters for {minutes} minutes")
    else:
        line = _("Training {parameters} parameters for {epochs} epochs")
    said = line.format(
        parameters=f"{event.parameters:,}", steps=event.steps, minutes=f"{event.minutes or 0:g}",
        epochs=f"{event.epochs or 0:g}",
    )  # fmt: skip
    if event.run is not None:
        said += _(" in {run}").format(run=event.run)
    if event.resumed_from is not None:
        said += _(", going on from step {step}").format(step=event.resumed_from)
    return said


def step_line(event: StepDone, loss: float, seconds_left: float | None, unit: Unit) -> str:
    """Where the training is, how well and how fast, and the time left."""
    if unit == "tokens":
        line = _("step {step}  epoch {epoch}  loss {loss}  {rate} tokens/s")
    elif unit == "words":
        line = _("step {step}  epoch {epoch}  loss {loss}  {rate} words/s")
    else:
        line = _("step {step}  epoch {epoch}  loss {loss}  {rate} examples/s")
    said = line.format(
        step=event.step, epoch=f"{event.epoch:.1f}", loss=shown(loss, 3), rate=f"{event.per_second:,.0f}"
    )
    if seconds_left is None:
        return said
    return said + "  " + _("{duration} left").format(duration=duration(seconds_left))


def validation_line(event: Validated) -> str:
    """Loss, perplexity (of tokens) and scores on the held-out data."""
    line = _("step {step}  validation: loss {loss}").format(step=event.step, loss=shown(event.loss, 3))
    if event.perplexity is not None:
        line += "  " + _("perplexity {perplexity}").format(perplexity=shown(event.perplexity, 2))
    titles = {
        "accuracy": _("accuracy"),
        "mse": _("mean squared error"),
        "bits_a_character": _("bits a character"),
    }
    line += "".join(f"  {titles.get(name, name)} {shown(value, 2)}" for name, value in event.scores.items())
    if event.averaged:
        line += "  " + _("(the mean of {count} checkpoints)").format(count=event.averaged)
    return line + ("  " + _("(the best so far)") if event.best else "")


def shown(number: float, places: int) -> str:
    """The number with so many decimal places; a small or a huge one with so many digits: 0.994, 1.23e-05, 8.8e+11."""
    return f"{number:.{places}f}" if 1 <= abs(number) < _HUGE or number == 0 else f"{number:.{places + 1}g}"


def sample_lines(event: Sampled) -> list[str]:
    """Each sample on three lines, the texts one below the other."""
    labels = event.titles or (_("source"), _("reference"), _("output"))
    width = max(map(cell_len, labels))
    padded = [label + " " * (width - cell_len(label)) for label in labels]  # a Chinese character is two cells wide
    return [
        f"  {label}  {' '.join(text.split())}"
        for sample in event.samples
        for label, text in zip(padded, sample, strict=True)
    ]


def ended_line(event: TrainingEnded) -> str:
    """Why and when the training ended."""
    reasons = {
        "steps": _("all steps are done"),
        "minutes": _("the time is spent"),
        "epochs": _("all epochs are done"),
        "patience": _("the validation does not get better"),
        "interrupted": _("interrupted"),
        "diverged": _("the loss is not a finite number"),
    }
    line = _("Training ended at step {step} after {duration}: {reason}")
    return line.format(step=event.step, duration=duration(event.seconds), reason=reasons[event.reason])


def duration(seconds: float) -> str:
    """``45 s``, ``9 min 05 s``, ``2 h 07 min``."""
    whole = round(seconds)
    if whole < 60:
        return _("{seconds} s").format(seconds=whole)
    if whole < 3600:
        return _("{minutes} min {seconds} s").format(minutes=whole // 60, seconds=f"{whole % 60:02}")
    return _("{hours} h {minutes} min").format(hours=whole // 3600, minutes=f"{whole % 3600 // 60:02}")
