"""What a training of word vectors can be told, under the names that others use for it. Nothing here imports numba."""

from __future__ import annotations

from dataclasses import dataclass

from congling.errors import UsageError
from congling.language import _
from congling.learning.options import (
    MOST_THREADS,
    Budget,
    require_above_zero,
    require_at_least,
    require_at_most,
    require_finite,
)

WIDEST_WINDOW = 10_000  # words, as a sentence has at most
MOST_EXPONENT = 10  # a count to a much higher power is more than a float can hold


@dataclass(frozen=True)
class Word2VecSettings:
    """How to learn word vectors: Mikolov et al. 2013a, 2013b; the names and defaults of word2vec and gensim.

    Attributes:
        vector_size: D, the numbers of a vector.
        window: how many words away a neighbour may stand; for each place it is drawn between 1 and this.
        negative: K, the words drawn at random for each neighbour.
        sample: the frequency from which on occurrences of a word are left out at random; 0 leaves none out.
        ns_exponent: negatives are drawn in proportion to the count to this power.
        cbow: predict the word from its neighbours together (CBOW) instead of each neighbour from the word (skip-gram).
        cbow_mean: of the neighbours' vectors take the mean, else the sum.
        learning_rate, least_learning_rate: it falls in a straight line from the one to the other.
        epochs, minutes: how long to train, one of them; 5 epochs if neither is given.
        threads: all processors by default. Results repeat to the last bit with one thread and epochs.
        seed: where all random choices start, from 0 to 2³² − 1.
        validations: how often to validate, where there is something to validate with.
        keep_checkpoints: how many of the newest stay, beside the best one.
        save_minutes: save at least every so many minutes.
        frame_words: how many words, the most frequent ones, a frame holds.
    """

    vector_size: int = 100
    window: int = 5
    negative: int = 5
    sample: float = 1e-3
    ns_exponent: float = 0.75
    cbow: bool = False
    cbow_mean: bool = True
    learning_rate: float = 0.025
    least_learning_rate: float = 0.0001
    epochs: float | None = None
    minutes: float | None = None
    threads: int | None = None
    seed: int = 1
    validations: int = 10
    keep_checkpoints: int = 1
    save_minutes: float = 5.0
    frame_words: int = 10_000

    @property
    def budget(self) -> Budget:
        """How long the training may go on."""
        if self.epochs is self.minutes is None:
            return Budget(epochs=5)
        return Budget(seconds=None if self.minutes is None else 60 * self.minutes, epochs=self.epochs)

    def check(self) -> None:
        """Refuse what no training can have.

        Raises:
            UsageError: naming the option as the command line does.
        """
        require_at_least(
            ("--vector-size", self.vector_size, 1),
            ("--window", self.window, 1),
            ("--negative", self.negative, 1),
            ("--sample", self.sample, 0),
            ("--threads", self.threads, 1),
            ("--seed", self.seed, 0),
            ("--validations", self.validations, 1),
            ("--keep-checkpoints", self.keep_checkpoints, 1),
            ("--frame-words", self.frame_words, 1),
        )
        require_at_most(("--threads", self.threads, MOST_THREADS), ("--seed", self.seed, 2**32 - 1))
        require_at_most(("--vector-size", self.vector_size, 10_000), ("--negative", self.negative, 1000))
        require_at_most(("--window", self.window, WIDEST_WINDOW))
        require_finite(("--ns-exponent", self.ns_exponent))
        if abs(self.ns_exponent) > MOST_EXPONENT:
            message = _("{option} {value:g} must be between {least} and {most}")
            told = {"least": -MOST_EXPONENT, "most": MOST_EXPONENT}
            raise UsageError(message.format(option="--ns-exponent", value=self.ns_exponent, **told))
        require_above_zero(
            ("--learning-rate", self.learning_rate), ("--epochs", self.epochs), ("--minutes", self.minutes),
            ("--save-minutes", self.save_minutes),
        )  # fmt: skip
        require_at_least(("--least-learning-rate", self.least_learning_rate, 0))
        self._check_pairs()

    def _check_pairs(self) -> None:
        if self.least_learning_rate > self.learning_rate:
            message = _("--least-learning-rate {least:g} is more than --learning-rate {rate:g}")
            raise UsageError(message.format(least=self.least_learning_rate, rate=self.learning_rate))
        if self.epochs is not None and self.minutes is not None:
            message = _("{first} and {second} exclude each other: give one of them")
            first, second = f"--minutes {self.minutes:g}", f"--epochs {self.epochs:g}"
            raise UsageError(message.format(first=first, second=second))
