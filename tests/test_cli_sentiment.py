"""``congling train | predict | evaluate | inspect`` of text classifiers, as a user types them."""

from __future__ import annotations

import io
import json
import random
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from conftest import Outcome
from congling.cli.main import main
from congling.cli.sentiment.words import bar, columns_of, padded
from congling.learning.runs import Run as StoredRun
from congling.tasks.sentiment.reading import Reading, words_of
from congling.tasks.sentiment.sentiment_classifier import SentimentClassifier

Run = Callable[..., Outcome]
BLAME, PRAISE = "书店我好快递我差了书店", "书店我差快递我好了书店"
TINY = shlex.split("""
    --width 16 --embedding 8 --dropout 0 --embedding-dropout 0 --piece-dropout 0 --pooling last --no-bidirectional
    --ngrams 0 --batch-size 16 --learning-rate 2e-2 --warmup-steps 10 --pretraining 0 --validations 4 --average 0
    --valid-size 60 --test-size 120 --threads 1 --precision float32 --device cpu
""")


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """700 texts that hold both 好 and 差, of which the later one counts: no counting of neighbours can tell."""
    chance, rows = random.Random(7), dict[str, str]()
    while len(rows) < 700:
        first, then = chance.sample(["好", "差"], 2)
        fill = ["".join(chance.choice("书店快递我买了") for _sign in range(chance.randint(3, 5))) for _gap in range(3)]
        rows[f"{fill[0]}{first}{fill[1]}{then}{fill[2]}"] = {"好": "praise", "差": "blame"}[then]
    path = tmp_path_factory.mktemp("table") / "judgements.csv"
    path.write_text("text,label\n" + "".join(f"{text},{label}\n" for text, label in rows.items()), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def tiny_reader(tmp_path_factory: pytest.TempPathFactory, table: Path) -> Path:
    """A run that has learned that the later word counts."""
    path = tmp_path_factory.mktemp("runs") / "judgements"
    assert main(["train", "sentiment", "--table", str(table), *TINY, "--run", str(path), "--epochs", "10"]) == 0
    return path


def type_in(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data), isatty=lambda: False))


def test_it_learns_what_no_linear_model_can(run_congling: Run, tiny_reader: Path) -> None:
    """Guards the whole way from a table to a network that knows the order: counts alone are at chance on these."""
    found = json.loads(run_congling("evaluate", tiny_reader, "--json", "--baselines").out)
    assert found["texts"] == 120 and found["accuracy"] > 0.97
    bayes, logistic = found["baselines"]
    assert (bayes["name"], logistic["name"]) == ("naive Bayes", "logistic regression")
    assert max(bayes["accuracy"], logistic["accuracy"]) < 0.7  # at chance


@pytest.mark.parametrize("pretraining", ["0", "0.5"])
def test_train_says_what_it_does_and_goes_on(run_congling: Run, table: Path, tmp_path: Path, pretraining: str) -> None:
    """Guards the remarks, the run alone on stdout, and both halves of a training that was resumed."""
    arguments = ["train", "sentiment", "--table", table, *TINY, "--pretraining", pretraining, "--longest", 9]
    outcome = run_congling(*arguments, "--run", tmp_path / "run", "--steps", 4)
    assert (outcome.code, outcome.out) == (0, f"{tmp_path / 'run'}\n")
    said = outcome.err.splitlines()
    assert any(line.startswith("the first 50 % of the training") for line in said) == (pretraining == "0.5")
    assert (
        f"{table}: 700 texts in 2 classes; left out: 0 without text, 0 without label, 0 repeated, 0 under two labels"
        in said
    )
    assert any(line.startswith("520 texts to learn from, 60 to validate with, 120 to test with; ") for line in said)
    assert any("texts have more than 9 pieces: the first 9 are read (--longest)" in line for line in said)
    assert any(line.startswith("120 test texts: accuracy ") for line in said)
    again = run_congling("train", "--resume", tmp_path / "run", "--steps", 6)
    assert again.code == 0 and "going on from step 4" in again.err


