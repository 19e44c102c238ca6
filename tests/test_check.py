"""The check of parallel files: every kind of trouble is counted where it is, and only there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from congling.data.text.check import check_parallel
from congling.data.text.findings import KINDS, Finding
from congling.data.text.scripts import count_scripts, dominant_script
from congling.errors import UserError

CLEAN = [(f"我有{number}本很好的书。", f"I have {number} books that are very good.") for number in range(10, 29)]


def findings(
    tmp_path: Path, extra: list[tuple[str, str]], tests: list[tuple[str, str]] | None = None, at: int = 19
) -> dict[str, Finding]:
    """The findings, by kind, of nineteen clean pairs with the extra ones after the first ``at``."""
    pairs = CLEAN[:at] + extra + CLEAN[at:]
    paths = [write(tmp_path / name, pairs, side) for side, name in enumerate(("a.zh", "a.en"))]
    held = [write(tmp_path / name, tests, side) for side, name in enumerate(("t.zh", "t.en"))] if tests else []
    report = check_parallel(*paths, *held)
    assert [finding.kind for finding in report.findings] == [k for k in KINDS if k in {f.kind for f in report.findings}]
    return {finding.kind: finding for finding in report.findings}


def write(path: Path, pairs: list[tuple[str, str]], side: int) -> Path:
    path.write_bytes("".join(pair[side] + "\n" for pair in pairs).encode())
    return path


def places(finding: Finding) -> list[tuple[str, int, str]]:
    return [(Path(place.path).name, place.line, place.text) for place in finding.examples]


def test_clean_files_have_no_findings(tmp_path: Path) -> None:
    """Guards against false alarms, and pins the totals."""
    report = check_parallel(write(tmp_path / "a.zh", CLEAN, 0), write(tmp_path / "a.en", CLEAN, 1))
    assert report.findings == []
    assert report.usable
    assert (report.source.lines, report.source.characters, report.source.script) == (19, 19 * 10, "Han")
    assert (report.target.lines, report.target.characters, report.target.script) == (19, 19 * 35, "Latin")
    assert report.characters_per_source_character == pytest.approx(3.5)


@pytest.mark.parametrize(
    ("pair", "kind", "place"),
    [
        (("", "Something."), "empty", ("a.zh", 6, "")),
        (("有些东西。", "  "), "empty", ("a.en", 6, "  ")),
        (CLEAN[2], "repeated_pairs", ("a.zh", 6, CLEAN[2][0])),
        (("微软 Windows", "微软 Windows"), "identical_sides", ("a.zh", 6, "微软 Windows")),
        (("对。", "Right, " + "and so on, " * 9 + "all right"), "length_ratio", ("a.zh", 6, "对。")),
        (("长" * 47, "Short."), "length_ratio", ("a.zh", 6, "长" * 47)),
        (("Das ist gut.", "That is good and well."), "wrong_script", ("a.zh", 6, "Das ist gut.")),
        (("这很好，我也这样想。", "Это очень хорошо, думаю."), "wrong_script", ("a.en", 6, "Это очень хорошо, думаю.")),
        (("这很好。 ", "This is good."), "outer_spaces", ("a.zh", 6, "这很好。 ")),
        (("这很好。", "This is good.\r"), "crlf", ("a.en", 6, r"This is good.\r")),
        (("这很\r好。", "This is good."), "carriage_return", ("a.zh", 6, r"这很\r好。")),
        (("这很\u2028好。", "This is good."), "line_separator", ("a.zh", 6, r"这很\u2028好。")),
        (("这很好。", "This is\x85 good."), "line_separator", ("a.en", 6, r"This is\x85 good.")),
        (("这很好。", "This is\x07 good."), "control_character", ("a.en", 6, r"This is\x07 good.")),
    ],
)
def test_each_kind_is_found_at_its_line_and_nothing_else(
    tmp_path: Path, pair: tuple[str, str], kind: str, place: tuple[str, int, str]
) -> None:
    """Guards against wrong files or line numbers in the examples, and against one trouble that shows as another."""
    found = findings(tmp_path, [pair], at=5)
    assert list(found) == [kind]
    assert found[kind].count == 1
    assert not found[kind].error
    assert places(found[kind]) == [place]


def test_what_is_usual_is_not_reported(tmp_path: Path) -> None:
    """Guards against noise: foreign names, numbers alone, short answers, sentences that repeat on one side only."""
    extra = [
        ("我用Twitter。", "I use Twitter."),
        ("1998", "1998."),
        ("对。", "Yes."),
        (CLEAN[2][0], "I own 12 good books."),
    ]
    assert findings(tmp_path, extra) == {}


def test_japanese_may_mix_its_scripts(tmp_path: Path) -> None:
    """Guards against reporting each Japanese line that happens to be in kanji alone."""
    pairs = [(f"これはとても良い本です{n}。", f"This is a very good book {n}.") for n in range(7)]
    pairs.append(("東京都千代田区。", "Chiyoda, Tokyo, Japan."))
    report = check_parallel(write(tmp_path / "a.ja", pairs, 0), write(tmp_path / "a.en", pairs, 1))
    assert report.findings == []


def test_three_examples_and_the_whole_count(tmp_path: Path) -> None:
    """Guards against a report as long as the data, and a count of examples in place of findings."""
    found = findings(tmp_path, [("", f"Nothing {number}.") for number in range(11)])["empty"]
    assert found.count == 11
    assert places(found) == [("a.zh", 20, ""), ("a.zh", 21, ""), ("a.zh", 22, "")]


def test_unequal_counts_are_an_error_at_the_first_line_without_partner(tmp_path: Path) -> None:
    """Guards against a check that calls misaligned files usable, or that dies of them."""
    source, target = write(tmp_path / "a.zh", CLEAN[:7], 0), write(tmp_path / "a.en", CLEAN, 1)
    report = check_parallel(source, target)
    assert (report.source.lines, report.target.lines, report.usable) == (7, 19, False)
    assert places(report.findings[0]) == [("a.en", 8, CLEAN[7][1])]
    assert not check_parallel(target, source).usable


def test_invalid_utf8_is_counted_and_fatal_only_in_the_end(tmp_path: Path) -> None:
    """Guards against stopping at the first bad line; a real U+FFFD is valid UTF-8 and no error."""
    source, target = tmp_path / "a.zh", tmp_path / "a.en"
    source.write_bytes("好。\n".encode() + "坏\n".encode("gb18030") * 2 + "真\ufffd。\n".encode())
    target.write_bytes(b"Good.\nBad.\nWorse.\nTrue.\n")
    report = check_parallel(source, target)
    first = report.findings[0]
    assert (first.kind, first.error, first.count) == ("not_utf8", True, 2)
    assert places(first)[0] == ("a.zh", 2, r"\xbb\xb5")
    assert not report.usable


def test_over_long_lines_have_short_excerpts(tmp_path: Path) -> None:
    """Guards against ten megabytes on the terminal."""
    long = findings(tmp_path, [("长" * 2_001, "Long " * 1_400)])["over_long"]
    assert long.count == 2
    assert places(long)[0] == ("a.zh", 20, "长" * 60 + "…")


def test_overlap_is_counted_in_test_lines(tmp_path: Path) -> None:
    """Guards against an unseen leak: the same sentence in another case or width is the same sentence."""
    tests = [("没有见过的。", "Never seen."), (CLEAN[4][0].replace("。", "｡"), "New."), ("新的。", CLEAN[6][1].upper())]
    found = findings(tmp_path, [], tests)
    assert places(found["test_source_in_train"]) == [("t.zh", 2, tests[1][0])]
    assert places(found["test_target_in_train"]) == [("t.en", 3, tests[2][1])]
    assert set(found) == {"test_source_in_train", "test_target_in_train"}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_refused(tmp_path: Path) -> None:
    """Guards against waiting forever for the second reading of a pipe."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UserError, match="pipe can be read only once"):
        check_parallel(tmp_path / "pipe", write(tmp_path / "a.en", CLEAN, 1))


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("我在用 JavaScript 写程序。", "Han"),
        ("これはペンです", "Kana"),
        ("안녕하세요", "Hangul"),
        ("Ça va très bien", "Latin"),
        ("Привет, world", "Cyrillic"),
        ("مرحبا بالعالم", "Arabic"),
        ("नमस्ते", "Devanagari"),
        ("𠀀𠀁", "Han"),
        ("\uf900", "Han"),
        ("ＡＢＣ", "Latin"),
        ("12.5 % — ……", None),
        ("", None),
    ],
)
def test_scripts(text: str, script: str | None) -> None:
    """Guards against wrong ranges, Han outside the first plane, and Chinese that a long name in it makes Latin."""
    assert dominant_script(text) == script


def test_scripts_are_counted_in_characters() -> None:
    """Guards against counting runs, and against digits and signs that count as letters."""
    assert count_scripts("我们 love 3 本书, ok!") == {"Han": 4, "Latin": 6}
