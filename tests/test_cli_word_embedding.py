"""Word vectors through the command line: trained on a text with a known structure, asked, scored, refused."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conftest import GROUPS, Outcome
from congling.learning.runs import Run as RunFolder
from congling.tasks.word_embedding.word_vectors import WordVectors

Run = Callable[..., Outcome]
ANIMALS, VEHICLES = (names.split() for names in GROUPS)


def rows(outcome: Outcome) -> list[list[str]]:
    """The cells below the heads."""
    assert outcome.code == 0, outcome.err
    return [line.split("\t") for line in outcome.out.splitlines()[1:]]


def refused(outcome: Outcome, *parts: str, code: int = 2) -> None:
    """It ended with one line on stderr that holds all parts, and without a traceback."""
    assert outcome.code == code, outcome.err
    assert outcome.out == "" and "Traceback" not in outcome.err
    assert all(part in outcome.err for part in parts), outcome.err


def test_words_that_share_their_neighbours_are_near(run_congling: Run, tiny_words: Path) -> None:
    """Guards: a training that runs and learns nothing, or rows that belong to other words."""
    for group in (ANIMALS, VEHICLES):
        found = rows(run_congling("predict", tiny_words, *group, "--topn", 4))
        for word in group:
            assert {word, *(other for asked, other, _cosine in found if asked == word)} == set(group)


def test_a_run_holds_what_it_needs(run_congling: Run, tiny_words: Path) -> None:
    """Guards: a run that cannot go on or be evaluated, for its text is gone."""
    lines = (tiny_words / "vocabulary.txt").read_text(encoding="utf-8").splitlines()
    assert {line.split(" ")[0] for line in lines[:2]} == {"the", "and"}
    assert len(lines) == 22
    assert sorted(path.name for path in (tiny_words / "data").iterdir()) == ["train", "valid"]
    records = [json.loads(line) for line in (tiny_words / "metrics.jsonl").read_text().splitlines()]
    losses = [record["valid/loss"] for record in records if "valid/loss" in record]
    assert losses[-1] < losses[0] < 6 * 0.6932
    assert run_congling("train", "--resume", tiny_words).code == 0


def test_questions_of_several_kinds(run_congling: Run, tiny_words: Path) -> None:
    """Guards: a kind that swallows another's words, and answers in another order than the questions."""
    outcome = run_congling(
        "predict", tiny_words, "--odd-one-out", "cat", "bus", "dog", "cow", "--similarity", "cat", "dog", "--json",
        "--analogy", "cat", "dog", "bus", "--topn", 3, "--nearest", "Tram",
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    nearest, analogy, similarity, odd = map(json.loads, outcome.out.splitlines())
    assert nearest["nearest"] == "Tram" and {each["word"] for each in nearest["words"]} < set(VEHICLES)
    vectors = WordVectors.load(RunFolder.open(tiny_words))
    expected = vectors.most_similar(["dog", "bus"], ["cat"], topn=3)  # cat is to dog as bus is to …
    assert [(each["word"], each["cosine"]) for each in analogy["words"]] == expected
    assert similarity["similarity"] == ["cat", "dog"] and 0.5 < similarity["cosine"] < 1
    assert odd["odd_one_out"] == "bus" and odd["words"][-1]["word"] == "bus"


def test_the_dot_product_is_that_of_the_vectors(run_congling: Run, tiny_words: Path) -> None:
    """Guards: a metric that is named and not used."""
    vectors = WordVectors.load(RunFolder.open(tiny_words))
    ((_one, _other, score),) = rows(
        run_congling("predict", tiny_words, "--similarity", "cat", "dog", "--metric", "dot")
    )
    assert float(score) == pytest.approx(float(vectors["cat"] @ vectors["dog"]), abs=1e-4)


@pytest.mark.parametrize("words", [["cat"], ["cat", "bus"]], ids=["one", "two"])
def test_of_one_or_two_words_none_is_odd(run_congling: Run, tiny_words: Path, words: list[str]) -> None:
    """Guards: an answer where there is no question, the word itself with a cosine of 1."""
    refused(run_congling("predict", tiny_words, "--odd-one-out", *words), "--odd-one-out wants three words at least")


def test_words_from_standard_input(
    run_congling: Run, tiny_words: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Guards: one unknown word that keeps the others waiting, and an exit code that hides it."""
    (tmp_path / "words").write_text("cat\n\ntrian\nbus\n", encoding="utf-8")
    with (tmp_path / "words").open() as file:
        monkeypatch.setattr("sys.stdin", file)
        outcome = run_congling("predict", tiny_words, "--topn", 1)
    assert outcome.code == 1
    assert [line.split("\t")[0] for line in outcome.out.splitlines()] == ["cat", "bus"]
    assert "the word trian has no vector here; words like it: train" in outcome.err


def test_scores_on_own_files(run_congling: Run, tiny_words: Path, tmp_path: Path) -> None:
    """Guards: coverage that counts pairs which were left out, and sections that run into one another."""
    (tmp_path / "pairs.tsv").write_text(
        "one\ttwo\tscore\ncat\tdog\t9\ncat\tbus\t1\ncar\tbus\t8\ncow\tcar\t2\ncat\tzebra\t7\n", encoding="utf-8"
    )
    (tmp_path / "questions.txt").write_text(": a\ncat dog cow yak\n: b\ncat dog bus car\ncat dog bus cat\n")
    arguments = "evaluate", tiny_words, "--pairs", tmp_path / "pairs.tsv", "--analogies", tmp_path / "questions.txt"
    found: dict[str, Any] = json.loads(run_congling(*arguments, "--json").out)
    (pairs,), (analogies,) = found["pairs"], found["analogies"]
    assert (pairs["pairs"], pairs["known"], pairs["coverage"], pairs["unknown_words"]) == (5, 4, 0.8, ["zebra"])
    assert pairs["spearman"] > 0.5 and pairs["interval"][0] < pairs["spearman"] < pairs["interval"][1]
    assert [(each["questions"], each["known"]) for each in analogies["sections"]] == [(1, 0), (2, 2)]
    assert analogies["sections"][1]["right"] <= 1  # an answer is none of the three words of the question
    table = run_congling(*arguments).out
    assert "4 of 5" in table and "all together\t2 of 3" in table
    assert found["held_out"] is None


def test_scores_on_the_english_sets_and_held_out_lines(
    run_congling: Run, tiny_words: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards: a test set that is fetched anew each time, and a held-out loss that is that of the training."""
    from congling.data.sources import SOURCES

    source = SOURCES["word-similarity"]
    folder = tmp_path / f"{source.name}-{source.version}-{source.sha256[:8]}"
    folder.mkdir()
    for name in ("wordsim353.tsv", "simlex999.tsv"):
        (folder / name).write_text("# a remark\ncat\tdog\t9\nCar\tBus\t8\ncat\tcar\t1\n", encoding="utf-8")
    (folder / "google-analogies.txt").write_text(": only\nAthens Greece Oslo Norway\n", encoding="utf-8")
    monkeypatch.setenv("CONGLING_CACHE", str(tmp_path))
    outcome = run_congling("evaluate", tiny_words, "--json")
    found = json.loads(outcome.out)
    assert [(each["name"], each["known"]) for each in found["pairs"]] == [("WordSim-353", 3), ("SimLex-999", 3)]
    assert found["analogies"][0]["accuracy"] is None and "none of its 1 questions" in outcome.err
    last = [json.loads(line) for line in (tiny_words / "metrics.jsonl").read_text().splitlines()]
    best = min(record["valid/loss"] for record in last if "valid/loss" in record)
    assert found["held_out"]["loss"] == pytest.approx(best, rel=1e-9)
    guessing = found["held_out"]["guessing"]  # below 6 ln 2: of 22 words, many a negative is the positive
    assert 3.7 < guessing < 4.1 and guessing / math.log(2) % 1 > 0.01


@pytest.mark.parametrize(
    ("content", "options", "parts"),
    [
        ("", [], ["is empty"]),
        ("\n \n", [], ["there are no words in the text"]),
        ("word\n", [], ["no word occurs 5 times", "word", "occurs 1 times"]),
        ("word word\n" * 9, [], ["one word only, over and over"]),
        ("a\nb\n" * 9, [], ["every sentence holds one word only"]),
        ("a b\n" * 4, [], ["no word occurs 5 times", "occurs 4 times", "--min-count"]),
        (b"fine\n\xc4\xe3\n", [], ["line 2: not UTF-8", "GB18030"]),
        ("a b\n" * 30, ["--data", "enwiki-excerpt"], ["--data enwiki-excerpt", "--text", "exclude each other"]),
        (None, [], ["there is no file"]),
    ],
    ids=[
        "empty",
        "blank",
        "one-word",
        "over-and-over",
        "no-neighbours",
        "min-count",
        "not-utf8",
        "text-beside-data",
        "missing",
    ],
)
def test_a_text_that_will_not_do(
    run_congling: Run, tmp_path: Path, content: str | bytes | None, options: list[str], parts: list[str]
) -> None:
    """Guards: a traceback, or an empty run in the way of the next try."""
    path = tmp_path / "own.txt"
    if content is not None:
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    outcome = run_congling("train", "word-embedding", "--text", path, "--run", tmp_path / "run", *options)
    refused(outcome, *parts, code=2 if options else 1)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        (["--min-count", "0"], ["--min-count 0 must be at least 1"]),
        (["--valid-size", "-1"], ["--valid-size"]),
        (["--split", "spaces"], ["--split spaces belongs to --text"]),
        (["--data", "mnist-5k"], ["mnist-5k holds no text", "renmin-1998, enwiki-excerpt"]),
        (["--data", "renmin"], ["there is no data set renmin", "did you mean renmin-1998?"]),
        (["--epochs", "3", "--minutes", "2"], ["exclude each other"]),
        (["--window", "0"], ["--window 0 must be at least 1"]),
        (["--window", "1000000000"], ["--window 1000000000 must be at most 10000"]),
        (["--ns-exponent", "-1000"], ["--ns-exponent -1000 must be between -10 and 10"]),
    ],
    ids=["min-count", "valid-size", "split", "no-text", "no-data", "budgets", "window", "wide-window", "exponent"],
)
def test_options_that_will_not_do(run_congling: Run, options: list[str], parts: list[str]) -> None:
    """Guards: a wrong option that is found after minutes of reading, or never."""
    refused(run_congling("train", "word-embedding", *options), *parts)


def test_a_run_with_fewer_vectors_than_words_is_refused(run_congling: Run, tiny_words: Path, tmp_path: Path) -> None:
    """Guards: vectors that silently belong to other words."""
    shutil.copytree(tiny_words, tmp_path / "run")
    with (tmp_path / "run" / "vocabulary.txt").open("a", encoding="utf-8") as file:
        file.write("zebra 1\n")
    refused(run_congling("predict", tmp_path / "run", "cat"), "do not belong to its vocabulary.txt", code=1)


def test_the_last_words_of_a_training(run_congling: Run, groups_text: Path, tmp_path: Path) -> None:
    """Guards: a next command that does not work, and a result on stderr instead of stdout."""
    outcome = run_congling(
        "train", "word-embedding", "--text", groups_text, "--epochs", "2", "--run", tmp_path / "run", "--valid-size", 0
    )
    assert outcome.code == 0 and outcome.out.strip() == str(tmp_path / "run")
    assert "by the rule for any script; --split takes another way" in outcome.err
    assert "validation: loss" not in outcome.err
    (command,) = (line.partition(": ")[2] for line in outcome.err.splitlines() if line.startswith("done."))
    assert run_congling(*command.split()[1:]).code == 0
