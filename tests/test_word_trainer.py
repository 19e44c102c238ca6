"""The trainer of word vectors: what it learns, says and keeps, how it ends, and how it goes on."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from congling.errors import UserError
from congling.learning.checkpoints import load_checkpoint, load_weights
from congling.learning.diverged import Diverged
from congling.learning.events import CheckpointSaved, Event, StepDone, TrainingEnded, TrainingStarted, Validated
from congling.learning.frames import list_frames, load_frame
from congling.learning.metrics import MetricsFile, read_metrics
from congling.learning.progress import step_line
from congling.learning.runs import Run
from congling.learning.training_state import Validation
from congling.learning.word2vec import trainer as trainer_module
from congling.learning.word2vec.settings import Word2VecSettings
from congling.learning.word2vec.speed import Speed
from congling.learning.word2vec.trainer import WordTrainer

V, TOPICS, SENTENCES, LENGTH = 40, 4, 600, 11


def topical() -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int64]]:
    """Sentences of one topic each: words with the same remainder by the number of topics stand together."""
    chance = np.random.default_rng(7)
    topics = chance.integers(TOPICS, size=(SENTENCES, 1))
    ids = (topics + TOPICS * chance.integers(V // TOPICS, size=(SENTENCES, LENGTH))).astype(np.int32)
    starts = np.arange(0, ids.size + 1, LENGTH)
    return ids.ravel(), starts, np.bincount(ids.ravel(), minlength=V)


def settings(**chosen: Any) -> Word2VecSettings:
    return Word2VecSettings(**({"vector_size": 13, "sample": 0.0, "epochs": 2, "threads": 1, "seed": 3} | chosen))


class Training:
    """A trainer on the topics, and what it told."""

    def __init__(self, run: Run | None = None, validate: Callable[[], Validation] | None = None, **chosen: Any) -> None:
        self.events: list[Event] = []
        self.trainer = WordTrainer(*topical(), settings(**chosen), run, [self.events.append], validate)

    def told(self, *kinds: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kinds)]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run.create(tmp_path / "run", {}, task="word-embedding", seed=3)


PIECES = 32  # of an epoch: 6,600 words, of sentences of 11


# Learning ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cbow", [False, True])
@pytest.mark.parametrize("threads", [1, 2])
def test_words_of_one_topic_come_together(cbow: bool, threads: int) -> None:
    """A loop that runs, and learns nothing: at first a word's nearest one is of its topic in 1 of 4 cases."""
    training = Training(cbow=cbow, threads=threads, epochs=15, learning_rate=0.1)
    assert training.trainer.train() == "epochs"
    vectors = training.trainer.words / np.linalg.norm(training.trainer.words, axis=1, keepdims=True)
    nearest = (vectors @ vectors.T - 2 * np.eye(V)).argmax(1)
    assert (nearest % TOPICS == np.arange(V) % TOPICS).mean() > 0.9
    losses = [event.loss for event in training.told(StepDone)]
    assert np.mean(losses[-5:]) < 0.8 * np.mean(losses[:5])


def test_what_it_tells() -> None:
    """Steps that are lost or told twice, a speed in other words than those of the text, a rate that does not fall."""
    training = Training(least_learning_rate=0.005)
    training.trainer.train()
    (started,), steps, (ended,) = (training.told(kind) for kind in (TrainingStarted, StepDone, TrainingEnded))
    assert started == TrainingStarted(None, 2 * V * 13, None, None, 2, None, "words")
    assert [event.step for event in steps] == list(range(1, len(steps) + 1)) and ended.step == len(steps)
    assert sum(event.count for event in steps) == 2 * SENTENCES * LENGTH
    assert steps[-1].epoch == 2 and steps[-1].fraction == 1 and ended.reason == "epochs"
    assert all(event.per_second > 0 and np.isfinite(event.loss) for event in steps)
    for event, before in zip(steps, [None, *steps], strict=False):
        fraction = before.fraction if before else 0  # one piece is learned at the rate that its beginning has
        assert event.learning_rate == pytest.approx(0.025 - 0.02 * fraction)
    assert "words/s" in step_line(steps[-1], 1.0, None, "words")


