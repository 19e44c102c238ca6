"""word2vec's and GloVe's files: what gensim wrote opens to the last bit, what we write too, what is broken is told.

``GENSIM_*`` were written by gensim 4.4.0: ``KeyedVectors(3)`` with these words, vectors and counts, then
``save_word2vec_format(path, fvocab=…)``, the same with ``binary=True``, and with ``write_header=False``. The C tool's
files are made by hand after ``word2vec.c``: "%lf " for each number, and a line end behind each vector.
"""

from __future__ import annotations

import base64
import gzip
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from numpy.typing import NDArray

from congling.errors import UserError
from congling.interchange.projector import write_projector
from congling.interchange.word2vec import counts_beside, format_of, read_counts, read_word2vec, write_word2vec
from congling.interchange.word_table import GrowingTable, safe_words, usable

WORDS = ["的", "New_York", "café", "從零", "don't", "！", "a"]
BITS = [
    0x3DCCCCCD, 0x80000000, 0x1, 0x7F7FFFFF, 0x80800000, 0x3EAAAAAB, 0x4B800000, 0x3E99999A, 0xB48637BD, 0x3F800000,
    0xBF800000, 0x47F12065, 0x3087BDD8, 0x40E00000, 0xBA83126F, 0x7, 0x33800000, 0xC77FE000, 0x3F7FFFFF, 0x3F800001,
    0xD01502F9,
]  # fmt: skip
VECTORS = np.array(BITS, np.uint32).view(np.float32).reshape(7, 3)  # the smallest, the largest, −0, thirds …
COUNTS = np.arange(1000, 300, -100)
GENSIM_TEXT = """7 3
的 0.1 -0.0 1e-45
New_York 3.4028235e+38 -1.1754944e-38 0.33333334
café 1.6777216e+07 0.3 -2.5e-07
從零 1.0 -1.0 123456.79
don't 9.8765e-10 7.0 -0.001
！ 1e-44 5.9604645e-08 -65504.0
a 0.99999994 1.0000001 -1e+10
""".encode()
GENSIM_BINARY = base64.b64decode(
    "NyAzCueahCDNzMw9AAAAgAEAAABOZXdfWW9yayD//39/AACAgKuqqj5jYWbDqSAAAIBLmpmZPr03hrTlvp7pm7YgAACAPwAAgL9lIPFHZG9uJ3Qg"
    "2L2HMAAA4EBvEoO677yBIAcAAAAAAIAzAOB/x2Eg//9/PwEAgD/5AhXQ"
)
GENSIM_COUNTS = "".join(f"{word} {count}\n" for word, count in zip(WORDS, COUNTS, strict=True)).encode()
MakeFile = Callable[..., Path]


@pytest.fixture
def file_of(tmp_path: Path) -> MakeFile:
    def make(content: bytes, name: str = "vectors") -> Path:
        (tmp_path / name).write_bytes(content)
        return tmp_path / name

    return make


def same_bits(vectors: NDArray[np.float32], other: NDArray[np.float32] = VECTORS) -> bool:
    return vectors.shape == other.shape and bool((vectors.view(np.uint32) == other.view(np.uint32)).all())


def read_as_gensim_does(content: bytes, binary: bool) -> dict[str, list[float]]:
    """An independent reader, after gensim's ``_word2vec_read_text`` and ``_word2vec_read_binary``."""
    header, _end, rest = content.partition(b"\n")
    count, width = map(int, header.split())
    found: dict[str, list[float]] = {}
    if not binary:
        for line in rest.splitlines()[:count]:
            word, *numbers = line.decode().rstrip().split(" ")
            found[word] = [float(np.float32(number)) for number in numbers]
        return found
    for _row in range(count):
        space = rest.index(b" ")
        word = rest[:space].decode().lstrip("\n")
        found[word] = list(struct.unpack_from(f"<{width}f", rest, space + 1))
        rest = rest[space + 1 + 4 * width :]
    return found


# Reading -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        pytest.param(GENSIM_TEXT, "word2vec-text", id="text"),
        pytest.param(GENSIM_BINARY, "word2vec-binary", id="binary"),
        pytest.param(GENSIM_TEXT.split(b"\n", 1)[1], "glove", id="glove"),
        pytest.param(GENSIM_TEXT.replace(b"\n", b" \r\n"), "word2vec-text", id="line ends of Windows"),
        pytest.param(b"\xef\xbb\xbf" + GENSIM_TEXT, "word2vec-text", id="byte-order mark"),
        pytest.param(GENSIM_TEXT.rstrip(b"\n"), "word2vec-text", id="last line without its end"),
        pytest.param(GENSIM_TEXT.replace(b" ", b"  ").replace(b"7  3", b"7 3"), "word2vec-text", id="two spaces"),
    ],
)
def test_what_gensim_wrote_opens_to_the_last_bit(file_of: MakeFile, content: bytes, kind: str) -> None:
    """Guards numbers that are rounded twice, a format that is taken for another, and Chinese words."""
    path = file_of(content)
    assert format_of(path) == kind
    table = read_word2vec(path, counts_path=file_of(GENSIM_COUNTS, "counts"))
    assert table.words == WORDS and same_bits(table.vectors) and table.remarks == []
    assert table.counts is not None and table.counts.tolist() == COUNTS.tolist()


