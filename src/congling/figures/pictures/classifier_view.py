"""What the page of a picture shows: the picture in a run's classifier, now and at earlier steps, and its mistakes."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from congling.figures.pictures.budget import some_steps
from congling.figures.pictures.influence import Influence, influence
from congling.figures.pictures.view import SeenPicture, look
from congling.learning.checkpoints import Which, checkpoint_folder
from congling.learning.frames import list_frames, load_frame
from congling.learning.parameters import load_parameters
from congling.learning.runs import Run
from congling.tasks.classification_scores import Evaluation
from congling.tasks.image_classification.picture_classifier import PictureClassifier, PictureToClassify

MOST_CLASSES = 10  # whose influence is shown


@dataclass(frozen=True)
class PictureView:
    """Everything that is to be seen of one picture in a classifier.

    Attributes:
        name: of the run.
        title: of the picture.
        remarks: how it was fitted.
        classes: their names.
        truth: the number of its class, where that is known.
        shown: (C, Y, X), the picture from 0 (black) to 1.
        now: seen with the weights that were kept.
        before: seen at earlier steps, in order.
        influence: of its pixels on the likeliest classes.
        held_out: how the classifier does on what was held out, and ``pictures`` (N, C, Y, X) of it, uint8; None where
            nothing was.
        part: what was held out: ``test`` or ``valid``.
    """

    name: str
    title: str
    remarks: Sequence[str]
    classes: Sequence[str]
    truth: int | None
    shown: NDArray[np.float32]
    now: SeenPicture
    before: Sequence[SeenPicture]
    influence: Influence
    held_out: Evaluation | None
    pictures: NDArray[np.uint8] | None
    part: str


def view_of_run(
    run: Run, classifier: PictureClassifier, picture: PictureToClassify, *, title: str, truth: int | None, which: Which
) -> PictureView:
    """Look at a picture with the classifier's weights and with those of the run's frames.

    Args:
        title: what the picture is called.
        truth: its class, where that is known.
        which: the classifier's checkpoint.
    """
    step, network = _step_of(run, which), copy.deepcopy(classifier.network).cpu()
    now = look(network, picture.input, step)
    classes = np.argsort(-now.scores, kind="stable")[:MOST_CLASSES].tolist()
    found = influence(network, picture.input, classes)
    before = [look(_at(network, run, each), picture.input, each) for each in some_steps(_earlier(run, step))]
    part = next((part for part in ("test", "valid") if len(classifier.pictures.rows(part))), "")
    return PictureView(
        name=run.path.name,
        title=title,
        remarks=picture.remarks,
        classes=classifier.classes,
        truth=truth,
        shown=picture.shown.numpy(),
        now=now,
        before=[each for each in before if np.isfinite(each.scores).all()],
        influence=found,
        held_out=classifier.evaluate(part) if part else None,  # type: ignore[arg-type]
        pictures=classifier.pictures.pixels[classifier.pictures.rows(part)] if part else None,
        part=part,
    )


def _step_of(run: Run, which: Which) -> int:
    """The step of a checkpoint; an average of several comes after all steps."""
    name = checkpoint_folder(run, which).name
    return int(name) if name.isdecimal() else max(run.checkpoint_steps(), default=0)


def _earlier(run: Run, step: int) -> list[int]:
    return [each for each in list_frames(run) if each < step]


def _at(network: Any, run: Run, step: int) -> Any:
    weights = {name: tensor.float() for name, tensor in load_frame(run, step).items()}
    with torch.no_grad():
        load_parameters(network, weights)
    return network
