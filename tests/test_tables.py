"""Tables of numbers: what is read, what is left out and told, and each odd cell by row, column and text."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from congling.data.tables.tables import Table, read_inputs, read_numbers
from congling.errors import UsageError, UserError

GOOD = "a,b,y\n1,10,0.5\n2,20,1.5\n3,31,2.5\n4,40,4.25\n"


def write(folder: Path, text: str | bytes, name: str = "own.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
    return path


def numbers(table: Table) -> tuple[list[list[float]], list[float]]:
    return table.inputs.tolist(), table.targets.ravel().tolist()


def test_the_last_column_is_predicted_from_all_others(tmp_path: Path) -> None:
    """Guards the defaults, and which number stands where."""
    table = read_numbers(write(tmp_path, GOOD))
    assert (table.input_names, table.target_name, table.classes, table.remarks) == (["a", "b"], "y", [], [])
    assert numbers(table) == ([[1, 10], [2, 20], [3, 31], [4, 40]], [0.5, 1.5, 2.5, 4.25])
    assert table.targets.shape == (4, 1)


def test_columns_by_name_in_the_order_given(tmp_path: Path) -> None:
    """Guards chosen columns against the file's order."""
    table = read_numbers(write(tmp_path, GOOD), ["y", "a"], "b")
    assert (table.input_names, table.target_name) == (["y", "a"], "b")
    assert table.inputs[3].tolist() == [4.25, 4]
    table = read_numbers(write(tmp_path, GOOD), ["y"])
    assert (table.input_names, table.target_name) == (["y"], "b")  # the last one that is no input


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (GOOD.replace(",", "\t"), "own.tsv"),
        (GOOD.replace(",", "\t"), "own.txt"),
        (GOOD.replace(",", ";"), "own.csv"),
        ("\ufeff" + GOOD, "own.csv"),
        (GOOD.replace("\n", "\r\n"), "own.CSV"),
        (GOOD.replace("a,b", '"a", b').replace("31", '"31"'), "own.csv"),
        (GOOD.removesuffix("\n") + "\n\n\n", "own.csv"),
        (gzip.compress(GOOD.encode(), mtime=0), "own.csv.gz"),
    ],
)
def test_other_ways_to_write_the_same(tmp_path: Path, text: str | bytes, name: str) -> None:
    """Guards what spreadsheets export: tabs, semicolons, byte-order mark, CRLF, quotes, blank lines, gzip."""
    table = read_numbers(write(tmp_path, text, name))
    assert table.input_names == ["a", "b"]
    assert numbers(table) == numbers(read_numbers(write(tmp_path, GOOD)))


