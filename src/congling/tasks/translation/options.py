"""Everything that a training of a translator can be told. The defaults stand here once; the field texts are the help.

Nothing here imports PyTorch, so that ``congling train translation --help`` answers at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal

from congling.data.text.languages import direction_of
from congling.errors import UsageError
from congling.language import _
from congling.learning.options import (
    Budget,
    TrainingOptions,
    flag,
    require_at_least,
    require_at_most,
    require_below_one,
)
from congling.learning.schedules import ScheduleName
from congling.tasks.translation.network_options import NetworkOptions

TASK = "translation"
SMALLEST_VOCABULARY = 4  # </s>, <unk>, <pad> and one piece
LARGEST_VOCABULARY = 1_000_000  # several times the largest ones in use
MOST_HYPOTHESES = 100  # a wider beam only costs memory


@dataclass
class DataOptions:
    """Data"""

    data: str = "tatoeba-zh-en"
    """A named data set (see: congling data list), used when no data of your own are given."""
    source: Path | None = None
    """Your own data: a text file with one source sentence a line (.gz too)."""
    target: Path | None = None
    """The file with the translations of --source, line by line."""
    table: Path | None = None
    """Your own data as one file: .csv, .tsv, .jsonl or .parquet."""
    hub: str | None = None
    """Your own data as a Hugging Face data set: its name or a folder."""
    hub_configuration: str | None = None
    """Which sub-set of --hub, for example a language pair, where it has several."""
    hub_split: str = "train"
    """Which split of --hub to learn from."""
    source_column: str = "source"
    """Column of --table or --hub with the source sentences; translation.zh for a column inside a column."""
    target_column: str = "target"
    """Column of --table or --hub with the translations."""
    direction: str | None = None
    """Languages as FROM-TO, such as zh-en or en-zh. By default zh-en, or what your files' endings or scripts tell."""
    valid_source: Path | None = None
    """Validation sentences of your own; otherwise some are held out."""
    valid_target: Path | None = None
    """Translations of --valid-source."""
    test_source: Path | None = None
    """Test sentences of your own; otherwise some are held out."""
    test_target: Path | None = None
    """Translations of --test-source."""
    valid_size: int = 1000
    """How many groups of sentences that share a translation to hold out for validation (at most a tenth of them)."""
    test_size: int = 1000
    """How many groups of sentences that share a translation to hold out for the test (at most a tenth of them)."""
    max_pieces: int = 128
    """Longest sentence that is learned from, in pieces; longer ones are counted and left out."""

    def check(self) -> None:
        """Refuse data that exclude each other, half a pair of files, and sizes that cannot be."""
        own = [("--source", self.source or self.target), ("--table", self.table), ("--hub", self.hub)]
        given = [name for name, value in own if value is not None]
        if len(given) > 1:
            raise UsageError(
                _("{first} and {second} exclude each other: give one of them").format(first=given[0], second=given[1])
            )
        for first, second in (("source", "target"), ("valid_source", "valid_target"), ("test_source", "test_target")):
            if (getattr(self, first) is None) != (getattr(self, second) is None):
                here, missing = (first, second) if getattr(self, second) is None else (second, first)
                raise UsageError(_("{here} needs {missing} beside it").format(here=flag(here), missing=flag(missing)))
        if self.direction is not None and direction_of(self.direction) is None:
            message = _("--direction {direction} must name two languages, such as zh-en or zh-Hant-en-US")
            raise UsageError(message.format(direction=self.direction))
        require_at_least(
            ("--valid-size", self.valid_size, 0 if self.valid_source else 1),  # best and patience hang on it
            ("--test-size", self.test_size, 0),
            ("--max-pieces", self.max_pieces, 1),
        )


