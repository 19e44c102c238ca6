"""Listeners of a training: the metrics file holds each step once, and progress can be read on a screen and in a log."""

from __future__ import annotations

import errno
import io
import json
import math
import sys
from pathlib import Path

import pytest
from rich.cells import cell_len

from congling.errors import UserError
from congling.learning import metrics
from congling.learning.events import Event, Sampled, StepDone, TrainingEnded, TrainingStarted, Validated
from congling.learning.metrics import MetricsFile, TensorBoardEvents, diverged_at, read_metrics
from congling.learning.progress import ProgressReport, SmoothedLoss, TimeLeft, duration, sample_lines
from congling.learning.runs import Run


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run.create(tmp_path / "运行", {}, task="translation", seed=3)


def started(resumed_from: int | None = None) -> TrainingStarted:
    return TrainingStarted("runs/甲", 1234567, 100, None, None, resumed_from, "tokens")


def step_done(step: int, loss: float = 2.0, count: int = 100, rate: float = 50.0) -> StepDone:
    return StepDone(
        step=step, loss=loss, learning_rate=step / 1000, gradient_norm=float(step), count=count,
        per_second=rate, seconds=step * 2.0, epoch=step / 7, fraction=step / 100,
    )  # fmt: skip


def validated(step: int, averaged: int = 0) -> Validated:
    return Validated(step, 1.5, math.exp(1.5), {"BLEU": 20.5, "chrf": 40.25}, best=True, averaged=averaged)


def tell(listener: MetricsFile | TensorBoardEvents | ProgressReport, *events: Event) -> None:
    for event in events:
        listener(event)


# metrics.jsonl


def test_records_carry_the_tags_that_others_use(run: Run) -> None:
    """TensorBoard and our own figures look for these names."""
    tell(MetricsFile(run, every=1), started(), step_done(7), validated(7))
    train, valid = read_metrics(run)
    assert train == {
        "step": 7, "seconds": 14.0, "train/loss": 2.0, "train/lr": 0.007, "train/tokens_per_s": 50.0,
        "train/grad_norm": 7.0, "train/epoch": 1.0,
    }  # fmt: skip
    assert valid == {
        "step": 7, "seconds": 14.0, "valid/loss": 1.5, "valid/ppl": math.exp(1.5), "valid/bleu": 20.5,
        "valid/chrf": 40.25,
    }  # fmt: skip


def test_training_records_are_means_weighted_by_tokens(run: Run) -> None:
    """A mean over steps would count a token of a small batch more, and a mean of rates is no rate."""
    steps = [step_done(1, 4.0, count=300, rate=100.0), step_done(2, 2.0, count=100, rate=50.0), step_done(3, 1.0)]
    tell(MetricsFile(run, every=2), started(), *steps, TrainingEnded(3, "steps", 6.0))
    pair, rest = read_metrics(run)
    assert (pair["step"], pair["train/loss"], pair["train/tokens_per_s"]) == (2, 3.5, 80.0)  # 400 tokens in 3 + 2 s
    assert (pair["train/grad_norm"], pair["train/lr"]) == (1.5, 0.002)
    assert (rest["step"], rest["train/loss"]) == (3, 1.0)  # what was waiting at the end is not lost


def test_examples_have_tags_of_their_own(run: Run) -> None:
    """A training on examples must not claim tokens, nor a perplexity that its loss does not have."""
    begun = TrainingStarted("r", 5, 100, None, None, None, "examples")
    looked = Validated(7, 0.25, None, {"mse": 0.25}, best=True)
    tell(MetricsFile(run, every=1), begun, step_done(7), looked)
    train, valid = read_metrics(run)
    assert train["train/examples_per_s"] == 50.0
    assert not [tag for tag in train if "token" in tag]
    assert valid == {"step": 7, "seconds": 14.0, "valid/loss": 0.25, "valid/mse": 0.25}