def test_a_gzipped_file(file_of: MakeFile) -> None:
    """Guards the file whose length says nothing about the number of its words."""
    path = file_of(gzip.compress(GENSIM_BINARY), "vectors.bin.gz")
    assert same_bits(read_word2vec(path).vectors) and counts_beside(path).name == "vectors.bin.vocab"
    with pytest.raises(UserError, match="not a whole gzip file"):
        read_word2vec(file_of(gzip.compress(GENSIM_BINARY * 99)[:-30], "cut.gz"))


def test_what_the_c_tool_wrote_opens(file_of: MakeFile) -> None:
    """Guards the line end that it puts behind each vector, also where the number before it looks like one."""
    vectors = np.array([[10.0, 0.5], [-1.5, np.frombuffer(b"\n\n\n\n", "<f4")[0]], [0.25, 8.0]], np.float32)
    words = ["</s>", "b", "c"]
    binary = b"".join(
        f"{word} ".encode() + vector.tobytes() + b"\n" for word, vector in zip(words, vectors, strict=True)
    )
    table = read_word2vec(file_of(b"3 2\n" + binary))
    assert table.words == words and same_bits(table.vectors, vectors)
    text = "".join(f"{word} {a:f} {b:f} \n" for word, (a, b) in zip(words, vectors[:, :2], strict=True))
    table = read_word2vec(file_of(b"3 2\n" + text.encode()))
    assert table.words == words and table.vectors[:, 0].tolist() == [10, -1.5, 0.25]