def test_predict_shows_how_the_reading_moves(run_congling: Run, tiny_reader: Path) -> None:
    """Guards the order of the words, the last entry that is the answer, and aligned columns with wide characters."""
    text = BLAME
    outcome = run_congling("predict", tiny_reader, text)
    head, title, *lines = outcome.out.splitlines()
    assert outcome.code == 0 and head.startswith(f"{text}\tblame: 0.") and title.endswith("probability of blame")
    assert [line.split()[0] for line in lines[1:]] == list(text) and lines[0].startswith("  (nothing read yet) ")
    shares = [float(line.split(" %")[0].split()[-1]) for line in lines]
    assert shares[7] < 50 < 80 < shares[-1]  # before 差 has come in, and in the end
    assert len({columns_of(line[: line.index(" %")]) for line in lines}) == 1
    found = json.loads(run_congling("predict", tiny_reader, text, "--json", "--words").out)
    assert found["words"][-1]["probabilities"] == pytest.approx(found["probabilities"], abs=1e-6)
    assert [each["word"] for each in found["words"]] == list(text) and set(found["before"]) == {"blame", "praise"}
    assert found["prediction"] == "blame"
    assert "words" not in json.loads(run_congling("predict", tiny_reader, text, "--json").out)
    assert run_congling("predict", tiny_reader, text, "--brief").out == head + "\n"


def test_the_words_by_one_batch_are_those_one_by_one(tiny_reader: Path) -> None:
    """Guards prefixes that disturb each other, or come in another order, side by side."""
    classifier = SentimentClassifier.load(StoredRun.open(tiny_reader))
    text = "我买了" + BLAME
    reading = classifier.read(text)
    one_by_one = np.concatenate([classifier([text[:length]]) for length in range(1, len(text) + 1)])
    assert np.abs(reading.probabilities[1:] - one_by_one).max() < 1e-6
    assert np.abs(reading.probabilities[-1] - classifier.answer(text).probabilities[-1]).max() < 1e-6


