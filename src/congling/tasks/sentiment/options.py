"""Everything that the training of a text classifier can be told, with the defaults; the texts are the help.

Nothing here imports PyTorch, so that ``congling train sentiment --help`` answers at once.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal

from congling.errors import UsageError
from congling.language import _
from congling.learning.options import (
    Budget,
    TrainingOptions,
    require_at_least,
    require_at_most,
    require_below_one,
)

TASK = "sentiment"
MOST_PIECES = 8192  # of a text; far more than a recurrent network remembers
MOST_WIDTH = 8192
MOST_NGRAMS = 16  # pieces in a run; longer ones hardly come twice
MOST_VOCABULARY = 1_000_000
USUAL_VOCABULARY = {"characters": 5000, "words": 20_000, "bpe": 8000, "unigram": 8000}
STEPS = 4400  # of a default training, about; it counts in whole epochs
FEWEST_EPOCHS, MOST_EPOCHS = 3, 100


@dataclass
class TextDataOptions:
    """Data"""

    data: str = "reviews-zh"
    """A named data set (see: congling data list), used when no texts of your own are given."""
    table: Path | None = None
    """Your own texts: a .csv, .tsv, .jsonl or .parquet file with a column of texts and one of labels."""
    text_column: str = "text"
    """Column of --table with the texts."""
    label_column: str = "label"
    """Column of --table with the labels; each different label is a class, and there may be more than two."""
    folder: Path | None = None
    """Your own texts: a folder with one sub-folder a class, which holds a .txt file for each text."""
    valid_size: int = 1000
    """How many texts to hold out for validation, of each class in its proportion (at most a fifth of all)."""
    test_size: int = 1600
    """How many texts to hold out for the test, of each class in its proportion (at most a fifth of all)."""

    def check(self) -> None:
        """Refuse data that exclude each other, and sizes that cannot be."""
        if self.table is not None and self.folder is not None:
            message = _("{first} and {second} exclude each other: give one of them")
            raise UsageError(message.format(first="--table", second="--folder"))
        for option, given, usual in (
            ("--text-column", self.text_column, "text"),
            ("--label-column", self.label_column, "label"),
        ):
            if given != usual and self.table is None:
                raise UsageError(_("{here} needs {missing} beside it").format(here=option, missing="--table"))
        if self.text_column == self.label_column:
            message = _("--text-column and --label-column are both {name}: give two columns")
            raise UsageError(message.format(name=self.text_column))
        require_at_least(("--valid-size", self.valid_size, 1), ("--test-size", self.test_size, 0))

    @property
    def named(self) -> bool:
        """Whether the data are a named set and not the user's own."""
        return self.table is None and self.folder is None

    @property
    def name(self) -> str:
        """What the user calls the data."""
        return str(self.table or self.folder or self.data)


@dataclass
class PieceOptions:
    """Pieces"""

    pieces: Literal["characters", "words", "bpe", "unigram"] = "characters"
    """What a text is cut into before it is read: single characters, whole words (Chinese ones by jieba: pip install
    'congling[chinese]'), or subwords that are found in the texts."""
    vocabulary: int | None = None
    """How many different pieces to know, fewer where the texts have fewer; by default 5000 characters, 20000 words or
    8000 subwords."""
    normalization: Literal["auto", "nmt_nfkc", "nfkc", "identity", "simplified-chinese", "simplified-characters"] = (
        "auto"
    )
    """How characters are folded before: auto makes full-width letters ordinary ones and traditional characters
    simplified ones."""
    longest: int = 256
    """How many pieces of a text are read; what comes after is cut off."""

    def check(self) -> None:
        """Refuse sizes that cannot be."""
        require_at_least(("--vocabulary", self.vocabulary, 4), ("--longest", self.longest, 1))
        require_at_most(("--vocabulary", self.vocabulary, MOST_VOCABULARY), ("--longest", self.longest, MOST_PIECES))


