"""Classifying pictures: from folders and data sets to a run, what a run gives for other pictures, and its scores."""

from __future__ import annotations

import gzip
import json
import math
import re
import shutil
from itertools import islice
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from congling.data.pictures.hub import find_hub_pictures, read_hub_pictures
from congling.data.pictures.pictures import PictureShape
from congling.errors import UsageError, UserError
from congling.learning.checkpoints import load_weights
from congling.learning.runs import Run
from congling.tasks.classification_scores import Evaluation, wilson_interval
from congling.tasks.image_classification import data as image_classification_data
from congling.tasks.image_classification.background import ground_of, has_other_ground, inverted
from congling.tasks.image_classification.data import DIGITS, Pictures, find, shape_for
from congling.tasks.image_classification.options import (
    AugmentationOptions,
    ImageClassificationOptions,
    PictureDataOptions,
    PictureNetworkOptions,
    PictureTraining,
)
from congling.tasks.image_classification.picture_classifier import PictureClassifier
from congling.tasks.image_classification.task import make_trainer, resume, train
from congling.tasks.training import GoingOn


def tiny(folder: Path | None = None, run: Path | None = None, **training: Any) -> ImageClassificationOptions:
    """Options for a second of training."""
    return ImageClassificationOptions(
        run=run,
        device="cpu",
        data=PictureDataOptions(folder=folder),
        network=PictureNetworkOptions(blocks=[5], convolutions=1),
        training=PictureTraining(batch_size=16, warmup_steps=0, threads=1, precision="float32", **training),
    )


# Scores --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("right", "of", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_intervals_are_the_published_ones(right: int, of: int, low: float, high: float) -> None:
    """Guards the formula against Newcombe 1998, table I, method 3, at the edges too."""
    assert wilson_interval(right, of) == pytest.approx((low, high), abs=5e-5)
    assert wilson_interval(of - right, of) == pytest.approx((1 - high, 1 - low), abs=5e-5)


def test_scores_by_hand() -> None:
    """Guards rows and columns of the confusion, precision against recall, and shares of nothing."""
    probabilities = np.array([[0.5, 0.3, 0.2, 0], [0.1, 0.6, 0.3, 0], [0.8, 0.1, 0.1, 0], [0.4, 0.2, 0.4, 0]])
    found = Evaluation(["a", "b", "c", "d"], ["1", "2", "3", "4"], np.array([0, 1, 1, 2]), probabilities)
    assert found.confusion.tolist() == [[1, 0, 0, 0], [1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]
    np.testing.assert_allclose(found.precision, [1 / 3, 1, np.nan, np.nan])
    np.testing.assert_allclose(found.recall, [1, 1 / 2, 0, np.nan])
    assert (found.accuracy, found.right, len(found)) == (0.5, 2, 4)
    assert found.cross_entropy == pytest.approx(-math.log(0.5 * 0.6 * 0.1 * 0.4) / 4)
    assert found.worst(9).tolist() == [2, 3] and found.worst(1).tolist() == [2]


def test_a_certain_mistake_is_no_infinity() -> None:
    """Guards the validation loss: a probability of zero for the true class would end the training as diverged."""
    assert math.isfinite(Evaluation(["a", "b"], ["1"], np.array([1]), np.array([[1.0, 0.0]])).cross_entropy)


# Options -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("side", "blocks"), [(1, 1), (8, 1), (28, 3), (64, 4), (224, 6)])
def test_default_blocks_leave_a_few_pixels(side: int, blocks: int) -> None:
    """Guards small pictures against blocks that leave nothing of them, and large ones against huge full layers."""
    settled = ImageClassificationOptions().settled(side=side, channels=3, pictures=100)
    assert settled.network.blocks is not None
    assert len(settled.network.blocks) == blocks
    assert settled.network.blocks[0] <= settled.network.blocks[-1] <= 256
    assert (settled.network.hidden, settled.data.colours, settled.data.side) == ([], "colour", side)


def test_without_pooling_and_stride_one_block_is_all() -> None:
    """Guards against an endless loop where no block makes the maps smaller."""
    options = ImageClassificationOptions(network=PictureNetworkOptions(pooling="none"))
    assert options.settled(side=64, channels=1, pictures=100).network.blocks == [32]


def test_the_default_budget_follows_the_number_of_pictures() -> None:
    """Guards few pictures against a handful of steps, and many against days."""
    epochs = [
        ImageClassificationOptions().settled(side=28, channels=1, pictures=count).training.epochs
        for count in (60, 3500, 1_000_000)
    ]
    few, digits, many = map(float, filter(None, epochs))
    assert few == 100 and many == 5 and many < digits < few
    told = ImageClassificationOptions(training=PictureTraining(minutes=3))
    assert told.settled(side=28, channels=1, pictures=9).training.epochs is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (PictureDataOptions(folder=Path("a"), hub="b"), "--folder and --hub exclude each other"),
        (PictureDataOptions(image_column="a"), "--image-column needs --hub"),
        (PictureDataOptions(side=0), "--side 0 must be at least 1"),
        (PictureNetworkOptions(network="mlp", blocks=[3]), "--blocks belongs to --network cnn"),
        (PictureNetworkOptions(blocks=[8192] * 9), "these sizes make a network of"),
        (PictureTraining(batch_size=0), "--batch-size 0 must be at least 1"),
    ],
)
def test_options_that_cannot_be(options: Any, message: str) -> None:
    """Guards the user's own words in the message."""
    with pytest.raises(UsageError, match=message):
        options.check()


