"""Texts that somebody has labelled: out of a table, out of a folder with a sub-folder a class, or of a named set.

Reading is strict: what cannot be what the user meant raises a ``UserError``. What is no example, or one that was there
before, is left out and counted.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from congling.data.text.lines import read_lines
from congling.data.text.pair_readers import read_table
from congling.errors import UserError
from congling.language import _

Labelled = tuple[str, str]  # a text, and the name of its class
ENDING = ".txt"
MOST_CLASSES = 1000
SHOWN = 40  # characters of a text in a message


@dataclass(frozen=True)
class LabelledTexts:
    """Texts, each once, and their classes.

    Attributes:
        texts: (N) without spaces around them, and with one space for several.
        targets: (N,) numbers of classes.
        classes: their names, in order.
        empty: how many rows had no text and were left out.
        unlabelled: how many had no label.
        repeated: how many stood there before, with the same label.
        contradicting: how many belong to a text that has two labels, and were left out.
    """

    texts: Sequence[str]
    targets: NDArray[np.int64]
    classes: Sequence[str]
    empty: int = 0
    unlabelled: int = 0
    repeated: int = 0
    contradicting: int = 0

    def __len__(self) -> int:
        return len(self.texts)

    def some(self, rows: NDArray[np.int64]) -> LabelledTexts:
        """Those rows alone; nothing was left out of them."""
        return LabelledTexts([self.texts[row] for row in rows], self.targets[rows], self.classes)


# Readers -------------------------------------------------------------------------------------------------------------


def read_labelled_table(path: Path, text_column: str, label_column: str) -> Iterator[Labelled]:
    """The texts and labels of a .csv, .tsv, .jsonl or .parquet file; errors as ``read_table``."""
    return read_table(path, text_column, label_column)


def read_labelled_folder(path: Path) -> Iterator[Labelled]:
    """A folder with one sub-folder a class: each ``.txt`` file in it is one text of that class.

    Raises:
        UserError: there is no such folder, or a file that is not UTF-8; a class without texts.
    """
    if not path.is_dir():
        message = _("{path} is no folder") if path.exists() else _("there is no folder {path}")
        raise UserError(message.format(path=path))
    below = [each for each in _visible(path) if each.is_dir()]
    if not below:
        message = _(
            "{path} has no sub-folders; put the texts ({ending}) of each class into a sub-folder that is named as the"
            " class is, or give a table: {option}"
        )
        raise UserError(message.format(path=path, ending=ENDING, option="--table FILE"))
    return _of_folders(below)


def _of_folders(folders: Sequence[Path]) -> Iterator[Labelled]:
    for folder in folders:
        files = [each for each in _visible(folder) if each.is_file() and each.suffix.lower() == ENDING]
        if not files:
            message = _("the class {name} has no texts in {folder} ({ending}); add some, or remove the folder")
            raise UserError(message.format(name=folder.name, folder=folder, ending=ENDING))
        for file in files:
            yield (" ".join(read_lines(file)) if file.stat().st_size else ""), folder.name


def _visible(folder: Path) -> list[Path]:
    return sorted(each for each in folder.iterdir() if not each.name.startswith((".", "__")))


def read_reviews(folder: Path) -> Iterator[Labelled]:
    """The source ``reviews-zh``: a review a line, in a file a class."""
    for name in ("negative", "positive"):
        for line in read_lines(folder / f"{name}{ENDING}"):
            yield line, name


# What can be learned from --------------------------------------------------------------------------------------------


def distinct_texts(rows: Iterable[Labelled], name: str, *, classes: Sequence[str] | None = None) -> LabelledTexts:
    """Every text once. Texts that differ only in case, in width or in their spaces count as one.

    Args:
        rows: texts and labels, as they were read.
        name: what the user calls the data, for messages.
        classes: the names and order of the classes; None takes those that are there, to learn from.

    Raises:
        UserError: no row has both a text and a label; with ``classes`` None, all have the same label, or there are
            nearly as many labels as texts. A label that is none of ``classes`` is the caller's to refuse, before.
    """
    found = dict[str, tuple[str, set[str]]]()
    counts = {"empty": 0, "unlabelled": 0, "repeated": 0}
    for text, label in rows:
        text, label = tidied(text), label.strip()
        lacks = "empty" if not text else "" if label else "unlabelled"
        if lacks:
            counts[lacks] += 1
            continue
        labels = found.setdefault(_key(text), (text, set()))[1]
        counts["repeated"] += label in labels
        labels.add(label)
    agreed = [(text, *labels) for text, labels in found.values() if len(labels) == 1]
    names = _class_names({label for _text, label in agreed}) if classes is None else list(classes)
    _require_texts(agreed, name, counts)
    if classes is None:
        _require_classes(names, len(agreed), name)
    number_of = {label: number for number, label in enumerate(names)}
    return LabelledTexts(
        [text for text, _label in agreed],
        np.array([number_of[label] for _text, label in agreed], np.int64),
        names,
        contradicting=len(found) - len(agreed),
        **counts,
    )


def tidied(text: str) -> str:
    """The text with one space for several, and none around it."""
    return " ".join(text.split())


def _key(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def _class_names(labels: set[str]) -> list[str]:
    """In the order of the alphabet; numbers in theirs."""
    numbers = all(label.lstrip("-").isdecimal() for label in labels)
    return sorted(labels, key=int) if numbers else sorted(labels)


def _require_texts(agreed: Sequence[object], name: str, counts: dict[str, int]) -> None:
    if agreed:
        return
    message = _("{name} holds no text with a label: {empty} rows have no text, {unlabelled} no label")
    raise UserError(message.format(name=name, empty=counts["empty"], unlabelled=counts["unlabelled"]))


def _require_classes(names: Sequence[str], texts: int, name: str) -> None:
    if len(names) == 1:
        message = _("every text of {name} has the label {label}; there is nothing to tell apart")
        raise UserError(message.format(name=name, label=_short(names[0])))
    if len(names) > min(MOST_CLASSES, max(2, texts // 2)):
        message = _("{name} has {labels} different labels on {texts} texts, such as {label}: too many to be classes")
        raise UserError(message.format(name=name, labels=len(names), texts=texts, label=_short(names[0])))


def _short(text: str) -> str:
    return repr(text if len(text) <= SHOWN else text[:SHOWN] + "…")
