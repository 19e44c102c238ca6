"""Reading other people's files strictly: sentence pairs out of text files, tables and hub data sets, one at a time.

Everything here is a generator whose memory does not grow with the file. A file that cannot be what the user meant
raises a ``UserError`` with its name and, where there is one, the number of the line.
"""

from __future__ import annotations

import itertools
import json
import logging
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from congling.data.text.lines import (
    count_lines,
    not_utf8,
    one_line,
    raw_lines,
    read_lines,
    require_equal_lines,
    require_file,
)
from congling.errors import UserError
from congling.language import _
from congling.nearest import did_you_mean

__all__ = [
    "Pair",
    "ReadingCounts",
    "clean_pairs",
    "count_lines",
    "explaining_hub",
    "read_hub",
    "read_lines",
    "read_parallel",
    "read_table",
    "read_tatoeba",
]

Pair = tuple[str, str]

_TABLES: Mapping[str, tuple[str, dict[str, Any]]] = {
    ".csv": ("csv", {}),
    ".tsv": ("csv", {"delimiter": "\t", "quoting": 3}),  # csv.QUOTE_NONE: quotation marks in a TSV are text
    ".jsonl": ("json", {}),
    ".json": ("json", {}),
    ".parquet": ("parquet", {}),
}


@dataclass
class ReadingCounts:
    """What ``clean_pairs`` let through, and what it left out and why."""

    pairs: int = 0
    empty: int = 0
    too_long: int = 0


def read_parallel(source: Path, target: Path) -> Iterator[Pair]:
    """The pairs of two files of which line n translates line n.

    Raises:
        UserError: at once where the files have unequal numbers of lines (both are in the message); as ``read_lines``.
    """
    sources, targets = read_lines(source), read_lines(target)
    if source.is_file() and target.is_file():  # a pipe can be read only once: it is counted on the way
        require_equal_lines(source, count_lines(source), target, count_lines(target))
    return _zipped(source, sources, target, targets)


def read_table(path: Path, source_column: str = "source", target_column: str = "target") -> Iterator[Pair]:
    """The pairs in two columns of a .csv, .tsv, .jsonl or .parquet file (the first three also with .gz).

    Args:
        path: the file; a CSV or TSV file begins with a line of column names.
        source_column, target_column: a column's name; ``translation.zh`` is the field ``zh`` of the column
            ``translation``.

    Raises:
        UserError: for a file of another kind, an unknown column (with the nearest one), a broken row.
    """
    require_file(path)
    kind, options = _table_kind(path)
    if kind == "csv":
        # As text, and as written: "007" stays "007", and the sentence "None" or "NA" is no missing value.
        options = options | {"converters": {source_column: str, target_column: str}, "keep_default_na": False}

    def rows() -> Iterator[dict[str, Any]]:
        from datasets import load_dataset

        files = re.sub(r"([*?[])", r"[\1]", str(path))  # a name is a name, not a pattern
        yield from load_dataset(kind, data_files=files, split="train", streaming=True, **options)

    explained = _explained(rows, lambda error: UserError(_table_trouble(path, kind, error)))
    return _columns(str(path), explained, source_column, target_column)


def read_hub(
    name: str, split: str, source_column: str, target_column: str, configuration: str | None = None
) -> Iterator[Pair]:
    """The pairs in two columns of a Hugging Face data set, or of a folder that holds one.

    It is fetched once, into the cache of the library ``datasets``, and read from there, memory-mapped.

    Args:
        name: ``owner/name`` on the hub, or a folder.
        split: a split of the data set.
        source_column, target_column: as in ``read_table``.
        configuration: the data set's own sub-set, for example a language pair, where it has several.

    Raises:
        UserError: the hub cannot be reached, or there is no such data set, configuration, split or column.
    """

    def rows() -> Iterator[dict[str, Any]]:
        from datasets import load_dataset

        with explaining_hub(name):
            yield from load_dataset(name, configuration, split=split)

    return _columns(name, rows(), source_column, target_column)


def read_tatoeba(folder: Path) -> Iterator[Pair]:
    """The Chinese and English sentences of the source ``tatoeba-zh-en``; rows of another shape are skipped."""
    for line in read_lines(folder / "tatoeba.tsv"):
        fields = [field.strip() for field in line.split("\t")]
        if len(fields) == 4 and fields[1] and fields[3]:
            yield fields[1], fields[3]


def clean_pairs(pairs: Iterable[Pair], counts: ReadingCounts, max_characters: int = 2_000) -> Iterator[Pair]:
    """The pairs that a network can learn from, without spaces around them; the others are counted.

    Args:
        pairs: (source, target).
        counts: is added to while the pairs are read.
        max_characters: a pair with a longer side is left out.
    """
    for source, target in pairs:
        source, target = source.strip(), target.strip()
        if not source or not target:
            counts.empty += 1
        elif max(len(source), len(target)) > max_characters:
            counts.too_long += 1
        else:
            counts.pairs += 1
            yield source, target


