"""Running text: passages as they stand, rows and stretches, what is remembered between them, pieces as they come."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
import torch

from congling.data.text.passages import Documents, Passage, hold_out, passages_of, read_passages, text_files
from congling.data.text.running_text import Memory, RunningTextBatches, stretches
from congling.data.text.splits import TEST, TRAIN, VALID
from congling.data.text.text_stream import TextStream
from congling.data.text.tokenizer_training import Kind, Normalization, train_tokenizer
from congling.data.text.tokenizers import Tokenizer
from congling.errors import UserError

POEM = "床前明月光，\n  疑是地上霜。\n\n舉頭望明月，\n\tdef  f(x):\n"


@pytest.fixture(scope="module")
def running() -> Tokenizer:
    """Characters of a small text; those that are none of it are spelled in bytes."""
    return train_tokenizer(
        POEM.split("\n") * 5, size=400, kind="characters", normalization="identity",
        byte_fallback=True, running_text=True,
    )  # fmt: skip


# Passages ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("documents", "wanted"),
    [
        ("files", [("a\n", False), ("\n", False), (" b\n", False), ("c", True)]),
        ("lines", [("a", True), (" b", True), ("c", True)]),
        ("blank-lines", [("a", True), (" b\n", False), ("c", True)]),
    ],
)
def test_documents_end_where_they_are_told_to(documents: Documents, wanted: list[tuple[str, bool]]) -> None:
    """Guards line breaks and indents inside a document, and that none is left over at its end."""
    assert list(passages_of(["a", "", " b", "c"], documents)) == [Passage(*each) for each in wanted]


def test_blank_lines_in_a_row_make_no_empty_documents() -> None:
    """Guards against documents of nothing, which would teach the network to end at once."""
    assert list(passages_of(["", " ", "a", "", "\t", "", "b", ""], "blank-lines")) == [("a", True), ("b", True)]
    assert list(passages_of(["", ""], "lines")) == []


def test_files_are_read_strictly(tmp_path: Path) -> None:
    """Guards foreign line ends, a byte-order mark, gzip, folders, and the line that is not UTF-8."""
    (tmp_path / "b.txt").write_bytes("\ufeff甲\r\n乙\r丙".encode())
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress("丁\n".encode()))
    (tmp_path / "c.py").write_text("x", encoding="utf-8")
    files = text_files([tmp_path])
    assert [file.name for file in files] == ["a.txt.gz", "b.txt"]
    read = list(read_passages(files, "files"))
    assert read == [("丁", True), ("甲\n", False), ("乙\n", False), ("丙", True)]
    (tmp_path / "b.txt").write_bytes(b"good\n\xff\n")
    with pytest.raises(UserError, match=r"b\.txt, line 2: not UTF-8"):
        list(read_passages([tmp_path / "b.txt"], "files"))
    (tmp_path / "none").mkdir()
    with pytest.raises(UserError, match="holds no text files"):
        text_files([tmp_path / "none"])


def test_long_lines_are_cut_without_loss() -> None:
    """Guards a book on one line: nothing lost, nothing doubled, one end."""
    line = "".join(map(str, range(900)))
    passages = list(passages_of([line, "end"], "files"))
    assert "".join(passage.text for passage in passages) == line + "\nend"
    assert [passage.ends for passage in passages] == [False] * (len(passages) - 1) + [True]
    assert max(len(passage.text) for passage in passages) == 1000 and len(passages) == 4


def test_held_out_blocks_come_from_everywhere_and_leave_something() -> None:
    """Guards shares, neighbours that stay together, the seed, and texts of two lines."""
    lengths = np.full(4007, 10)
    part_of, given = hold_out(lengths, (1000, 3000), seed=3)
    assert given == (int(lengths[part_of == VALID].sum()), int(lengths[part_of == TEST].sum()))
    assert 1000 <= given[0] < 1200 and 3000 <= given[1] < 3200
    places = np.flatnonzero(part_of != TRAIN)
    assert np.diff(places).min() == 1 and np.ptp(places) > 3000
    assert np.array_equal(part_of, hold_out(lengths, (1000, 3000), seed=3)[0])
    assert not np.array_equal(part_of, hold_out(lengths, (1000, 3000), seed=4)[0])
    most, _given = hold_out(lengths, (10**9, 10**9), seed=3)
    assert (most == TRAIN).mean() > 0.78
    assert sorted(hold_out(np.array([5, 5]), (1, 1), 1)[0].tolist()) == [TRAIN, VALID]


# Stretches -----------------------------------------------------------------------------------------------------------


def test_rows_go_on_from_batch_to_batch() -> None:
    """Guards the order of the text in every row, the shift of the targets, and the short stretch at the end."""
    ids = np.arange(59, dtype=np.int32)
    found = [batch for _end, batch in stretches(ids, 3, 7, Memory())]
    assert [batch.inputs.shape for batch in found] == [(3, 7), (3, 7), (3, 5)]
    inputs, targets = (torch.cat([getattr(batch, side) for batch in found], 1) for side in ("inputs", "targets"))
    assert torch.equal(inputs, torch.arange(57).view(3, 19)) and torch.equal(targets, inputs + 1)


def test_each_epoch_gives_the_text_once_cut_elsewhere() -> None:
    """Guards epochs: no stretch twice, an empty memory at each beginning, fractions that grow to the end."""
    batches = RunningTextBatches(np.arange(499, dtype=np.int32), 5, 11, seed=7)
    memories, cuts, fractions = [], [], []
    for _epoch in range(2):
        memories.append(batches.memory)
        epoch, pieces = batches.epoch, []
        while batches.epoch == epoch:
            fractions.append(batches.epoch + batches.epoch_fraction)
            pieces.append(next(batches).inputs)
        row = torch.cat(pieces, 1)
        assert torch.equal(row.flatten(), torch.arange(int(row[0, 0]), int(row[-1, -1]) + 1)) and row.numel() > 480
        cuts.append(int(row[0, 0]))
    assert memories[0] is not memories[1] and cuts[0] != cuts[1]
    assert fractions == sorted(fractions) and fractions[0] == 0


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16, torch.float64], ids=str)
def test_a_state_goes_on_where_it_was(kind: torch.dtype) -> None:
    """Guards resuming in the middle of an epoch: the same stretches, and every bit of what was remembered."""
    ids = np.arange(499, dtype=np.int32)
    first, second = (RunningTextBatches(ids, 5, 11, seed=7) for _ in range(2))
    for _batch in range(12):  # into the second epoch
        batch = next(first)
    batch.memory.tensors = {"0.0": torch.randn(5, 3).to(kind), "0.1": torch.full((5, 2), float("nan")).to(kind)}
    second.restore(first.state())
    assert first.epoch == second.epoch == 1
    after = [next(each) for each in (first, second)]
    assert torch.equal(after[0].inputs, after[1].inputs)
    kept = [each.memory.tensors for each in after]
    assert len(kept[0]) == 2 and list(kept[0]) == list(kept[1]) and kept[1]["0.0"].dtype == kind
    assert torch.equal(kept[0]["0.0"], kept[1]["0.0"]) and bool(kept[1]["0.1"].isnan().all())
    with pytest.raises(UserError, match="rows was 5 and is now 4"):
        RunningTextBatches(ids, 4, 11, seed=7).restore(first.state())


def test_now_and_then_a_row_is_forgotten() -> None:
    """Guards that a network learns to begin with nothing: whole rows, about one in 64, the same ones after a resume."""
    batches = RunningTextBatches(np.zeros(40_000, np.int32), 8, 5, seed=7)
    next(batches)
    forgotten = 0
    for _batch in range(900):
        batches.memory.tensors = {"0.0": (before := torch.ones(8, 3, dtype=torch.bfloat16)), "0.1": torch.ones(8, 2)}
        again = RunningTextBatches(np.zeros(40_000, np.int32), 8, 5, seed=7)
        again.restore(batches.state())
        kept = [next(each).memory.tensors for each in (batches, again)]
        assert bool(before.all()) and torch.equal(kept[0]["0.0"], kept[1]["0.0"])
        rows = kept[0]["0.0"].sum(1)
        assert set(rows.tolist()) <= {0.0, 3.0} and torch.equal(rows == 0, kept[0]["0.1"].sum(1) == 0)
        forgotten += int((rows == 0).sum())
    assert 80 < forgotten < 145  # 7200 / 64 = 112.5, and three deviations to both sides


@pytest.mark.parametrize("length", [2, 3, 11, 47])
def test_short_texts_get_fewer_rows(length: int) -> None:
    """Guards texts shorter than one batch: there is always something to learn from, and it never runs out."""
    batches = RunningTextBatches(np.arange(length, dtype=np.int32), 32, 64, seed=1)
    for _batch in range(5):
        batch = next(batches)
        assert batch.inputs.numel() and torch.equal(batch.targets, batch.inputs + 1)
    with pytest.raises(UserError, match="1 pieces holds nothing"):
        RunningTextBatches(np.zeros(1, np.int32), 32, 64, seed=1)


# Pieces --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("normalization", ["identity", "simplified-characters"])
@pytest.mark.parametrize("kind", ["characters", "bpe", "unigram"])
def test_running_text_comes_back_as_it_was(kind: Kind, normalization: Normalization) -> None:
    """Guards line breaks, indents, doubled spaces and characters that are no pieces, through encode and decode."""
    tokenizer = train_tokenizer(
        POEM.split("\n") * 5, size=300, kind=kind, normalization=normalization, byte_fallback=True, running_text=True,
        shrink=True,
    )  # fmt: skip
    text = " " + POEM + "鑫\t𠀀  "
    ids = tokenizer.encode(text)
    written = text.translate(str.maketrans("舉頭", "举头")) if normalization == "simplified-characters" else text
    assert tokenizer.decode(ids) == written and ids.count(tokenizer.line_break_id or -1) == text.count("\n")
    stream = TextStream(tokenizer)
    assert "".join(map(stream.add, ids)) + stream.rest() == written


def test_characters_wait_until_they_are_whole(running: Tokenizer) -> None:
    """Guards against U+FFFD on the terminal while the bytes of one character are still coming."""
    ids, stream = running.encode("月鑫光𠀀"), TextStream(running)
    assert [stream.add(number) for number in ids] == ["月", "", "", "鑫", "光", "", "", "", "𠀀"]
    assert [running.byte_of(number) for number in ids[:3]] == [None, 0xE9, 0x91]


def test_bytes_that_spell_nothing_are_left_out(running: Tokenizer) -> None:
    """Guards against U+FFFD on the terminal for bytes that a network writes at random, and against losing the rest."""
    byte_ids = {running.byte_of(number): number for number in range(running.size)}
    broken, moon = [byte_ids[0xE9], byte_ids[0x91]], running.encode("月")[0]
    stream = TextStream(running)
    assert [stream.add(number) for number in [*broken, moon]] == ["", "", "月"]
    assert stream.add(byte_ids[0x91]) == "" and stream.add(byte_ids[0xE9]) == "" and stream.rest() == ""
    assert stream.add(moon) == "月"
    assert stream.add(running.end_id) == ""
