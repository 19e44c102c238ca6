"""``congling evaluate RUN`` of word vectors: held-out lines, people's judgements of pairs of words, and analogies."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import tyro

from congling.cli.checkpoint import checkpoint
from congling.cli.options import parse
from congling.cli.training import say
from congling.cli.values import print_json
from congling.language import _

if TYPE_CHECKING:
    pass


@dataclass
class Options:
    """Scoring"""

    run: tyro.conf.Positional[Path]
    """The run's folder."""
    pairs: list[Path] = field(default_factory=list)
    """Your own files of pairs: lines of two words and a number, how alike people find them, between tabs."""
    analogies: list[Path] = field(default_factory=list)
    """Your own files of analogies: lines of four words, a is to b as c is to d; a line ": name" begins a section."""
    json: bool = False
    """Print one JSON object."""
    checkpoint: str = "best"
    """Which weights: best, last, or the number of a step."""


def main(arguments: list[str], prog: str) -> int:
    """Score; the scores go to stdout."""
    description = _("Score word vectors: against people's judgements of pairs of words, and on questions of analogy.")
    options = parse(Options, arguments, prog, description)
    from congling.cli.word_embedding.scores import print_scores, record
    from congling.learning.runs import Run
    from congling.tasks.word_embedding.scores import score

    found = score(Run.open(options.run), checkpoint(options.checkpoint), options.pairs, options.analogies, say)
    if options.json:
        print_json(record(found))
    else:
        print_scores(found)
    return 0
