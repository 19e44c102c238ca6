"""The story's claims about seeing: their pictures, what is read off their trainings, and trying them with digits.

That they hold in their short form is tried with all the others, in ``test_demonstrations.py``.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import conftest
from congling.data import sources
from congling.data.pictures.sets import PictureSet
from congling.data.text.splits import TEST, TRAIN, VALID
from congling.demonstrations import claims, demonstrate, picture_sources
from congling.demonstrations.claim import Claim, but
from congling.demonstrations.claims import claim_named
from congling.demonstrations.figure import figure
from congling.demonstrations.letters import EVERY_LETTER
from congling.demonstrations.picture_sources import DigitPictures, LetterPictures, about_pictures, on_digits
from congling.demonstrations.picture_trial import FARTHEST, PictureTrial
from congling.demonstrations.pictures_in_memory import in_memory
from congling.demonstrations.seeing import full_connection, pictures_problem, shifted_pictures
from congling.tasks.image_classification.options import ImageClassificationOptions
from congling.tasks.image_classification.picture_classifier import build_network
from congling.tasks.image_classification.task import PictureFit, fit

Run = Callable[..., conftest.Outcome]
FEW = LetterPictures(3)


# Pictures ------------------------------------------------------------------------------------------------------------


def test_letters_stand_upright_in_the_middle() -> None:
    """Guards against a letter on its head, and one that a shift by seven pixels would tear apart."""
    pictures = LetterPictures(40)(5)
    whole = pictures.pictures(pictures.rows("train"))[:, 0].mean(0)  # (Y, X): noise and turns even out
    ink = whole > whole[:7].max() + 0.05
    rows, columns = (torch.nonzero(ink.any(dim)).flatten() for dim in (1, 0))
    assert rows.min() >= 7 and rows.max() <= 22 and columns.min() >= 7 and columns.max() <= 22
    capital_l = pictures.pictures(np.flatnonzero(pictures.targets == list(EVERY_LETTER).index("L")))[:, 0].mean(0)
    assert capital_l[15:].sum() > 1.2 * capital_l[:15].sum()  # its foot is at the bottom
    assert capital_l[:, :15].sum() > 1.2 * capital_l[:, 15:].sum()  # its back is at the left


def test_unseen_pictures_are_the_same_however_many_are_learned_from() -> None:
    """Guards the comparison of few with many pictures: other unseen ones would blur it; and other seeds the spread."""
    few, many, other = LetterPictures(3)(5), LetterPictures(7)(5), LetterPictures(3)(6)
    for part, count in (("train", 3), ("valid", 5), ("test", 20)):
        assert np.bincount(few.targets[few.rows(part)]).tolist() == [count] * 6
    for part in ("valid", "test"):
        assert np.array_equal(few.pixels[few.rows(part)], many.pixels[many.rows(part)])
    assert np.array_equal(few.pixels[:18], many.pixels[:18])
    assert not np.array_equal(few.pixels, other.pixels)
    seen = {picture.tobytes() for picture in many.pixels[many.rows("train")]}
    assert not seen & {picture.tobytes() for picture in many.pixels[many.rows("test")]}


def test_a_set_in_memory_is_standardised_by_what_is_learned_from() -> None:
    """Guards against statistics of the unseen pictures, and of pixels from 0 to 255."""
    pixels = np.random.default_rng(3).integers(0, 256, (7, 2, 5, 5)).astype(np.uint8)
    part_of = np.array([TEST, TRAIN, VALID, TRAIN, TRAIN, TEST, VALID], np.uint8)
    found = in_memory(pixels, np.arange(7) % 3, part_of, ["a", "b", "c"])
    learned = found.examples(found.rows("train")).inputs
    assert found.rows("train").tolist() == [1, 3, 4] and found.shape.dimensions == (2, 5, 5)
    torch.testing.assert_close(learned.mean(dim=(0, 2, 3)), torch.zeros(2), atol=1e-6, rtol=0)
    torch.testing.assert_close(learned.std(dim=(0, 2, 3), correction=0), torch.ones(2), atol=1e-6, rtol=0)


# Training in memory --------------------------------------------------------------------------------------------------


def quick(seed: int = 5, **changes: object) -> PictureFit:
    """A small training of a moment."""
    options = pictures_problem(**{"steps": 7, "blocks": [3], "seed": seed, "validations": 2, **changes})
    return fit(options, FEW(seed))


def test_a_training_in_memory_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards the user's folder against a run that nobody asked for, and the result's parts."""
    monkeypatch.chdir(tmp_path)
    found = quick()
    assert list(tmp_path.iterdir()) == []
    assert (found.reason, len(found.history.steps), len(found.history.validations)) == ("steps", 7, 2)
    assert found.classifier.options.data.side == 30 and not found.classifier.network.training


def test_weights_are_those_of_the_last_step() -> None:
    """Guards against the best weights in place of the last, and buffers left behind; twin: what validation said."""
    found = quick()
    valid = found.classifier.evaluate("valid")
    assert valid.cross_entropy == pytest.approx(found.history.validations[-1].loss, rel=1e-5)
    assert valid.accuracy == pytest.approx(found.history.validations[-1].scores["accuracy"])


