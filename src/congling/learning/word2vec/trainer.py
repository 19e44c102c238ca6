"""The trainer of word vectors: threads that learn from pieces of the text, and one that tells, looks and saves.

A step is one piece. It has no gradient that an optimiser could take: every prediction in it changes some rows at once.
What a training says, keeps and can go on from is that of every training here. Nothing here imports PyTorch, so that
the memory is the vectors'.

V vocabulary · D width
"""

from __future__ import annotations

import contextlib
import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from congling.errors import UserError
from congling.language import _
from congling.learning.checkpoints import LoadedCheckpoint
from congling.learning.diverged import Diverged
from congling.learning.events import (
    CheckpointSaved,
    Event,
    Listener,
    Reason,
    StepDone,
    TrainingEnded,
    TrainingStarted,
    Validated,
)
from congling.learning.frames import is_frame_step
from congling.learning.interrupts import Interrupts
from congling.learning.keeping import OnDisk
from congling.learning.memory import drop_code_of, give_back_memory
from congling.learning.options import Budget
from congling.learning.runs import Run
from congling.learning.threads import thread_count
from congling.learning.training_state import Progress, Validation
from congling.learning.word2vec.settings import Word2VecSettings
from congling.learning.word2vec.speed import Speed
from congling.learning.word2vec.text import Text
from congling.learning.word2vec.vectors import all_finite, first_vectors

_LET_GO = 64  # pieces that are learned from until the memory of their text is given back


@dataclass(frozen=True)
class _Done:
    """What a piece gave."""

    loss: float  # the sum over its predictions
    predictions: int
    words: int
    rate: float