def test_limit_reads_the_first_words_also_of_a_damaged_file(file_of: MakeFile) -> None:
    """Guards the way out that the errors name: what is behind the last word wanted is not looked at."""
    for content in (GENSIM_TEXT, GENSIM_BINARY, GENSIM_TEXT.split(b"\n", 1)[1]):
        table = read_word2vec(file_of(content[: len(content) * 3 // 4]), limit=3)
        assert table.words == WORDS[:3] and same_bits(table.vectors, VECTORS[:3])


def test_of_a_word_that_comes_twice_the_first_vector_counts(file_of: MakeFile) -> None:
    """Guards rows that no longer belong to their words, within a chunk and over two."""
    table = read_word2vec(file_of(b"4 1\na 1\nb 2\na 3\nc 4\n"))
    assert (table.words, table.vectors.ravel().tolist()) == (["a", "b", "c"], [1, 2, 4])
    assert table.remarks == ["1 words come more than once, a for one; the first vector of each was taken"]
    growing = GrowingTable(2, 1)
    growing.take(["a", "b", "c"], np.arange(6, dtype=np.float32).reshape(3, 2))
    growing.take(["d", "b", "e"], np.arange(10, 16, dtype=np.float32).reshape(3, 2))
    found = growing.finished()
    assert (found.words, found.vectors[:, 0].tolist()) == (list("abcde"), [0, 2, 4, 10, 14])


def test_words_that_were_cut_in_mid_character(file_of: MakeFile) -> None:
    """Guards the C tool's long words: an error with its way out, or what is left of them."""
    path = file_of(b"2 1\n" + "好".encode()[:2] + b" 1\nb 2\n")
    with pytest.raises(UserError, match=r"word 1, '\\xe5\\xa5', is not UTF-8.*--errors replace"):
        read_word2vec(path)
    assert read_word2vec(path, errors="replace").words == ["�", "b"]
    assert read_word2vec(path, errors="ignore").words == ["", "b"]
    gbk = file_of("1 1\n北京 1\n".encode("gb18030"))
    assert read_word2vec(gbk, encoding="gb18030").words == ["北京"]


def test_words_of_glove_that_hold_spaces(file_of: MakeFile) -> None:
    """Guards GloVe's ". . ." and e-mail addresses, without taking a superfluous number for a part of a word."""
    table = read_word2vec(file_of(b"the 1 2\n. . . 3 4\nat a@b.c 5 6\n"), no_header=True)
    assert (table.words, table.vectors.ravel().tolist()) == (["the", ". . .", "at a@b.c"], [1, 2, 3, 4, 5, 6])
    with pytest.raises(UserError, match="line 2 has 3 numbers instead of 2: b 1 2 3"):
        read_word2vec(file_of(b"the 1 2\nb 1 2 3\n"), no_header=True)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(GENSIM_BINARY[:-1], "after 6 of the 7 words", id="binary, a byte too short"),
        pytest.param(GENSIM_BINARY[:40], "97 bytes at least, but the file has 40", id="cut"),
        pytest.param(GENSIM_BINARY + b"x", "goes on behind the 7 words", id="binary, a byte too long"),
        pytest.param(GENSIM_BINARY.replace(b"7 3", b"6 3", 1), "goes on behind the 6 words", id="too many"),
        pytest.param(GENSIM_BINARY.replace(b"7 3", b"9999999999999 3", 1), "promises 9999999999999", id="absurd count"),
        pytest.param(GENSIM_BINARY.replace(b"7 3", b"7 99999999999", 1), "promises 99999999999 num", id="width"),
        pytest.param(b"2 2\n" + b"\1" * 9000, "there is none where one should be", id="no word"),
        pytest.param(GENSIM_TEXT.replace(b"7 3", b"8 3", 1), "ends after 7 of the 8 words", id="text, too few"),
        pytest.param(GENSIM_TEXT + b"b 1 2 3\n", "goes on behind the 7 words", id="text, too many"),
        pytest.param(GENSIM_TEXT.replace(b"7 3", b"7 2", 1), "line 2 has 3 numbers instead of 2", id="text, wider"),
        pytest.param(GENSIM_TEXT.replace(b"7 3", b"7 4", 1), "line 2 has 3 numbers instead of 4", id="text, narrower"),
        pytest.param(GENSIM_TEXT.replace(b"-0.001", b"-0.oo1"), "line 6: '-0.oo1' is no number", id="no number"),
        pytest.param(GENSIM_TEXT.replace(b"-0.001", b""), "line 6 has 2 numbers instead of 3", id="too few numbers"),
        pytest.param(b"0 3\n", "there is no word in it", id="no words"),
        pytest.param(b"hello world\n", "neither a header nor a word", id="another file"),
        pytest.param(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "neither a header nor a word", id="a picture"),
    ],
)  # fmt: skip
def test_a_broken_file_is_told(file_of: MakeFile, content: bytes, message: str) -> None:
    """Guards against silence, a traceback, and room made for what a lying first line promises."""
    with pytest.raises(UserError, match=message):
        read_word2vec(file_of(content))


def test_binary_or_text_may_be_said(file_of: MakeFile) -> None:
    """Guards the two switches against the look of the file, which is not asked then."""
    with pytest.raises(UserError, match="no whole file of word vectors"):
        read_word2vec(file_of(GENSIM_TEXT), binary=True)
    with pytest.raises(UserError, match="no whole file of word vectors"):
        read_word2vec(file_of(GENSIM_BINARY), binary=False)
    with pytest.raises(UserError, match="the first line must be two numbers"):
        read_word2vec(file_of(GENSIM_BINARY), binary=True, no_header=True)


def test_counts_that_are_missing_or_no_counts(file_of: MakeFile) -> None:
    """Guards the side file of other words."""
    counts, remarks = read_counts(file_of(b"a 3\nb 2\n"), ["b", "c"])
    assert counts.tolist() == [2, 0] and "no count for 1 of the words, c for one" in remarks[0]
    with pytest.raises(UserError, match="line 2: 'b x' is no word with its count"):
        read_counts(file_of(b"a 3\nb x\n"), ["a"])


def test_one_word_alone(file_of: MakeFile) -> None:
    """Guards the shortest files there are."""
    assert read_word2vec(file_of(b"1 2\nthe 1 2")).vectors.tolist() == [[1, 2]]
    assert read_word2vec(file_of(b"the 1 2")).vectors.tolist() == [[1, 2]]
    assert read_word2vec(file_of(b"1 1\nx \0\0\x80?")).vectors.tolist() == [[1]]
    with pytest.raises(UserError, match="is empty"):
        read_word2vec(file_of(b""))


# Writing -------------------------------------------------------------------------------------------------------------


def test_binary_is_byte_for_byte_what_gensim_writes(tmp_path: Path) -> None:
    """Guards the header, the order of bytes, and the line end that gensim does not write."""
    counts = tmp_path / "counts"
    assert write_word2vec(tmp_path / "ours", WORDS, VECTORS, binary=True, counts=COUNTS, counts_path=counts) == []
    assert (tmp_path / "ours").read_bytes() == GENSIM_BINARY and counts.read_bytes() == GENSIM_COUNTS


finite = some.floats(width=32, allow_nan=False, allow_infinity=False)


@given(some.lists(some.tuples(finite, finite, finite), min_size=1, max_size=40), some.booleans())
def test_what_we_write_comes_back_to_the_last_bit(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[float, float, float]], binary: bool
) -> None:
    """Guards digits that are one too few, here and in another reader."""
    vectors, words = np.array(rows, np.float32), [f"詞{number}" for number in range(len(rows))]
    path = tmp_path_factory.mktemp("written") / "vectors"
    write_word2vec(path, words, vectors, binary=binary)
    table = read_word2vec(path)
    assert table.words == words and same_bits(table.vectors, vectors)
    theirs = read_as_gensim_does(path.read_bytes(), binary)
    assert list(theirs) == words and same_bits(np.array(list(theirs.values()), np.float32), vectors)


