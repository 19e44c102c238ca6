"""``congling predict RUN TEXT …`` of a text classifier: the likeliest class, and how the reading moved to it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import tyro

from congling.cli.checkpoint import checkpoint
from congling.cli.one_by_one import raise_last
from congling.cli.options import exclude, parse
from congling.cli.sentiment.words import print_words
from congling.cli.standard_input import StandardInput
from congling.cli.training import say
from congling.cli.values import print_json
from congling.errors import UserError
from congling.language import _
from congling.learning.options import require_at_least

if TYPE_CHECKING:
    from congling.tasks.sentiment.reading import Reading
    from congling.tasks.sentiment.sentiment_classifier import SentimentClassifier

SHOWN = 20  # characters of a text in a remark


@dataclass
class Options:
    """Classifying"""

    run: tyro.conf.Positional[Path]
    """The run's folder."""
    text: tyro.conf.Positional[list[str]] = field(default_factory=list)
    """Texts to classify; without any, lines are read from standard input."""
    words: bool = False
    """Show how the reading moves word by word, for lines of standard input and in JSON too."""
    brief: bool = False
    """One line a text: how the reading moves is not shown, not even for texts on the command line."""
    top: int = 2
    """How many of the likeliest classes to print."""
    json: bool = False
    """One JSON object a line, with the probabilities of all classes; with --words after each word too."""
    checkpoint: str = "best"
    """Which weights: best, last, or the number of a step."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to compute."""

    @property
    def shows_words(self) -> bool:
        """Whether the reading is shown word by word."""
        return self.words or bool(self.text and not self.json and not self.brief)

    def check(self) -> None:
        """Refuse options that mean nothing together."""
        require_at_least(("--top", self.top, 1))
        if self.words and self.brief:
            exclude("--words", "--brief")


def main(arguments: list[str], prog: str) -> int:
    """Classify; a line for each text goes to stdout.

    A text that holds nothing to read does not keep the others waiting: it is the error at the end.
    """
    description = _("Classify texts: the likeliest classes, their probabilities, and how the reading moves.")
    options = parse(Options, arguments, prog, description)
    options.check()
    from congling.learning.runs import Run
    from congling.tasks.sentiment.sentiment_classifier import SentimentClassifier

    classifier = SentimentClassifier.load(Run.open(options.run), checkpoint(options.checkpoint), options.device)
    waiting, errors = StandardInput(), list[UserError]()
    for number, text in enumerate(_texts(options, waiting)):
        try:
            _classify(classifier, text, options, first=number == 0)
        except UserError as error:
            errors.append(error)
    waiting.check()
    raise_last(errors)
    return 0


def _texts(options: Options, waiting: StandardInput) -> Iterator[str]:
    if options.text:
        yield from options.text
        return
    if sys.stdin.isatty():
        say(_("Type a text and press Enter; end with Ctrl-D."))
    yield from waiting


def _classify(classifier: SentimentClassifier, text: str, options: Options, first: bool) -> None:
    reading = classifier.read(text) if options.shows_words else classifier.answer(text)
    if reading.left_out:
        message = _("the last {count} pieces of {text} were not read: the run reads {longest}")
        shown = text if len(text) <= SHOWN else text[:SHOWN] + "…"
        say(message.format(count=reading.left_out, text=shown, longest=len(reading.pieces)))
    ordered = sorted(zip(reading.classes, reading.probabilities[-1].tolist(), strict=True), key=lambda pair: -pair[1])
    if options.json:
        print_json(_record(reading, dict(ordered), options))
    else:
        if options.shows_words and not first:
            print()
        print("\t".join([text, *(f"{name}: {value:.4f}" for name, value in ordered[: options.top])]))
        if options.shows_words:
            print_words(reading)
    sys.stdout.flush()


def _record(reading: Reading, ordered: dict[str, float], options: Options) -> dict[str, Any]:
    record: dict[str, Any] = {
        "text": reading.text,
        "prediction": reading.classes[reading.answer],
        "probabilities": ordered,
        "pieces": reading.pieces,
        "left_out": reading.left_out,
    }
    if options.shows_words:
        before, *after = reading.probabilities.tolist()
        record["before"] = dict(zip(reading.classes, before, strict=True))
        record["words"] = [
            {"word": word, "probabilities": dict(zip(reading.classes, shares, strict=True))}
            for word, shares in zip(reading.words, after, strict=True)
        ]
    return record
