"""A run of word vectors on the disk: what the task puts beside ``run.yaml`` and the checkpoints.

vocabulary.txt      ``word count`` lines, most frequent first: line n is row n − 1 of the matrices
data/train, valid   the text as numbers of words (see ``data.text.word_store``); not in an imported run
checkpoints/…       ``words.weight`` (V, D) and, if they were learned here, ``contexts.weight`` (V, D)
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from congling.data.text.vocabulary import Vocabulary
from congling.errors import UserError
from congling.language import _
from congling.learning.checkpoints import save_checkpoint
from congling.learning.runs import Run
from congling.tasks.stored_options import options_of
from congling.tasks.training import new_run, preparing
from congling.tasks.word_embedding.options import TASK, WordEmbeddingOptions

VOCABULARY = "vocabulary.txt"
TRAIN, VALID = "data/train", "data/valid"
IMPORTED_FROM = "imported_from"  # in run.yaml, of a run whose vectors somebody else trained


def word_embedding_options_of(run: Run) -> WordEmbeddingOptions:
    """The options that a run was trained with, settled; of an imported run the defaults. Errors as ``options_of``."""
    return options_of(run, WordEmbeddingOptions, TASK, beside=(IMPORTED_FROM,))


def imported_from(run: Run) -> str | None:
    """The file that the vectors of a run come from; None for a run that was trained here."""
    file = run.config.get(IMPORTED_FROM)
    return None if file is None else str(file)


def require_trained_here(run: Run) -> None:
    """Refuse a run without a text: it cannot be trained further.

    Raises:
        UserError: naming the file that its vectors come from.
    """
    file = imported_from(run)
    if file is not None:
        message = _("{run} holds vectors from {file} and no text: it cannot be trained further")
        raise UserError(message.format(run=run.path, file=file))


def import_run(path: Path | None, vocabulary: Vocabulary, vectors: NDArray[np.float32], file: Path) -> Run:
    """Make a run of vectors that somebody else trained; every verb opens it but ``train --resume``.

    Args:
        path: of the run's folder; None for one below ``runs/`` that is called after the file.
        vectors: (V, D).
        file: where they come from.

    Raises:
        UserError: the folder is taken, or the disk is full.
    """
    options = WordEmbeddingOptions(run=path)
    options.training.vector_size = int(vectors.shape[1])
    name = file.name.removesuffix(".gz").split(".")[0] or "vectors"
    run = new_run(options, TASK, f"{TASK}-{name}", beside={IMPORTED_FROM: str(file)})
    with run.training(), preparing(run):
        vocabulary.write(run.file(VOCABULARY))
        weights = {"words.weight": np.ascontiguousarray(vectors, np.float32)}
        save_checkpoint(run, 0, weights, {}, {}, {}, keep=1, best=True)
    return run
