"""``congling translate``: what goes to stdout, in each form, from arguments and from standard input."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import Outcome
from congling.tasks.translation import translator as translator_module

Run = Callable[..., Outcome]
Pipe = Callable[..., Outcome]


@pytest.fixture
def pipe(run_congling: Run, monkeypatch: pytest.MonkeyPatch) -> Pipe:
    """``pipe(bytes, "translate", …)`` runs the command with these bytes on standard input."""

    def run(written: bytes, *arguments: object) -> Outcome:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(written), encoding="ascii"))
        return run_congling(*arguments)

    return run


def test_arguments_give_one_line_each(run_congling: Run, tiny_run: Path) -> None:
    """Guards stdout: translations and nothing else, nothing on stderr."""
    outcome = run_congling("translate", tiny_run, "猫狗。", "", "羊。")
    assert (outcome.code, outcome.err) == (0, "")
    first, nothing, last, end = outcome.out.split("\n")
    assert first and last and (nothing, end) == ("", "") and first != last
    assert run_congling("predict", tiny_run, "猫狗。", "", "羊。").out == outcome.out


def test_standard_input_line_by_line(
    pipe: Pipe, run_congling: Run, tiny_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards order over chunk borders, \\r\\n, a byte-order mark, U+2028, and a last line without its end."""
    texts = ["猫狗羊马鱼鸟。", "羊。", "", "马牛。", "鱼\u2028鱼。", "猫。", "狗狗狗狗。"]
    monkeypatch.setattr(translator_module, "LINES_AT_ONCE", 3)
    piped = pipe(("\ufeff" + "\r\n".join(texts)).encode(), "translate", tiny_run)
    assert (piped.code, piped.err) == (0, "")
    assert piped.out == run_congling("translate", tiny_run, *texts).out
    assert piped.out.count("\n") == len(texts)
    first, _rest = pipe("\ufeff猫。\r\n狗。".encode(), "translate", tiny_run, "--json").out.splitlines()
    assert json.loads(first)["source"] == "猫。"


def test_lines_before_one_that_is_not_utf8_are_translated(pipe: Pipe, run_congling: Run, tiny_run: Path) -> None:
    """Guards the lines that were read together with a bad one: their translations were lost."""
    piped = pipe("猫。\n狗。\n".encode() + b"\xff\n" + "羊。\n".encode(), "translate", tiny_run)
    assert piped.out == run_congling("translate", tiny_run, "猫。", "狗。").out
    assert (piped.code, piped.err) == (1, "congling: standard input, line 3: not UTF-8\n")


def test_nothing_in_nothing_out(pipe: Pipe, tiny_run: Path) -> None:
    """Guards against an empty line for no line."""
    assert pipe(b"", "translate", tiny_run) == Outcome(0, "", "")
    assert pipe(b"\n \n", "translate", tiny_run) == Outcome(0, "\n\n", "")


def test_n_best_is_marians_form(run_congling: Run, tiny_run: Path) -> None:
    """Guards the columns that other tools read: the line's number, the translation, its log-probability."""
    outcome = run_congling("translate", tiny_run, "猫狗。", "", "羊羊。", "--n-best", 3, "--beam", 3)
    rows = [line.split(" ||| ") for line in outcome.out.splitlines()]
    assert [row[0] for row in rows].count("0") == 3
    assert [row[0] for row in rows] == sorted(row[0] for row in rows)
    assert all(len(row) == 3 and float(row[2]) <= 0 for row in rows)
    assert ["1", "", "0.0000"] in rows
    best = run_congling("translate", tiny_run, "猫狗。", "--beam", 3).out
    assert rows[0][1] == best.rstrip("\n")


