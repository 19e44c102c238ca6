"""Sentiment: a recurrent network learns to tell praise from blame. Data, network and loss come together here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from congling.data.stratified import MOST
from congling.data.text.labelled_batches import LabelledBatches, TextBatch
from congling.data.text.labelled_texts import LabelledTexts
from congling.language import _
from congling.learning.checkpoints import Which
from congling.learning.events import Listener, Reason
from congling.learning.precision import device_of
from congling.learning.runs import Run
from congling.learning.trainer import Trainer
from congling.learning.training_state import Validation
from congling.tasks.sentiment.data import Texts, has_texts, load_texts, prepare_texts, read_texts
from congling.tasks.sentiment.options import TASK, SentimentOptions
from congling.tasks.sentiment.sentiment_classifier import SentimentClassifier, build_network, sentiment_options_of
from congling.tasks.training import GoingOn, Say, go_on, new_run, preparing, train_into


def train(options: SentimentOptions, say: Say) -> tuple[Run, Reason]:
    """Train a classifier from the options; everything is kept in the run's folder.

    Raises:
        UserError: the data, the options or the disk do not allow it; training diverged.
    """
    options.check()
    texts = read_texts(options.data, say)
    options = _settled(options, texts)
    run = new_run(options, TASK, f"{TASK}-{_subject(options)}")
    with run.training():
        with preparing(run):
            prepare_texts(run, options, texts, say)
        if options.training.pretraining:
            message = _("the first {share:g} % of the training are for guessing what comes next; then come the classes")
            say(message.format(share=100 * options.training.pretraining))
        return run, _train_into(run, sentiment_options_of(run), say, begin=None)


def resume(on: GoingOn, say: Say) -> tuple[Run, Reason]:
    """Go on with a run; what is missing of its data is prepared anew. Errors as ``go_on``."""

    def learn(run: Run, options: SentimentOptions, begin: Which) -> Reason:
        if not has_texts(run):
            prepare_texts(run, options, read_texts(options.data, say), say)
        return _train_into(run, options, say, begin)

    return go_on(on, sentiment_options_of, learn)


def _settled(options: SentimentOptions, texts: LabelledTexts) -> SentimentOptions:
    """The options with nothing left open, before anything is written."""
    data = options.data
    held_out = sum(min(wish, MOST * len(texts)) for wish in (data.valid_size, data.test_size))
    return options.settled(texts=round(len(texts) - held_out))


def _subject(options: SentimentOptions) -> str:
    """What the run's folder is called after: ``hotels`` for ``/home/me/hotels.csv`` and for ``/home/me/hotels/``."""
    data = options.data
    return data.name if data.named else Path(data.name).absolute().name.split(".")[0]


def _train_into(run: Run, options: SentimentOptions, say: Say, begin: Which | None) -> Reason:
    texts = load_texts(run)

    def with_listeners(listeners: list[Listener]) -> Trainer[TextBatch]:
        return make_trainer(options, texts, run, listeners)

    return train_into(run, options.training, with_listeners, say, begin)


def make_trainer(
    options: SentimentOptions, texts: Texts, run: Run | None, listeners: Sequence[Listener]
) -> Trainer[TextBatch]:
    """The trainer of settled options, of a run or in memory.

    In the first part of the budget it learns to guess pieces by their neighbours, and then the classes. The learning
    rate goes on falling meanwhile, so that what was learned first is not swept away.
    """
    device, training = device_of(options.device), options.training
    tokenizer, classes = texts.pieces.tokenizer, len(texts.classes)
    network = build_network(options, tokenizer.size, classes).to(device)
    store = texts.parts["train"]
    batches = LabelledBatches(store, batch_size=training.batch_size, seed=training.seed, pad=tokenizer.pad_id)
    twin = build_network(options, tokenizer.size, classes).to(device)
    classifier = SentimentClassifier(twin, texts, options)

    def loss(batch: TextBatch) -> tuple[Tensor, int]:
        progress = trainer.progress
        spent = trainer.budget.spent(progress.step, progress.seconds, progress.epoch)
        learn = network.guess_loss if spent < training.pretraining else network.loss
        return learn(batch.to(device))

    trainer: Trainer[TextBatch] = Trainer(
        network, loss, batches, lambda: validate(classifier), run, training, listeners, "examples"
    )
    trainer.parameters.lend(twin)
    return trainer


def validate(classifier: SentimentClassifier) -> Validation:
    """The cross-entropy on the validation texts, and their accuracy."""
    found = classifier.evaluate("valid")
    return Validation(found.cross_entropy, {"accuracy": found.accuracy})