@dataclass
class ReadingNetworkOptions:
    """Network"""

    cell: Literal["elman", "gru", "lstm"] = "gru"
    """How a new state is made of the one before and of the next piece: the simple recurrent network, or with gates."""
    bidirectional: bool = True
    """Read backwards too; the states of both directions stand side by side."""
    width: int = 128
    """Numbers in a hidden state, in each direction."""
    embedding: int = 128
    """Numbers in a piece's vector."""
    layers: int = 1
    """Recurrent layers one upon the other."""
    pooling: Literal["last", "mean", "max", "max-mean"] = "max-mean"
    """What of all the states decides: the last one, the mean or the largest value of each unit over the text, or the
    largest and the mean."""
    dropout: float = 0.5
    """Part of what was pooled, and of what goes from layer to layer, that is dropped in training."""
    embedding_dropout: float = 0.4
    """Part of the numbers of the pieces' vectors that is dropped in training."""
    guess_dropout: float = 0.2
    """The same while the network learns to guess neighbouring pieces (--pretraining): there are far more of them than
    of labels, so that it needs less to hold it back."""
    piece_dropout: float = 0.15
    """Part of the pieces that the network is not told in training."""
    ngrams: int = 4
    """Beside the reading, a linear model counts the runs of up to so many pieces, wherever they stand; the answer is
    the mean of both. 0 leaves it out."""
    ngram_dropout: float = 0.5
    """Part of these runs that is dropped in training."""

    def check(self) -> None:
        """Refuse sizes that no network can have."""
        sizes = [("--width", self.width), ("--embedding", self.embedding), ("--layers", self.layers)]
        require_at_least(*((option, size, 1) for option, size in sizes))
        require_at_most(*((option, size, MOST_WIDTH) for option, size in sizes[:2]), ("--layers", self.layers, 100))
        require_at_least(("--ngrams", self.ngrams, 0))
        require_at_most(("--ngrams", self.ngrams, MOST_NGRAMS))
        require_below_one(
            ("--dropout", self.dropout),
            ("--embedding-dropout", self.embedding_dropout),
            ("--guess-dropout", self.guess_dropout),
            ("--piece-dropout", self.piece_dropout),
            ("--ngram-dropout", self.ngram_dropout),
        )


@dataclass
class ReadingTraining(TrainingOptions):
    """Training"""

    default_budget: ClassVar[Budget] = Budget(epochs=MOST_EPOCHS)
    score: ClassVar[str | None] = "accuracy"

    minutes: float | None = None
    """Train for so many minutes; the schedule follows the part that is spent. Without any such budget: a number of
    epochs that suits the number of texts."""
    pretraining: float = 0.55
    """Part of the training in which the network learns to guess the next and the previous piece of the texts, before it
    learns their classes: it then knows how the language goes. 0 leaves that out."""
    batch_size: int = 64
    """Texts in a batch."""
    learning_rate: float = 4e-3
    """The highest learning rate, reached at the end of the warm-up."""
    warmup_steps: int = 100
    """Updates over which the learning rate rises from zero."""
    validations: int = 12
    """How often to validate over the whole training."""
    average: int = 3
    """After training, average the weights of so many checkpoints, and use that if its validation loss is lower."""

    def check(self) -> None:
        """Refuse values that no training can have, in the user's own words."""
        super().check()
        require_at_least(("--batch-size", self.batch_size, 1))
        require_below_one(("--pretraining", self.pretraining))


@dataclass
class SentimentOptions:
    """Sentiment"""

    run: Path | None = None
    """Folder of the new run; by default runs/sentiment-DATA, with a number if that is taken."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to compute."""
    data: TextDataOptions = field(default_factory=TextDataOptions)
    pieces: PieceOptions = field(default_factory=PieceOptions)
    network: ReadingNetworkOptions = field(default_factory=ReadingNetworkOptions)
    training: ReadingTraining = field(default_factory=ReadingTraining)

    def check(self) -> None:
        """Refuse options that contradict each other, before anything is read or written."""
        for group in (self.data, self.pieces, self.network, self.training):
            group.check()

    def settled(self, *, texts: int) -> SentimentOptions:
        """A copy that leaves the budget and the vocabulary's size no longer open, for so many texts to learn from."""
        settled = copy.deepcopy(self)
        pieces, training = settled.pieces, settled.training
        pieces.vocabulary = pieces.vocabulary or USUAL_VOCABULARY[pieces.pieces]
        if training.steps is training.minutes is training.epochs is None:
            a_pass = -(-texts // training.batch_size) / training.accumulation
            training.epochs = float(min(max(round(STEPS / a_pass), FEWEST_EPOCHS), MOST_EPOCHS))
        return settled