def test_many_words_in_chunks(tmp_path: Path) -> None:
    """Guards the seams between the chunks of reading and writing, and what is told of the progress."""
    vectors = np.random.default_rng(5).normal(size=(9001, 53)).astype(np.float32)
    words, told = [f"w{number}" for number in range(9001)], list[tuple[int, int | None]]()
    for binary in (False, True):
        path = tmp_path / "vectors"
        write_word2vec(path, words, vectors, binary=binary, report=lambda *each: told.append(each))
        table = read_word2vec(path, report=lambda *each: told.append(each))
        assert table.words == words and same_bits(table.vectors, vectors)
        assert told[2] == (9001, 9001) and told[-1] == (9001, 9001) and len(told) > 4
        told.clear()


def test_a_line_is_named_by_its_number_in_the_file(file_of: MakeFile) -> None:
    """Guards the counting over empty lines and from chunk to chunk."""
    lines = ["9001 97", "", *(f"w{number} " + "0 " * 97 for number in range(9001))]
    lines[8765] = lines[8765][:-2]
    with pytest.raises(UserError, match="line 8766 has 96 numbers instead of 97: w8763 0"):
        read_word2vec(file_of("\n".join(lines).encode()))


def test_spaces_in_words_become_underscores(tmp_path: Path) -> None:
    """Guards a file that no program reads, and two words that would become one."""
    words = ["New York", "New_York", "a\tb", "a\nb", "", "\u3000", "北\u3000京", "x"]
    safe, remarks = safe_words(words)
    assert safe == ["New_York_2", "New_York", "a_b", "a_b_2", "_", "__2", "北_京", "x"]
    assert remarks == ["6 words hold spaces, which would end them: 'New York' became New_York_2, for one"]
    vectors = np.arange(8, dtype=np.float32).reshape(8, 1)
    assert write_word2vec(tmp_path / "v", words, vectors) == remarks
    assert read_word2vec(tmp_path / "v").words == safe
    assert safe_words(["a", "b"]) == (["a", "b"], [])


def test_a_failed_writing_leaves_what_was_there(tmp_path: Path) -> None:
    """Guards half a file under the name of a whole one."""
    path = tmp_path / "vectors"
    path.write_bytes(b"old")

    def fail(done: int, total: int | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_word2vec(path, WORDS, VECTORS, report=fail)
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]


def test_what_a_vocabulary_cannot_hold_is_left_out(file_of: MakeFile) -> None:
    """Guards the import against a NaN, which makes every neighbour's cosine one."""
    path = file_of(b"the 1 2\nbad -nan 1\nNew York 3 4\n")
    table = usable(read_word2vec(path, no_header=True), path)
    assert (table.words, table.vectors.tolist()) == (["the", "New_York"], [[1, 2], [3, 4]])
    assert "1 words were left out" in table.remarks[1]
    with pytest.raises(UserError, match="no word is left"):
        usable(read_word2vec(file_of(b"a nan\n"), no_header=True), path)


# TensorBoard's projector ---------------------------------------------------------------------------------------------


def test_the_projectors_files(tmp_path: Path) -> None:
    """Guards the head line, which the projector takes for a word where there is one column, and the config's names."""
    from google.protobuf import text_format
    from tensorboard.plugins.projector import ProjectorConfig

    assert write_projector(tmp_path / "p", ["a b", "c"], VECTORS[:2]) != []
    assert (tmp_path / "p/metadata.tsv").read_text("utf-8") == "a_b\nc\n"
    write_projector(tmp_path / "p", WORDS, VECTORS, COUNTS)
    lines = (tmp_path / "p/metadata.tsv").read_text("utf-8").splitlines()
    assert lines[:2] == ["word\tcount", "的\t1000"] and len(lines) == 8
    rows = [line.split("\t") for line in (tmp_path / "p/tensors.tsv").read_text("utf-8").splitlines()]
    assert same_bits(np.array(rows, np.float32))
    config = text_format.Parse((tmp_path / "p/projector_config.pbtxt").read_text("utf-8"), ProjectorConfig())
    (one,) = config.embeddings
    assert list(one.tensor_shape) == [7, 3]
    assert (tmp_path / "p" / one.tensor_path).is_file() and (tmp_path / "p" / one.metadata_path).is_file()
