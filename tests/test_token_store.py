"""The token store: what is written comes back, counted, and a file is whole or refused."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from congling.data.text import token_store
from congling.data.text.token_store import TokenizedCounts, TokenStore, TokenStoreWriter, tokenize_pairs
from congling.data.text.tokenizer_training import train_tokenizer
from congling.data.text.tokenizers import Tokenizer
from congling.errors import UserError

Pair = tuple[list[int], list[int]]


@pytest.fixture(scope="module")
def letters() -> Tokenizer:
    return train_tokenizer(["a b c d e"] * 7, size=11, kind="characters")


def write(path: Path, chunks: list[list[Pair]], largest_size: int = 97) -> None:
    with TokenStoreWriter(path, largest_size=largest_size) as writer:
        for chunk in chunks:
            writer.append([source for source, _target in chunk], [target for _source, target in chunk])


ids = st.lists(st.integers(1, 96), min_size=1, max_size=5)
chunked_pairs = st.lists(st.lists(st.tuples(ids, ids), max_size=7), max_size=5)


@settings(deadline=None, max_examples=50)  # each example syncs a file
@given(chunks=chunked_pairs, data=st.data())
def test_rows_come_back_in_any_order(
    tmp_path_factory: pytest.TempPathFactory, chunks: list[list[Pair]], data: st.DataObject
) -> None:
    """Guards the look-up over chunks, empty ones included: first and last rows of a chunk, repeated rows."""
    path = tmp_path_factory.mktemp("store") / "pairs.arrow"
    write(path, chunks)
    store, pairs = TokenStore.open(path), [pair for chunk in chunks for pair in chunk]
    assert len(store) == len(pairs)
    assert store.source_lengths.tolist() == [len(source) for source, _target in pairs]
    assert store.target_lengths.tolist() == [len(target) for _source, target in pairs]
    rows = data.draw(st.lists(st.integers(0, len(pairs) - 1), max_size=11)) if pairs else []
    sources, targets = store.rows(rows)
    assert [row.tolist() for row in sources] == [pairs[row][0] for row in rows]
    assert [row.tolist() for row in targets] == [pairs[row][1] for row in rows]


def test_rows_are_views_of_the_file(tmp_path: Path) -> None:
    """Guards flat memory: a look-up copies nothing, and nobody can write into the file."""
    write(tmp_path / "pairs.arrow", [[([5, 7], [3])], [([2], [11, 13])]])
    before = pa.total_allocated_bytes()
    store = TokenStore.open(tmp_path / "pairs.arrow")
    (row,), _targets = store.rows([0])
    assert not row.flags.owndata and not row.flags.writeable
    assert pa.total_allocated_bytes() == before


@pytest.mark.parametrize(("largest_size", "kept"), [(65_536, np.uint16), (65_537, np.int32)])
def test_the_largest_id_fits(tmp_path: Path, largest_size: int, kept: type) -> None:
    """Guards against ids that wrap around in two bytes."""
    write(tmp_path / "pairs.arrow", [[([largest_size - 1], [1])]], largest_size)
    (row,), _targets = TokenStore.open(tmp_path / "pairs.arrow").rows([0])
    assert row.dtype == kept and row.tolist() == [largest_size - 1]


def test_pairs_are_counted_and_left_out(tmp_path: Path, letters: Tokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards the report and the order: too long on either side, empty on either side, across chunks."""
    monkeypatch.setattr(token_store, "CHUNK", 3)
    pairs = [("a", "b c"), ("", "a"), ("a b c d", "a"), ("b", "c"), ("a", "a b c d"), ("c", " "), ("d", "e")]
    path = tmp_path / "pairs.arrow"
    counts = tokenize_pairs(
        iter(pairs), letters, letters, path, max_source_pieces=5, max_target_pieces=5, keep_text=True
    )
    assert counts == TokenizedCounts(pairs=3, too_long=2, empty=2)
    store = TokenStore.open(path)
    assert store.texts([2, 0, 1]) == (["d", "a", "b"], ["e", "b c", "c"])
    sources, targets = store.rows(range(3))
    assert [letters.decode(row) for row in sources] == ["a", "b", "d"]
    assert [letters.decode(row) for row in targets] == ["b c", "c", "e"]


def test_limits_are_inclusive(tmp_path: Path, letters: Tokenizer) -> None:
    """Guards the edge: a sentence of exactly the limit stays (a b is ▁ a ▁ b, 4 pieces)."""
    for limit, kept in ((4, 1), (3, 0)):
        counts = tokenize_pairs(
            [("a b", "a")], letters, letters, tmp_path / "s", max_source_pieces=limit, max_target_pieces=9
        )
        assert counts.pairs == kept


def test_datasets_opens_the_file(tmp_path: Path) -> None:
    """Guards the promise of the format: Hugging Face datasets reads the same columns."""
    datasets = pytest.importorskip("datasets")
    write(tmp_path / "pairs.arrow", [[([5, 7], [3])], [([2], [11, 13])]])
    rows = datasets.Dataset.from_file(str(tmp_path / "pairs.arrow"))
    assert rows.to_list() == [
        {"source_ids": [5, 7], "target_ids": [3]},
        {"source_ids": [2], "target_ids": [11, 13]},
    ]


def test_a_failed_writing_leaves_the_old_file(tmp_path: Path) -> None:
    """Guards against a half-written store under the good name, and against left-over partial files."""
    path = tmp_path / "pairs.arrow"
    write(path, [[([5], [7])]])
    with pytest.raises(KeyboardInterrupt), TokenStoreWriter(path, largest_size=97) as writer:
        writer.append([[1, 2]], [[3]])
        raise KeyboardInterrupt
    assert TokenStore.open(path).source_lengths.tolist() == [1]
    assert os.listdir(tmp_path) == ["pairs.arrow"]


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    """Guards against a traceback where a folder is missing."""
    with pytest.raises(UserError, match=r"pairs\.arrow cannot be written: No such file"):
        write(tmp_path / "none" / "pairs.arrow", [])


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against a traceback, or a store of nothing, when the disk is full."""
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    path = tmp_path / "pairs.arrow"
    writer = TokenStoreWriter(path, largest_size=97)
    (tmp_path / "partial").symlink_to("/dev/full")
    monkeypatch.setattr(writer, "_partial", tmp_path / "partial")
    with pytest.raises(UserError, match=r"pairs\.arrow cannot be written: No space left"), writer:
        writer.append([[1]], [[2]])
    assert os.listdir(tmp_path) == []


def test_every_cut_off_file_is_refused(tmp_path: Path) -> None:
    """Guards against a store that was cut between two chunks, which Arrow would read as a shorter one."""
    whole, cut = tmp_path / "whole.arrow", tmp_path / "cut.arrow"
    write(whole, [[([5, 7], [3])], [([2], [11, 13])]])
    content = whole.read_bytes()
    for length in range(len(content)):
        cut.write_bytes(content[:length])
        with pytest.raises(UserError, match=r"cut\.arrow is no token store"):
            TokenStore.open(cut)


def test_a_file_that_is_missing_or_something_else_is_refused(tmp_path: Path) -> None:
    """Guards against tracebacks of Arrow's for a wrong path."""
    (tmp_path / "text").write_text("not a store at all", encoding="utf-8")
    for name in ("text", "none"):
        with pytest.raises(UserError, match=f"{name} is no token store"):
            TokenStore.open(tmp_path / name)