def test_lines_in_lines_out(run_congling: Run, tiny_reader: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards pipes: a line for each text without the table, and an empty or unknown one that stops no other."""
    type_in(monkeypatch, f"{BLAME}\n\n{PRAISE}\n龘龘\n".encode())
    outcome = run_congling("predict", tiny_reader, "--top", 1)
    assert [line.split("\t")[1].split(":")[0] for line in outcome.out.splitlines()] == ["blame", "praise"]
    assert outcome.code == 1 and "there is nothing to classify: the text is empty" in outcome.err
    assert outcome.err.splitlines()[-1].endswith("has learned from no text with any of the characters or words of 龘龘")
    type_in(monkeypatch, f"{BLAME}\n".encode() + "差".encode("gbk"))
    outcome = run_congling("predict", tiny_reader)
    assert outcome.out.startswith(f"{BLAME}\tblame") and "standard input, line 2: not UTF-8" in outcome.err


def test_evaluate_own_texts(run_congling: Run, tiny_reader: Path, tmp_path: Path) -> None:
    """Guards own files: other column names, a class that was not learned, two sources at once."""
    (tmp_path / "own.tsv").write_text(f"t\tl\n{BLAME}\tblame\n{PRAISE}\tblame\n", encoding="utf-8")
    outcome = run_congling("evaluate", tiny_reader, "--table", tmp_path / "own.tsv", "--text-column", "t",
                           "--label-column", "l")  # fmt: skip
    assert outcome.code == 0 and outcome.out.startswith(f"2 texts of {tmp_path / 'own.tsv'}: accuracy 50.00 %")
    assert outcome.out.splitlines()[-1].split("\t")[:3] == [PRAISE, "blame", "praise"]
    (tmp_path / "own.tsv").write_text("text\tlabel\n好\tblam\n", encoding="utf-8")
    unknown = run_congling("evaluate", tiny_reader, "--table", tmp_path / "own.tsv")
    assert unknown.code == 1 and "the class blam was not learned" in unknown.err and "mean blame?" in unknown.err
    both = run_congling("evaluate", tiny_reader, "--part", "test", "--folder", tmp_path)
    assert both.code == 2 and "--part and --folder exclude each other" in both.err


def test_more_than_two_classes(run_congling: Run, tmp_path: Path) -> None:
    """Guards a classifier that knows yes and no alone: a folder of three classes, one of them rare."""
    for name, count in {"cat": 31, "dog": 29, "fish": 7}.items():
        (tmp_path / "texts" / name).mkdir(parents=True)
        for number in range(count):
            (tmp_path / "texts" / name / f"{number}.txt").write_text(f"{number} {name}", encoding="utf-8")
    outcome = run_congling("train", "sentiment", "--folder", tmp_path / "texts", *TINY, "--pieces", "words",
                           "--steps", 60, "--run", tmp_path / "run")  # fmt: skip
    assert outcome.code == 0 and "67 texts in 3 classes" in outcome.err
    found = json.loads(run_congling("predict", tmp_path / "run", "7 fish", "--json").out)
    assert found["prediction"] == "fish" and len(found["probabilities"]) == 3 and found["pieces"] == ["▁7", "▁fish"]


def test_inspect_shows_values_and_gradients(run_congling: Run, tiny_reader: Path) -> None:
    """Guards names by dotted path, and a gradient that hangs on the true class."""
    outcome = run_congling("inspect", tiny_reader, BLAME, "--json")
    found = json.loads(outcome.out)
    shapes = {value["name"]: value["shape"] for value in found["values"]}
    assert shapes["recurrent.layers.0.forward_scan.hidden"] == [1, len(found["pieces"]), 16]
    assert shapes["probabilities"] == [1, 2] and found["pieces"][-1] == "</s>"
    one = run_congling("inspect", tiny_reader, "--value", "probabilities", "--json")
    assert sum(json.loads(one.out)["values"][0]) == pytest.approx(1)
    losses = [
        json.loads(run_congling("inspect", tiny_reader, BLAME, "--gradients", "--target", name, "--json").out)["loss"]
        for name in ("blame", "praise")
    ]
    assert losses[0] < 0.3 < losses[1]
    refused = run_congling("inspect", tiny_reader, BLAME, "--gradients")
    assert refused.code == 2 and "needs its true class: --target CLASS" in refused.err


def test_options_that_mean_nothing(run_congling: Run, table: Path, tmp_path: Path) -> None:
    """Guards the user's own words, before anything is read or written."""
    for arguments, message in (
        (["--text-column", "t"], "--text-column needs --table beside it"),
        (["--table", table, "--folder", tmp_path], "--table and --folder exclude each other"),
        (["--table", table, "--text-column", "label"], "are both label: give two columns"),
        (["--width", "0"], "--width 0 must be at least 1"),
        (["--ngrams", "17"], "--ngrams 17 must be at most 16"),
        (["--ngram-dropout", "1"], "--ngram-dropout 1 must be at least 0 and below 1"),
        (["--pretraining", "1"], "--pretraining 1 must be at least 0 and below 1"),
        (["--data", "mnist-5k"], "mnist-5k holds no labelled texts; sentiment can learn from: reviews-zh"),
    ):
        refused = run_congling("train", "sentiment", *arguments, "--run", tmp_path / "run")
        assert refused.code == 2 and message in refused.err, arguments
        assert not (tmp_path / "run").exists()


def test_words_out_of_pieces() -> None:
    """Guards words of letters that fall apart, and Chinese ones that grow together."""
    assert words_of(["▁goo", "d", "▁", "b", "ook", "!"]) == (["good", "book", "!"], [2, 5, 6])
    assert words_of(["▁这", "本", "书", "iPho", "ne", "1", "5", "，"]) == (
        ["这", "本", "书", "iPhone15", "，"],
        [1, 2, 3, 7, 8],
    )
    reading = Reading("ab", ["no", "yes"], ["a", "b"], [1, 2], np.array([[0.5, 0.5], [0.9, 0.1], [0.2, 0.8]]), [])
    assert reading.answer == 1 and reading.moves(1).tolist() == pytest.approx([-0.4, 0.7])
    assert reading.strongest(1, 5) == [1, 0]


def test_columns_and_bars() -> None:
    """Guards wide characters and combining marks in aligned columns, and a bar that is too long."""
    assert columns_of("好a，") == 5 and columns_of("e\u0301") == 1
    assert padded("好书", 6) == "好书  " and padded("很好的书", 6) == "很好… " and padded("abcdef", 4) == "abc…"
    assert bar(0.0).strip() == "" and bar(1.0) == "█" * 24 and len(bar(0.37)) == 24
