"""From what the user has (a table, a folder, a named data set) to the pieces and classes that a run keeps.

The run's folder then holds ``text.model`` (the pieces), ``data/train.arrow``, ``data/valid.arrow`` and
``data/test.arrow`` (texts, their pieces and classes, memory-mapped), and ``data/classes.json``, which is written last.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from congling.data.sources import find_source
from congling.data.stratified import stratified_parts
from congling.data.text.labelled_batches import LabelledStore, write_labelled_store
from congling.data.text.labelled_texts import (
    Labelled,
    LabelledTexts,
    distinct_texts,
    read_labelled_folder,
    read_labelled_table,
    read_reviews,
)
from congling.data.text.piece_cutter import PieceCutter, train_pieces
from congling.data.text.scripts import dominant_script
from congling.data.text.splits import TEST, TRAIN, VALID
from congling.data.text.tokenizer_training import Normalization
from congling.data.text.tokenizers import Tokenizer
from congling.errors import UsageError, UserError
from congling.language import _
from congling.learning.atomic import explaining_disk_errors, write_atomically
from congling.learning.runs import Run
from congling.tasks.named_data import fetched
from congling.tasks.sentiment.options import PieceOptions, SentimentOptions, TextDataOptions
from congling.tasks.training import Say

REVIEWS = "reviews-zh"
MODEL, CLASSES = "text.model", "data/classes.json"
LOOKED_AT = 500  # texts, to find out in what script they are
PartName = Literal["train", "valid", "test"]
PARTS: dict[PartName, int] = {"train": TRAIN, "valid": VALID, "test": TEST}


@dataclass(frozen=True)
class Texts:
    """What a run learns from.

    Attributes:
        pieces: cuts a text as those that were learned from.
        classes: their names.
        parts: the texts by part.
    """

    pieces: PieceCutter
    classes: list[str]
    parts: dict[PartName, LabelledStore]


# Reading -------------------------------------------------------------------------------------------------------------


def read_texts(options: TextDataOptions, say: Say) -> LabelledTexts:
    """Read what the options name, every text once, and say what was left out.

    Raises:
        UserError: it cannot be read, or there is nothing to tell apart in it.
    """
    texts = distinct_texts(_rows(options, say), options.name)
    message = _(
        "{name}: {texts} texts in {classes} classes; left out: {empty} without text, {unlabelled} without label, "
        "{repeated} repeated, {contradicting} under two labels"
    )
    told = {"empty": texts.empty, "unlabelled": texts.unlabelled, "repeated": texts.repeated}
    say(
        message.format(
            name=options.name, texts=len(texts), classes=len(texts.classes), contradicting=texts.contradicting, **told
        )
    )
    return texts


def _rows(options: TextDataOptions, say: Say) -> Iterable[Labelled]:
    if options.table is not None or options.folder is not None:
        return own_rows(options.table, options.folder, options.text_column, options.label_column)
    source = find_source(options.data)
    if source.name != REVIEWS:
        message = _("{name} holds no labelled texts; sentiment can learn from: {names}")
        raise UsageError(message.format(name=source.name, names=REVIEWS))
    return read_reviews(fetched(source, say))


def own_rows(table: Path | None, folder: Path | None, text_column: str, label_column: str) -> Iterable[Labelled]:
    """The rows of the user's table or folder, one of which is given."""
    if table is not None:
        return read_labelled_table(table, text_column, label_column)
    assert folder is not None
    return read_labelled_folder(folder)


# Preparing -----------------------------------------------------------------------------------------------------------


def prepare_texts(run: Run, options: SentimentOptions, texts: LabelledTexts, say: Say) -> None:
    """Hold some texts out, find the pieces in the others, and write all into the run's folder.

    In the end ``run.yaml`` says what came of the vocabulary that was asked for.

    Raises:
        UserError: a class has too few texts, or the disk is full.
    """
    data, chosen = options.data, options.pieces
    parts = stratified_parts(
        texts.texts, texts.targets, texts.classes,
        valid=data.valid_size, test=data.test_size, seed=options.training.seed,
    )  # fmt: skip
    of_part = {name: texts.some(np.flatnonzero(parts == number)) for name, number in PARTS.items()}
    learned = of_part["train"].texts
    rule = _rule(chosen, learned[:LOOKED_AT])
    assert chosen.vocabulary is not None
    pieces = train_pieces(learned, kind=chosen.pieces, size=chosen.vocabulary, normalization=rule)
    write_atomically(run.file(MODEL), pieces.tokenizer.model)
    with explaining_disk_errors(run.path):
        run.file("data").mkdir(exist_ok=True)
    cut = 0
    for name, some in of_part.items():
        cut += write_labelled_store(run.file(f"data/{name}.arrow"), some, pieces, chosen.longest)
    _report({name: len(some) for name, some in of_part.items()}, pieces, cut, options, say)
    settled = dataclasses.replace(chosen, vocabulary=pieces.tokenizer.size, normalization=rule)
    run.update_config(run.config | {"pieces": dataclasses.asdict(settled)})
    record = {"classes": list(texts.classes), "split": pieces.split}
    write_atomically(run.file(CLASSES), json.dumps(record, ensure_ascii=False, indent=1) + "\n")


def _rule(chosen: PieceOptions, some: Iterable[str]) -> Normalization:
    if chosen.normalization != "auto":
        return chosen.normalization
    return "simplified-chinese" if dominant_script(" ".join(some)) == "Han" else "nmt_nfkc"


def _report(counts: dict[PartName, int], pieces: PieceCutter, cut: int, options: SentimentOptions, say: Say) -> None:
    message = _("{train} texts to learn from, {valid} to validate with, {test} to test with; {pieces} different pieces")
    say(message.format(**counts, pieces=pieces.tokenizer.size))
    if cut:
        message = _("{count} texts have more than {longest} pieces: the first {longest} are read (--longest)")
        say(message.format(count=cut, longest=options.pieces.longest))


# What a run holds ----------------------------------------------------------------------------------------------------


def has_texts(run: Run) -> bool:
    """Whether the run holds its texts, all of them."""
    return run.file(CLASSES).is_file()


def load_texts(run: Run) -> Texts:
    """The texts of a run.

    Raises:
        UserError: they are missing or damaged.
    """
    record = _record(run)
    pieces = PieceCutter(Tokenizer.load(run.file(MODEL)), record["split"])
    parts = {name: LabelledStore.open(run.file(f"data/{name}.arrow")) for name in PARTS}
    return Texts(pieces, record["classes"], parts)


def _record(run: Run) -> dict[str, Any]:
    path = run.file(CLASSES)
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        if not (record["split"] is None or isinstance(record["split"], str)) or len(record["classes"]) < 2:
            raise ValueError("no classes")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(_("{path} is missing or damaged").format(path=path)) from error
    return dict(record)
