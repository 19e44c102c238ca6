"""``congling predict RUN`` of word vectors: nearest words, analogies, similarities, and the odd one out."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import tyro

from congling.cli.checkpoint import checkpoint
from congling.cli.one_by_one import raise_last
from congling.cli.options import parse
from congling.cli.standard_input import StandardInput
from congling.cli.table import print_table
from congling.cli.training import say
from congling.cli.values import print_json
from congling.errors import UsageError, UserError
from congling.language import _
from congling.learning.options import require_at_least

if TYPE_CHECKING:
    from congling.cli.word_embedding.answers import Answer, Answers

FEWEST = 3  # words, of which one can be the odd one out


@dataclass
class Options:
    """Asking"""

    run: tyro.conf.Positional[Path]
    """The run's folder."""
    words: tyro.conf.Positional[list[str]] = field(default_factory=list)
    """Words whose nearest words are asked for, as with --nearest; without any question, words are read from standard
    input, one a line."""
    nearest: list[str] = field(default_factory=list)
    """Words, for each of which the nearest ones are printed."""
    analogy: tuple[str, str, str] | None = None
    """Three words: the first is to the second as the third is to what? The answers are the words nearest to second −
    first + third."""
    similarity: tuple[str, str] | None = None
    """Two words: how alike they are."""
    odd_one_out: list[str] = field(default_factory=list)
    """Words: the one that is least like the others."""
    topn: int = 10
    """How many words to print."""
    metric: Literal["cosine", "dot"] = "cosine"
    """What is near: the cosine of the vectors, or their dot product, which favours long vectors."""
    among: int | None = None
    """Look among so many of the most frequent words only."""
    json: bool = False
    """One JSON object for each question, on a line."""
    checkpoint: str = "best"
    """Which weights: best, last, or the number of a step."""

    def check(self) -> None:
        """Refuse numbers that cannot be, and a question with one answer only."""
        require_at_least(("--topn", self.topn, 1), ("--among", self.among, 1))
        if 0 < len(self.odd_one_out) < FEWEST:
            raise UsageError(_("--odd-one-out wants three words at least: of fewer none is odd"))


def main(arguments: list[str], prog: str) -> int:
    """Answer; only answers go to stdout. A word without a vector does not keep the other questions waiting."""
    options = parse(Options, arguments, prog, _("Ask word vectors: nearest words, analogies, similarities."))
    options.check()
    from congling.cli.word_embedding.answers import Answers
    from congling.learning.runs import Run

    answers = Answers.load(
        Run.open(options.run), checkpoint(options.checkpoint), options.topn, options.among, options.metric
    )
    errors = list[UserError]()
    questions = list(_questions(options, answers))
    for header, asked in questions:
        _print_together(header, _answered(asked, errors), options.json)
    if not questions:
        _answer_lines(answers, errors, options.json)
    raise_last(errors)
    return 0


def _questions(options: Options, answers: Answers) -> Iterator[tuple[list[str], list[Callable[[], Answer]]]]:
    """The questions of the command line, those of a kind together under a table's heads."""
    nearest = [*options.words, *options.nearest]
    if nearest:
        yield answers.nearest_heads, [lambda word=word: answers.nearest(word) for word in nearest]  # type: ignore[misc]
    if options.analogy is not None:
        a, b, c = options.analogy
        yield answers.analogy_heads, [lambda: answers.analogy(a, b, c)]
    if options.similarity is not None:
        first, second = options.similarity
        yield answers.similarity_heads, [lambda: answers.similarity(first, second)]
    if options.odd_one_out:
        yield answers.odd_heads, [lambda: answers.odd_one_out(options.odd_one_out)]


def _answered(questions: Iterable[Callable[[], Answer]], errors: list[UserError]) -> Iterator[Answer]:
    for question in questions:
        try:
            yield question()
        except UserError as error:
            errors.append(error)


def _print_together(header: list[str], answers: Iterable[Answer], as_json: bool) -> None:
    if as_json:
        for answer in answers:
            print_json(answer.record)
        return
    rows = [row for answer in answers for row in answer.rows]
    if rows:
        print_table(header, rows)


def _answer_lines(answers: Answers, errors: list[UserError], as_json: bool) -> None:
    """The words of standard input, each as soon as it is read."""
    waiting = StandardInput()
    if sys.stdin.isatty():
        say(_("Type a word and press Enter; end with Ctrl-D."))
    words = (line.strip() for line in waiting)
    for answer in _answered((lambda word=word: answers.nearest(word) for word in words if word), errors):  # type: ignore[misc]
        if as_json:
            print_json(answer.record)
        else:
            print("\n".join("\t".join(row) for row in answer.rows))
        sys.stdout.flush()
    waiting.check()
