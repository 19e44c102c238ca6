"""Labelled texts: read strictly, each text once, cut into pieces, and put into batches that can go on."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from congling.data.text.labelled_batches import (
    LabelledBatches,
    LabelledStore,
    collate_texts,
    plan_texts,
    write_labelled_store,
)
from congling.data.text.labelled_texts import (
    LabelledTexts,
    distinct_texts,
    read_labelled_folder,
    read_labelled_table,
    read_reviews,
)
from congling.data.text.piece_cutter import PieceCutter, train_pieces
from congling.errors import UserError

TEXTS = [f"{word} {number}" for number in range(29) for word in ("good", "bad", "meh")]
LABELLED = LabelledTexts(TEXTS, np.arange(87, dtype=np.int64) % 3, ["a", "b", "c"])


def test_every_text_once() -> None:
    """Guards a repeated text in training and test, and a text that is praise and blame at once."""
    rows = [
        ("很 好", "pos"), ("很好", "pos"), (" 差  评 ", "neg"), ("", "pos"), ("好吗", ""),
        ("ＡＢＣ", "pos"), ("abc", "pos"), ("一般", "pos"), ("一般", "neg"),
    ]  # fmt: skip
    found = distinct_texts(rows, "rows")
    assert found.texts == ["很 好", "差 评", "ＡＢＣ"] and found.classes == ["neg", "pos"]
    assert found.targets.tolist() == [1, 0, 1]
    assert (found.empty, found.unlabelled, found.repeated, found.contradicting) == (1, 1, 2, 1)


def test_classes_that_are_numbers_stand_in_their_order() -> None:
    """Guards 10 before 2."""
    rows = [(f"text {number} {label}", label) for number in range(4) for label in ("10", "2", "-1")]
    assert distinct_texts(rows, "rows").classes == ["-1", "2", "10"]


def test_nothing_to_tell_apart() -> None:
    """Guards one class alone, labels that are texts, and rows without any label, each with its own words."""
    with pytest.raises(UserError, match="every text of mine has the label 'pos'"):
        distinct_texts([("one", "pos"), ("two", "pos")], "mine")
    with pytest.raises(UserError, match="mine has 8 different labels on 8 texts"):
        distinct_texts([(f"text {number}", f"label {number}") for number in range(8)], "mine")
    with pytest.raises(UserError, match="mine holds no text with a label: 1 rows have no text, 2 no label"):
        distinct_texts([("", "pos"), ("one", ""), ("two", " ")], "mine")


def test_tables(tmp_path: Path) -> None:
    """Guards the columns' names in the message, and a label that is a number or missing in JSON."""
    table = tmp_path / "a.csv"
    table.write_text('review,stars\n"好, 很好",5\n差,1\n', encoding="utf-8")
    assert list(read_labelled_table(table, "review", "stars")) == [("好, 很好", "5"), ("差", "1")]
    with pytest.raises(UserError, match=r"has no column star; its columns are review, stars.*did you mean stars\?"):
        list(read_labelled_table(table, "review", "star"))
    lines = tmp_path / "a.jsonl"
    lines.write_text("".join(json.dumps(row) + "\n" for row in ({"t": "a", "l": 1}, {"t": "b", "l": None})))
    assert [label.removesuffix(".0") for _text, label in read_labelled_table(lines, "t", "l")] == ["1", ""]
    broken = tmp_path / "gbk.tsv"
    broken.write_bytes(b"text\tlabel\n" + "好\t1\n".encode("gbk"))
    with pytest.raises(UserError, match="line 2: not UTF-8"):
        list(read_labelled_table(broken, "text", "label"))


def test_folders(tmp_path: Path) -> None:
    """Guards several lines in a file, files of another kind, and folders that hold no texts."""
    for name in ("neg", "pos", ".hidden"):
        (tmp_path / name).mkdir()
    (tmp_path / "neg/1.txt").write_text("bad\nvery bad\r\n", encoding="utf-8")
    (tmp_path / "neg/notes.md").write_text("not a text")
    with pytest.raises(UserError, match="the class pos has no texts in"):
        list(read_labelled_folder(tmp_path))
    (tmp_path / "pos/1.TXT").write_text("好", encoding="utf-8")
    (tmp_path / "pos/2.txt").write_bytes(b"")
    assert list(read_labelled_folder(tmp_path)) == [("bad very bad", "neg"), ("好", "pos"), ("", "pos")]
    (tmp_path / "pos/3.txt").write_bytes("差".encode("gbk"))
    with pytest.raises(UserError, match=r"3\.txt, line 1: not UTF-8"):
        list(read_labelled_folder(tmp_path))
    with pytest.raises(UserError, match="there is no folder"):
        read_labelled_folder(tmp_path / "none")
    with pytest.raises(UserError, match="has no sub-folders"):
        read_labelled_folder(tmp_path / "neg")


