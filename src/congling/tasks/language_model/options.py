"""Everything that the training of a language model can be told. The defaults stand here once; the texts are the help.

Nothing here imports PyTorch, so that ``congling train language-model --help`` answers at once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal

from congling.errors import UsageError
from congling.language import _
from congling.learning.options import Budget, TrainingOptions, require_at_least, require_at_most, require_below_one
from congling.networks.recurrent_kinds import GATES

TASK = "language-model"
SMALLEST_VOCABULARY, LARGEST_VOCABULARY = 5, 1_000_000  # </s>, <unk>, <pad>, line break, a piece; several times usual
BYTES = 256
MOST_PARAMETERS = 500_000_000  # two gigabytes; a slip of the finger should not fill the memory
MOST_WRITTEN = 1_000_000  # pieces
MOST_SAMPLES = 1000


@dataclass
class TextDataOptions:
    """Data"""

    data: str = "renmin-1998"
    """A named data set (see: congling data list), used when no text of your own is given."""
    text: list[Path] = field(default_factory=list)
    """Your own text: UTF-8 files (.gz too), or folders of .txt files. Line breaks are kept and learned."""
    documents: Literal["files", "lines", "blank-lines"] = "files"
    """Where a document of your text ends: with its file, with each line, or at blank lines. The end is learned too."""
    valid_size: int = 50_000
    """How many characters to hold out for validation (at most a tenth of them)."""
    test_size: int = 100_000
    """How many characters to hold out for the test (at most a tenth of them)."""

    def check(self) -> None:
        """Refuse sizes that cannot be."""
        require_at_least(("--valid-size", self.valid_size, 1), ("--test-size", self.test_size, 0))

    @property
    def name(self) -> str:
        """What the user calls the data."""
        return ", ".join(map(str, self.text)) or self.data


@dataclass
class PieceOptions:
    """Vocabulary"""

    pieces: Literal["characters", "bpe", "unigram"] = "characters"
    """What the text is cut into."""
    vocabulary: int | None = None
    """How many pieces at most; by default all common characters, or with bpe and unigram 8000."""
    byte_fallback: bool = True
    """Spell rare characters in bytes; --no-byte-fallback makes one unknown piece of them all."""
    normalization: Literal["identity", "nfkc", "simplified-characters"] = "identity"
    """How the text is normalised: not at all, widths and ligatures folded, or traditional Chinese as simplified."""

    def check(self) -> None:
        """Refuse sizes that no vocabulary can have."""
        least = SMALLEST_VOCABULARY + (BYTES if self.byte_fallback else 0)
        if self.byte_fallback and self.vocabulary is not None and SMALLEST_VOCABULARY <= self.vocabulary < least:
            message = _(
                "--vocabulary {size} must be at least {least}, as {bytes} of the pieces are bytes;"
                " --no-byte-fallback makes a smaller one"
            )
            raise UsageError(message.format(size=self.vocabulary, least=least, bytes=BYTES))
        require_at_least(("--vocabulary", self.vocabulary, least))
        require_at_most(("--vocabulary", self.vocabulary, LARGEST_VOCABULARY))


@dataclass
class LanguageNetworkOptions:
    """Network"""

    network: Literal["rnn"] = "rnn"
    """A recurrent network, which keeps what it has read in a state of fixed size."""
    cell: Literal["elman", "gru", "lstm"] = "lstm"
    """How a new state is made: by Elman's simple layer, or with gates that decide what is kept."""
    width: int = 384
    """Width of the hidden state."""
    embedding: int = 192
    """Width of the pieces' vectors."""
    layers: int = 1
    """Recurrent layers, one above the other."""
    dropout: float = 0.1
    """Part of the numbers that is dropped between the layers in training."""
    tied_output: bool = True
    """Use the embedding table as the output layer's matrix."""

    def check(self) -> None:
        """Refuse sizes that no network can have."""
        require_at_least(("--width", self.width, 1), ("--embedding", self.embedding, 1), ("--layers", self.layers, 1))
        require_below_one(("--dropout", self.dropout))
        parameters = GATES[self.cell] * self.width * (self.embedding + (2 * self.layers - 1) * self.width)
        if parameters > MOST_PARAMETERS:
            message = _("these sizes make a network of {millions:,.0f} million parameters; at most {most}")
            raise UsageError(message.format(millions=parameters / 1e6, most=MOST_PARAMETERS // 10**6))


@dataclass
class LanguageTraining(TrainingOptions):
    """Training"""

    default_budget: ClassVar[Budget] = Budget(seconds=300)

    minutes: float | None = None
    """Train for so many minutes; the schedule follows the part that is spent. Without any such budget: 5."""
    batch_size: int = 32
    """Stretches of text in a batch: so many places of the text are read side by side."""
    context: int = 64
    """Pieces of a stretch, over which the gradient goes back; what stands before them acts through the state alone."""
    learning_rate: float = 8e-3
    """The highest learning rate, reached at the end of the warm-up."""
    warmup_steps: int = 100
    """Updates over which the learning rate rises from zero."""
    adam_betas: tuple[float, float] = (0.9, 0.99)
    """How slowly Adam's two running means move; RMSProp has the second one alone."""

    def check(self) -> None:
        """Refuse values that no training can have, in the user's own words."""
        super().check()
        require_at_least(("--batch-size", self.batch_size, 1), ("--context", self.context, 1))


@dataclass
class LanguageModelOptions:
    """Language model"""

    run: Path | None = None
    """Folder of the new run; by default runs/language-model-DATA, with a number if that is taken."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to compute; auto takes a GPU where there is one."""
    data: TextDataOptions = field(default_factory=TextDataOptions)
    vocabulary: PieceOptions = field(default_factory=PieceOptions)
    network: LanguageNetworkOptions = field(default_factory=LanguageNetworkOptions)
    training: LanguageTraining = field(default_factory=LanguageTraining)

    def check(self) -> None:
        """Refuse options that contradict each other, before anything is read or written."""
        for group in (self.data, self.vocabulary, self.network, self.training):
            group.check()


@dataclass
class WritingOptions:
    """Writing"""

    temperature: float | None = None
    """Draw each piece by its probability: below 1 the likely ones more often, above 1 more evenly. Without this,
    --top-k, --top-p, --seed and --samples the likeliest piece comes each time (greedy)."""
    top_k: int = 0
    """Draw from so many of the likeliest pieces only; 0 keeps all."""
    top_p: float = 1.0
    """Draw from the fewest likeliest pieces only whose probabilities reach this sum."""
    seed: int | None = None
    """Draw the same text each time; by default another one."""
    samples: int = 1
    """How many texts to draw."""
    length: int = 200
    """Write at most so many pieces."""
    no_repeat_ngram: int = 0
    """Never write the same sequence of so many pieces twice; 0 allows it."""

    def check(self) -> None:
        """Refuse what nothing can be drawn with."""
        if self.temperature is not None and not (self.temperature > 0 and math.isfinite(self.temperature)):
            message = _(
                "--temperature {temperature:g} must be greater than 0; for the likeliest piece each time (greedy),"
                " leave --temperature out"
            )
            raise UsageError(message.format(temperature=self.temperature))
        if not 0 < self.top_p <= 1:
            raise UsageError(_("--top-p {value:g} must be above 0 and at most 1").format(value=self.top_p))
        require_at_least(
            ("--top-k", self.top_k, 0),
            ("--samples", self.samples, 1),
            ("--length", self.length, 1),
            ("--no-repeat-ngram", self.no_repeat_ngram, 0),
            ("--seed", self.seed, 0),
        )
        require_at_most(
            ("--length", self.length, MOST_WRITTEN),
            ("--samples", self.samples, MOST_SAMPLES),
            ("--seed", self.seed, 2**32 - 1),
        )

    @property
    def draws(self) -> bool:
        """Whether chance has a part in it."""
        usual = WritingOptions()
        return self.temperature is not None or any(
            getattr(self, name) != getattr(usual, name) for name in ("top_k", "top_p", "seed", "samples")
        )
