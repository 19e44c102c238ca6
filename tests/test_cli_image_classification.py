"""``congling train | predict | evaluate | inspect`` of picture classifiers, as a user types them."""

from __future__ import annotations

import io
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image

from conftest import TINY_PICTURES, Outcome

Run = Callable[..., Outcome]


def type_in(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Let standard input be this text."""
    stream = SimpleNamespace(buffer=io.BytesIO(text.encode()), isatty=lambda: False)
    monkeypatch.setattr(sys, "stdin", stream)


def test_train_says_how_good_it_is_and_what_to_try(run_congling: Run, shapes_folder: Path, tmp_path: Path) -> None:
    """Guards the last words: the score on what was held out, commands to copy, and the run alone on stdout."""
    arguments = ["train", "image-classification", "--folder", shapes_folder, *TINY_PICTURES, "--run", tmp_path / "run"]
    outcome = run_congling(*arguments, "--steps", 3)
    assert (outcome.code, outcome.out) == (0, f"{tmp_path / 'run'}\n")
    said = outcome.err.splitlines()
    assert said[0] == f"reading 95 pictures of {shapes_folder}, each brought to 34×34 pixels"
    assert any(line.startswith("18 test pictures: accuracy ") and "95 % interval" in line for line in said)
    assert f"done. To try it: congling predict {tmp_path / 'run'} PICTURE.png" in said
    assert said[-1].endswith("--mirror 0.5 makes more of them.")
    again = run_congling("train", "--resume", tmp_path / "run", "--steps", 4)
    assert again.code == 0 and "going on from step 3" in again.err


def test_nothing_held_out_for_a_test(run_congling: Run, shapes_folder: Path, tmp_path: Path) -> None:
    """Guards --test-size 0: the validation pictures answer then, and --part test says that there are none."""
    arguments = ["train", "image-classification", "--folder", shapes_folder, *TINY_PICTURES, "--run", tmp_path / "run"]
    outcome = run_congling(*arguments, "--steps", 1, "--test-size", 0)
    assert outcome.code == 0 and "18 validation pictures: accuracy" in outcome.err
    assert run_congling("evaluate", tmp_path / "run").out.startswith("18 validation pictures")
    refused = run_congling("evaluate", tmp_path / "run", "--part", "test")
    assert (refused.code, refused.err) == (1, "congling: --part test: no pictures are held out for it\n")


def test_predict_names_the_likeliest_classes(run_congling: Run, tiny_classifier: Path, shapes_folder: Path) -> None:
    """Guards order, number and sum of the probabilities, and the remarks beside the answers."""
    outcome = run_congling("predict", tiny_classifier, shapes_folder / "bar/1.png", shapes_folder / "pole/0.webp")
    assert outcome.code == 0
    bar, pole = (line.split("\t") for line in outcome.out.splitlines())
    assert bar[0].endswith("bar/1.png") and bar[1].startswith("bar: ") and len(bar) == 4
    assert pole[1].startswith("pole: ")
    shares = [float(cell.split(": ")[1]) for cell in bar[1:]]
    assert shares == sorted(shares, reverse=True) and sum(shares) == pytest.approx(1, abs=2e-4)
    remark = f"{shapes_folder / 'pole/0.webp'}: its 17×17 pixels became 34×34; its colours became grey\n"
    assert outcome.err == remark
    one = run_congling("predict", tiny_classifier, shapes_folder / "bar/1.png", "--top", 1)
    assert len(one.out.split("\t")) == 2


def test_predict_json(run_congling: Run, tiny_classifier: Path, shapes_folder: Path) -> None:
    """Guards what a program reads: all classes, and the remarks too."""
    outcome = run_congling("predict", tiny_classifier, shapes_folder / "disc/2.jpg", "--json")
    found = json.loads(outcome.out)
    assert found["prediction"] == "disc" == max(found["probabilities"], key=found["probabilities"].get)
    assert set(found["probabilities"]) == {"bar", "disc", "pole"}
    assert sum(found["probabilities"].values()) == pytest.approx(1)
    assert found["picture"].endswith("disc/2.jpg") and found["remarks"] == ["its 51×51 pixels became 34×34"]


def test_unreadable_pictures_do_not_keep_others_waiting(
    run_congling: Run, tiny_classifier: Path, shapes_folder: Path, tmp_path: Path
) -> None:
    """Guards exit code and names: an error in predict, though the others are answered."""
    files = [shapes_folder / "bar/cut.png", tmp_path / "none.png", shapes_folder / "bar/1.png"]
    outcome = run_congling("predict", tiny_classifier, *files)
    assert outcome.code == 1 and outcome.out.count("\n") == 1
    first, second = outcome.err.splitlines()
    assert "cut.png" in first and second == f"congling: there is no picture {tmp_path / 'none.png'}"


def test_predict_reads_names_from_standard_input(
    run_congling: Run, tiny_classifier: Path, shapes_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards ``find … | congling predict RUN``, with an empty line."""
    type_in(monkeypatch, f"{shapes_folder / 'bar/1.png'}\n\n{shapes_folder / 'disc/1.png'}\n")
    outcome = run_congling("predict", tiny_classifier)
    assert [line.split("\t")[1].split(":")[0] for line in outcome.out.splitlines()] == ["bar", "disc"]


def test_evaluate_shows_the_mistakes(
    run_congling: Run, tiny_classifier: Path, tmp_path: Path, shapes_folder: Path
) -> None:
    """Guards the tables: rows are true classes; the text and the JSON say the same."""
    outcome = run_congling("evaluate", tiny_classifier)
    head, *tables = outcome.out.split("\n\n")
    assert (outcome.code, outcome.err) == (0, "") and head.startswith("18 test pictures: accuracy ")
    assert tables[0].splitlines()[0].split("\t") == ["class", "pictures", "precision %", "recall %"]
    found = json.loads(run_congling("evaluate", tiny_classifier, "--json").out)
    shown = [line.split("\t")[1:] for line in tables[1].splitlines()[1:4]]
    assert [[int(cell.replace("·", "0")) for cell in row] for row in shown] == found["confusion"]
    assert sum(map(sum, found["confusion"])) == found["pictures"] == 18
    (tmp_path / "disc").mkdir()
    for number in range(3):  # poles that are called discs: every one is a mistake
        shutil.copy(shapes_folder / f"pole/{number}.{('webp', 'png', 'jpg')[number]}", tmp_path / "disc")
    (tmp_path / "disc" / "broken.png").write_bytes(b"?")
    wrong = run_congling("evaluate", tiny_classifier, "--folder", tmp_path)
    assert wrong.out.startswith(f"3 pictures of {tmp_path}: accuracy 0.00 %")
    assert wrong.out.splitlines()[-4:][0].split("\t") == ["picture", "true class", "taken for", "probability"]
    assert wrong.out.splitlines()[-1].split("\t")[1:3] == ["disc", "pole"]
    assert wrong.err.startswith("1 pictures could not be read and are left out:\n") and "broken.png" in wrong.err
    record = json.loads(run_congling("evaluate", tiny_classifier, "--folder", tmp_path, "--json").out)
    assert record["classes"][1] == {"name": "disc", "pictures": 3, "precision": None, "recall": 0.0}


def test_evaluate_refuses(run_congling: Run, tiny_classifier: Path, tmp_path: Path) -> None:
    """Guards the user's own words, and the nearest class."""
    both = run_congling("evaluate", tiny_classifier, "--folder", tmp_path, "--part", "test")
    assert both.code == 2 and "--part and --folder exclude each other" in both.err
    (tmp_path / "dics").mkdir()
    Image.new("L", (3, 3)).save(tmp_path / "dics/a.png")
    unknown = run_congling("evaluate", tiny_classifier, "--folder", tmp_path)
    assert unknown.code == 1 and "the class dics was not learned" in unknown.err and "did you mean disc?" in unknown.err
    (tmp_path / "dics").rename(tmp_path / "disc")
    (tmp_path / "disc/a.png").write_bytes(b"")
    broken = run_congling("evaluate", tiny_classifier, "--folder", tmp_path)
    assert broken.code == 1 and f"none of the pictures in {tmp_path} can be read, first: " in broken.err


def test_inspect_shows_every_value(run_congling: Run, tiny_classifier: Path, shapes_folder: Path) -> None:
    """Guards names by dotted path, from the pixels to the probabilities."""
    outcome = run_congling("inspect", tiny_classifier, shapes_folder / "bar/1.png", "--json")
    shapes = {value["name"]: value["shape"] for value in json.loads(outcome.out)["values"]}
    assert shapes["inputs"] == [1, 1, 34, 34] and shapes["probabilities"] == [1, 3]
    assert shapes["blocks.1.pooled"] == [1, 7, 8, 8]
    one = run_congling("inspect", tiny_classifier, "--value", "probabilities", "--json")
    assert sum(json.loads(one.out)["values"][0]) == pytest.approx(1)
    assert "blocks.0.activated" in run_congling("inspect", tiny_classifier).out


def test_inspect_gradients(run_congling: Run, tiny_classifier: Path, shapes_folder: Path) -> None:
    """Guards the true class: another one gives another loss, and without one there is nothing to learn."""
    picture = shapes_folder / "bar/1.png"
    losses = [
        json.loads(run_congling("inspect", tiny_classifier, picture, "--gradients", "--target", name, "--json").out)[
            "loss"
        ]
        for name in ("bar", "pole")
    ]
    assert losses[0] < losses[1]
    assert "blocks.0.convolutions.0.weight" in run_congling("inspect", tiny_classifier, "--gradients").out
    nameless = run_congling("inspect", tiny_classifier, picture, "--gradients")
    assert nameless.code == 2 and "--target CLASS" in nameless.err
    assert run_congling("inspect", tiny_classifier, "--target", "bar").code == 2


def test_help_has_the_task(run_congling: Run) -> None:
    """Guards the verbs' overviews, in which this task must stand, and the options' own help."""
    for verb in ("train", "predict", "evaluate", "inspect"):
        assert "image-classification" in run_congling(verb, "--help").out
    assert "--[no-]batch-norm" in run_congling("train", "image-classification", "--help").out
