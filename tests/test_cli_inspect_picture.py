"""``congling inspect RUN picture.png``: the page and the gradients, as a user asks for them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conftest import Outcome
from congling.figures.pictures.classifier_view import _earlier
from congling.figures.pictures.packing import unpacked
from congling.learning.checkpoints import checkpoint_folder, load_weights
from congling.learning.frames import list_frames
from congling.learning.runs import Run
from congling.tasks.image_classification.picture_classifier import PictureClassifier

Command = Callable[..., Outcome]


def data_of(path: Path) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script', path.read_text("utf-8"), re.DOTALL)
    assert found
    data: dict[str, Any] = json.loads(found[1])
    return data


def test_the_page_of_a_picture(
    run_congling: Command, tiny_classifier: Path, shapes_folder: Path, tmp_path: Path
) -> None:
    """Guards the page of a real run: answer, truth, frames up to the checkpoint, and the checkpoint's own weights."""
    page = tmp_path / "page.html"
    picture = shapes_folder / "disc/2.jpg"
    outcome = run_congling("inspect", tiny_classifier, picture, "--target", "disc", "--html", page)
    assert (outcome.code, outcome.out) == (0, f"{page}\n")
    assert "its 51×51 pixels became" in outcome.err
    data, run = data_of(page), Run.open(tiny_classifier)
    step = int(checkpoint_folder(run, "best").name)
    assert data["steps"] == [each for each in list_frames(run) if each < step] + [step]
    assert _earlier(run, 8) == [0, 1, 2, 4]  # and not the checkpoint's own step once more
    probabilities = PictureClassifier.load(run)(PictureClassifier.load(run).fit(picture).input)[0]
    assert data["probabilities"][-1] == pytest.approx(probabilities.tolist(), abs=1e-4)
    assert (data["classes"][data["truth"]], data["classes"][int(probabilities.argmax())]) == ("disc", "disc")
    assert {layer["activation"] for layer in data["layers"]} == {"relu"}
    for number, layer in enumerate(data["layers"]):
        weights = load_weights(run)[f"blocks.{number}.convolutions.0.weight"]
        np.testing.assert_allclose(unpacked(layer["kernels"]), weights[layer["channels"]], rtol=1e-6)


def test_without_a_picture_a_held_out_one_is_looked_at(
    run_congling: Command, tiny_classifier: Path, tmp_path: Path
) -> None:
    """Guards the bare command: the picture's name and its class are known then."""
    page = tmp_path / "page.html"
    assert run_congling("inspect", tiny_classifier, "--html", page, "--checkpoint", "last").code == 0
    data, pictures = data_of(page), PictureClassifier.load(Run.open(tiny_classifier)).pictures
    row = pictures.rows("test")[0]
    assert data["truth"] == pictures.targets[row] and data["texts"]["name"] == f"held-out picture {pictures.names[row]}"
    np.testing.assert_array_equal(unpacked(data["picture"]), pictures.pixels[row])


def test_gradients_as_a_page(run_congling: Command, tiny_classifier: Path, tmp_path: Path) -> None:
    """Guards --gradients --html, which is the page of gradients and not that of the picture."""
    page = tmp_path / "gradients.html"
    assert run_congling("inspect", tiny_classifier, "--gradients", "--html", page).code == 0
    assert "blocks.0.convolutions.0.weight" in page.read_text("utf-8") and "<script" not in page.read_text("utf-8")


def test_a_true_class_needs_something_to_tell_it_to(
    run_congling: Command, tiny_classifier: Path, shapes_folder: Path
) -> None:
    """Guards against an option that is silently without effect."""
    outcome = run_congling("inspect", tiny_classifier, shapes_folder / "bar/1.png", "--target", "bar")
    assert (outcome.code, outcome.out) == (2, "") and "--target goes with a picture" in outcome.err
