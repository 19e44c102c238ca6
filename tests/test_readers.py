"""Reading text files, tables and hub data sets: strictly, with the user's own file and line in every message."""

from __future__ import annotations

import gzip
import json
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from congling.data.text.lines import one_line
from congling.data.text.pair_readers import (
    ReadingCounts,
    clean_pairs,
    count_lines,
    read_hub,
    read_lines,
    read_parallel,
    read_table,
    read_tatoeba,
)
from congling.errors import UserError

Write = Callable[[str, bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_file(name: str, content: bytes) -> Path:
        (tmp_path / name).write_bytes(content)
        return tmp_path / name

    return write_file


def test_only_newlines_end_a_line(write: Write) -> None:
    """Guards against the misalignment by carriage returns and U+2028 that cost others 14 BLEU."""
    text = "a\rb\u2028c\u2029d\x85e\x0bf\x0cg\nh\r\ni\r\r\nlast"
    assert list(read_lines(write("a.txt", text.encode()))) == ["a b c d e f g", "h", "i ", "last"]


@given(st.lists(st.text(), min_size=1))
def test_one_line_is_one_line_for_everybody(texts: list[str]) -> None:
    """Guards against a separator that the list forgot: Python itself must see one line in each."""
    assert all(len(one_line(text).splitlines()) <= 1 for text in texts)
    assert all(len(one_line(text)) == len(text) for text in texts)


def test_a_byte_order_mark_is_no_text(write: Write) -> None:
    """Guards against an invisible first character in the first sentence; inside the text U+FEFF stays."""
    assert list(read_lines(write("a.txt", "\ufeff甲\n\ufeff乙\n".encode()))) == ["甲", "\ufeff乙"]


def test_gzip_is_read_as_text(write: Write) -> None:
    """Guards against reading compressed bytes as text."""
    assert list(read_lines(write("a.gz", gzip.compress("甲\n乙\n".encode())))) == ["甲", "乙"]


@pytest.mark.parametrize("content", [b"plain text", gzip.compress(b"cut off" * 99)[:-12]], ids=["text", "cut"])
def test_damaged_gzip_names_the_file(write: Write, content: bytes) -> None:
    """Guards against BadGzipFile and EOFError tracebacks."""
    with pytest.raises(UserError, match=r"a\.txt\.gz is not a whole gzip file"):
        list(read_lines(write("a.txt.gz", content)))


def test_invalid_utf8_names_file_and_line(write: Write) -> None:
    """Guards against silent replacement characters in training data, and a message without the line."""
    path = write("a.txt", "好\n坏\n".encode() + "国标".encode("gb18030") + b"\n")
    with pytest.raises(UserError, match=r"a\.txt, line 3: not UTF-8; .*GB18030"):
        list(read_lines(path))


def test_missing_empty_and_folder_fail_at_once(tmp_path: Path, write: Write) -> None:
    """Guards against errors that come only when training already runs: no line was asked for here."""
    with pytest.raises(UserError, match=r"there is no file .*absent\.txt"):
        read_lines(tmp_path / "absent.txt")
    with pytest.raises(UserError, match="is a folder, not a file"):
        read_lines(tmp_path)
    with pytest.raises(UserError, match=r"empty\.txt is empty"):
        read_lines(write("empty.txt", b""))


def test_parallel_files_give_pairs(write: Write) -> None:
    """Guards against exchanged sides; a last line without its newline counts."""
    source, target = write("a.zh", "甲\n\n乙".encode()), write("a.en", b"A\nB\nC\n")
    assert list(read_parallel(source, target)) == [("甲", "A"), ("", "B"), ("乙", "C")]
    assert count_lines(source) == count_lines(target) == 3


def test_unequal_counts_fail_at_once_with_both(write: Write) -> None:
    """Guards against zip's silent truncation, and against finding out after hours of tokenising."""
    source, target = write("a.zh", b"1\n2\n3\n"), write("a.en", b"1\n2\n3\n4\n5\n")
    with pytest.raises(UserError, match=r"a\.zh has 3 lines but .*a\.en has 5"):
        read_parallel(source, target)
    with pytest.raises(UserError, match=r"a\.en has 5 lines but .*a\.zh has 3"):
        read_parallel(target, source)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
@pytest.mark.parametrize("piped_lines", [2, 5])
def test_a_pipe_of_another_length_is_counted_on_the_way(tmp_path: Path, write: Write, piped_lines: int) -> None:
    """Guards against reading a pipe twice, which would lose its lines, and against wrong numbers at its end."""
    pipe, target = tmp_path / "pipe", write("a.en", b"1\n2\n3\n")
    os.mkfifo(pipe)
    thread = threading.Thread(target=lambda: pipe.write_bytes(b"x\n" * piped_lines))
    thread.start()
    with pytest.raises(UserError, match=rf"pipe has {piped_lines} lines but .*a\.en has 3"):
        list(read_parallel(pipe, target))
    thread.join()


def test_cleaning_skips_and_counts(write: Write) -> None:
    """Guards against empty sides and ten-megabyte lines that reach the network, and against uncounted losses."""
    counts = ReadingCounts()
    pairs = [(" 甲 ", "A"), ("", "B"), ("丙", " \u3000"), ("x" * 10_000_000, "C"), ("d" * 7, "D" * 7), ("e" * 8, "E")]
    assert list(clean_pairs(pairs, counts, max_characters=7)) == [("甲", "A"), ("d" * 7, "D" * 7)]
    assert counts == ReadingCounts(pairs=2, empty=2, too_long=2)


def test_tatoeba_rows(tmp_path: Path, write: Write) -> None:
    """Guards against the byte-order mark, CRLF and rows of another shape in the real file."""
    write("tatoeba.tsv", "\ufeff1\t 甲。\t2\tA. \r\n3\t乙\r\n4\t\t5\tB.\r\n6\t丙\t7\tC.\r\n".encode())
    assert list(read_tatoeba(tmp_path)) == [("甲。", "A."), ("丙", "C.")]


TABLE = [("007", "None"), ("甲,乙", 'say "NA"'), ("3", "")]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", 'target,n,source\nNone,1,007\n"say ""NA""",2,"甲,乙"\n,3,3\n'),
        ("a.tsv", 'source\ttarget\n007\tNone\n甲,乙\tsay "NA"\n3\t\n'),
        (
            "a.jsonl",
            '{"source": "007", "target": "None"}\n{"target": "say \\"NA\\"", "source": "甲,乙"}\n{"source": "3"}\n',
        ),
    ],
)
@pytest.mark.parametrize("ending", ["", ".gz"])
def test_tables_give_texts_as_written(write: Write, name: str, content: str, ending: str) -> None:
    """Guards against numbers without their zeros, "None" and "NA" read as missing, and quotation marks in a TSV."""
    data = content.encode()
    assert list(read_table(write(name + ending, gzip.compress(data) if ending else data))) == TABLE


def test_quotation_marks_in_a_tsv_are_text(write: Write) -> None:
    """Guards against an opening mark that swallows the rows up to the next one."""
    path = write("a.tsv", b'source\ttarget\n"x\tX\ny\tY\n"z"\tZ\n')
    assert list(read_table(path)) == [('"x', "X"), ("y", "Y"), ('"z"', "Z")]


def test_parquet_and_named_columns(tmp_path: Path) -> None:
    """Guards against columns by position, and against missing values that become the text "None"."""
    import pyarrow as pa
    import pyarrow.parquet

    columns = {"en": ["A", None], "n": [1, 2], "zh": ["甲", "乙"]}
    pyarrow.parquet.write_table(pa.table(columns), tmp_path / "a.parquet")
    assert list(read_table(tmp_path / "a.parquet", "zh", "en")) == [("甲", "A"), ("乙", "")]


def test_a_cell_is_one_line(write: Write) -> None:
    """Guards against line ends inside a quoted cell that later tear a line-based file apart."""
    assert list(read_table(write("a.csv", b'source,target\n"a\nb","c\r\nd"\n'))) == [("a b", "c  d")]


def test_an_odd_file_name_is_no_pattern(write: Write) -> None:
    """Guards against glob signs in a user's file name."""
    write("a1.csv", b"source,target\nwrong,wrong\n")
    assert list(read_table(write("a[1].csv", b"source,target\nx,y\n"))) == [("x", "y")]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"Source,target\na,b\n", r"a\.csv has no column source; .* Source, target; did you mean Source\?"),
        ("a.csv", b"x,y\na,b\n", r"a\.csv has no column source; its columns are x, y$"),
        ("a.csv", b"source,target\n", r"a\.csv holds no rows"),
        ("a.csv", b"source,target\na,b\nc,d,e\n", r"a\.csv cannot be read: Expected 2 fields in line 3, saw 3"),
        ("a.csv", b"source,target\na,b\nc,\xff\n", r"a\.csv, line 3: not UTF-8"),
        ("a.jsonl", b'{"source": "a", "target": "b"}\n{"source": }\n', r"a\.jsonl, line 2: not JSON: "),
        ("a.jsonl", b'{"source": "a", "target": "\xff"}\n', r"a\.jsonl, line 1: not UTF-8"),
        ("a.parquet", b"PAR1....", r"a\.parquet cannot be read: Parquet magic bytes"),
        ("a.csv.gz", b"plain", r"a\.csv\.gz is not a whole gzip file|a\.csv\.gz cannot be read"),
        ("a.xlsx", b"PK", r"a\.xlsx is no table .*\.csv, \.tsv, \.jsonl, \.json, \.parquet"),
        ("a.csv", b"", r"a\.csv is empty"),
    ],
)
def test_a_bad_table_gets_one_line(
    write: Write, name: str, content: bytes, message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """Guards against the libraries' tracebacks and their own remarks on stderr beside our line."""
    with pytest.raises(UserError, match=message) as caught:
        list(read_table(write(name, content)))
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


COLUMNS = ("translation.zh", "translation.en")


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the library keeps of a hub data set goes beside the test's files, not into the developer's home."""
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path_factory.mktemp("datasets"))


def test_a_folder_data_set_with_translations(tmp_path: Path) -> None:
    """Guards against flat columns only: most translation data on the hub are {translation: {zh, en}}."""
    rows = [{"translation": {"zh": "甲", "en": "A"}}, {"translation": {"zh": "乙", "en": "B"}}]
    write_rows(tmp_path / "train.jsonl", rows)
    assert list(read_hub(str(tmp_path), "train", *COLUMNS)) == [("甲", "A"), ("乙", "B")]
    assert list(read_hub(str(tmp_path), "train", *reversed(COLUMNS))) == [("A", "甲"), ("B", "乙")]
    with pytest.raises(UserError, match=r"no column translation\.zn; .*did you mean translation\.zh\?"):
        read_hub(str(tmp_path), "train", "translation.zn", "translation.en")
    with pytest.raises(
        UserError, match=r"cannot read the data set .*Unknown split .dev.\. Should be one of \[.train.\]"
    ):
        read_hub(str(tmp_path), "dev", *COLUMNS)


def write_rows(path: Path, rows: list[dict[str, dict[str, str]]]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def test_one_of_several_configurations(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Guards the sub-set that is asked for, and the way out where none is; no bars where nobody watches."""
    for name, word in (("news", "A"), ("talks", "B")):
        write_rows(tmp_path / f"{name}.jsonl", [{"translation": {"zh": "甲", "en": word}}])
    both = "".join(f"- config_name: {name}\n  data_files: {name}.jsonl\n" for name in ("news", "talks"))
    (tmp_path / "README.md").write_text(f"---\nconfigs:\n{both}---\n", encoding="utf-8")
    assert list(read_hub(str(tmp_path), "train", *COLUMNS, "talks")) == [("甲", "B")]
    with pytest.raises(UserError, match=r"several configurations; choose one with --hub-configuration: news, talks$"):
        read_hub(str(tmp_path), "train", *COLUMNS)
    assert capfd.readouterr() == ("", "")


def test_a_hub_data_set_is_fetched_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against reading over the network at every pass: a training reads its data half a dozen times."""
    import datasets

    write_rows(tmp_path / "train.jsonl", [{"translation": {"zh": "甲", "en": "A"}}])
    assert list(read_hub(str(tmp_path), "train", *COLUMNS)) == [("甲", "A")]
    monkeypatch.setattr(datasets.DatasetBuilder, "_download_and_prepare", None)  # a second fetching would call it
    assert list(read_hub(str(tmp_path), "train", *COLUMNS)) == [("甲", "A")]


def test_an_unreachable_hub_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against pages of traceback on a machine without a network."""
    import datasets

    def unreachable(*args: object, **kwargs: object) -> None:
        raise ConnectionError("Couldn't reach 'owner/pairs' on the Hub")

    monkeypatch.setattr(datasets, "load_dataset", unreachable)
    with pytest.raises(
        UserError, match=r"cannot reach the Hugging Face hub for the data set owner/pairs .*HF_ENDPOINT"
    ):
        read_hub("owner/pairs", "train", *COLUMNS)
