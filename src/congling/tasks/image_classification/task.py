"""Image classification: a convolutional network learns to tell pictures apart. Data, network and loss come together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from congling.data.examples import ExampleBatch
from congling.data.pictures.augmentation import Augmentation
from congling.data.pictures.batches import PictureBatches
from congling.data.pictures.sets import PictureSet
from congling.data.stratified import MOST
from congling.learning.checkpoints import Which
from congling.learning.events import Listener, Reason
from congling.learning.history import History
from congling.learning.parameters import load_parameters
from congling.learning.precision import device_of
from congling.learning.runs import Run
from congling.learning.trainer import Diverged, Trainer
from congling.learning.training_state import Validation
from congling.tasks.image_classification.data import (
    Pictures,
    find,
    has_pictures,
    load_pictures,
    prepare_pictures,
    shape_for,
)
from congling.tasks.image_classification.options import TASK, ImageClassificationOptions
from congling.tasks.image_classification.picture_classifier import (
    PictureClassifier,
    build_network,
    classification_options_of,
)
from congling.tasks.training import GoingOn, Say, go_on, new_run, preparing, train_into


@dataclass(frozen=True)
class PictureFit:
    """A training in memory that is over.

    Attributes:
        classifier: with the weights of the last step, settled options and the pictures; after ``diverged``, the weights
            are those before the step that could not be done.
        reason: what ended it.
    """

    classifier: PictureClassifier
    history: History
    reason: Reason


def fit(options: ImageClassificationOptions, pictures: PictureSet, listeners: Sequence[Listener] = ()) -> PictureFit:
    """Train on pictures that are there, in memory alone: nothing is written, and a divergence is a result like others.

    Args:
        pictures: to learn from, instead of those that the options name.

    Raises:
        UserError: the options do not allow it.
    """
    options.check()
    shape, history = pictures.shape, History()
    options = options.settled(side=shape.side, channels=shape.channels, pictures=len(pictures.rows("train")))
    trainer = make_trainer(options, pictures, None, [history, *listeners])
    try:
        reason = trainer.train()
    except Diverged:
        reason = "diverged"
    network = build_network(options, len(pictures.classes))
    load_parameters(network, {name: values.detach().cpu() for name, values in trainer.weights().items()})
    return PictureFit(PictureClassifier(network, pictures, options), history, reason)


def train(options: ImageClassificationOptions, say: Say) -> tuple[Run, Reason]:
    """Train a classifier from the options; everything is kept in the run's folder.

    Raises:
        UserError: the data, the options or the disk do not allow it; training diverged.
    """
    options.check()
    Augmentation(**options.augmentation.strengths)  # refuses what is too strong
    found = find(options.data, say)
    options = _settled(options, found)
    build_network(options, len(found.classes))  # refuses sizes that do not go together, before anything is written
    run = new_run(options, TASK, f"{TASK}-{_subject(options)}")
    with run.training():
        with preparing(run):
            prepare_pictures(run, options, found, say)
        return run, _train_into(run, options, say, begin=None)


def resume(on: GoingOn, say: Say) -> tuple[Run, Reason]:
    """Go on with a run; what is missing of its data is prepared anew. Errors as ``go_on``."""

    def learn(run: Run, options: ImageClassificationOptions, begin: Which) -> Reason:
        if not has_pictures(run):
            prepare_pictures(run, options, find(options.data, say), say)
        return _train_into(run, options, say, begin)

    return go_on(on, classification_options_of, learn)


def _settled(options: ImageClassificationOptions, found: Pictures) -> ImageClassificationOptions:
    """The options with nothing left open, before any picture is read."""
    shape, data = shape_for(options.data, found), options.data
    held_out = sum(min(wish, MOST * found.count) for wish in (data.valid_size, data.test_size))
    return options.settled(side=shape.side, channels=shape.channels, pictures=round(found.count - held_out))


def _subject(options: ImageClassificationOptions) -> str:
    """What the run's folder is called after: ``flowers`` for ``/home/me/flowers/`` and for ``owner/flowers``."""
    data = options.data
    return Path(data.name).absolute().name if data.folder is not None else data.name.rstrip("/").rpartition("/")[2]


def _train_into(run: Run, options: ImageClassificationOptions, say: Say, begin: Which | None) -> Reason:
    pictures = load_pictures(run)

    def with_listeners(listeners: list[Listener]) -> Trainer[ExampleBatch]:
        return make_trainer(options, pictures, run, listeners)

    return train_into(run, options.training, with_listeners, say, begin)


def make_trainer(
    options: ImageClassificationOptions, pictures: PictureSet, run: Run | None, listeners: Sequence[Listener]
) -> Trainer[ExampleBatch]:
    """The trainer of settled options, of a run or in memory."""
    device, training = device_of(options.device), options.training
    network = build_network(options, len(pictures.classes)).to(device)
    augmentation = Augmentation(**options.augmentation.strengths)
    batches = PictureBatches(pictures, pictures.rows("train"), training.batch_size, training.seed, augmentation)
    twin = build_network(options, len(pictures.classes)).to(device)
    classifier = PictureClassifier(twin, pictures, options)

    def loss(batch: ExampleBatch) -> tuple[Tensor, int]:
        return network.loss(batch.to(device))

    trainer = Trainer(network, loss, batches, lambda: validate(classifier), run, training, listeners, "examples")
    trainer.parameters.lend(twin)
    return trainer


def validate(classifier: PictureClassifier) -> Validation:
    """The cross-entropy on the validation pictures, and their accuracy."""
    found = classifier.evaluate("valid")
    return Validation(found.cross_entropy, {"accuracy": found.accuracy})