@dataclass
class VocabularyOptions:
    """Vocabulary"""

    source_vocabulary: int | None = None
    """Pieces in the source vocabulary; by default 5000, or as many as the text can fill."""
    target_vocabulary: int | None = None
    """Pieces in the target vocabulary; by default 4000, or as many as the text can fill."""
    joint_vocabulary: int | None = None
    """One vocabulary of so many pieces for both languages, with one embedding table."""
    pieces: Literal["bpe", "unigram", "characters"] = "bpe"
    """How text is cut into pieces."""
    source_normalization: Literal[
        "auto", "nmt_nfkc", "nfkc", "identity", "simplified-chinese", "simplified-characters"
    ] = "auto"
    """How the source is normalised; auto reads traditional Chinese as simplified, and folds widths and ligatures."""
    target_normalization: Literal[
        "auto", "nmt_nfkc", "nfkc", "identity", "simplified-chinese", "simplified-characters"
    ] = "auto"
    """How the target is normalised; auto writes simplified Chinese with its own punctuation, Japanese as it stands."""
    subword_sampling: float = 0.0
    """Cut the text into other pieces in each epoch, with this strength (0.1 is usual)."""

    def check(self) -> None:
        """Refuse sizes that no vocabulary can have, and two rules for one vocabulary."""
        if self.joint_vocabulary is not None and (self.source_vocabulary or self.target_vocabulary) is not None:
            raise UsageError(_("--joint-vocabulary excludes --source-vocabulary and --target-vocabulary"))
        rules = {self.source_normalization, self.target_normalization} - {"auto"}
        if self.joint_vocabulary is not None and len(rules) > 1:
            raise UsageError(
                _(
                    "--joint-vocabulary has one normalisation for both sides, not --source-normalization {source} and"
                    " --target-normalization {target}: give the same for both"
                ).format(source=self.source_normalization, target=self.target_normalization)
            )
        for option, size in (
            ("--source-vocabulary", self.source_vocabulary),
            ("--target-vocabulary", self.target_vocabulary),
            ("--joint-vocabulary", self.joint_vocabulary),
        ):
            require_at_least((option, size, SMALLEST_VOCABULARY))
            require_at_most((option, size, LARGEST_VOCABULARY))
        require_below_one(("--subword-sampling", self.subword_sampling))


@dataclass
class TranslationTraining(TrainingOptions):
    """Training"""

    default_budget: ClassVar[Budget] = Budget(seconds=600)
    score: ClassVar[str | None] = "bleu"

    minutes: float | None = None
    """Train for so many minutes; the schedule follows the part that is spent. Without any such budget: 10."""
    learning_rate: float | None = None  # type: ignore[assignment]  # a number once ``TranslationOptions.settle`` ran
    """The highest learning rate, reached at the end of the warm-up; by default 0.055 / √width (0.004 for a width of
    192), with --norm post half of it, of an rnn 0.004."""
    schedule: ScheduleName = "linear"
    """How the learning rate falls after the warm-up."""
    batch_tokens: int = 2048
    """Tokens in a batch, padding included, on the longer side."""
    label_smoothing: float = 0.1
    """Probability that is spread over all pieces instead of the right one."""

    def check(self) -> None:
        """Refuse what no training of a translator can have."""
        super().check()
        require_at_least(("--batch-tokens", self.batch_tokens, 1))
        require_below_one(("--label-smoothing", self.label_smoothing))


@dataclass
class TranslationOptions:
    """Translation"""

    run: Path | None = None
    """Folder of the new run; by default runs/translation-FROM-TO, with a number if that is taken."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to compute; auto takes a GPU where there is one."""
    data: DataOptions = field(default_factory=DataOptions)
    vocabulary: VocabularyOptions = field(default_factory=VocabularyOptions)
    network: NetworkOptions = field(default_factory=NetworkOptions)
    training: TranslationTraining = field(default_factory=TranslationTraining)

    def check(self) -> None:
        """Refuse options that contradict each other, before anything is read or written."""
        self.data.check()
        self.vocabulary.check()
        self.network.check()
        self.training.check()

    def settle(self) -> None:
        """Write in what the network decides where nothing was given: ``run.yaml`` then says what was meant."""
        self.network.settle()
        if self.training.learning_rate is None:
            self.training.learning_rate = self.network.learning_rate()


@dataclass
class SearchOptions:
    """Search"""

    beam: int = 5
    """Hypotheses that are kept at each step; 1 is greedy."""
    length_penalty: float = 1.2
    """Exponent of the length by which a hypothesis' log-probability is divided; more favours longer ones."""
    no_repeat_ngram: int = 0
    """Never write the same sequence of so many pieces twice in a sentence; 0 allows it."""
    batch_tokens: int = 4096
    """Source tokens that are translated at once, padding included."""
    max_length: int = 200
    """Longest translation of a sentence, in pieces; never more than 3 × the source's pieces + 20."""

    def check(self) -> None:
        """Refuse what no search can do."""
        require_at_least(
            ("--beam", self.beam, 1),
            ("--batch-tokens", self.batch_tokens, 1),
            ("--max-length", self.max_length, 1),
            ("--no-repeat-ngram", self.no_repeat_ngram, 0),
            ("--length-penalty", self.length_penalty, 0),
        )
        require_at_most(("--beam", self.beam, MOST_HYPOTHESES))