def test_alignments_are_pairs_in_range(run_congling: Run, tiny_run: Path) -> None:
    """Guards Pharaoh's form, and the empty line's empty column."""
    aligned, nothing = run_congling("translate", tiny_run, "猫狗羊。", "", "--alignments").out.splitlines()
    text, pairs = aligned.split(" ||| ")
    places = [tuple(map(int, pair.split("-"))) for pair in pairs.split()]
    assert text and [target for _source, target in places] == list(range(len(places)))
    assert all(source <= 5 for source, _target in places)
    assert nothing == " ||| "


def test_json_says_everything(run_congling: Run, tiny_run: Path) -> None:
    """Guards the names and kinds that a program relies on."""
    outcome = run_congling("translate", tiny_run, "猫狗。", "", "--json", "--n-best", 2, "--alignments")
    full, empty = map(json.loads, outcome.out.splitlines())
    assert "猫狗。" in outcome.out  # readable, no \\u escapes
    assert full["source"] == "猫狗。" and full["source_pieces"][-1].endswith("。")
    best, second = full["translations"]
    assert full["translation"] == best["text"]
    assert set(best) == {"text", "log_probability", "pieces", "finished", "alignments"}
    assert "".join(best["pieces"]).replace("▁", " ").strip() == best["text"]
    assert second["log_probability"] <= 0 and isinstance(best["finished"], bool)
    assert all(0 <= source < len(full["source_pieces"]) for source, _target in best["alignments"])
    assert [target for _source, target in best["alignments"]] == list(range(len(best["pieces"])))
    assert empty == {"source": "", "translation": "", "source_pieces": [], "translations": []}


def test_places_in_long_lines_go_on_from_part_to_part(
    run_congling: Run, tiny_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards alignments of a line in several parts: counted in the whole line's pieces, not in each part's."""
    monkeypatch.setattr(translator_module, "LONGEST_SOURCE", 11)
    line = "猫狗羊马。鱼鱼鸟。" * 6
    record = json.loads(run_congling("translate", tiny_run, line, "--json", "--alignments").out)
    assert "".join(record["source_pieces"]).replace("▁", "") == line
    (found,) = record["translations"]
    targets = [target for _source, target in found["alignments"]]
    assert targets == list(range(len(found["pieces"])))
    sources = [source for source, _target in found["alignments"]]
    assert 11 < max(sources) < len(record["source_pieces"])


def test_other_checkpoints_can_be_chosen(run_congling: Run, tiny_run: Path) -> None:
    """Guards against --checkpoint that is parsed and not used."""
    steps = sorted(int(folder.name) for folder in (tiny_run / "checkpoints").iterdir() if folder.is_dir())
    sentences = ["猫狗羊马鱼。", "马牛马。", "鸟鱼。"]
    early = run_congling("translate", tiny_run, *sentences, "--checkpoint", steps[0])
    last = run_congling("translate", tiny_run, *sentences, "--checkpoint", "last")
    assert early.code == last.code == 0 and early.out != last.out
    assert run_congling("translate", tiny_run, *sentences, "--checkpoint", steps[-1]).out == last.out


@pytest.mark.parametrize(
    "text", ["😀👩‍👩‍👧", "สวัสดี", "mixed 猫 and कुत्ता", "   ", "|||", "\u202e\u200b\ufeff", "猫" * 700]
)
def test_any_text_gives_one_line(run_congling: Run, tiny_run: Path, text: str) -> None:
    """Guards against text of unknown characters, or very long, that gives a traceback, no line or two lines."""
    outcome = run_congling("translate", tiny_run, text, "--beam", 1)
    assert (outcome.code, outcome.err) == (0, "") and outcome.out.count("\n") == 1


def test_too_long_an_n_best_list_is_refused(run_congling: Run, tmp_path: Path) -> None:
    """Guards against a slip of the finger that fills the memory: said before the run is even opened."""
    outcome = run_congling("translate", tmp_path / "no-run", "猫。", "--n-best", 101)
    assert (outcome.code, outcome.out) == (2, "")
    assert "--n-best 101 must be at most 100" in outcome.err