def test_the_seed_and_nothing_else_decides_on_one_thread() -> None:
    """A generator that starts from the clock, or a seed that is not used."""
    vectors = []
    for seed in (3, 3, 4):
        training = Training(seed=seed)
        training.trainer.train()
        vectors.append(training.trainer.words)
    assert np.array_equal(vectors[0], vectors[1]) and not np.allclose(vectors[0], vectors[2])


def test_a_text_on_the_disk_gives_the_same(tmp_path: Path) -> None:
    """A memory-mapped text that is read from a wrong place, or not accepted."""
    ids, starts, counts = topical()
    ids.tofile(tmp_path / "ids")
    mapped = np.memmap(tmp_path / "ids", np.int32, "r")
    trainer, training = WordTrainer(mapped, starts, counts, settings()), Training()
    trainer.train(), training.trainer.train()
    assert np.array_equal(trainer.words, training.trainer.words)


def test_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A budget of time that is not kept, or in which the rate does not follow the time."""

    class Clock:
        now = 0.0

        def monotonic(self) -> float:
            self.now += 0.01
            return self.now

    monkeypatch.setattr(trainer_module, "time", Clock())
    training = Training(epochs=None, minutes=0.1)
    assert training.trainer.train() == "minutes"
    rates = [event.learning_rate for event in training.told(StepDone)]
    assert rates == sorted(rates, reverse=True) and rates[0] > 0.024 and rates[-1] < 0.002
    assert 6 <= training.told(TrainingEnded)[0].seconds < 7


# Keeping -------------------------------------------------------------------------------------------------------------


def test_what_it_keeps(run: Run) -> None:
    """Frames of the whole vocabulary, a checkpoint that others cannot read, metrics without a loss."""
    training = Training(run, frame_words=17)
    training.trainer.listeners = [*training.trainer.listeners, MetricsFile(run)]
    training.trainer.train()
    last = training.told(StepDone)[-1].step
    frames = [0, *(2**n for n in range(10) if 2**n <= last)]
    assert list_frames(run) == frames
    frame = load_frame(run, frames[-1])
    assert list(frame) == ["words.weight"] and frame["words.weight"].shape == (17, 13)
    weights = load_weights(run, "best")
    assert list(weights) == ["contexts.weight", "words.weight"]
    assert np.array_equal(weights["words.weight"].numpy(), training.trainer.words)
    assert [event.step for event in training.told(CheckpointSaved)] == [last]
    records = read_metrics(run)
    assert records[-1]["step"] == last and records[-1]["train/loss"] > 0 and "train/grad_norm" not in records[-1]
    assert records[-1]["train/words_per_s"] > 0


@pytest.mark.parametrize("broken_off", [1, 21, PIECES, 41])
def test_going_on_gives_what_an_unbroken_training_gives(run: Run, broken_off: int) -> None:
    """Another learning rate, other draws or another place in the text after an interruption, to the last bit."""
    unbroken = Training()
    unbroken.trainer.train()
    first = Training(run)

    def interrupt(event: Event) -> None:
        if isinstance(event, StepDone) and event.step == broken_off:
            signal.raise_signal(signal.SIGINT)

    first.trainer.listeners = [*first.trainer.listeners, interrupt]
    assert first.trainer.train() == "interrupted"
    checkpoint = load_checkpoint(run)
    assert broken_off <= checkpoint.step < broken_off + 3 and checkpoint.step == first.told(StepDone)[-1].step
    second = Training(run)
    second.trainer.restore(checkpoint)
    assert second.trainer.finished() is None
    assert second.trainer.train() == "epochs"
    assert second.told(TrainingStarted)[0].resumed_from == checkpoint.step
    assert np.array_equal(second.trainer.words, unbroken.trainer.words)
    assert np.array_equal(second.trainer.contexts, unbroken.trainer.contexts)
    assert second.told(StepDone)[-1].step == unbroken.told(StepDone)[-1].step
    third = Training(run)
    third.trainer.restore(load_checkpoint(run))
    assert third.trainer.finished() == "epochs"
    assert third.trainer.train() == "epochs" and not third.told(StepDone, CheckpointSaved)


def test_more_epochs_go_on_from_the_end(run: Run) -> None:
    """A larger budget that begins anew, or that does not learn."""
    Training(run).trainer.train()
    longer = Training(run, epochs=3)
    longer.trainer.restore(load_checkpoint(run))
    assert longer.trainer.train() == "epochs"
    assert longer.told(StepDone)[-1].epoch == 3 and longer.told(StepDone)[0].epoch > 2


@pytest.mark.parametrize("changed", [{"vector_size": 11}, {"text": True}])
def test_a_checkpoint_of_something_else_is_refused(run: Run, changed: dict[str, Any]) -> None:
    """Vectors of another size are stretched; a place in another text is taken for one in this."""
    Training(run).trainer.train()
    ids, starts, counts = topical()
    if changed.pop("text", False):
        ids, starts = ids[: 300 * LENGTH], starts[:301]
    other = WordTrainer(ids, starts, counts, settings(**changed))
    with pytest.raises(ValueError):
        other.restore(load_checkpoint(run))


@pytest.mark.parametrize("threads", [1, 3])
def test_validations(run: Run, threads: int) -> None:
    """Validations that are left out, that look while threads are at work, or whose best one is not kept."""
    losses = iter([5.0, 3.0, 4.0, 6.0])
    seen = []

    def validate() -> Validation:
        before = training.trainer.words.copy()
        seen.append(before)
        return Validation(next(losses), {"spearman": 0.5})

    training = Training(run, validate, validations=4, threads=threads)
    training.trainer.train()
    told = training.told(Validated)
    assert [(each.loss, each.best) for each in told] == [(5.0, True), (3.0, True), (4.0, False), (6.0, False)]
    assert told[0].scores == {"spearman": 0.5} and told[0].perplexity is None
    assert np.array_equal(load_weights(run, "best")["words.weight"].numpy(), seen[1])
    assert np.array_equal(load_weights(run, "last")["words.weight"].numpy(), training.trainer.words)


# Ends ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kept", [True, False])
def test_a_training_that_diverges(run: Run, kept: bool) -> None:
    """Vectors of NaN that are saved as the best ones."""
    training = Training(run if kept else None, learning_rate=1e30)
    with pytest.raises(Diverged, match=r"diverged at step [12]: loss (nan|inf), .* Try a smaller --learning-rate"):
        training.trainer.train()
    assert training.told(TrainingEnded)[0].reason == "diverged"
    assert not run.checkpoint_steps()


def test_a_training_in_which_every_word_is_left_out() -> None:
    """Guards against vectors that are as they were drawn, and yet have neighbours."""
    with pytest.raises(UserError, match="nothing was learned: --sample 1e-300 leaves out"):
        Training(sample=1e-300).trainer.train()


def test_vectors_that_fit_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """A MemoryError with a traceback."""

    def fail(seed: int) -> None:
        raise MemoryError

    monkeypatch.setattr(np.random, "default_rng", fail)
    text = np.zeros(11, np.int32), np.array([0, 11]), np.full(3 * 10**6, 5)
    with pytest.raises(UserError, match=r"3,000,000 words × 200 numbers need 4\.8 GB of memory"):
        WordTrainer(*text, settings(vector_size=200))


def test_a_training_does_without_pytorch() -> None:
    """200 MB more than the vectors need."""
    program = (
        "import sys, tempfile\n"
        "import numpy as np\n"
        "from congling.learning.metrics import MetricsFile\n"
        "from congling.learning.progress import ProgressReport\n"
        "from congling.learning.runs import Run\n"
        "from congling.learning.word2vec.settings import Word2VecSettings\n"
        "from congling.learning.word2vec.trainer import WordTrainer\n"
        "with tempfile.TemporaryDirectory() as folder, ProgressReport() as progress:\n"
        "    run = Run.create(folder, {}, task='word-embedding', seed=1)\n"
        "    ids = np.arange(100, dtype=np.int32) % 7\n"
        "    text = ids, np.arange(0, 101, 5), np.bincount(ids)\n"
        "    WordTrainer(*text, Word2VecSettings(threads=1), run, [progress, MetricsFile(run)]).train()\n"
        "    assert run.checkpoint_steps()\n"
        "print('torch' in sys.modules)\n"
    )
    outcome = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert outcome.stdout.strip() == "False"


def test_the_speed_is_that_of_the_last_seconds() -> None:
    """A mean over a whole training, or over the instant between two threads' reports."""
    speed = Speed(100.0)
    assert speed.after(50, 101.0) == pytest.approx(50)
    assert speed.after(50, 101.0) == pytest.approx(100)
    assert speed.after(5, 102.0) == pytest.approx(105 / 2)
    assert speed.after(30, 103.5) == pytest.approx(35 / 2.5)