def test_dropout_without_a_full_layer_is_refused() -> None:
    """Guards against an option that does nothing without a word."""
    options = ImageClassificationOptions(network=PictureNetworkOptions(dropout=0.3))
    with pytest.raises(UsageError, match=r"--dropout acts in the full layers.*--block-dropout"):
        options.settled(side=28, channels=1, pictures=9)


# Grounds -------------------------------------------------------------------------------------------------------------


def test_grounds() -> None:
    """Guards the direction of the exchange, and photographs, whose grounds differ, against any."""
    chance = np.random.default_rng(5)
    white_on_black = np.zeros((7, 1, 11, 11), np.uint8)
    white_on_black[:, :, 4:7, 3:8] = 230
    assert (ground_of(white_on_black), ground_of(255 - white_on_black)) == ("dark", "light")
    photographs = chance.integers(0, 256, (41, 3, 1, 1)) + np.zeros((41, 3, 11, 11), int)
    assert ground_of(photographs.astype(np.uint8)) is None
    assert ground_of(white_on_black[:0]) is None
    paper = (190 - 0.6 * white_on_black[0].astype(float)).astype(np.uint8)  # grey paper, grey ink
    assert has_other_ground(paper, "dark") and not has_other_ground(paper, "light")
    assert not has_other_ground(paper, None) and not has_other_ground(white_on_black[0], "dark")
    np.testing.assert_array_equal(inverted(paper), np.where(white_on_black[0] > 0, 255, 0))
    np.testing.assert_array_equal(inverted(white_on_black[0]), np.where(white_on_black[0] > 0, 0, 255))
    assert (inverted(np.full((1, 3, 3), 200, np.uint8)) == 0).all()


# Training ------------------------------------------------------------------------------------------------------------


def test_it_learns_shapes_and_tells_what_it_did(tiny_classifier: Path, shapes_folder: Path) -> None:
    """Guards the whole way from a folder to a run that has understood it: size and colour were found out too."""
    classifier = PictureClassifier.load(Run.open(tiny_classifier))
    assert classifier.classes == ["bar", "disc", "pole"]
    assert classifier.pictures.shape == PictureShape(1, 34)  # the middle one of 17, 34 and 51; JPEG leaves grey grey
    assert len(classifier.pictures.rows("test")) == 18  # a fifth of 31 of each class
    assert classifier.evaluate("test").accuracy > 0.9  # chance: 0.33; seeds 1 to 5 gave 1.0
    assert len(classifier.pictures.skipped) == 2
    own, unread = classifier.evaluate_folder(shapes_folder)
    assert len(own) == 93 and own.accuracy > 0.9 and len(unread) == 2


def test_only_training_pictures_are_learned_from(tiny_classifier: Path) -> None:
    """Guards the scores: not one picture that validates or tests may be among the batches of an epoch."""
    classifier = PictureClassifier.load(Run.open(tiny_classifier))
    classifier.options.augmentation.augment = False
    batches = make_trainer(classifier.options, classifier.pictures, None, []).data
    seen = [picture for batch in islice(batches, 4) for picture in batch.inputs]  # 57 pictures, 16 at a time
    expected = classifier.pictures.examples(classifier.pictures.rows("train")).inputs
    assert sorted(map(torch.sum, seen)) == sorted(map(torch.sum, expected))