def test_a_divergence_is_a_result() -> None:
    """Guards against an exception in the middle of a demonstration, and small errors of weights that were lost."""
    trial = PictureTrial(
        quick(optimizer="gradient-descent", learning_rate=1e9, clip_norm=0, batch_norm=False, steps=30)
    )
    assert trial.diverged
    assert trial.error() == trial.errors_by_shift[3] == trial.change_of_features() == float("inf")


# Readings ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trial() -> PictureTrial:
    """A small network that learned a little."""
    return PictureTrial(quick(steps=20, window=6))


def test_errors_by_shift_are_of_moved_pictures(trial: PictureTrial) -> None:
    """Guards the ways and the distance; twin: ``numpy.roll`` of the pixels, one picture after the other."""
    classifier = trial.fit.classifier
    pictures, errors = classifier.pictures, []
    rows = pictures.rows("test")
    for down, right in ((2, 0), (-2, 0), (0, 2), (0, -2)):
        moved = replace(pictures, pixels=np.roll(pictures.pixels, (down, right), axis=(2, 3)))
        errors += [
            classifier(moved.examples(rows[[n]]).inputs).argmax() != moved.targets[row] for n, row in enumerate(rows)
        ]
    assert trial.errors_by_shift[2] == pytest.approx(np.mean(errors), abs=1e-12)
    assert trial.errors_by_shift[0] == trial.error() == pytest.approx(1 - classifier.evaluate("test").accuracy)
    assert len(trial.errors_by_shift) == FARTHEST + 1
    assert 0 < trial.errors_by_shift[2] < 1


def test_features_change_by_what_the_pooled_maps_change(trial: PictureTrial) -> None:
    """Guards ‖f' − f‖ / ‖f‖, its mean, and that it is of pooled maps; twin: PyTorch's own layers."""
    classifier, errors = trial.fit.classifier, []
    inputs = classifier.pictures.examples(classifier.pictures.rows("test")).inputs
    block = classifier.network.blocks[0]
    normalisation = block.normalisations[0]

    def features(pictures: torch.Tensor) -> torch.Tensor:
        sums = torch.nn.functional.conv2d(pictures, block.convolutions[0].weight, padding=1)
        running = normalisation.running_mean, normalisation.running_variance
        normalised = torch.nn.functional.batch_norm(sums, *running, normalisation.weight, normalisation.bias)
        return torch.nn.functional.max_pool2d(normalised.relu(), 6)

    with torch.no_grad():
        for shifts in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            for before, after in zip(features(inputs), features(inputs.roll(shifts, (2, 3))), strict=True):
                errors.append(float((after - before).norm() / before.norm()))
    assert trial.change_of_features() == pytest.approx(np.mean(errors), rel=1e-4)


def test_sizes_are_counted_in_real_networks() -> None:
    """Guards the story's own number, 30 · 30 · 1,000, and the sizes of both networks."""
    full, convolutions = (
        PictureTrial(quick(steps=1, **changes))
        for changes in ({"network": "mlp", "hidden": [1000], "blocks": None}, {"blocks": [8, 16, 32]})
    )
    assert full.weights_of_first_layer() == 900_000
    assert full.parameters() == 900_000 + 1_000 + 6 * 1_000 + 6
    assert convolutions.weights_of_first_layer() == 8 * 9
    kernels, normalisations = 9 * (8 + 8 * 16 + 16 * 32), 2 * (8 + 16 + 32)
    assert convolutions.parameters() == kernels + normalisations + 6 * 32 * 3 * 3 + 6


def test_pairs_begin_with_the_same_weights_and_pictures() -> None:
    """Guards the comparison seed by seed, and the seed of the variant that augments."""
    plain = pictures_problem(steps=1, blocks=[3])
    seeds: list[int] = []

    def source(seed: int) -> PictureSet:
        seeds.append(seed)
        return FEW(seed)

    first, second = (PictureTrial.of(but(plain, seed=5, **more), source) for more in ({}, {"augment": True}))
    one, other = (build_network(each.fit.classifier.options, 6).state_dict() for each in (first, second))
    assert seeds == [5, 5]
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert first.fit.history.steps[0].loss != second.fit.history.steps[0].loss  # the pictures came altered


# With digits ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def digits(tmp_path: Path) -> Path:
    """A table as that of the digits: 40 pictures of each, which a few bright pixels give away."""
    chance, lines = np.random.default_rng(7), []
    for number in range(400):
        pixels = chance.integers(0, 60, (28, 28))
        pixels[5 + number % 10, 3:20] = 250
        lines.append(",".join(map(str, [*pixels.flatten(), number % 10])))
    path = tmp_path / "mnist_5k.csv.gz"
    path.write_bytes(gzip.compress(("\n".join(lines) + "\n").encode()))
    return path