def test_chinese_names(tmp_path: Path) -> None:
    """Guards names outside ASCII, and the guess for a mistyped one."""
    path = write(tmp_path, "身高,体重,年龄\n170,60,30.5\n180,81,41\n165,52,22\n")
    assert read_numbers(path, ["身高"], "体重").input_names == ["身高"]
    with pytest.raises(UsageError, match=r"no column 体量; its columns are 身高, 体重, 年龄"):
        read_numbers(path, target="体量")
    with pytest.raises(UsageError, match=r"did you mean height\?"):
        read_numbers(write(tmp_path, "height,y\n1,2\n"), ["heigth"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (GOOD.replace("31", "abc"), r"own.csv, row 4, column b: 'abc' is not a finite number$"),
        (GOOD.replace("31", "3_1"), r"row 4, column b: '3_1' is not a finite number"),
        (GOOD.replace("31", "inf"), r"row 4, column b: 'inf' is not a finite number"),
        (GOOD.replace("2.5", "-inf"), r"row 4, column y: '-inf' is not a finite number"),
        (
            GOOD.replace("2.5", "high"),
            r"row 4, column y: 'high' is not a finite number; with classes say --kind classes",
        ),
        (GOOD.replace("31", '"3,1"'), r"row 4, column b: '3,1' is not a finite number; write decimals with a point"),
        ("a,b,y\n1,10,0.5\n2,20,1.5\n\n3,31\n", r"own.csv, row 5: 2 cells under 3 names"),
        ("colour,y\nred,1\nblue,2\n3,3\n", r"column colour holds words, such as 'red' in row 2"),
        ("a,y\n1,2\n", r"has 1 rows in which no wanted cell is missing; at least 3"),
        ("a,y\n", r"has 0 rows"),
        ("a,y\n,1\n2,\n3,NA\n4,1\n", r"has 1 rows"),
        ("1,2\n3,4\n", r"the first row must name the columns"),
        ("a,a,y\n1,2,3\n", r"has two columns a"),
        ("y\n1\n2\n", r"needs at least two columns"),
        ("x，y\n1，2\n3，4\n", r"needs at least two columns .*; between cells stands a comma, a semicolon or a tab"),
        ("a,y\n1,5\n2,5\n3,5\n4,5\n", r"column y is 5 in every row: there is nothing to learn"),
        ("a,y\n1,cat\n2,cat\n3,cat\n4,cat\n", r"column y is cat in every row"),
        ('a,y\n1,"2\n3,4\n', r'own.csv, row 2: a cell that begins with " must end with "'),
        ('a,y\n"1\n",2\n2,x\n3,4\n', r"own.csv, row 3, column y: 'x'"),
        ("a;y\n1,5;3\n2,5;4\n3;5\n", r"row 2, column a: '1,5' is not a finite number; write decimals with a point"),
        (
            "a,y\n" + "1,x\n" * 3 + "".join(f"1,word{n}\n" for n in range(9)),
            r"10 different values in 12 rows: too many",
        ),
    ],
)
def test_what_cannot_be_learned_from(tmp_path: Path, text: str, said: str) -> None:
    """Guards each message: the row, the column and the cell, and the way out."""
    with pytest.raises(UserError, match=said):
        read_numbers(write(tmp_path, text))


@pytest.mark.parametrize(
    ("name", "said"),
    [("own.xlsx", "save it as CSV, under a name that ends in .csv, .tsv, .txt"), ("absent.csv", "no file")],
)
def test_other_files(tmp_path: Path, name: str, said: str) -> None:
    """Guards against a spreadsheet read as text, and a missing file."""
    if "absent" not in name:
        write(tmp_path, GOOD, name)
    with pytest.raises(UserError, match=said):
        read_numbers(tmp_path / name)


def test_gbk_is_named_with_its_line(tmp_path: Path) -> None:
    """Guards against names that come out as nonsense."""
    with pytest.raises(UserError, match=r"own.csv, line 1: not UTF-8; if it is GBK"):
        read_numbers(write(tmp_path, "身高,y\n1,2\n".encode("gbk")))


def test_rows_with_missing_values_are_left_out_and_told(tmp_path: Path) -> None:
    """Guards against a zero for a missing value; the rows are counted as a spreadsheet shows them."""
    path = write(tmp_path, "a,b,y\n1,2,3.5\n,2,4\n1,nan,4\n\n4,5,\n5,6,1.25\n7,8,2\n")
    table = read_numbers(path)
    assert numbers(table) == ([[1, 2], [5, 6], [7, 8]], [3.5, 1.25, 2])
    assert table.remarks == [f"{path}: 3 rows with missing values are left out: 3, 4, 6"]


def test_a_column_that_is_not_wanted_may_hold_anything(tmp_path: Path) -> None:
    """Guards names and dates beside the numbers; a column without a name is no input."""
    path = write(tmp_path, ",name,a,y\n0,Ann,1,2.5\n1,,2,3.5\n2,Bo,3,4\n")
    table = read_numbers(path, ["a"], "y")
    assert len(table.inputs) == 3
    assert table.remarks == [f"{path}: columns without a name are left out"]


def test_a_constant_input_is_told(tmp_path: Path) -> None:
    """Guards against a column that looks as if it mattered."""
    path = write(tmp_path, "a,b,y\n7,1,2\n7,2,3.5\n7,3,4\n")
    assert read_numbers(path).remarks == [
        f"{path}: column a is 7 in every row, so that nothing can be predicted from it"
    ]


# Classes -------------------------------------------------------------------------------------------------------------


