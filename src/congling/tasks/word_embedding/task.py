"""Word embedding: vectors of words are learned from the words around them. Text, engine and held-out loss together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from congling.errors import UserError
from congling.learning.checkpoints import Which
from congling.learning.diverged import Diverged
from congling.learning.events import Listener, Reason
from congling.learning.history import History
from congling.learning.runs import Run
from congling.learning.training_state import Validation
from congling.learning.word2vec.settings import Word2VecSettings
from congling.learning.word2vec.text import Text as TextToLearn
from congling.learning.word2vec.text import mean_loss
from congling.learning.word2vec.trainer import WordTrainer
from congling.tasks.training import GoingOn, Say, go_on, new_run, preparing, train_into
from congling.tasks.word_embedding.data import (
    Text,
    WordData,
    find,
    has_words,
    load_words,
    prepare_words,
    words_in_memory,
)
from congling.tasks.word_embedding.options import TASK, WordEmbeddingOptions
from congling.tasks.word_embedding.stored_run import require_trained_here, word_embedding_options_of
from congling.tasks.word_embedding.word_vectors import WordVectors

Vectors = NDArray[np.float32]


@dataclass(frozen=True)
class WordFit:
    """A training in memory that is over.

    Attributes:
        vectors: of the last step; after ``diverged``, those before the numbers left what can be counted.
        options: settled.
    """

    vectors: WordVectors
    options: WordEmbeddingOptions
    history: History
    reason: Reason


def fit(
    options: WordEmbeddingOptions, sentences: Iterable[Sequence[str]], listeners: Sequence[Listener] = ()
) -> WordFit:
    """Train on sentences that are lists of words, in memory alone: nothing is written, and a divergence is a result.

    Raises:
        UserError: the options do not allow it, or there are no words, or none is frequent enough.
    """
    options.check()
    (vocabulary, data), history = words_in_memory(sentences, options), History()
    options = options.settled(len(data.train.ids))
    trainer = make_trainer(options, data, None, [history, *listeners])
    try:
        reason = trainer.train()
    except Diverged:
        reason = "diverged"
    vectors = WordVectors(vocabulary, trainer.words, trainer.contexts)
    return WordFit(vectors, options, history, reason)


def train(options: WordEmbeddingOptions, say: Say) -> tuple[Run, Reason]:
    """Train word vectors from the options; everything is kept in the run's folder.

    Raises:
        UserError: the data, the options or the disk do not allow it; training diverged.
    """
    options.check()
    text = find(options.data, say)
    run = new_run(options, TASK, f"{TASK}-{_subject(options)}")
    with run.training():
        with preparing(run):
            options = _prepared(run, options, text, say)
        return run, _train_into(run, options, say, begin=None)


def resume(on: GoingOn, say: Say) -> tuple[Run, Reason]:
    """Go on with a run; what is missing of its data is prepared anew.

    Raises:
        UserError: the run was imported, or is damaged; otherwise as ``train``.
    """

    def learn(run: Run, options: WordEmbeddingOptions, begin: Which) -> Reason:
        require_trained_here(run)
        if not has_words(run):
            options = _prepared(run, options, find(options.data, say), say)
        return _train_into(run, options, say, begin)

    return go_on(on, word_embedding_options_of, learn)


def _prepared(run: Run, options: WordEmbeddingOptions, text: Text, say: Say) -> WordEmbeddingOptions:
    """Read the text into the run; gives the options with the number of epochs that suits its length."""
    prepare_words(run, options, text, say)
    data = load_words(run)
    settled = options.settled(len(data.train.ids))
    TextToLearn.of(
        data.train.ids, data.train.starts, data.counts, settled.training.settings
    )  # refuses what teaches nothing
    run.update_config(run.config | {"training": run.config["training"] | {"epochs": settled.training.epochs}})
    return settled


def _subject(options: WordEmbeddingOptions) -> str:
    """What the run's folder is called after: ``news`` for ``/home/me/news.txt.gz``."""
    texts = options.data.text
    return (texts[0].name.split(".")[0] or "text") if texts else options.data.data


def _train_into(run: Run, options: WordEmbeddingOptions, say: Say, begin: Which | None) -> Reason:
    data = load_words(run)

    def with_listeners(listeners: list[Listener]) -> WordTrainer:
        return make_trainer(options, data, run, listeners)

    return train_into(run, options.training, with_listeners, say, begin)


def make_trainer(
    options: WordEmbeddingOptions, data: WordData, run: Run | None, listeners: Sequence[Listener]
) -> WordTrainer:
    """The trainer of settled options, of a run or in memory; it validates where lines were held out."""
    settings = options.training.settings

    def validate() -> Validation:
        loss = held_out_loss(data, trainer.words, trainer.contexts, settings)
        assert loss is not None
        return Validation(loss)

    trainer = WordTrainer(data.train.ids, data.train.starts, data.counts, settings, run, listeners, validate)
    if held_out_loss(data, trainer.words, trainer.contexts, settings) is None:
        trainer.validate = None
    return trainer


def held_out_loss(data: WordData, words: Vectors, contexts: Vectors, settings: Word2VecSettings) -> float | None:
    """The mean loss of a prediction in the held-out lines, in nats; None where nothing in them can be predicted.

    Neighbours and negatives are drawn as training draws them, and are the same at every look: a lower loss is never
    luck of the draw.

    Args:
        words, contexts: (V, D) of the network.
    """
    if not len(data.valid):
        return None
    try:
        return mean_loss(words, contexts, data.valid.ids, data.valid.starts, data.counts, settings)
    except UserError:  # all that is left of these lines are single words
        return None
