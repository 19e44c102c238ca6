"""The trainer on three numbers: how a training ends, what it saves, says and averages, and how it goes on."""

from __future__ import annotations

import math
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor

from congling.errors import UsageError, UserError
from congling.learning import trainer as trainer_module
from congling.learning.checkpoints import checkpoint_folder, load_checkpoint, load_weights
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
from congling.learning.frames import list_frames, load_frame
from congling.learning.metrics import MetricsFile, read_metrics
from congling.learning.optimizers import RULES, Optimizer
from congling.learning.options import Budget, OptimizerName, TrainingOptions
from congling.learning.runs import Run
from congling.learning.trainer import Diverged, Trainer
from congling.learning.training_state import Validation
from congling.networks.layers import Linear

Rows = tuple[Tensor, Tensor]


class Batches:
    """The same batches over and over."""

    def __init__(self, batches: Sequence[Rows]) -> None:
        self.batches, self.position, self.epoch = batches, 0, 0

    def __iter__(self) -> Iterator[Rows]:
        while True:
            batch = self.batches[self.position]
            self.position += 1
            if self.position == len(self.batches):
                self.position, self.epoch = 0, self.epoch + 1
            yield batch

    @property
    def epoch_fraction(self) -> float:
        return self.position / len(self.batches)

    def state(self) -> dict[str, Any]:
        return {"position": self.position, "epoch": self.epoch}

    def restore(self, state: dict[str, Any]) -> None:
        self.position, self.epoch = state["position"], state["epoch"]