def test_words_are_classes(tmp_path: Path) -> None:
    """Guards the order of classes, an empty cell as missing, and NA as a word among words."""
    table = read_numbers(write(tmp_path, "a,y\n1,dog\n2,cat\n3,NA\n4,\n5,dog\n6,cat\n7,NA\n"))
    assert table.classes == ["NA", "cat", "dog"]
    assert table.targets.tolist() == [2, 1, 0, 2, 1, 0] and table.targets.dtype == np.int64
    assert table.inputs.ravel().tolist() == [1, 2, 3, 5, 6, 7]


def test_few_whole_numbers_are_classes_unless_told(tmp_path: Path) -> None:
    """Guards the guess, that it is told, and both ways to choose; -1, 1 and 1.0 are two classes, NA is none."""
    path = write(tmp_path, "a,y\n1,1\n2,-1\n3,1.0\n4,-1\n5,NA\n6,1\n7,-1\n")
    table = read_numbers(path)
    assert (table.classes, table.targets.tolist()) == (["-1", "1"], [1, 0, 1, 0, 1, 0])
    assert table.remarks[0].startswith("y is taken as classes") and "--kind regression" in table.remarks[0]
    assert read_numbers(path, kind="regression").targets.tolist() == [[1], [-1], [1], [-1], [1], [-1]]
    assert read_numbers(path, kind="classes").remarks[0].endswith("left out: 6")


def test_numbers_of_classes_keep_all_their_digits(tmp_path: Path) -> None:
    """Guards codes such as postcodes: two classes with one name would be one class in the next table."""
    rows = "".join(f"{row},{1000001 + row % 2}\n{row},0.1\n" for row in range(5))
    assert read_numbers(write(tmp_path, "a,y\n" + rows), kind="classes").classes == ["0.1", "1000001", "1000002"]


@pytest.mark.parametrize("cells", ["1 2 3 4 5", "1 2 1 2 1.5 2 1 2 1", "0 1 2 3 4 5 6 7 8 9 10 " * 4])
def test_other_numbers_are_numbers(tmp_path: Path, cells: str) -> None:
    """Guards the guess against few rows, fractions, and many different numbers."""
    rows = "".join(f"{row},{cell}\n" for row, cell in enumerate(cells.split()))
    assert read_numbers(write(tmp_path, "a,y\n" + rows)).classes == []


# A table to predict from or to evaluate ------------------------------------------------------------------------------


def test_inputs_alone(tmp_path: Path) -> None:
    """Guards prediction: the columns by name in the order of training, no target needed, no row silently dropped."""
    path = write(tmp_path, "b,name,a\n1,Ann,2\n3,Bo,4\n")
    assert read_inputs(path, ["a", "b"]).tolist() == [[2, 1], [4, 3]]
    with pytest.raises(UserError, match=r"row 3, column a: a number is missing"):
        read_inputs(write(tmp_path, "a,b\n1,2\n,3\n"), ["a", "b"])
    with pytest.raises(UsageError, match=r"no column c"):
        read_inputs(path, ["c"])


def test_a_table_to_evaluate_may_be_short_and_of_one_class(tmp_path: Path) -> None:
    """Guards evaluation of one row against the rules for learning."""
    table = read_numbers(write(tmp_path, "a,y\n1,dog\n"), ["a"], "y", "classes", to_learn=False)
    assert (table.classes, table.targets.tolist()) == (["dog"], [0])
    table = read_numbers(write(tmp_path, "a,y\n1,dog\n2,cat\n3,eel\n"), ["a"], "y", "classes", to_learn=False)
    assert (table.classes, table.targets.tolist()) == (["cat", "dog", "eel"], [1, 0, 2])
    with pytest.raises(UserError, match=r"has 0 rows.*at least 1"):
        read_numbers(write(tmp_path, "a,y\n,dog\n"), ["a"], "y", "classes", to_learn=False)


def test_the_input_cannot_be_the_target(tmp_path: Path) -> None:
    """Guards against a perfect fit of nothing."""
    with pytest.raises(UsageError, match=r"a cannot be an input and the target"):
        read_numbers(write(tmp_path, GOOD), ["a", "b"], "a")