def _zipped(source: Path, sources: Iterator[str], target: Path, targets: Iterator[str]) -> Iterator[Pair]:
    for read, (one, other) in enumerate(itertools.zip_longest(sources, targets)):
        if one is None or other is None:
            longer = read + 1 + sum(1 for _line in (targets if one is None else sources))
            require_equal_lines(source, read if one is None else longer, target, longer if one is None else read)
        else:
            yield one, other


def _table_kind(path: Path) -> tuple[str, dict[str, Any]]:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes[-1:] == [".gz"]:
        suffixes = [suffix for suffix in suffixes[:-1] if suffix != ".parquet"]
    kind = _TABLES.get(suffixes[-1]) if suffixes else None
    if kind is None:
        raise UserError(
            _("{path} is no table that can be read here; the name must end in {endings}").format(
                path=path, endings=", ".join(_TABLES)
            )
        )
    return kind


def _columns(name: str, rows: Iterator[dict[str, Any]], source_column: str, target_column: str) -> Iterator[Pair]:
    """The two columns of the rows, from the first row on, which is read at once to see that the columns are there."""
    first = next(rows, None)
    if first is None:
        raise UserError(_("{name} holds no rows").format(name=name))
    for column in (source_column, target_column):
        _require_column(name, first, column)
    return ((_cell(row, source_column), _cell(row, target_column)) for row in itertools.chain([first], rows))


def _require_column(name: str, row: Mapping[str, Any], column: str) -> None:
    known = [
        path
        for key, value in row.items()
        for path in ([f"{key}.{inner}" for inner in value] if isinstance(value, dict) else [key])
    ]
    if column in known:
        return
    message = _("{name} has no column {column}; its columns are {columns}").format(
        name=name, column=column, columns=", ".join(known)
    )
    raise UserError(message + did_you_mean(column, known))


def _cell(row: Mapping[str, Any], column: str) -> str:
    """The text in a column; a missing value is an empty text, which ``clean_pairs`` counts."""
    outer, _dot, inner = column.partition(".")
    value = row[column] if column in row else (row.get(outer) or {}).get(inner)
    return "" if value is None else one_line(str(value))


@contextmanager
def explaining_hub(name: str) -> Iterator[None]:
    """Whatever the library ``datasets`` raises inside comes out as a ``UserError`` of one line, without its remarks."""
    try:
        with _without_remarks():
            yield
    except UserError:
        raise
    except Exception as error:
        raise UserError(_hub_trouble(name, error)) from error


def _explained(
    rows: Callable[[], Iterator[dict[str, Any]]], explain: Callable[[Exception], UserError]
) -> Iterator[dict[str, Any]]:
    try:
        with _without_remarks():
            yield from rows()
    except Exception as error:
        raise explain(error) from error


@contextmanager
def _without_remarks() -> Iterator[None]:
    """The libraries log what they also raise, over several lines; one line of ours says it.

    Their bars of a download and its conversion stay where somebody watches.
    """
    import datasets  # now: at its import it sets the levels of these loggers

    loggers = [logging.getLogger(library) for library in (datasets.__name__, "huggingface_hub")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    hide_bars = not (sys.stderr.isatty() or datasets.are_progress_bars_disabled())
    if hide_bars:
        datasets.disable_progress_bars()
    try:
        yield
    finally:
        if hide_bars:
            datasets.enable_progress_bars()
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _table_trouble(path: Path, kind: str, error: Exception) -> str:
    if kind != "parquet":
        with suppress(OSError):
            for number, raw in enumerate(raw_lines(path), start=1):
                try:
                    line = raw.decode("utf-8-sig")
                    if path.name.removesuffix(".gz").endswith(".jsonl") and line.strip():
                        json.loads(line)
                except UnicodeDecodeError:
                    return not_utf8(path, number)
                except ValueError as reason:
                    return _("{path}, line {number}: not JSON: {reason}").format(
                        path=path, number=number, reason=reason
                    )
    return _("{path} cannot be read: {reason}").format(path=path, reason=_first_line(error))


def _hub_trouble(name: str, error: Exception) -> str:
    if isinstance(error, ConnectionError):
        return _(
            "cannot reach the Hugging Face hub for the data set {name} ({reason}); without a network give files,"
            " or a folder; with a mirror set HF_ENDPOINT to it"
        ).format(name=name, reason=_first_line(error))
    several = re.search(r"available configs: \[(.+)\]", str(error))
    if several:
        return _("the data set {name} has several configurations; choose one with --hub-configuration: {names}").format(
            name=name, names=several[1].replace("'", "")
        )
    return _("cannot read the data set {name}: {reason}").format(name=name, reason=_first_line(error))


def _first_line(error: Exception) -> str:
    """The innermost cause of an error, as one line."""
    while isinstance(error.__cause__, Exception):
        error = error.__cause__
    text = " ".join(str(error).removeprefix("Error tokenizing data. C error: ").split())
    return text[:300] or type(error).__name__
