"""``congling data``: results on stdout, remarks on stderr, exit codes that a script can trust."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from congling.cli import data
from congling.cli.data import finding_titles, main
from congling.data.sources import SOURCES, Source
from congling.data.text.findings import KINDS
from congling.errors import UsageError, UserError

Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CONGLING_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("CONGLING_LANGUAGE", "en")
    return tmp_path / "cache"


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """The options that name two small parallel files."""
    (tmp_path / "a.zh").write_text("甲。\n\n丙。\n", encoding="utf-8")
    (tmp_path / "a.en").write_text("A.\nB.\nC.\n", encoding="utf-8")
    return ["--source", str(tmp_path / "a.zh"), "--target", str(tmp_path / "a.en")]


def test_list_tells_what_is_fetched(cache: Path, capsys: Captured) -> None:
    """Guards against a table that programs cannot cut, and a cache that is looked up in the wrong place."""
    folder = cache / "mnist-5k-0.25.0-71b9500d"
    folder.mkdir(parents=True)
    (folder / "mnist_5k.csv.gz").write_bytes(b"")
    assert main(["list"]) == 0
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [row[0] for row in rows] == ["name", *SOURCES]
    assert {row[0]: row[4] for row in rows[1:]} == {name: "yes" if name == "mnist-5k" else "no" for name in SOURCES}


def test_list_as_json(capsys: Captured) -> None:
    """Guards against JSON that holds less than the table."""
    assert main(["list", "--json"]) == 0
    first = json.loads(capsys.readouterr().out)[0]
    assert (first["name"], first["licence"], first["folder"]) == ("tatoeba-zh-en", "CC BY 2.0 FR", None)


def test_fetch_prints_the_folder_alone_on_stdout(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    """Guards against ``cd $(congling data fetch …)`` that breaks, and against a licence that nobody is told of."""

    def fetched(source: Source) -> Path:
        return Path("/cache") / source.name

    monkeypatch.setattr(data, "fetch", fetched)
    assert main(["fetch", "tatoeba-zh-en"]) == 0
    captured = capsys.readouterr()
    assert captured.out == "/cache/tatoeba-zh-en\n"
    assert "licence: CC BY 2.0 FR" in captured.err
    assert "tatoeba.org" in captured.err


def test_check_reports_and_passes(files: list[str], capsys: Captured) -> None:
    """Guards against remarks that fail a script, and against line numbers that get lost on the way to the reader."""
    assert main(["check", *files]) == 0
    captured = capsys.readouterr()
    assert f"remark\t1\tempty lines (their pairs are skipped)\t{files[1]}:2: \n" in captured.out
    assert captured.err == ""


def test_check_fails_where_the_files_are_unusable(files: list[str], tmp_path: Path, capsys: Captured) -> None:
    """Guards against exit code 0 for misaligned files, also with --json."""
    (tmp_path / "a.en").write_text("A.\nB.\n", encoding="utf-8")
    assert main(["check", *files]) == 1
    assert "ERROR\t1\tthe files have unequal numbers of lines" in capsys.readouterr().out
    assert main(["check", *files, "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert (report["usable"], report["source"]["lines"], report["target"]["lines"]) == (False, 3, 2)
    assert report["findings"][0]["kind"] == "unequal_counts"
    assert report["findings"][0]["examples"] == [{"path": files[1], "line": 3, "text": "丙。"}]


def test_check_looks_for_the_test_set(files: list[str], tmp_path: Path, capsys: Captured) -> None:
    """Guards against the options --test-source and --test-target being exchanged or dropped."""
    (tmp_path / "t.en").write_text("c.\n", encoding="utf-8")
    (tmp_path / "t.zh").write_text("丁。\n", encoding="utf-8")
    tests = ["--test-source", str(tmp_path / "t.zh"), "--test-target", str(tmp_path / "t.en")]
    assert main(["check", *files, *tests, "--json"]) == 0
    assert [finding["kind"] for finding in json.loads(capsys.readouterr().out)["findings"]] == [
        "empty",
        "test_target_in_train",
    ]


def test_wrong_usage_is_answered_with_the_nearest(files: list[str]) -> None:
    """Guards against a typing mistake that ends in a traceback or in nothing."""
    with pytest.raises(UsageError, match=r"data chek; did you mean check\?"):
        main(["chek"])
    with pytest.raises(UsageError, match="data zzz; choose one of list, fetch, check"):
        main(["zzz"])
    with pytest.raises(UsageError, match="tatoba-zh-en; did you mean tatoeba-zh-en"):
        main(["fetch", "tatoba-zh-en"])
    with pytest.raises(UsageError, match=r"--sorce; did you mean --source"):
        main(["check", "--sorce", "x"])
    with pytest.raises(UserError, match=r"there is no file absent\.zh"):
        main(["check", "--source", "absent.zh", *files[2:]])


def test_help_names_every_verb(capsys: Captured) -> None:
    """Guards against a verb that nobody can find."""
    assert main([]) == 0
    alone = capsys.readouterr().out
    assert main(["--help"]) == 0
    assert capsys.readouterr().out == alone
    assert all(f"\n  {verb} " in alone for verb in ("list", "fetch", "check"))


def test_every_kind_of_finding_has_a_title() -> None:
    """Guards against a KeyError in the one report that has the rare finding."""
    assert list(finding_titles()) == list(KINDS)