def test_digits_are_as_large_as_letters_and_so_many(digits: Path) -> None:
    """Guards the number that is learned from, a part that is learned from and tested with, and the black edge."""
    few, more, other = DigitPictures(3, digits)(5), DigitPictures(1000, digits)(5), DigitPictures(3, digits)(6)
    assert np.bincount(few.targets[few.rows("train")]).tolist() == [3] * 10
    assert len(few.rows("test")) == len(more.rows("test")) == 80  # a fifth, as 500 are not there
    assert len(more.rows("train")) == 400 - 2 * 80
    assert few.shape.dimensions == (1, 30, 30)
    assert few.pixels[:, :, [0, -1]].max() == few.pixels[..., [0, -1]].max() == 0 < few.pixels[:, :, 1].max()
    assert (few.pixels[np.arange(len(few)), 0, 6 + few.targets, 10] == 250).all()  # each with its own class
    learned = [{picture.tobytes() for picture in each.pixels[each.rows("train")]} for each in (few, other)]
    assert len(learned[0] & learned[1]) < 15  # of 30: drawn anew with each seed, not the file's first


def test_a_claim_is_tried_with_digits(
    run_congling: Run, digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards ``--data``: the digits' pictures, a remark that says so, and the page."""
    monkeypatch.setattr(sources, "cached", lambda source: digits.parent)
    monkeypatch.setattr("congling.tasks.named_data.cached", lambda source: digits.parent)
    monkeypatch.setitem(claims.CLAIMS, "shifted-pictures", _quick_claim)
    page = tmp_path / "page.html"
    found = run_congling("demonstrate", "shifted-pictures", "--data", "mnist-5k", "--seeds", 2, "--html", page)
    assert found.code == 0
    assert "The pictures are digits of mnist-5k" in found.out and "letters that the program draws" not in found.out
    assert "congling train" not in found.out  # no option gives these pictures
    assert "The pictures are digits of mnist-5k" in page.read_text(encoding="utf-8")


def _quick_claim() -> Claim:
    claim = shifted_pictures()
    variants = tuple(
        replace(each, options=but(each.options, steps=1), pictures=LetterPictures(2)) for each in claim.variants
    )
    return replace(claim, variants=variants)


def test_on_digits_only_pictures_and_steps_differ(digits: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against variants that become unlike each other, or are trained for longer than the remark says."""
    monkeypatch.setattr("congling.tasks.named_data.cached", lambda source: digits.parent)
    before, after = full_connection(), on_digits(full_connection(), lambda line: None)
    assert [each.pictures for each in after.variants] == [DigitPictures(10, digits)] * 2
    for one, other in zip(before.variants, after.variants, strict=True):
        assert other.options == but(one.options, steps=300)
    assert "5 times as many steps" in after.remark
    assert not about_pictures(after) and not about_pictures(claim_named("momentum"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["momentum", "--data", "mnist-5k"], "--data goes with picture-augmentation, full-connection,"),
        (["known-kernels", "--data", "mnist-5k"], "--data is for claims that are tried by training"),
        (["--data", "mnist-5k"], "--data needs a claim to try"),
    ],
)
def test_data_where_there_is_no_use_for_them(run_congling: Run, arguments: list[str], message: str) -> None:
    """Guards against an option that does nothing without a word."""
    found = run_congling("demonstrate", *arguments)
    assert (found.code, found.out, found.err.count("\n")) == (2, "", 1)
    assert message in found.err


# Figures and outcomes ------------------------------------------------------------------------------------------------


def test_a_claim_about_seeing_is_told_and_drawn() -> None:
    """Guards the lines by shift, their axis in percent, the title above the legend, and JSON without commands."""
    outcome = demonstrate.demonstrate(_quick_claim(), (1, 2))
    drawn = figure(outcome)
    lines = [trace for trace in drawn.data if trace.mode == "lines+markers"]
    assert len(lines) == 3 * 2
    assert all(list(line.x) == list(range(FARTHEST + 1)) for line in lines)
    assert drawn.layout.yaxis4.tickformat == ".0%" and drawn.layout.legend.title.text == outcome.claim.courses[0].title
    told = json.loads(json.dumps(outcome.to_json(), allow_nan=False))
    still = [1 - line.y[0] for line in lines if line.legendgroup == "mlp"]
    assert told["variants"][0]["values"]["test"] == pytest.approx(still, abs=1e-3)
    assert [each["command"] for each in told["variants"]] == [None] * 3


def test_declaring_claims_draws_no_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards the list of claims against pictures that are drawn, or digits that are fetched, before one is tried."""
    monkeypatch.setattr(LetterPictures, "__call__", None)
    monkeypatch.setattr(picture_sources, "_digits", None)
    assert {each.name for each in claims.all_claims() if about_pictures(each)} == {
        "picture-augmentation", "full-connection", "shifted-pictures", "pooling",
    }  # fmt: skip


def test_options_of_both_tasks_can_be_changed() -> None:
    """Guards ``but`` where a group and an option in it have the same name, and a change that has no option."""
    changed = but(ImageClassificationOptions(), network="mlp", rotate=5.0, device="cpu", steps=3)
    assert (changed.network.network, changed.augmentation.rotate, changed.device) == ("mlp", 5.0, "cpu")
    assert changed.training.steps == 3 and ImageClassificationOptions().network.network == "cnn"
    with pytest.raises(TypeError, match="rotat"):
        but(ImageClassificationOptions(), rotat=5.0)