class WordTrainer:
    """Learns the vectors of words from a text.

    Args:
        ids: (N,) int32 the numbers of the text's words, most frequent word 0; may lie on the disk.
        starts: (sentences + 1,) int64 where each sentence begins in ``ids``, and N.
        counts: (V,) int64 how often each word stands there.
        run: where everything is kept; None trains in memory and writes nothing.
        listeners: hear every event.
        validate: looks at ``words`` and ``contexts`` between two steps, while nobody changes them.

    Attributes:
        words: (V, D) float32 the vectors.
        contexts: (V, D) float32 those of the words as they are predicted.

    Raises:
        UserError: the text holds nothing to learn from, or the vectors do not fit into the memory.
    """

    def __init__(
        self,
        ids: NDArray[np.int32],
        starts: NDArray[np.int64],
        counts: NDArray[np.int64],
        settings: Word2VecSettings,
        run: Run | None = None,
        listeners: Sequence[Listener] = (),
        validate: Callable[[], Validation] | None = None,
    ) -> None:
        self.settings, self.run, self.listeners, self.validate = settings, run, listeners, validate
        self.text = Text.of(ids, starts, counts, settings)
        self.text.warm_up()
        drop_code_of("libllvmlite")
        give_back_memory()
        self.words, self.contexts = first_vectors(len(counts), settings)
        self.budget = settings.budget
        self.threads = thread_count(settings.threads)
        self.keeper = None if run is None else OnDisk(run, settings.keep_checkpoints, random=dict)
        self.progress, self.interrupts = Progress(), Interrupts()
        self._words_before = self.text.pieces.words_before.tolist()
        self._handed_out = 0  # pieces that the threads were given
        self._untold = 0  # words of pieces in which nothing was predicted
        self._learned = False  # whether anything was
        self._begun = self._saved_at = time.monotonic()
        self._saved_step: int | None = None

    # The loop --------------------------------------------------------------------------------------------------------

    def train(self) -> Reason:
        """Train until the budget is spent or something else ends it; returns what did."""
        self._begun = time.monotonic() - self.progress.seconds
        self._saved_at, self._handed_out = time.monotonic(), self.progress.step
        self._speed = Speed(time.monotonic())
        self._tell(self._started())
        with contextlib.nullcontext() if self.run is None else self.interrupts.caught():
            reason = self._loop()
        self._tell(TrainingEnded(self.progress.step, reason, self.progress.seconds))
        return reason

    def _started(self) -> TrainingStarted:
        run, size = None if self.run is None else str(self.run.path), self.words.size + self.contexts.size
        return TrainingStarted(
            run, size, None, self.budget.minutes, self.budget.epochs, self.progress.step or None, "words"
        )

    def _loop(self) -> Reason:
        self._keep_frame()
        with ThreadPoolExecutor(self.threads) as pool:
            while self._fraction(self.progress.step) < 1:
                self._stretch(pool)
                self._keep_frame()
                if self._validation_is_due(self.progress.step):
                    self._look()
                elif self._saving_is_due():
                    self._save()
                if self.interrupts.requested:
                    if self._saved_step != self.progress.step:  # asked for after the saving was looked at
                        self._save()
                    return "interrupted"
        self._finish()
        return self.budget.kind

    def _stretch(self, pool: ThreadPoolExecutor) -> None:
        """Learn from pieces until something has to be done while nobody learns; afterwards no piece is in the works."""
        under_way = deque([self._hand_out(pool)])
        while under_way:
            while len(under_way) < 2 * self.threads and not self._pause_is_due():
                under_way.append(self._hand_out(pool))
            self._note(under_way.popleft().result())

    def _pause_is_due(self) -> bool:
        """Whether something has to be done after the pieces that were handed out."""
        handed_out = self._handed_out
        frame = self.run is not None and is_frame_step(handed_out)
        ended = self._fraction(handed_out) >= 1
        return frame or ended or self._validation_is_due(handed_out) or self._saving_is_due()

    def _hand_out(self, pool: ThreadPoolExecutor) -> Future[_Done]:
        number, settings = self._handed_out, self.settings
        self._handed_out += 1
        falls = settings.learning_rate - settings.least_learning_rate
        return pool.submit(self._learn, number, settings.learning_rate - falls * self._fraction(number))

    def _learn(self, number: int, rate: float) -> _Done:
        """In a thread: one piece."""
        place = number % len(self.text.pieces)
        loss, predictions = self.text.learn(self.words, self.contexts, number, rate)
        return _Done(loss, predictions, self._words_before[place + 1] - self._words_before[place], rate)

    def _note(self, done: _Done) -> None:
        """A piece is done: count it, and tell."""
        progress = self.progress
        if not math.isfinite(done.loss):
            self._stop_diverged(_("loss {loss:g}, learning rate {rate:g}").format(loss=done.loss, rate=done.rate))
        progress.step += 1
        if progress.step % _LET_GO == 0:
            self.text.let_go()
        progress.count += done.words
        progress.epoch = self._epoch(progress.step)
        progress.seconds = time.monotonic() - self._begun
        self._untold += done.words
        if not done.predictions:
            return
        words, self._untold, self._learned = self._untold, 0, True
        self._tell(
            StepDone(
                step=progress.step, loss=done.loss / done.predictions, learning_rate=done.rate,
                gradient_norm=math.nan, count=words, per_second=self._speed.after(words, time.monotonic()),
                seconds=progress.seconds, epoch=progress.epoch, fraction=self._fraction(progress.step),
            )
        )  # fmt: skip

    def _epoch(self, pieces: int) -> float:
        """How many times the text was seen after so many pieces."""
        epochs, rest = divmod(pieces, len(self.text.pieces))
        return epochs + self._words_before[rest] / self._words_before[-1]  # type: ignore[no-any-return]

    def _fraction(self, pieces: int) -> float:
        seconds = time.monotonic() - self._begun if self.budget.seconds is not None else 0.0
        return self.budget.spent(pieces, seconds, self._epoch(pieces))

    def finished(self) -> Reason | None:
        """Why there is nothing left to do, for a run that was restored; None while there is."""
        progress = self.progress
        return self.budget.kind if self.budget.spent(progress.step, progress.seconds, progress.epoch) >= 1 else None

    # Looking and saving ----------------------------------------------------------------------------------------------

    def _validations_due(self, pieces: int) -> int:
        return int(self._fraction(pieces) * self.settings.validations + 1e-9)

    def _validation_is_due(self, pieces: int) -> bool:
        return self.validate is not None and self._validations_due(pieces) > self.progress.validations

    def _saving_is_due(self) -> bool:
        late = time.monotonic() - self._saved_at > 60 * self.settings.save_minutes
        return late or self.interrupts.requested

    def _look(self) -> None:
        """Validate, remember whether this is the best so far, and save."""
        progress = self.progress
        assert self.validate is not None
        validation = self.validate()
        if not math.isfinite(validation.loss):
            self._stop_diverged(_("validation loss {loss:g}").format(loss=validation.loss))
        progress.validations = max(progress.validations + 1, self._validations_due(progress.step))
        best = progress.note(validation)
        progress.seconds = time.monotonic() - self._begun
        self._tell(Validated(progress.step, validation.loss, None, validation.scores, best))
        self._save()

    def _finish(self) -> None:
        if not self._learned:  # vectors as they were drawn would look as if they meant something
            message = _("nothing was learned: --sample {sample:g} leaves out nearly every word; take a larger one")
            raise UserError(message.format(sample=self.settings.sample))
        if self.validate is not None and not self.progress.validated:
            self._look()
        elif self._saved_step != self.progress.step:
            self._save()

    def _keep_frame(self) -> None:
        if self.keeper is not None:
            some = self.settings.frame_words
            self.keeper.frame(self.progress.step, lambda: {"words.weight": self.words[:some]})

    def _save(self) -> None:
        progress = self.progress
        if not (all_finite(self.words) and all_finite(self.contexts)):  # never in the place of a good checkpoint
            self._stop_diverged(_("weights that are not finite"))
        self._saved_at, self._saved_step = time.monotonic(), progress.step
        if self.keeper is None:
            return
        progress.seconds = time.monotonic() - self._begun
        weights = {"words.weight": self.words, "contexts.weight": self.contexts}
        state = {"progress": vars(progress), "budget": vars(self.budget), "words": len(self.text.ids)}
        best = progress.best_merit is not None and progress.best_step == progress.step
        path = self.keeper.save(progress.step, weights, {}, state, best=best, also=[])
        if path is not None:
            self._tell(CheckpointSaved(progress.step, path))

    def restore(self, checkpoint: LoadedCheckpoint) -> None:
        """Go back to where the checkpoint was saved: the vectors, and the place in the text, of which all draws follow.

        Raises:
            ValueError, KeyError: the checkpoint is one of another vocabulary, vector size or text.
        """
        if checkpoint.state["words"] != len(self.text.ids):
            raise ValueError("the checkpoint is one of another text")
        for name, mine in (("words.weight", self.words), ("contexts.weight", self.contexts)):
            saved = checkpoint.weights[name].numpy()
            if saved.shape != mine.shape:
                raise ValueError(f"{name} is {saved.shape} in the checkpoint and {mine.shape} here")
            mine[:] = saved
        self.progress = progress = Progress.restored(checkpoint.state["progress"])
        self._saved_step, self._learned = progress.step, progress.step > 0
        if self.keeper is not None:
            self.keeper.go_back(progress.step, progress.best_step)
        if Budget(**checkpoint.state["budget"]) != self.budget:
            spent = self.budget.spent(progress.step, progress.seconds, progress.epoch)
            progress.validations = int(spent * self.settings.validations + 1e-9)

    # Ends ------------------------------------------------------------------------------------------------------------

    def _stop_diverged(self, numbers: str) -> NoReturn:
        self._tell(TrainingEnded(self.progress.step, "diverged", self.progress.seconds))
        kept = _("the curve up to there is kept") if self.keeper is None else self.keeper.kept()
        message = _("training diverged at step {step}: {numbers}; {kept}. {advice}")
        advice = _("Try a smaller --learning-rate")
        said = message.format(step=self.progress.step + 1, numbers=numbers, kept=kept, advice=advice)
        raise Diverged(said, self.run)

    def _tell(self, event: Event) -> None:
        for listener in self.listeners:
            listener(event)