class Clock:
    """Time that passes only when told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run.create(tmp_path / "run", {}, task="translation", seed=3)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(trainer_module, "time", made)
    return made


def rows(count: int = 7, seed: int = 23) -> Rows:
    generator = torch.Generator().manual_seed(seed)
    input = torch.randn(count, 3, generator=generator)
    return input, input @ torch.tensor([[2.0], [-3.0], [0.5]]) + 1


def options(**chosen: Any) -> TrainingOptions:
    settings: dict[str, Any] = {
        "steps": 5, "learning_rate": 0.05, "warmup_steps": 0, "schedule": "constant", "precision": "float32",
        "threads": 1, "clip_norm": 0.0,
    }  # fmt: skip
    return TrainingOptions(**(settings | chosen))


class Training:
    """A trainer of a linear network, its events, and hooks before each loss and for each validation."""

    def __init__(
        self,
        run: Run | None,
        chosen: TrainingOptions,
        batches: Sequence[Rows] | None = None,
        validate: Callable[[], Validation] | None = None,
        before_loss: Callable[[int], None] = lambda call: None,
        unit: Unit = "tokens",
    ) -> None:
        torch.manual_seed(29)
        self.network = Linear(3, 1)
        self.events: list[Event] = []
        self.losses_asked = 0
        self.before_loss = before_loss
        self.poison = 1.0
        data = Batches(batches or [rows(7, 1), rows(5, 2), rows(11, 3)])
        self.trainer = Trainer(
            self.network, self.loss, data, validate or self.validate, run, chosen, [self.events.append], unit
        )  # fmt: skip

    def loss(self, batch: Rows) -> tuple[Tensor, int]:
        self.losses_asked += 1
        self.before_loss(self.losses_asked)
        input, wanted = batch
        return (self.network(input) - wanted).square().sum() * self.poison, len(input)

    def validate(self) -> Validation:
        with torch.no_grad():
            loss = (self.network(rows()[0]) - rows()[1]).square().mean()
        return Validation(loss=float(loss))

    def told(self, *kinds: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kinds)]


def scripted(losses: Sequence[float]) -> Callable[[], Validation]:
    """Validations with these losses, one after the other."""
    remaining = iter(losses)
    return lambda: Validation(loss=next(remaining))


def same(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


# Learning ------------------------------------------------------------------------------------------------------------


def test_the_epoch_goes_on_between_two_whole_ones(run: Run) -> None:
    """Guards against an epoch that stands still for as long as a pass over the data takes."""
    training = Training(run, options(steps=4))
    training.trainer.train()
    assert [event.epoch for event in training.told(StepDone)] == pytest.approx([1 / 3, 2 / 3, 1, 4 / 3])


def test_it_learns(run: Run) -> None:
    """Guards the loop as a whole: forward, backward, update; three weights and a bias are found."""
    training = Training(run, options(steps=400))
    assert training.trainer.train() == "steps"
    assert training.validate().loss < 1e-4
    assert same(load_weights(run, "last"), training.trainer.weights())
    losses = [event.loss for event in training.told(StepDone)]
    assert losses[0] > 1


def test_halves_give_what_the_whole_gives(tmp_path: Path) -> None:
    """Guards accumulation: sums and counts add up over unequal parts (3, 2 and 6 rows); means of means would not."""
    input, wanted = rows(11)
    parts = [(input[part], wanted[part]) for part in (slice(0, 3), slice(3, 5), slice(5, 11))]
    trainings = []
    for name, batches, accumulation in (("whole", [(input, wanted)], 1), ("parts", parts, 3)):
        run = Run.create(tmp_path / name, {}, task="translation", seed=3)
        training = Training(run, options(steps=7, accumulation=accumulation, clip_norm=1.0), batches)
        training.trainer.train()
        trainings.append(training)
    whole, parted = trainings
    assert parted.losses_asked == 3 * whole.losses_asked == 21
    for name, weight in whole.trainer.weights().items():
        assert torch.allclose(weight, parted.trainer.weights()[name], rtol=1e-6, atol=1e-7)
    for one, other in zip(whole.told(StepDone), parted.told(StepDone), strict=True):
        assert one.count == other.count == 11
        assert one.loss == pytest.approx(other.loss, rel=1e-6)
        assert one.gradient_norm == pytest.approx(other.gradient_norm, rel=1e-5)


def test_the_network_trains_in_training_mode_only(run: Run) -> None:
    """Guards dropout: on while learning, even after a validation switched it off."""
    modes = []

    def validate() -> Validation:
        training.network.eval()
        return Validation(loss=1.0)

    training = Training(run, options(validate_every=2), None, validate)
    training.before_loss = lambda call: modes.append(training.network.training)
    training.trainer.train()
    assert modes == [True] * 5


# Events and files ----------------------------------------------------------------------------------------------------


def test_events_come_in_order(run: Run) -> None:
    """Guards every listener: what they hear, when, and that a checkpoint is told of once it is on the disk."""

    def validate() -> Validation:
        return Validation(loss=2.0, scores={"bleu": 7.0}, samples=[("a", "b", "c")])

    training = Training(run, options(steps=4, validate_every=2), None, validate)
    training.trainer.train()
    assert [type(event) for event in training.events] == [
        TrainingStarted,
        StepDone, StepDone, Validated, Sampled, CheckpointSaved,
        StepDone, StepDone, Validated, Sampled, CheckpointSaved,
        TrainingEnded,
    ]  # fmt: skip
    started, ended = training.events[0], training.events[-1]
    assert isinstance(started, TrainingStarted) and isinstance(ended, TrainingEnded)
    assert started == TrainingStarted(str(run.path), 4, 4, None, None, None, "tokens")
    assert (ended.step, ended.reason) == (4, "steps")
    steps = training.told(StepDone)
    assert [event.step for event in steps] == [1, 2, 3, 4]
    assert [event.count for event in steps] == [7, 5, 11, 7]
    assert [event.fraction for event in steps] == [0.25, 0.5, 0.75, 1.0]
    assert [event.best for event in training.told(Validated)] == [True, False]
    assert training.told(Validated)[0].perplexity == pytest.approx(math.exp(2))
    assert training.told(Validated)[0].scores == {"bleu": 7.0}
    assert Path(training.told(CheckpointSaved)[1].path) == checkpoint_folder(run, 4)
    assert checkpoint_folder(run, "best").name == "000000002"


def test_validations_are_spread_over_the_budget(run: Run) -> None:
    """Guards --validations: so many, evenly, the last one at the end."""
    training = Training(run, options(steps=23, validations=4))
    training.trainer.train()
    assert [event.step for event in training.told(Validated)] == [6, 12, 18, 23]


def test_frames_stand_at_powers_of_two(run: Run) -> None:
    """Guards the time slider: the untrained network first, then ever wider apart, each as it was then."""
    training = Training(run, options(steps=9))
    untrained = {name: value.clone() for name, value in training.trainer.weights().items()}
    training.trainer.train()
    assert list_frames(run) == [0, 1, 2, 4, 8]
    assert same(load_frame(run, 0), {name: value.half() for name, value in untrained.items()})
    assert not same(load_frame(run, 8), load_frame(run, 4))


# Ends ----------------------------------------------------------------------------------------------------------------


def test_patience_ends_a_training_that_gets_no_better(run: Run) -> None:
    """Guards early stopping: waiting starts anew at each best one, and an equal loss is no better one."""
    losses = [5.0, 6.0, 4.0, 4.0, 4.5, 3.0]
    training = Training(run, options(steps=99, validate_every=3, patience=2), None, scripted(losses))
    assert training.trainer.train() == "patience"
    assert training.told(TrainingEnded) == [TrainingEnded(15, "patience", training.trainer.progress.seconds)]
    assert checkpoint_folder(run, "best").name == "000000009"
    assert checkpoint_folder(run, "last").name == "000000015"


@pytest.mark.parametrize("minutes", [0.5, 3.0])
def test_a_budget_of_minutes_ends_in_time(run: Run, clock: Clock, minutes: float) -> None:
    """Guards --minutes: the rate follows the part that is spent, validations too, and the end comes when it is."""

    def pass_time(call: int) -> None:
        clock.now += 7

    chosen = options(steps=None, minutes=minutes, schedule="linear", validations=2, save_minutes=99)
    training = Training(run, chosen, before_loss=pass_time)
    assert training.trainer.train() == "minutes"
    steps = training.told(StepDone)
    assert len(steps) == math.ceil(60 * minutes / 7)
    for number, event in enumerate(steps):
        spent = 7 * number / (60 * minutes)
        assert event.learning_rate == pytest.approx(0.05 * (1 - spent))
        assert event.seconds == pytest.approx(7 * (number + 1))
        assert event.fraction == pytest.approx(min(1, spent + 7 / (60 * minutes)))
    assert [event.step for event in training.told(Validated)] == [math.ceil(30 * minutes / 7), len(steps)]


@pytest.mark.parametrize(("epochs", "steps"), [(2, 6), (0.5, 2), (1.1, 4)])
def test_a_budget_of_epochs_ends_after_so_many_passes(run: Run, epochs: float, steps: int) -> None:
    """Guards --epochs: the schedule follows the passes over the data, here of three batches, and part of one ends."""
    training = Training(run, options(steps=None, epochs=epochs, schedule="linear", validations=2))
    assert training.trainer.train() == "epochs"
    started, *done = training.told(TrainingStarted, StepDone)
    assert (started.steps, started.minutes, started.epochs) == (None, None, epochs)
    assert len(done) == steps
    for number, event in enumerate(done):
        assert event.learning_rate == pytest.approx(0.05 * (1 - number / 3 / epochs))
        assert event.fraction == pytest.approx(min(1, (number + 1) / 3 / epochs))
    assert training.told(Validated)[-1].step == steps


def test_saving_between_validations(run: Run, clock: Clock) -> None:
    """Guards --save-minutes: a machine that dies between two rare validations loses minutes, not hours."""

    def pass_time(call: int) -> None:
        clock.now += 50

    training = Training(run, options(steps=7, validations=1, save_minutes=2), before_loss=pass_time)
    training.trainer.train()
    assert [event.step for event in training.told(CheckpointSaved)] == [3, 6, 7]
    assert checkpoint_folder(run, "best").name == "000000007"


def test_divergence_names_the_step_and_keeps_the_last_checkpoint(run: Run) -> None:
    """Guards a training that blows up: nothing broken is saved, and the user learns where and what to try."""

    def spoil(call: int) -> None:
        training.poison = math.nan if call == 6 else 1.0

    training = Training(run, options(steps=9, validate_every=4), before_loss=spoil)
    with pytest.raises(UserError, match=r"diverged at step 6: loss nan.*kept: step 4 in .*--learning-rate") as error:
        training.trainer.train()
    assert "\n" not in str(error.value)
    assert isinstance(training.events[-1], TrainingEnded)
    assert (training.events[-1].step, training.events[-1].reason) == (5, "diverged")
    assert run.checkpoint_steps() == [4]
    assert all(torch.isfinite(value).all() for value in load_weights(run, "last").values())
    assert all(torch.isfinite(value).all() for value in training.trainer.weights().values())


def test_divergence_before_the_first_checkpoint(run: Run) -> None:
    """Guards the message where nothing was saved yet, and an infinite gradient norm."""

    def spoil(call: int) -> None:
        training.poison = 1e38

    training = Training(run, options(), before_loss=spoil)
    with pytest.raises(UserError, match=r"diverged at step 1: .*no checkpoint had been saved yet"):
        training.trainer.train()
    assert run.checkpoint_steps() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_saves_and_ends(run: Run, number: signal.Signals) -> None:
    """Guards Ctrl-C: the step that is running is finished and saved, and the old handlers come back."""
    before = signal.getsignal(number)

    def press(call: int) -> None:
        if call == 3:
            signal.raise_signal(number)

    training = Training(run, options(validate_every=4), before_loss=press)
    assert training.trainer.train() == "interrupted"
    assert signal.getsignal(number) is before
    assert run.checkpoint_steps() == [3]
    assert same(load_weights(run, "last"), training.trainer.weights())
    assert (training.events[-1].step, training.events[-1].reason) == (3, "interrupted")  # type: ignore[union-attr]
    assert not training.told(Validated)


def test_a_second_interrupt_ends_at_once(run: Run) -> None:
    """Guards the impatient: when a step hangs, pressing Ctrl-C again must not wait for it."""

    def press_twice(call: int) -> None:
        if call == 3:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        Training(run, options(validations=1), before_loss=press_twice).trainer.train()
    assert signal.getsignal(signal.SIGINT) is before
    assert run.checkpoint_steps() == []


def test_divergence_keeps_the_curve(run: Run) -> None:
    """Guards the steps before a training blew up: none was written when it did, and each is worth seeing alone."""

    def spoil(call: int) -> None:
        training.poison = math.nan if call == 10 else 1.0

    training = Training(run, options(steps=20, validations=1), before_loss=spoil)
    training.trainer.listeners = [*training.trainer.listeners, MetricsFile(run)]
    with pytest.raises(Diverged, match="diverged at step 10"):
        training.trainer.train()
    assert [record["step"] for record in read_metrics(run) if "train/loss" in record] == list(range(1, 10))
    assert len(training.told(StepDone)) == 9


@pytest.mark.parametrize(("clip_norm", "advice"), [(0.0, "or --clip-norm 1$"), (0.5, "or a smaller --clip-norm$")])
def test_the_advice_after_a_divergence_fits_the_options(run: Run, clip_norm: float, advice: str) -> None:
    """Guards against the advice to make a --clip-norm smaller that is not clipping at all."""
    training = Training(run, options(clip_norm=clip_norm))
    training.poison = math.nan
    with pytest.raises(Diverged, match=advice):
        training.trainer.train()


# Averages ------------------------------------------------------------------------------------------------------------


def mean_of(training: dict[int, dict[str, Tensor]], steps: Sequence[int]) -> dict[str, Tensor]:
    return {
        name: torch.stack([training[step][name].double() for step in steps]).mean(0).float() for name in training[1]
    }


def averaged(run: Run, losses: Sequence[float], **chosen: Any) -> tuple[Training, dict[int, dict[str, Tensor]]]:
    """A training that validates after each step with these losses (the last for the average), and all its weights."""
    weights: dict[int, dict[str, Tensor]] = {}
    script = scripted(losses)

    def validate() -> Validation:
        validation = script()
        weights.setdefault(
            training.trainer.progress.step, {name: value.clone() for name, value in training.trainer.weights().items()}
        )
        return validation

    settings: dict[str, Any] = {"steps": len(losses) - 1, "validate_every": 1, "keep_checkpoints": 1, **chosen}
    training = Training(run, options(**settings), None, validate)
    training.trainer.train()
    return training, weights


def test_the_average_of_the_last_checkpoints_wins_if_it_is_better(run: Run) -> None:
    """Guards --average: which weights are averaged, that ``best`` moves, and that ``last`` stays as it was."""
    training, weights = averaged(run, [9, 3, 5, 4, 2], average=2)
    assert training.told(Validated)[-1].averaged == 2
    assert training.told(Validated)[-1].best
    assert checkpoint_folder(run, "best").name == "average"
    assert all(
        torch.allclose(value, mean_of(weights, [3, 4])[name]) for name, value in load_weights(run, "best").items()
    )
    assert same(load_weights(run, "last"), weights[4])
    assert same(training.trainer.weights(), weights[4])


def test_an_average_that_is_no_better_is_dropped(run: Run) -> None:
    """Guards the best checkpoint: averaging must never make the result worse on the validation data."""
    training, weights = averaged(run, [9, 3, 5, 4, 3], average=3)
    assert not training.told(Validated)[-1].best
    assert checkpoint_folder(run, "best").name == "000000002"
    assert same(load_weights(run, "best"), weights[2])


def test_the_average_of_the_best_checkpoints(run: Run) -> None:
    """Guards --average-of best: good checkpoints of long ago must still be there when the training ends."""
    _, weights = averaged(run, [9, 2, 3, 8, 7, 6, 5, 1], average=2, average_of="best")
    expected = mean_of(weights, [2, 3])
    assert all(torch.allclose(value, expected[name]) for name, value in load_weights(run, "best").items())


@dataclass
class Scored(TrainingOptions):
    """Options of a task whose validations have a score."""

    default_budget: ClassVar[Budget] = Budget(steps=1)
    score: ClassVar[str | None] = "bleu"


@pytest.mark.parametrize(
    ("best_by", "best", "ended_at"), [("loss", 1, 3), ("score", 4, 6)], ids=["lowest loss", "highest score"]
)
def test_what_makes_a_validation_the_best(run: Run, best_by: str, best: int, ended_at: int) -> None:
    """Guards --best-by: a score that rises while the loss does decides about ``best``, patience and the average."""
    steps = iter([(1.0, 10.0), (2.0, 20.0), (3.0, 15.0), (4.0, 30.0), (5.0, 29.0), (6.0, 30.0), (0.5, 1.0)])

    def validate() -> Validation:
        loss, score = next(steps)
        return Validation(loss, {"other": -loss, "bleu": score})

    settings = vars(options(steps=9, validate_every=1, patience=2, average=2, average_of="best")) | {"best_by": best_by}
    training = Training(run, Scored(**settings), None, validate)
    assert training.trainer.train() == "patience"
    assert training.trainer.progress.step == ended_at
    assert training.trainer.progress.best_step == best
    assert load_checkpoint(run, "last").state["progress"]["merits"]["2"] == (-2.0 if best_by == "loss" else 20.0)
    assert training.trainer.progress.steps_to_average(2, "best") == {"loss": [2, 1], "score": [4, 6]}[best_by]


def test_a_task_without_a_score_has_none_to_be_best_by() -> None:
    """Guards against a search for a score that does not exist, at the first validation."""
    with pytest.raises(UsageError, match="--best-by score"):
        options(best_by="score").check()
    Scored(best_by="score").check()


def test_checkpoints_from_before_scores_go_on(run: Run) -> None:
    """Guards runs of earlier versions, which kept losses: what was best stays so."""
    training = Training(run, options(steps=3, validate_every=1), None, scripted([3, 1, 2]))
    training.trainer.train()
    checkpoint = load_checkpoint(run)
    saved = checkpoint.state["progress"]
    merits, best = saved.pop("merits"), saved.pop("best_merit")
    saved |= {"losses": {step: -merit for step, merit in merits.items()}, "best_loss": -best}
    again = Training(run, options(steps=4, validate_every=1), None, scripted([1.5]))
    again.trainer.restore(checkpoint)
    again.trainer.train()
    assert vars(again.trainer.progress)["merits"] == {"1": -3, "2": -1, "3": -2, "4": -1.5}
    assert (again.trainer.progress.best_step, again.trainer.progress.best_merit) == (2, -1)


def test_averages_take_validated_checkpoints_only(run: Run, clock: Clock) -> None:
    """Guards repeatability: one more save, by the clock or by Ctrl-C, must not push a checkpoint out of the average."""
    weights: dict[int, dict[str, Tensor]] = {}

    def pass_time(call: int) -> None:
        clock.now += 61

    def validate() -> Validation:
        step = training.trainer.progress.step
        weights.setdefault(step, {name: value.clone() for name, value in training.trainer.weights().items()})
        return Validation(loss=10 - len(training.told(Validated)))

    chosen = options(steps=9, validate_every=3, keep_checkpoints=1, average=3, save_minutes=1)
    training = Training(run, chosen, None, validate, pass_time)
    training.trainer.train()
    assert [event.step for event in training.told(CheckpointSaved)] == list(range(1, 10))
    assert training.told(Validated)[-1].averaged == 3
    expected = {name: torch.stack([weights[step][name] for step in (3, 6, 9)]).mean(0) for name in weights[3]}
    assert all(torch.allclose(value, expected[name]) for name, value in load_weights(run, "best").items())


# In memory -----------------------------------------------------------------------------------------------------------


def test_in_memory_it_learns_the_same_and_writes_nothing(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards trainings without a run: the same numbers, the weights of the best validation, and an untouched disk."""
    chosen = options(steps=9, validate_every=3, average=2)
    losses = [5.0, 3.0, 4.0, 9.0]
    on_disk = Training(run, chosen, None, scripted(losses))
    on_disk.trainer.train()
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    in_memory = Training(None, chosen, None, scripted(losses))
    assert in_memory.trainer.best_weights is None
    assert in_memory.trainer.train() == "steps"
    assert same(in_memory.trainer.weights(), on_disk.trainer.weights())
    assert in_memory.trainer.best_weights is not None
    assert same(in_memory.trainer.best_weights, load_weights(run, "best"))
    assert not same(in_memory.trainer.best_weights, in_memory.trainer.weights())
    assert on_disk.trainer.best_weights is None
    assert list((tmp_path / "empty").iterdir()) == []
    assert not in_memory.told(CheckpointSaved)
    told = [event for event in on_disk.told(StepDone, Validated)]
    assert [type(event) for event in in_memory.told(StepDone, Validated)] == [type(event) for event in told]
    assert in_memory.told(Validated) == on_disk.told(Validated)


