"""``congling export RUN --to FORMAT`` of word vectors: word2vec's files, or those of TensorBoard's projector."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import tyro

from congling.cli.checkpoint import checkpoint
from congling.cli.options import parse
from congling.cli.training import say, suggest
from congling.language import _

if TYPE_CHECKING:
    from congling.tasks.word_embedding.word_vectors import WordVectors

NAMES = {"word2vec-text": "vectors.txt", "word2vec-binary": "vectors.bin", "projector": "projector"}


@dataclass
class Options:
    """Exporting"""

    run: tyro.conf.Positional[Path]
    """The run's folder."""
    to: Literal["word2vec-text", "word2vec-binary", "projector"]
    """The format: word2vec's, which gensim and others open, as text or binary; or TensorBoard's projector."""
    output: Path | None = None
    """The file to write (gzipped if its name ends in .gz), or for projector the folder; by default in the run's folder.
    The words' counts go into a file beside it that ends in .vocab."""
    checkpoint: str = "best"
    """Which weights: best, last, or the number of a step."""


def main(arguments: list[str], prog: str) -> int:
    """Write the words and their vectors; what was written goes to stdout."""
    options = parse(Options, arguments, prog, _("Write word vectors in a format that other programs read."))
    from congling.learning.runs import Run
    from congling.tasks.word_embedding.word_vectors import WordVectors

    run = Run.open(options.run)
    words = WordVectors.load(run, checkpoint(options.checkpoint))
    path = options.output or run.file(NAMES[options.to])
    for remark in _write(words, path, options.to):
        say(remark)
    print(path)
    if options.to == "projector":
        say(_("look at it with: {command}").format(command=f"tensorboard --logdir {path}"))
    else:
        suggest(_("to have it back: {command}"), "import", str(path))
    return 0


def _write(words: WordVectors, path: Path, to: str) -> list[str]:
    from congling.cli.word_embedding.counting import Counting
    from congling.interchange.projector import write_projector
    from congling.interchange.word2vec import counts_beside, write_word2vec

    counts = words.vocabulary.counts if words.vocabulary.counts.any() else None
    if to == "projector":
        return write_projector(path, words.words, words.vectors, counts)
    return write_word2vec(
        path,
        words.words,
        words.vectors,
        binary=to == "word2vec-binary",
        counts=counts,
        counts_path=counts_beside(path),
        report=Counting(_("{done} of {total} words written"), say),
    )
