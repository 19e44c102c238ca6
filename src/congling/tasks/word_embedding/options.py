"""Everything that the training of word vectors can be told, with the defaults; the texts are the help.

Nothing here imports PyTorch or numba, so that ``congling train word-embedding --help`` answers at once.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal

from congling.errors import UsageError
from congling.language import _
from congling.learning.options import Budget, require_at_least
from congling.learning.word2vec.settings import Word2VecSettings

TASK = "word-embedding"
RENMIN, WIKIPEDIA = "renmin-1998", "enwiki-excerpt"
NAMED = (RENMIN, WIKIPEDIA)  # the data sets that hold text for it
WORDS = 15_000_000  # that a default training reads, about: a small text again and again; it counts in epochs
FEWEST_EPOCHS, MOST_EPOCHS = 5, 20


@dataclass
class WordDataOptions:
    """Data"""

    data: str = RENMIN
    """A named data set, used when no text of your own is given: renmin-1998 (Chinese) or enwiki-excerpt (English)."""
    text: list[Path] = field(default_factory=list)
    """Your own text: files in UTF-8, one sentence or paragraph a line, gzipped if their names end in .gz."""
    split: Literal["auto", "spaces", "unicode", "jieba", "characters"] = "auto"
    """How your text becomes words: at its spaces, by a rule for any script, Chinese by a dictionary (needs the extra:
    pip install 'congling[chinese]'), or letter by letter; auto looks at the text."""
    lower_case: bool = False
    """Take The and the for one word."""
    min_count: int = 5
    """Leave out words that occur less often."""
    max_vocabulary: int | None = None
    """Keep at most so many words, the most frequent ones."""
    valid_size: int = 500
    """How many lines to hold out for validation (at most a tenth of all); 0 for none."""

    def check(self) -> None:
        """Refuse data that exclude each other, and sizes that cannot be."""
        if self.text and self.data != WordDataOptions.data:
            message = _("{first} and {second} exclude each other: give one of them")
            raise UsageError(message.format(first=f"--data {self.data}", second="--text"))
        if not self.text and self.split != "auto":
            message = _("--split {how} belongs to --text: the words of {name} are known")
            raise UsageError(message.format(how=self.split, name=self.data))
        require_at_least(
            ("--min-count", self.min_count, 1),
            ("--max-vocabulary", self.max_vocabulary, 1),
            ("--valid-size", self.valid_size, 0),
        )

    @property
    def name(self) -> str:
        """What the user calls the data."""
        return _(", ").join(map(str, self.text)) or self.data


@dataclass
class WordTraining:
    """Training"""

    default_budget: ClassVar[Budget] = Budget(epochs=FEWEST_EPOCHS)

    algorithm: Literal["skip-gram", "cbow"] = "skip-gram"
    """Predict each neighbour from the word, or the word from its neighbours together (faster; better for frequent
    words)."""
    vector_size: int = Word2VecSettings.vector_size
    """How many numbers make a vector."""
    window: int = Word2VecSettings.window
    """How many words away a neighbour may stand; for each place it is drawn between 1 and this."""
    negative: int = Word2VecSettings.negative
    """Words drawn at random for each neighbour, from which it is to be told apart."""
    sample: float = Word2VecSettings.sample
    """The frequency from which on a word's occurrences are left out at random; 0 leaves none out."""
    ns_exponent: float = Word2VecSettings.ns_exponent
    """The random words are drawn in proportion to their count to this power."""
    cbow_mean: bool = Word2VecSettings.cbow_mean
    """With --algorithm cbow, take the mean of the neighbours' vectors; --no-cbow-mean takes their sum."""
    learning_rate: float = Word2VecSettings.learning_rate
    """The learning rate at the beginning; it falls in a straight line."""
    least_learning_rate: float = Word2VecSettings.least_learning_rate
    """The learning rate at the end."""
    epochs: float | None = None
    """Pass so many times over the text; by default a number that suits its length, from 5 to 20."""
    minutes: float | None = None
    """Train for so many minutes instead."""
    threads: int | None = None
    """Processor threads; all processors by default. Only with one do results repeat to the last bit."""
    seed: int = Word2VecSettings.seed
    """Where all random choices start."""
    validations: int = Word2VecSettings.validations
    """How often to look at the held-out lines over the whole training."""
    keep_checkpoints: int = Word2VecSettings.keep_checkpoints
    """Checkpoints to keep beside the best one."""
    save_minutes: float = Word2VecSettings.save_minutes
    """Save at least every so many minutes."""
    tensorboard: bool = False
    """Write TensorBoard events into the run (needs the extra: pip install 'congling[tensorboard]')."""

    @property
    def steps(self) -> int | None:
        """No budget is counted in steps here: a step is a piece of the text."""
        return None

    @steps.setter
    def steps(self, steps: int | None) -> None:
        assert steps is None

    @property
    def settings(self) -> Word2VecSettings:
        """The same as the engine takes it."""
        return Word2VecSettings(
            vector_size=self.vector_size,
            window=self.window,
            negative=self.negative,
            sample=self.sample,
            ns_exponent=self.ns_exponent,
            cbow=self.algorithm == "cbow",
            cbow_mean=self.cbow_mean,
            learning_rate=self.learning_rate,
            least_learning_rate=self.least_learning_rate,
            epochs=self.epochs,
            minutes=self.minutes,
            threads=self.threads,
            seed=self.seed,
            validations=self.validations,
            keep_checkpoints=self.keep_checkpoints,
            save_minutes=self.save_minutes,
        )

    def check(self) -> None:
        """Refuse values that no training can have, in the user's own words."""
        self.settings.check()

    def settle_budget(self) -> None:
        """Leave it open: how many epochs suit a text is known when its words are counted, see ``settled``."""


@dataclass
class WordEmbeddingOptions:
    """Word embedding"""

    run: Path | None = None
    """Folder of the new run; by default runs/word-embedding-DATA, with a number if that is taken."""
    data: WordDataOptions = field(default_factory=WordDataOptions)
    training: WordTraining = field(default_factory=WordTraining)

    @property
    def device(self) -> Literal["auto", "cpu", "cuda"]:
        """Word vectors are learned by the processor: a step changes a few rows of two large matrices."""
        return "cpu"

    def check(self) -> None:
        """Refuse options that contradict each other, before anything is read or written."""
        self.data.check()
        self.training.check()

    def settled(self, words: int) -> WordEmbeddingOptions:
        """A copy that leaves nothing open, for a text of so many words."""
        settled = copy.deepcopy(self)
        training = settled.training
        if training.epochs is training.minutes is None:
            training.epochs = float(min(max(round(WORDS / max(words, 1)), FEWEST_EPOCHS), MOST_EPOCHS))
        return settled
