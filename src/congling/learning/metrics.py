"""The numbers of a training, kept: ``metrics.jsonl``, one JSON object a line, and TensorBoard's event files.

Both use the tags that others use (``train/loss``, ``train/lr``, ``valid/bleu`` …), and hold no step twice, however
often the training was killed and went on.
"""

from __future__ import annotations

import json
import math
import os
from typing import TYPE_CHECKING, Any

from congling.errors import UserError
from congling.language import _
from congling.learning.atomic import explaining_disk_errors, write_atomically
from congling.learning.events import Event, StepDone, TrainingEnded, TrainingStarted, Unit, Validated
from congling.learning.runs import Run

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

Record = dict[str, Any]
_DIVERGED = "diverged"
_AVERAGED = "averaged"


class MetricsFile:
    """Listens to a training and appends to the run's ``metrics.jsonl``.

    Training records stand at every ``every``-th step and are means over the steps since the record before, weighted by
    their tokens or examples; the last steps of a training that diverged stand one by one, and the step after them says
    ``diverged``. Numbers that are not finite are null, as JSON has no NaN.
    """

    def __init__(self, run: Run, every: int = 10) -> None:
        self._run, self._every = run, every
        self._waiting: list[StepDone] = []
        self._seconds = 0.0
        self._unit: Unit = "examples"

    def __call__(self, event: Event) -> None:
        match event:
            case TrainingStarted():
                truncate_metrics(self._run, event.resumed_from)
                self._unit = event.unit
            case StepDone():
                self._waiting.append(event)
                self._seconds = event.seconds
                if event.step % self._every == 0:
                    self._write_waiting()
            case Validated():
                self._append({"step": event.step, "seconds": round(self._seconds, 3), **validation_tags(event)})
            case TrainingEnded(reason="diverged"):
                for step in self._waiting:  # how the loss left for infinity is what one wants to see
                    self._write([step])
                self._waiting = []
                # Of the step that could not be done: whoever goes on from an earlier one removes it.
                self._append({"step": event.step + 1, "seconds": round(event.seconds, 3), _DIVERGED: True})
            case TrainingEnded():
                self._write_waiting()

    def _write_waiting(self) -> None:
        if self._waiting:
            self._write(self._waiting)
            self._waiting = []

    def _write(self, steps: list[StepDone]) -> None:
        last = steps[-1]
        tags = training_tags(steps, self._unit)
        self._append({"step": last.step, "seconds": round(last.seconds, 3), **tags})

    def _append(self, record: Record) -> None:
        path = self._run.metrics_path
        line = json.dumps({key: _finite(value) for key, value in record.items()}, ensure_ascii=False) + "\n"
        size = path.stat().st_size if path.exists() else 0
        with explaining_disk_errors(path):
            try:
                with open(path, "a", encoding="utf-8", newline="\n") as file:
                    file.write(line)
            except OSError:
                if path.exists():
                    os.truncate(path, size)  # a full disk may have taken half a line
                raise


class TensorBoardEvents:
    """Listens to a training and writes TensorBoard's event files into the run's folder, with the same tags.

    Raises:
        UserError: the package tensorboard is not installed.
    """

    def __init__(self, run: Run, every: int = 10) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            message = _("TensorBoard's files need another package: pip install {package}")
            raise UserError(message.format(package="'congling[tensorboard]'")) from error
        self._make_writer = SummaryWriter
        self._run, self._every = run, every
        self._waiting: list[StepDone] = []
        self._writer: SummaryWriter | None = None
        self._unit: Unit = "examples"

    def __call__(self, event: Event) -> None:
        match event:
            case TrainingStarted():
                # TensorBoard then hides what a training that was killed wrote of these steps.
                self._writer = self._make_writer(str(self._run.path), purge_step=(event.resumed_from or 0) + 1)
                self._unit = event.unit
            case StepDone():
                self._waiting.append(event)
                if event.step % self._every == 0:
                    self._write_waiting()
            case Validated():
                self._add(event.step, validation_tags(event))
            case TrainingEnded():
                self._write_waiting()
                self.close()

    def close(self) -> None:
        """Write what is waiting to the disk."""
        if self._writer is not None:
            self._writer.close()

    def _write_waiting(self) -> None:
        if self._waiting:
            self._add(self._waiting[-1].step, training_tags(self._waiting, self._unit))
            self._waiting = []

    def _add(self, step: int, tags: dict[str, float]) -> None:
        if self._writer is not None:
            for tag, value in tags.items():
                self._writer.add_scalar(tag, value, step)


def training_tags(steps: list[StepDone], unit: Unit) -> dict[str, float]:
    """The means over several steps, weighted by their counts; the learning rate and the epoch are the last step's."""
    last = steps[-1]
    count = sum(step.count for step in steps)
    seconds = sum(step.count / step.per_second for step in steps if step.per_second > 0)
    tags = {
        "train/loss": sum(step.loss * step.count for step in steps) / count if count else last.loss,
        "train/lr": last.learning_rate,
        f"train/{unit}_per_s": count / seconds if seconds else 0.0,
        "train/grad_norm": sum(step.gradient_norm for step in steps) / len(steps),
        "train/epoch": last.epoch,
    }
    if unit == "words":
        del tags["train/grad_norm"]  # a step is thousands of updates
    return tags


def validation_tags(event: Validated) -> dict[str, float]:
    """Loss, perplexity (of tokens) and the task's scores, under ``valid/``; those of an average under ``averaged/``."""
    perplexity = {} if event.perplexity is None else {"ppl": event.perplexity}
    values = {"loss": event.loss, **perplexity, **event.scores}
    return {f"{_AVERAGED if event.averaged else 'valid'}/{name.lower()}": value for name, value in values.items()}


def read_metrics(run: Run) -> list[Record]:
    """The records of a run, oldest first; none if it has not written any. A half last line is passed over.

    Raises:
        UserError: a line is no JSON object with a step (names the line).
    """
    return [record for record, _line in _records(run)]


def diverged_at(run: Run) -> int | None:
    """The step at which the run's last training diverged, or None."""
    return next((record["step"] for record in read_metrics(run) if record.get(_DIVERGED)), None)


def truncate_metrics(run: Run, last_step: int | None) -> None:
    """Remove the records after ``last_step``, all of them for None, and a half line that a killed training left."""
    if run.metrics_path.exists():
        lines = [line for record, line in _records(run) if last_step is not None and _stays(record, last_step)]
        write_atomically(run.metrics_path, "".join(lines))


def _stays(record: Record, last_step: int) -> bool:
    # An average comes after a training's last step: the training that goes on from there makes it anew.
    averaged = any(tag.startswith(f"{_AVERAGED}/") for tag in record)
    return bool(record["step"] < last_step if averaged else record["step"] <= last_step)


def _records(run: Run) -> list[tuple[Record, str]]:
    """Each record with its line."""
    path = run.metrics_path
    if not path.exists():
        return []
    records = []
    lines = path.read_bytes().split(b"\n")
    for number, line in enumerate(lines[:-1], start=1):  # what follows the last line end is half a line, or nothing
        record = _record(line)
        if record is None:
            message = _("{path}, line {line}: this is no record of a training. Remove the line")
            raise UserError(message.format(path=path, line=number))
        records.append((record, line.decode("utf-8") + "\n"))
    return records


def _record(line: bytes) -> Record | None:
    try:
        record = json.loads(line.decode("utf-8"))
    except ValueError:
        return None
    return record if isinstance(record, dict) and isinstance(record.get("step"), int) else None


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