def test_unreadable_pictures_are_named_and_counted(shapes_folder: Path, tmp_path: Path) -> None:
    """Guards training against one broken file among many, and the user against not hearing of it."""
    said: list[str] = []
    train(tiny(shapes_folder, tmp_path / "run", steps=1), said.append)
    assert "2 pictures could not be read and are left out:" in said
    named = "\n".join(said)
    assert "cut.png" in named and "empty.jpg" in named
    assert "57 pictures to learn from, 18 to validate with, 18 to test with; 3 classes, 34×34 pixels, grey" in said


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda folder: shutil.rmtree(folder / "disc") or shutil.rmtree(folder / "pole"), "has one class only, bar"),
        (lambda folder: (folder / "ring").mkdir(), "the class ring has no pictures"),
        (lambda folder: [shutil.rmtree(each) for each in folder.iterdir()], "has no sub-folders"),
        (lambda folder: [each.write_bytes(b"GIF89a") for each in (folder / "bar").iterdir()], "class bar has 0 "),
    ],
)
def test_folders_that_cannot_be_learned_from(shapes_folder: Path, tmp_path: Path, break_it: Any, message: str) -> None:
    """Guards one clear line for each, and against half a run that stays behind."""
    folder = tmp_path / "pictures"
    shutil.copytree(shapes_folder, folder)
    break_it(folder)
    with pytest.raises(UserError, match=message):
        train(tiny(folder, tmp_path / "run", steps=1), lambda _text: None)
    assert not (tmp_path / "run").exists()


