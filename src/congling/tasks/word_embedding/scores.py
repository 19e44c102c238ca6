"""All that word vectors can be scored on: lines that were held out, the English test sets, and the user's own files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np

from congling.data.sources import find_source
from congling.data.text.scripts import dominant_script
from congling.errors import UserError
from congling.language import _
from congling.learning.checkpoints import Which
from congling.learning.runs import Run
from congling.tasks.named_data import fetched
from congling.tasks.training import Say
from congling.tasks.word_embedding.analogies import AnalogyScores, read_analogies, score_analogies
from congling.tasks.word_embedding.data import load_words
from congling.tasks.word_embedding.stored_run import imported_from, word_embedding_options_of
from congling.tasks.word_embedding.task import held_out_loss
from congling.tasks.word_embedding.word_pairs import PairScores, read_pairs, score_pairs
from congling.tasks.word_embedding.word_vectors import WordVectors

ENGLISH = "word-similarity"
ENGLISH_PAIRS = {"WordSim-353": "wordsim353.tsv", "SimLex-999": "simlex999.tsv"}
ENGLISH_ANALOGIES = {"Google analogies": "google-analogies.txt"}
LOOKED_AT = 2000  # words, to see which script they are written in


@dataclass(frozen=True)
class HeldOutScore:
    """The loss on lines that were not learned from.

    Attributes:
        loss: nats a prediction, the mean.
        lines: how many.
        guessing: that of vectors of zeros, which know nothing, in the same predictions: ln 2 for the positive and for
            each negative, (1 + K) ln 2 but for negatives that happen to be the positive and do not count.
    """

    loss: float
    lines: int
    guessing: float


@dataclass
class Scores:
    """What was scored, by name."""

    held_out: HeldOutScore | None = None
    pairs: dict[str, PairScores] = field(default_factory=dict)
    analogies: dict[str, AnalogyScores] = field(default_factory=dict)


def score(run: Run, which: Which, pairs: Sequence[Path], analogies: Sequence[Path], say: Say) -> Scores:
    """Score a run on the user's files; if there are none on its held-out lines and, of Latin letters, the English sets.

    Raises:
        UserError: the run is damaged, a file is not what it should be, or there is nothing to score on.
    """
    vectors, found = WordVectors.load(run, which), Scores()
    if pairs or analogies:
        _score_files(vectors, found, {str(path): path for path in pairs}, {str(path): path for path in analogies}, say)
        return found
    found.held_out = score_held_out(run, vectors)
    if dominant_script(" ".join(islice(vectors, LOOKED_AT))) == "Latin":
        folder = fetched(find_source(ENGLISH), say)
        english_pairs = {name: folder / file for name, file in ENGLISH_PAIRS.items()}
        english_analogies = {name: folder / file for name, file in ENGLISH_ANALOGIES.items()}
        _score_files(vectors, found, english_pairs, english_analogies, say)
    else:
        say(_("the test sets {names} are English, and these words are not; --pairs scores them on your own file")
            .format(names=_(", ").join([*ENGLISH_PAIRS, *ENGLISH_ANALOGIES])))  # fmt: skip
    if found.held_out is None and not found.pairs:
        raise UserError(_("{run} holds no lines to score on: give --pairs or --analogies").format(run=run.path))
    return found


def score_held_out(run: Run, vectors: WordVectors) -> HeldOutScore | None:
    """The loss on the lines that a run has held out; None where there are none, as in an imported run."""
    if imported_from(run) is not None or vectors.contexts is None:
        return None
    data, settings = load_words(run), word_embedding_options_of(run).training.settings
    nothing = np.zeros((len(vectors), 1), np.float32)
    loss = held_out_loss(data, vectors.vectors, vectors.contexts, settings)
    guessing = held_out_loss(data, nothing, nothing, settings)
    return None if loss is None or guessing is None else HeldOutScore(loss, len(data.valid), guessing)


def _score_files(
    vectors: WordVectors, found: Scores, pairs: dict[str, Path], analogies: dict[str, Path], say: Say
) -> None:
    for name, path in pairs.items():
        found.pairs[name] = on_pairs = score_pairs(vectors, read_pairs(path))
        if not len(on_pairs):
            say(_("{name}: none of its {count} pairs has two words that are known here").format(
                name=name, count=on_pairs.pairs))  # fmt: skip
    for name, path in analogies.items():
        found.analogies[name] = on_analogies = score_analogies(vectors, read_analogies(path))
        if not on_analogies.total.known:
            say(_("{name}: none of its {count} questions has four words that are known here").format(
                name=name, count=on_analogies.total.questions))  # fmt: skip