def test_resume_holds_no_step_twice(run: Run) -> None:
    """A training killed at step 6 goes on from its checkpoint at 4: steps 5 and 6 come again."""
    first = MetricsFile(run, every=1)
    tell(first, started(), *(step_done(n, loss=9.0) for n in range(1, 5)), validated(4), step_done(5), step_done(6))
    with open(run.metrics_path, "a", encoding="utf-8") as file:
        file.write('{"step": 7, "train/lo')  # kill -9
    tell(MetricsFile(run, every=1), started(resumed_from=4), *(step_done(n, loss=3.0) for n in range(5, 8)))
    records = read_metrics(run)
    assert [record["step"] for record in records] == [1, 2, 3, 4, 4, 5, 6, 7]
    assert [record.get("train/loss") for record in records] == [9, 9, 9, 9, None, 3, 3, 3]


def test_a_training_from_the_start_forgets_the_one_before(run: Run) -> None:
    """A training killed before its first checkpoint starts anew in the same run."""
    tell(MetricsFile(run, every=1), started(), step_done(1), step_done(2))
    tell(MetricsFile(run, every=1), started(), step_done(1, loss=5.0))
    assert [record["train/loss"] for record in read_metrics(run)] == [5.0]


def test_divergence_is_a_record_until_the_training_goes_on(run: Run) -> None:
    """Guards the step that could not be done, which no curve of finite losses shows."""
    tell(MetricsFile(run), started(), step_done(1), step_done(2), TrainingEnded(2, "diverged", 4.0))
    assert [record["step"] for record in read_metrics(run)] == [1, 2, 3] and diverged_at(run) == 3
    tell(MetricsFile(run), started(resumed_from=2))
    assert [record["step"] for record in read_metrics(run)] == [1, 2] and diverged_at(run) is None


def test_average_is_made_anew_after_a_resume(run: Run) -> None:
    """The average of a finished training has its own tags, and does not pile up when the training is resumed."""
    for resumed_from in (None, 9):
        tell(MetricsFile(run), started(resumed_from), validated(9, averaged=3))
    assert [list(record) for record in read_metrics(run)] == [
        ["step", "seconds", "averaged/loss", "averaged/ppl", "averaged/bleu", "averaged/chrf"]
    ]


def test_reading_passes_over_half_a_line_only(run: Run) -> None:
    """Half a line at the end is a training that writes or was killed; rubbish in the middle is somebody's edit."""
    assert read_metrics(run) == []
    run.metrics_path.write_bytes(b'{"step": 1}\n{"step": 2, "x": "\xe4\xb8')
    assert read_metrics(run) == [{"step": 1}]
    for rubbish in (b"yes", b"[3]", b"{}", b"\xff", b""):
        run.metrics_path.write_bytes(b'{"step": 1}\n' + rubbish + b'\n{"step": 2}\n')
        with pytest.raises(UserError, match=r"metrics\.jsonl, line 2: this is no record"):
            read_metrics(run)


def test_numbers_that_json_lacks_are_null(run: Run) -> None:
    """NaN is no JSON: one diverged step would make the file unreadable to every other program."""
    tell(MetricsFile(run, every=1), started(), step_done(1, loss=math.nan))

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    line = run.metrics_path.read_text(encoding="utf-8")
    assert json.loads(line, parse_constant=refuse)["train/loss"] is None