def test_odd_pictures_are_learned_from(tmp_path: Path) -> None:
    """Guards a folder with a very wide picture, a CMYK one, an animation and a single pixel among the others."""
    chance = np.random.default_rng(3)
    for name, low in (("dark", 0), ("light", 128)):
        (tmp_path / "pictures" / name).mkdir(parents=True)
        for number in range(5):
            pixels = chance.integers(low, low + 128, (13, 19, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / "pictures" / name / f"{number}.png")
    folder, first = tmp_path / "pictures" / "dark", Image.fromarray(pixels)
    Image.new("L", (20_000, 3), 40).save(folder / "wide.png")
    first.convert("CMYK").save(folder / "print.jpg")
    first.save(folder / "moving.gif", save_all=True, append_images=[first.rotate(180)])
    Image.new("1", (1, 1)).save(folder / "one.png")
    said: list[str] = []
    run, reason = train(tiny(tmp_path / "pictures", tmp_path / "run", steps=2), said.append)
    assert reason == "steps" and not any("could not be read" in text for text in said)
    classifier = PictureClassifier.load(run)
    assert len(classifier.pictures) == 14 and classifier.pictures.shape == PictureShape(3, 13)


def test_going_on_is_as_if_nothing_had_happened(shapes_folder: Path, tmp_path: Path) -> None:
    """Guards the data's place, the augmentation's draws and the normalisation's memory over a stop."""
    options = {"schedule": "constant", "validations": 2}
    whole, _reason = train(tiny(shapes_folder, tmp_path / "whole", steps=7, **options), lambda _text: None)
    part, _reason = train(tiny(shapes_folder, tmp_path / "part", steps=5, **options), lambda _text: None)
    assert resume(GoingOn(part.path, steps=7), lambda _text: None)[1] == "steps"
    expected, found = load_weights(whole, "last"), load_weights(part, "last")
    assert any(name.endswith("running_mean") for name in expected)
    for name, tensor in expected.items():
        assert torch.equal(tensor, found[name]), name


def test_a_run_whose_pictures_are_gone_reads_them_again(shapes_folder: Path, tmp_path: Path) -> None:
    """Guards a run that was killed while it read: what is settled in run.yaml holds, and the same pictures come."""
    run, _reason = train(tiny(shapes_folder, tmp_path / "run", steps=2), lambda _text: None)
    before = (run.path / "data/pictures.json").read_text(encoding="utf-8")
    (run.path / "data/pictures.json").unlink()
    with pytest.raises(UserError, match="holds no pictures"):
        PictureClassifier.load(run)
    resume(GoingOn(run.path, steps=3), lambda _text: None)
    assert (run.path / "data/pictures.json").read_text(encoding="utf-8") == before


def test_best_weights_validate_as_they_were_said_to(shapes_folder: Path, tmp_path: Path) -> None:
    """Guards the twin that validates: it must have the learned weights and what the normalisation remembers."""
    options = tiny(shapes_folder, tmp_path / "run", steps=12, validations=3)
    options.training.precision = "bfloat16"
    run, _reason = train(options, lambda _text: None)
    lines = map(json.loads, run.metrics_path.read_text(encoding="utf-8").splitlines())
    told = min(line["valid/loss"] for line in lines if "valid/loss" in line)
    assert PictureClassifier.load(run).evaluate("valid").cross_entropy == pytest.approx(told, rel=1e-6)


def test_strengths_are_used_and_refused(shapes_folder: Path, tmp_path: Path) -> None:
    """Guards --no-augment, and a strength that no picture survives, before anything is written."""
    assert AugmentationOptions(augment=False, rotate=3).strengths == {}
    assert AugmentationOptions(rotate=3).strengths["rotate"] == 3
    options = tiny(shapes_folder, tmp_path / "run", steps=1)
    options.augmentation.mirror = 1.5
    with pytest.raises(UsageError, match=r"mirror must lie between 0 and 1, not 1\.5"):
        train(options, lambda _text: None)
    assert not (tmp_path / "run").exists()


def test_too_many_blocks_leave_no_run(shapes_folder: Path, tmp_path: Path) -> None:
    """Guards against pictures that are read for minutes before their size turns out to be too small."""
    options = tiny(shapes_folder, tmp_path / "run", steps=1)
    options.network.blocks = [3] * 7
    with pytest.raises(UsageError, match=r"34×34 pixels is too small for 7 blocks"):
        train(options, lambda _text: None)
    assert not (tmp_path / "run").exists()


def test_an_mlp_learns_on_the_same_pixels(shapes_folder: Path, tmp_path: Path) -> None:
    """Guards the comparison: without blocks the very same run trains a perceptron."""
    options = tiny(shapes_folder, tmp_path / "run", steps=2)
    options.network = PictureNetworkOptions(network="mlp", dropout=0.2)
    run, _reason = train(options, lambda _text: None)
    network = PictureClassifier.load(run).network
    assert len(network.blocks) == 0
    assert [tuple(p.shape) for p in network.parameters() if p.dim() == 2] == [(256, 34 * 34), (128, 256), (3, 128)]


# Data sets -----------------------------------------------------------------------------------------------------------


def test_digits_are_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards the named data set, and another side than its own."""
    rows = [",".join(["9"] * 784 + [str(digit)]) for digit in range(10)]
    (tmp_path / "mnist_5k.csv.gz").write_bytes(gzip.compress("\n".join(rows).encode()))
    monkeypatch.setattr(image_classification_data, "fetched", lambda _source, _say: tmp_path)
    found = find(PictureDataOptions(), lambda _text: None)
    assert found.count == 10 and list(found.classes) == [str(digit) for digit in range(10)]
    assert shape_for(PictureDataOptions(), found) == PictureShape(1, 28)
    chosen = shape_for(PictureDataOptions(side=20, colours="colour", fit="pad"), found)
    pictures = list(found.all(chosen))
    assert [picture.target for picture in pictures] == list(range(10))
    assert (
        pictures[3].pixels is not None and pictures[3].pixels.shape == (3, 20, 20) and (pictures[3].pixels == 9).all()
    )
    with pytest.raises(UsageError, match="reviews-zh holds no pictures; image classification can learn from: mnist-5k"):
        find(PictureDataOptions(data="reviews-zh"), lambda _text: None)
    assert PictureDataOptions().data == DIGITS


@pytest.fixture
def hub(shapes_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The shapes as a local data set with bytes in a table; beside them a null, a broken one, and no class."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    files = [
        (path, number) for number, name in enumerate(("bar", "pole")) for path in (shapes_folder / name).glob("*.png")
    ]
    cells: list[Any] = [{"bytes": path.read_bytes(), "path": None} for path, _number in files]
    features = datasets.Features(
        {"picture": datasets.Image(), "kind": datasets.ClassLabel(names=["bar", "none", "pole"])}
    )
    kinds = [2 * number for _path, number in files]
    table = {"picture": [*cells, None, cells[0]], "kind": [*kinds, 0, -1]}
    folder = tmp_path / "hub"
    folder.mkdir()
    datasets.Dataset.from_dict(table, features=features).to_parquet(folder / "train.parquet")
    return folder


def test_a_hub_data_set(hub: Path) -> None:
    """Guards bytes in a table, the columns that are found by their kinds, and classes that do not occur."""
    found = find_hub_pictures(str(hub), "train", None, None, None)
    assert found.classes == ["bar", "pole"]
    pictures = list(read_hub_pictures(found, PictureShape(1, 17)))
    assert len(pictures) == len(found.targets) and {picture.target for picture in pictures} == {0, 1}
    reasons = [picture.reason for picture in pictures if picture.pixels is None]
    assert len(reasons) == 3 and re.fullmatch(r"the picture row \d+ cannot be read: .*", reasons[0])
    assert [reason.split(" ", 2)[2] for reason in reasons[1:]] == ["is empty", "has no class"]
    readable = [picture.pixels for picture in pictures if picture.pixels is not None]
    assert all(pixels.shape == (1, 17, 17) and pixels.max() > 100 for pixels in readable)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (("pictur", None), "has no column pictur; its columns are picture, kind; did you mean picture"),
        (("kind", None), "the column kind of .* holds no pictures"),
    ],
)
def test_hub_columns_that_cannot_be(hub: Path, columns: tuple[str | None, str | None], message: str) -> None:
    """Guards the way out in each message."""
    with pytest.raises(UserError, match=message):
        find_hub_pictures(str(hub), "train", None, *columns)


def test_what_cannot_be_decoded_is_not_looked_at() -> None:
    """Guards the search for size and colours against broken pictures, and a set of nothing else."""

    def broken(_number: int, _shape: PictureShape) -> Any:
        raise UserError("broken")

    assert shape_for(PictureDataOptions(), Pictures(["a", "b"], 7, broken, lambda _shape: iter([]))).side == 64


# Classifying ---------------------------------------------------------------------------------------------------------


def test_a_picture_is_fitted_as_in_training(tiny_classifier: Path, shapes_folder: Path, tmp_path: Path) -> None:
    """Guards the scale between file and network: a training picture from its file is the one in the set."""
    classifier = PictureClassifier.load(Run.open(tiny_classifier))
    row = classifier.pictures.names.index("disc/1.png")
    picture = classifier.fit(shapes_folder / "disc/1.png")
    torch.testing.assert_close(picture.input, classifier.pictures.examples(np.array([row])).inputs)
    assert picture.remarks == []
    (probabilities,) = classifier(picture.input)
    assert probabilities.argmax() == 1 and probabilities.sum() == pytest.approx(1)


def test_ink_on_paper_is_exchanged_and_said(tiny_classifier: Path, shapes_folder: Path, tmp_path: Path) -> None:
    """Guards a digit on somebody's desk: the network knows white on black alone."""
    classifier = PictureClassifier.load(Run.open(tiny_classifier))
    pixels = np.asarray(Image.open(shapes_folder / "pole/1.png").convert("L"), float)
    Image.fromarray((200 - 0.7 * pixels).astype(np.uint8)).convert("RGB").save(tmp_path / "paper.png")
    picture = classifier.fit(tmp_path / "paper.png")
    assert classifier(picture.input).argmax() == 2
    assert picture.shown[0, 0, 0] < 0.1 and picture.shown.max() == 1
    assert len(picture.remarks) == 2 and "light and dark were exchanged" in picture.remarks[1]
    as_it_is = classifier.fit(tmp_path / "paper.png", invert="no")
    assert len(as_it_is.remarks) == 1 and as_it_is.shown[0, 0, 0] > 0.7
    assert classifier.fit(shapes_folder / "pole/1.png", invert="yes").remarks == ["light and dark were exchanged"]


def test_weights_that_are_not_the_runs(tiny_classifier: Path, tmp_path: Path) -> None:
    """Guards an edited run.yaml: one line, not PyTorch's."""
    shutil.copytree(tiny_classifier, tmp_path / "run")
    description = tmp_path / "run/run.yaml"
    text = description.read_text(encoding="utf-8")
    for old, new in (
        ("    - 7\n", "    - 11\n"),
        ("    - 5\n    - 7\n", ""),
        ("side: 34", "side: null"),
        ("hidden: []", "hidden: null"),
    ):
        assert old in text
        description.write_text(text.replace(old, new), encoding="utf-8")
        for use in (PictureClassifier.load, lambda run: resume(GoingOn(run.path), lambda _text: None)):
            with pytest.raises(UserError, match=r"do not fit its run\.yaml|cannot be None"):
                use(Run.open(tmp_path / "run"))
    assert load_file(next((tmp_path / "run/checkpoints").glob("*/weights.safetensors")))