def test_reviews(tmp_path: Path) -> None:
    """Guards labels that are exchanged."""
    (tmp_path / "positive.txt").write_text("好书\n", encoding="utf-8")
    (tmp_path / "negative.txt").write_text("差\n退货\n", encoding="utf-8")
    assert list(read_reviews(tmp_path)) == [("差", "negative"), ("退货", "negative"), ("好书", "positive")]


@pytest.mark.parametrize(
    ("kind", "text", "pieces"),
    [
        ("characters", "good bad", ["▁", "g", "o", "o", "d", "▁", "b", "a", "d"]),
        ("words", "Good, bad!", ["▁good", "▁bad"]),
        ("words", "good 差", ["▁good", "▁差"]),
    ],
)
def test_pieces(kind: str, text: str, pieces: list[str]) -> None:
    """Guards words that are found otherwise in prediction than in training, and unknown ones as they stand."""
    cutter = train_pieces(TEXTS, kind=kind, size=40, normalization="nmt_nfkc")  # type: ignore[arg-type]
    assert cutter.tokenizer.cut(cutter.separated(text)) == pieces
    again = PieceCutter(cutter.tokenizer, cutter.split)
    assert len(again.encode(text)) == len(pieces) and (again.encode(text)[-1] == 1) == ("差" in text)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> LabelledStore:
    """The texts as characters, at most six of each."""
    path = tmp_path_factory.mktemp("store") / "train.arrow"
    cutter = train_pieces(TEXTS, kind="characters", size=40, normalization="nmt_nfkc")
    cut = write_labelled_store(path, LABELLED, cutter, longest=6)
    assert cut == sum(len(text) + 1 > 6 for text in TEXTS) > 0
    return LabelledStore.open(path)


def test_a_store_gives_back_texts_pieces_and_classes(store: LabelledStore) -> None:
    """Guards rows that are mixed up, and a cut-off text that is cut off in its writing too."""
    assert len(store) == 87 and store.lengths.max() == 6
    assert store.targets.tolist() == LABELLED.targets.tolist()
    assert store.texts([85, 0]) == ["bad 28", "good 0"]
    assert len(store.rows([0])[0]) == 6


def test_an_epoch_holds_every_text_once(store: LabelledStore) -> None:
    """Guards texts that are lost or repeated, batches that never change, and lengths that are not alike."""
    plans = [plan_texts(store.lengths, 8, seed=3, epoch=epoch) for epoch in (0, 0, 1)]
    assert all(sorted(np.concatenate(plan).tolist()) == list(range(87)) for plan in plans)
    assert [each.tolist() for each in plans[0]] == [each.tolist() for each in plans[1]]
    assert {tuple(each.tolist()) for each in plans[0]} != {tuple(each.tolist()) for each in plans[2]}
    lengths = np.random.default_rng(1).integers(1, 200, 500)
    spreads = [float(lengths[rows].max() / lengths[rows].mean()) for rows in plan_texts(lengths, 16, seed=1, epoch=0)]
    assert np.median(spreads) < 1.25


def test_batches_go_on_where_they_were(store: LabelledStore) -> None:
    """Guards a resumed training that sees other batches, and one with another batch size that goes on at all."""
    stream = LabelledBatches(store, batch_size=8, seed=3, pad=39)
    for _step in range(14):
        next(stream)
    assert stream.epoch == 1 and 0 < stream.epoch_fraction < 1
    again = LabelledBatches(store, batch_size=8, seed=3, pad=39)
    again.restore(stream.state())
    for _step in range(12):
        one, other = next(stream), next(again)
        assert one.ids.tolist() == other.ids.tolist() and one.targets.tolist() == other.targets.tolist()
    with pytest.raises(UserError, match="batch_size was 8 and is now 4"):
        LabelledBatches(store, batch_size=4, seed=3, pad=39).restore(stream.state())


def test_collate() -> None:
    """Guards the end of each text and what stands behind it."""
    batch = collate_texts([[5, 3], [], [7]], [1, 0, 2], 9)
    assert batch.ids.tolist() == [[5, 3, 0], [0, 9, 9], [7, 0, 9]]
    assert batch.lengths.tolist() == [3, 1, 2] and batch.targets.tolist() == [1, 0, 2]