def test_full_disk_leaves_no_half_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a full disk, the next record would be glued to half a line."""
    listener = MetricsFile(run, every=1)
    tell(listener, started(), step_done(1))

    class FullFile(io.StringIO):
        def write(self, text: str) -> int:
            with io.open(run.metrics_path, "a", encoding="utf-8") as file:  # noqa: UP020 (open is replaced here)
                file.write(text[:9])
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(metrics, "open", lambda *arguments, **options: FullFile(), raising=False)
    with pytest.raises(UserError, match=r"the disk is full: .*metrics\.jsonl"):
        listener(step_done(2))
    monkeypatch.undo()
    listener(step_done(3))
    assert [record["step"] for record in read_metrics(run)] == [1, 3]


# TensorBoard


def test_tensorboard_missing_says_what_to_install(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """An ImportError from deep inside torch does not say which extra holds the package."""
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(UserError, match=r"pip install 'congling\[tensorboard\]'"):
        TensorBoardEvents(run)


def test_tensorboard_events_can_be_read_back(run: Run) -> None:
    """The tags and steps must be those of the metrics file, a resumed step only once."""
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    first = TensorBoardEvents(run, every=2)
    tell(first, started(), *(step_done(n, loss=9.0) for n in range(1, 7)), validated(6))
    first.close()  # killed after step 6, and its last checkpoint was at step 4
    second = TensorBoardEvents(run, every=2)
    tell(second, started(resumed_from=4), *(step_done(n, loss=3.0) for n in range(5, 8)))
    tell(second, validated(7), TrainingEnded(7, "steps", 14.0))
    read = EventAccumulator(str(run.path)).Reload()
    assert [(e.step, e.value) for e in read.Scalars("train/loss")] == [(2, 9.0), (4, 9.0), (6, 3.0), (7, 3.0)]
    assert [(e.step, e.value) for e in read.Scalars("valid/bleu")] == [(7, 20.5)]
    assert set(read.Tags()["scalars"]) >= {"train/lr", "train/tokens_per_s", "train/grad_norm", "valid/ppl"}


# Progress


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_log_file_gets_a_line_every_interval() -> None:
    """A live bar written into a log file is megabytes of control characters."""
    clock, stream = Clock(), io.StringIO()
    with ProgressReport(stream, interval=30, clock=clock) as report:
        report(started())
        for n in range(1, 101):
            clock.now += 1
            report(step_done(n))
        tell(report, validated(100), TrainingEnded(100, "steps", 3725.0))
    lines = stream.getvalue().splitlines()
    assert lines[0] == "Training 1,234,567 parameters for 100 steps in runs/甲"
    assert lines[1] == " 30%  step 30  epoch 4.3  loss 2.000  50 tokens/s  1 min 10 s left"
    assert [line[:12] for line in lines[1:4]] == [" 30%  step 3", " 60%  step 6", " 90%  step 9"]
    assert lines[4] == "step 100  validation: loss 1.500  perplexity 4.48  BLEU 20.50  chrf 40.25  (the best so far)"
    assert lines[5:] == ["Training ended at step 100 after 1 h 02 min: all steps are done"]
    assert "\x1b" not in stream.getvalue()


def test_small_losses_are_shown_with_digits_that_count() -> None:
    """A fit to a ten-thousandth is no loss of 0.000, and a training on examples has no perplexity."""
    clock, stream = Clock(), io.StringIO()
    with ProgressReport(stream, interval=30, clock=clock) as report:
        report(TrainingStarted("r", 5, 100, None, None, None, "examples"))
        clock.now += 40
        tell(report, step_done(30, loss=1.23456e-5), Validated(30, 2.5e-5, None, {"accuracy": 0.9937}, best=False))
    assert stream.getvalue().splitlines()[1:] == [
        " 30%  step 30  epoch 4.3  loss 1.235e-05  50 examples/s",
        "step 30  validation: loss 2.5e-05  accuracy 0.994",
    ]


def test_a_short_training_tells_few_validations() -> None:
    """Guards against a screen full of validations in three seconds, and a best one that nobody is told of."""
    clock, stream = Clock(), io.StringIO()
    with ProgressReport(stream, interval=30, clock=clock) as report:
        report(started())
        for step in range(1, 21):
            clock.now += 0.15
            report(Validated(step, 1 / step, None, {}, best=step < 19))
        report(TrainingEnded(20, "steps", 3.0))
    told = [line.split("  ")[0] for line in stream.getvalue().splitlines()[1:-1]]
    assert told == ["step 1", "step 8", "step 15", "step 18", "step 20"]


def test_validations_that_are_far_apart_or_have_samples_are_all_told() -> None:
    """Guards against samples without the line that they belong to, and a line twice."""
    clock, stream = Clock(), io.StringIO()
    with ProgressReport(stream, interval=30, clock=clock) as report:
        for step in (1, 2, 3):
            clock.now += 1 if step < 3 else 0
            tell(report, validated(step), Sampled(step, [("甲", "a", "b")]))
        tell(report, validated(3, averaged=2), TrainingEnded(3, "steps", 3.0))
    told = [line.split("  ")[0] for line in stream.getvalue().splitlines() if line.startswith("step")]
    assert told == ["step 1", "step 2", "step 3", "step 3"]


def test_scores_are_named_in_words_and_fit_the_line() -> None:
    """Guards against a number of seventy digits, and names of variables."""
    clock, stream = Clock(), io.StringIO()
    with ProgressReport(stream, clock=clock) as report:
        report(Validated(1, 1234.5, None, {"mse": 8.8518e69, "accuracy": 0.5}, best=False))
    assert stream.getvalue() == "step 1  validation: loss 1234.500  mean squared error 8.85e+69  accuracy 0.5\n"


def test_terminal_gets_a_live_line_and_samples_above_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal the bar must show, and the cursor must come back at the end, whatever ended it."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("NO_COLOR", raising=False)
    stream = Terminal()
    with pytest.raises(KeyboardInterrupt), ProgressReport(stream) as report:
        tell(report, started(), step_done(40), Sampled(40, [("[bold]甲[/bold]", "a", "b")]))
        raise KeyboardInterrupt
    written = stream.getvalue()
    assert "step 40" in written
    assert "40%" in written
    assert "[bold]甲[/bold]" in written  # a corpus is no markup
    assert written.rindex("\x1b[?25h") > written.rindex("\x1b[?25l")  # the cursor is shown again


def test_time_left_counts_from_the_last_start() -> None:
    """A resumed training that counts the fraction from zero promises far too little time."""
    clock = Clock()
    left = TimeLeft(clock)
    assert left.after(0.5) is None
    clock.now += 10
    assert left.after(0.6) == pytest.approx(40)
    clock.now += 50
    assert left.after(1.0) == 0


def test_smoothed_loss_is_no_lower_at_first() -> None:
    """An exponential mean that starts at zero would show a loss near zero at the first steps."""
    loss = SmoothedLoss()
    loss.add(5.0)
    assert loss.value == pytest.approx(5.0)
    loss.add(3.0)
    assert 3.9 < loss.value < 4.0


def test_samples_align_whatever_the_language(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Chinese character is two cells wide: labels padded by their length stand crooked."""
    words = {"source": "源文", "reference": "参考译文", "output": "out"}
    monkeypatch.setattr("congling.learning.progress._", lambda text: words.get(text, text))
    lines = sample_lines(Sampled(1, [("QQ\u2028甲\n乙", "QQ", "QQ")]))
    assert [cell_len(line[: line.index("QQ")]) for line in lines] == [12, 12, 12]
    assert lines[0].endswith("QQ 甲 乙")  # one line a text