def test_averages_in_memory_are_those_on_the_disk(run: Run) -> None:
    """Guards --average without a run: the same checkpoints, and the best weights are the average if it wins."""
    chosen, losses = options(steps=5, validate_every=1, average=2, average_of="best"), [9.0, 3.0, 5.0, 4.0, 8.0, 1.0]
    trainings = [Training(kept, chosen, None, scripted(losses)) for kept in (run, None)]
    for training in trainings:
        training.trainer.train()
    best = trainings[1].trainer.best_weights
    assert best is not None
    for name, value in load_weights(run, "best").items():
        assert torch.allclose(best[name], value, rtol=1e-6)
    assert trainings[1].told(Validated)[-1].averaged == 2


def test_ctrl_c_in_memory_ends_at_once() -> None:
    """Guards a notebook: where nothing can be saved, the first Ctrl-C must not wait, nor pass for a finished fit."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background is made to ignore it
    try:
        with pytest.raises(KeyboardInterrupt):
            Training(None, options(), before_loss=interrupted_at(2)).trainer.train()
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_divergence_in_memory_says_what_is_left() -> None:
    """Guards the message without a run: there is no checkpoint to speak of, and the listeners have heard the end."""
    training = Training(None, options())
    training.poison = math.nan
    with pytest.raises(Diverged, match=r"diverged at step 1: .*the curve up to there is kept"):
        training.trainer.train()
    assert isinstance(training.events[-1], TrainingEnded) and training.events[-1].reason == "diverged"


# What the options choose ---------------------------------------------------------------------------------------------


def test_examples_have_no_perplexity(run: Run) -> None:
    """Guards the exponential of a squared error, which means nothing."""
    training = Training(run, options(), unit="examples")
    training.trainer.train()
    assert training.told(TrainingStarted)[0].unit == "examples"
    assert [event.perplexity for event in training.told(Validated)] == [None] * 5


@pytest.mark.parametrize("name", RULES)
def test_the_optimizer_that_was_chosen_learns(run: Run, name: OptimizerName) -> None:
    """Guards --optimizer and --momentum: one step of the trainer is one step of that rule with these settings."""
    chosen = options(steps=1, optimizer=name, momentum=0.75, adam_betas=(0.5, 0.75), learning_rate=0.003)
    training, twin = Training(run, chosen), Training(None, chosen)
    training.trainer.train()
    flat = twin.trainer.parameters
    loss, count = twin.loss(next(iter(twin.trainer.data)))
    (loss / count).backward()
    Optimizer(flat, name, 0.75, (0.5, 0.75)).step(0.003)
    for name_of, value in training.trainer.weights().items():
        assert torch.allclose(value, twin.trainer.weights()[name_of], rtol=1e-6, atol=0)


@pytest.mark.parametrize("accumulation", [1, 3])
def test_the_tape_trains_as_autograd_does(run: Run, accumulation: int) -> None:
    """Guards --backprop tape: the same steps, with its own rules, over one batch and over several."""
    chosen = {"steps": 7, "accumulation": accumulation, "clip_norm": 1.0, "l2": 0.01}
    by_autograd = Training(None, options(**chosen))
    by_tape = Training(run, options(**chosen, backprop="tape"))
    by_autograd.trainer.train(), by_tape.trainer.train()
    for name, value in by_autograd.trainer.weights().items():
        assert torch.allclose(value, by_tape.trainer.weights()[name], rtol=1e-5)
    for one, other in zip(by_autograd.told(StepDone), by_tape.told(StepDone), strict=True):
        assert (one.count, one.loss) == (other.count, pytest.approx(other.loss, rel=1e-5))
        assert one.gradient_norm == pytest.approx(other.gradient_norm, rel=1e-5)


@pytest.mark.parametrize(("power", "found"), [(1e38, "mul|pow"), (0.0, "sqrt")])
def test_a_divergence_under_the_tape_names_the_operation(power: float, found: str) -> None:
    """Guards the finding of the first fault: forward (an overflow), and backward alone (the root's slope at zero)."""
    training = Training(None, options(backprop="tape"))

    def loss(batch: Rows) -> tuple[Tensor, int]:
        output = training.network(batch[0])
        return ((output * power).square().sum() if power else (0.0 * output).sum().sqrt()), len(output)

    training.trainer.loss = loss
    with pytest.raises(Diverged, match=rf"diverged at step 1: loss [\w.+-]+, .*learning rate 0\.05; .*({found})"):
        training.trainer.train()


@pytest.mark.parametrize(("l1", "l2"), [(0.3, 0.0), (0.0, 0.4)])
def test_penalties_pull_on_matrices(run: Run, l1: float, l2: float) -> None:
    """Guards --l1 and --l2: added to the mean gradient whatever the batch holds, and not to the loss that is told."""
    chosen = {"steps": 1, "optimizer": "gradient-descent", "learning_rate": 0.5}
    plain, pulled = Training(None, options(**chosen)), Training(run, options(**chosen, l1=l1, l2=l2))
    before = {name: value.clone() for name, value in plain.trainer.weights().items()}
    plain.trainer.train(), pulled.trainer.train()
    weight, bias = (plain.trainer.weights()[name] - pulled.trainer.weights()[name] for name in ("weight", "bias"))
    expected = 0.5 * (l1 * before["weight"].sign() + l2 * before["weight"])
    assert torch.allclose(weight, expected, atol=1e-6)
    assert not bool(bias.any())
    assert plain.told(StepDone)[0].loss == pulled.told(StepDone)[0].loss


def test_buffers_are_kept_with_the_weights(run: Run) -> None:
    """Guards running statistics: saved, restored, averaged and put back like parameters, and best ones copied."""
    trainings = []
    for kept in (run, None):
        training = Training(kept, options(steps=4, validate_every=1, average=2), None, scripted([4, 3, 5, 6, 1]))
        training.network.register_buffer("seen", torch.zeros(2))

        def count(call: int, training: Training = training) -> None:
            training.network.seen = training.network.seen + torch.tensor([1.0, 10.0])

        training.before_loss = count
        training.trainer.train()
        trainings.append(training)
    on_disk, in_memory = trainings
    assert load_weights(run, 4)["seen"].tolist() == [4.0, 40.0]
    assert load_weights(run, "best")["seen"].tolist() == [3.5, 35.0]  # the average of steps 3 and 4
    assert in_memory.trainer.best_weights is not None
    assert in_memory.trainer.best_weights["seen"].tolist() == [3.5, 35.0]
    assert on_disk.trainer.weights()["seen"].tolist() == [4.0, 40.0]
    again = Training(run, options(steps=9))
    again.network.register_buffer("seen", torch.zeros(2))
    again.trainer.restore(load_checkpoint(run, 4))
    assert again.network.seen.tolist() == [4.0, 40.0]


# Going on ------------------------------------------------------------------------------------------------------------


def interrupted_at(step: int) -> Callable[[int], None]:
    return lambda call: signal.raise_signal(signal.SIGINT) if call == step else None


def test_a_resumed_training_ends_as_if_nothing_had_happened(tmp_path: Path) -> None:
    """Guards resumption: weights, moments, losses, best step and place in the data are those of an unbroken one."""
    chosen = options(steps=11, validate_every=3, schedule="cosine", warmup_steps=4)
    unbroken = Training(Run.create(tmp_path / "unbroken", {}, task="translation", seed=3), chosen)
    unbroken.trainer.train()
    run = Run.create(tmp_path / "broken", {}, task="translation", seed=3)
    Training(run, chosen, before_loss=interrupted_at(5)).trainer.train()
    torch.manual_seed(31)
    resumed = Training(run, chosen)
    resumed.trainer.restore(load_checkpoint(run))
    assert resumed.trainer.train() == "steps"
    assert resumed.told(TrainingStarted)[0].resumed_from == 5
    assert [event.step for event in resumed.told(StepDone)] == [6, 7, 8, 9, 10, 11]
    assert same(resumed.trainer.weights(), unbroken.trainer.weights())
    assert same(resumed.trainer.optimizer.state(), unbroken.trainer.optimizer.state())
    for name in ("step", "count", "epoch", "best_merit", "best_step", "merits"):
        assert getattr(resumed.trainer.progress, name) == getattr(unbroken.trainer.progress, name)


def test_a_resumed_training_keeps_the_spent_seconds(run: Run, clock: Clock) -> None:
    """Guards --minutes across a break: the time before it counts, the time in between does not."""
    chosen = options(steps=None, minutes=1, schedule="linear", save_minutes=99)

    def pass_time(call: int) -> None:
        clock.now += 10
        if call == 2:
            signal.raise_signal(signal.SIGINT)

    assert Training(run, chosen, before_loss=pass_time).trainer.train() == "interrupted"
    clock.now += 10_000
    resumed = Training(run, chosen)
    resumed.before_loss = lambda call: setattr(clock, "now", clock.now + 10)
    resumed.trainer.restore(load_checkpoint(run))
    assert resumed.trainer.train() == "minutes"
    assert [event.seconds for event in resumed.told(StepDone)] == [30, 40, 50, 60]
    assert resumed.told(StepDone)[0].learning_rate == pytest.approx(0.05 * (1 - 20 / 60))


def test_a_finished_training_with_a_longer_budget_still_validates(run: Run) -> None:
    """Guards a longer budget: the validations are spread over all of it, so the new half is looked at too."""
    Training(run, options(steps=8, validations=4)).trainer.train()
    longer = Training(run, options(steps=16, validations=4))
    longer.trainer.restore(load_checkpoint(run))
    longer.trainer.train()
    assert [event.step for event in longer.told(Validated)] == [12, 16]


def test_patience_that_ended_a_training_begins_anew(run: Run) -> None:
    """Guards going on after an early stop: one step and the same end would be no training."""
    chosen = options(steps=20, validate_every=1, patience=2)
    Training(run, chosen, None, scripted([1, 2, 3])).trainer.train()
    again = Training(run, options(steps=30, validate_every=1, patience=2), None, scripted([2, 0.5, 2, 3]))
    again.trainer.restore(load_checkpoint(run))
    assert again.trainer.train() == "patience"
    assert again.trainer.progress.step == 7
    ended = Training(run, options(steps=30, validate_every=1, patience=2), None, scripted([]))
    ended.trainer.restore(load_checkpoint(run))
    assert ended.trainer.finished() == "patience"
    assert ended.trainer.train() == "patience"  # the same budget: it is over, whether or not it was killed at the end
    assert ended.trainer.progress.step == 7


def test_a_checkpoint_of_0_1_is_restored(run: Run) -> None:
    """Guards the first version's trainings: their progress counts ``tokens``, their budget knows no epochs."""
    chosen = options(steps=8, validations=4, patience=3)
    Training(run, chosen, before_loss=interrupted_at(5)).trainer.train()
    checkpoint = load_checkpoint(run)
    progress, budget = checkpoint.state["progress"], checkpoint.state["budget"]
    progress["tokens"] = progress.pop("count")
    progress["waited"] = 2
    del progress["epoch"], budget["epochs"]
    resumed = Training(run, chosen)
    resumed.trainer.restore(checkpoint)
    assert resumed.trainer.progress.count == 7 + 5 + 11 + 7 + 5
    assert resumed.trainer.progress.waited == 2  # the budget is the same one
    resumed.trainer.train()
    assert [event.step for event in resumed.told(StepDone)] == [6, 7, 8]


def test_a_budget_of_epochs_goes_on_where_it_was(run: Run) -> None:
    """Guards --epochs across a break: the passes before it count."""
    chosen = options(steps=None, epochs=3, schedule="linear")
    assert Training(run, chosen, before_loss=interrupted_at(4)).trainer.train() == "interrupted"
    resumed = Training(run, chosen)
    resumed.trainer.restore(load_checkpoint(run))
    assert resumed.trainer.finished() is None
    assert resumed.trainer.train() == "epochs"
    assert [event.step for event in resumed.told(StepDone)] == [5, 6, 7, 8, 9]
    assert resumed.told(StepDone)[0].learning_rate == pytest.approx(0.05 * (1 - 4 / 9))
    again = Training(run, chosen)
    again.trainer.restore(load_checkpoint(run))
    assert again.trainer.finished() == "epochs"


def test_what_is_left_after_the_last_step_is_done_by_the_resumed_training(run: Run) -> None:
    """Guards an interrupt in the last step: its validation and the average still come, and no further step."""
    chosen = options(steps=7, validate_every=3, average=2)
    assert Training(run, chosen, before_loss=interrupted_at(7)).trainer.train() == "interrupted"
    resumed = Training(run, chosen)
    resumed.trainer.restore(load_checkpoint(run))
    assert resumed.trainer.finished() == "steps"
    assert resumed.trainer.train() == "steps"
    assert [(event.step, event.averaged) for event in resumed.told(Validated)] == [(7, 0), (7, 2)]
    assert not resumed.told(StepDone)