def test_long_samples_are_not_broken_in_a_log() -> None:
    """A console folds text at 80 columns; in a log file that breaks sentences apart."""
    stream = io.StringIO()
    tell(ProgressReport(stream), Sampled(1, [("长" * 200, "x" * 200, "")]))
    assert [len(line) for line in stream.getvalue().splitlines()] == [213, 213, 13]


def test_durations() -> None:
    """59.6 seconds are a minute, not 60 s; and minutes keep two digits."""
    assert [duration(s) for s in (0, 59.4, 59.6, 605, 3600, 7620)] == [
        "0 s", "59 s", "1 min 00 s", "10 min 05 s", "1 h 00 min", "2 h 07 min",
    ]  # fmt: skip


def test_resume_and_ends_are_told() -> None:
    """Every way in which a training begins and ends has its words."""
    stream = io.StringIO()
    report = ProgressReport(stream)
    tell(report, started(resumed_from=40), TrainingStarted("r", 5, None, 2.5, None, None, "tokens"))
    report(TrainingStarted(None, 5, None, None, 1.5, None, "examples"))
    for reason in ("steps", "minutes", "epochs", "patience", "interrupted", "diverged"):
        report(TrainingEnded(3, reason, 1.0))
    lines = stream.getvalue().splitlines()
    assert lines[0].endswith("in runs/甲, going on from step 40")
    assert lines[1] == "Training 5 parameters for 2.5 minutes in r"
    assert lines[2] == "Training 5 parameters for 1.5 epochs"  # in memory: there is no run
    assert len(set(lines[3:])) == 6
