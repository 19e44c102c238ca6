"""Words of a text: how it is split, one number a word, and the numbers on the disk."""

from __future__ import annotations

import gzip
import importlib.util
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from congling.data.text import words as words_module
from congling.data.text.vocabulary import Vocabulary
from congling.data.text.word_sentences import LONGEST, read_sentences, read_tagged, settled_split
from congling.data.text.word_store import IDS, STARTS, WordStore
from congling.data.text.words import split_words, splitting_of
from congling.errors import UserError

# Splitting ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Don’t stop -- it's a 'well-known' e-mail!", ["Don't", "stop", "it's", "a", "well-known", "e-mail"]),
        ("3.14 or 1,000, in 2024. U.S.", ["3.14", "or", "1,000", "in", "2024", "U", "S"]),
        ("New_York co-op_2 _x_ a-", ["New_York", "co-op_2", "x", "a"]),
        ("हिन्दी भाषा", ["हिन्दी", "भाषा"]),
        ("北京ABC大学", ["北", "京", "ABC", "大", "学"]),
        ("テストの日", ["テスト", "の", "日"]),
        ("cafe\u0301 naïve", ["café", "naïve"]),
        ("한국어 단어", ["한국어", "단어"]),
        ("  \t ", []),
    ],
    ids=["english", "numbers", "underscore", "hindi", "mixed", "japanese", "combining", "korean", "spaces"],
)
def test_the_rule_for_any_script(text: str, expected: list[str]) -> None:
    """Guards: vowel signs that fall off, apostrophes of two kinds, numbers cut at their points."""
    assert split_words(text, "unicode") == expected


@example("0,0 0.a 0, a_0-a'0 .0")
@given(st.text(st.sampled_from("a0-'_., é"), max_size=12))
def test_the_fast_rule_for_ascii_is_the_rule(text: str) -> None:
    """Guards: a text is split otherwise because it happens to hold no accent."""
    ascii_only = text.replace("é", "e")
    assert words_module._ENGLISH_WORD.findall(ascii_only) == words_module._word_pattern().findall(ascii_only)


@given(st.text(max_size=60))
def test_nothing_that_is_a_letter_or_digit_is_lost(text: str) -> None:
    """Guards: characters of a script that no class of the rule knows."""
    text = unicodedata.normalize("NFC", text)
    found = "".join(split_words(text, "unicode"))
    wanted = [c for c in text.translate(words_module.APOSTROPHES) if unicodedata.category(c)[0] in "LN"]
    assert [c for c in found if unicodedata.category(c)[0] in "LN"] == wanted


def test_single_characters_without_signs() -> None:
    """Guards: punctuation that becomes a word, and a mark that is torn from its letter."""
    assert split_words("我是, 张三。ñ\u0323!", "characters") == ["我", "是", "张", "三", "ṇ\u0303"]


def test_what_is_split_at_spaces_stays_as_it_is() -> None:
    """Guards: a user's own tokens that are mended."""
    assert split_words("我们 ，  don't\u3000U.S.\n", "spaces") == ["我们", "，", "don't", "U.S."]


def test_a_dictionary_splits_chinese() -> None:
    """Guards: signs among the words, and Latin words that are lost."""
    assert split_words("我们在北京大学学习 Python。", "jieba") == ["我们", "在", "北京大学", "学习", "Python"]


def test_lower_case_is_one_word() -> None:
    """Guards: an option that only one of the ways heeds."""
    for how in ("spaces", "unicode", "characters"):
        assert split_words("Ab AB", how, lower_case=True) == split_words("ab ab", how)


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["我们 在 北京 学习", "他 是 老师"], "spaces"),
        (["我们在北京学习，他是老师。", "今天 很好"], "jieba"),
        (["He learned 中文 in Beijing last year"], "unicode"),
        (["日本語はひらがなとカタカナをつかいます"], "unicode"),
        ([], "unicode"),
        (["123"], "unicode"),
    ],
    ids=["split-chinese", "chinese", "english", "japanese", "nothing", "digits"],
)
def test_how_a_text_wants_to_be_split(texts: list[str], expected: str) -> None:
    """Guards: Chinese sentences that become single words, or split words that are split again."""
    assert splitting_of(texts) == expected


def test_without_jieba_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards: an ImportError's traceback for a package that is an extra."""
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "jieba" else found(name))
    with pytest.raises(UserError, match=r"pip install 'congling\[chinese\]'.*--split characters"):
        words_module.require_jieba()


# Vocabulary -----------------------------------------------------------------------------------------------------------


def test_words_by_frequency_and_equals_by_first_sight() -> None:
    """Guards: an order that changes from run to run."""
    found = Vocabulary.count([["乙", "甲", "甲"], ["丙", "乙"], [], ["丁"]])
    assert (found.words, found.counts.tolist()) == (["乙", "甲", "丙", "丁"], [2, 2, 1, 1])
    assert Vocabulary.count([["乙", "甲", "甲"], ["丙", "乙"]], min_count=2).words == ["乙", "甲"]
    assert Vocabulary.count([["乙", "甲", "甲"], ["丙", "乙"]], max_size=1).words == ["乙"]


def test_numbers_of_words() -> None:
    """Guards: unknown words that get a number, and case that is folded to the rarer word."""
    found = Vocabulary(["the", "The", "Paris"], [7, 5, 3])
    assert found.ids(["Paris", "Rome", "the"]) == [2, 0]
    assert (found.id_of("paris"), found.id_in_any_case("paris"), found.id_in_any_case("THE")) == (None, 2, 0)
    assert found.id_in_any_case("The") == 1
    assert "The" in found and len(found) == 3


def test_the_largest_count_is_named_where_nothing_is_frequent_enough() -> None:
    """Guards: an empty vocabulary, which would end in a division by zero far away."""
    with pytest.raises(UserError, match=r"no word occurs 5 times; 甲, the most frequent, occurs 2 times.*--min-count"):
        Vocabulary.count([["甲", "甲", "乙"]], min_count=5)
    with pytest.raises(UserError, match="there are no words"):
        Vocabulary.count([[]])


@pytest.mark.parametrize(
    ("word", "expected"),
    [("北金", "北京"), ("京北", "北京"), ("Paris", "paris"), ("computr", "computer"), ("北", "北京")],
)
def test_spellings_near_an_unknown_word(word: str, expected: str) -> None:
    """Guards: no help for two Chinese characters, which are too short for a likeness of letters."""
    found = Vocabulary(["上海", "北京", "资金", "北约", "paris", "computer", "commuter"])
    assert found.nearest_spellings(word)[0] == expected


def test_nothing_is_like_an_odd_word() -> None:
    """Guards: a guess at any price."""
    assert Vocabulary(["北京", "paris"]).nearest_spellings("xyzzy") == []


def test_a_vocabulary_file_comes_back_whole(tmp_path: Path) -> None:
    """Guards: words with a space, or with a line separator of Unicode, that are cut or mended on the way."""
    words = ["北京", "New York", "a\u0085b", "x\u2028y", "\ufeffz", "é"]
    Vocabulary(words, [13, 11, 7, 5, 3, 2]).write(tmp_path / "v.txt")
    assert (tmp_path / "v.txt").read_bytes().startswith("北京 13\nNew York 11\n".encode())
    found = Vocabulary.read(tmp_path / "v.txt")
    assert (found.words, found.counts.tolist()) == (words, [13, 11, 7, 5, 3, 2])


@pytest.mark.parametrize(
    ("content", "line"),
    [(b"a 3\nb\n", 2), (b"a 3\nb x\n", 2), (b"a 3\nb 2\na 1\n", 3), (b"a 3\n\xff 2\n", 2)],
    ids=["no-count", "no-number", "twice", "not-utf8"],
)
def test_a_broken_vocabulary_file_is_named_with_its_line(tmp_path: Path, content: bytes, line: int) -> None:
    """Guards: vectors that belong to other words than the file says."""
    (tmp_path / "v.txt").write_bytes(content)
    with pytest.raises(UserError, match=f"v.txt, line {line}"):
        Vocabulary.read(tmp_path / "v.txt")


# The store ------------------------------------------------------------------------------------------------------------

SENTENCES = [[1, 2, 3], [], [4], [5, 1], [2, 2, 2, 5]]


def test_a_store_holds_what_was_written(tmp_path: Path) -> None:
    """Guards: a sentence too many or too few, on the disk and in memory."""
    for store in (WordStore.write(tmp_path / "s", SENTENCES), WordStore.of(SENTENCES)):
        assert [store[n].tolist() for n in range(len(store))] == [s for s in SENTENCES if s]
        assert (store.ids.dtype, store.starts.dtype) == (np.int32, np.int64)
        assert store.counts(7).tolist() == [0, 2, 4, 1, 1, 2, 0]
    assert isinstance(WordStore.open(tmp_path / "s").ids, np.memmap)


@settings(max_examples=40)
@given(
    sentences=st.lists(st.lists(st.integers(0, 6), max_size=7), max_size=23),
    chosen=st.lists(st.booleans(), min_size=23, max_size=23),
    left=st.lists(st.booleans(), min_size=7, max_size=7),
    portion=st.sampled_from([1, 3, 1 << 20]),
)
def test_renumbering_is_that_of_each_sentence(
    tmp_path_factory: pytest.TempPathFactory, sentences: list[list[int]], chosen: list[bool], left: list[bool],
    portion: int,
) -> None:  # fmt: skip
    """Guards: a sentence's end that is off where portions meet, or where all its words are left out."""
    from congling.data.text import word_store

    folder = tmp_path_factory.mktemp("stores")
    numbers = np.where(left, -1, np.arange(7)[::-1]).astype(np.int32)
    full = [sentence for sentence in sentences if sentence]
    mask = np.array(chosen[: len(full)], np.bool_)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(word_store, "CHUNK", portion)
        store = WordStore.write(folder / "all", sentences)
        found = store.renumbered(folder / "some", numbers, mask)
    expected = [
        [int(numbers[word]) for word in sentence if numbers[word] >= 0]
        for sentence, kept in zip(full, mask, strict=True) if kept
    ]  # fmt: skip
    assert [store[n].tolist() for n in range(len(store))] == full
    assert [found[n].tolist() for n in range(len(found))] == [sentence for sentence in expected if sentence]


@pytest.mark.parametrize("file", [IDS, STARTS])
def test_a_store_that_was_cut_off_is_refused(tmp_path: Path, file: str) -> None:
    """Guards: a training on half a text after the disk was full."""
    WordStore.write(tmp_path / "s", SENTENCES)
    path = tmp_path / "s" / file
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(UserError, match="has to be read anew"):
        WordStore.open(tmp_path / "s")


def test_a_failed_writing_leaves_no_store(tmp_path: Path) -> None:
    """Guards: a half store that looks whole, after an error in the text."""

    def broken() -> object:
        yield [1, 2]
        raise UserError("line 2")

    with pytest.raises(UserError, match="line 2"):
        WordStore.write(tmp_path / "s", broken())  # type: ignore[arg-type]
    assert list((tmp_path / "s").iterdir()) == []


# Files ----------------------------------------------------------------------------------------------------------------


def test_files_plain_and_gzipped_one_after_the_other(tmp_path: Path) -> None:
    """Guards: a second file that is forgotten, and a gzip file that is read as text."""
    (tmp_path / "a.txt").write_text("Big Cats\r\n\nrun\n", encoding="utf-8")
    with gzip.open(tmp_path / "b.txt.gz", "wt", encoding="utf-8") as file:
        file.write("猫 跑\n")
    paths = [tmp_path / "a.txt", tmp_path / "b.txt.gz"]
    assert list(read_sentences(paths, "spaces", lower_case=True)) == [["big", "cats"], ["run"], ["猫", "跑"]]
    assert settled_split(paths, "auto") == "unicode"


def test_a_line_without_end_is_cut(tmp_path: Path) -> None:
    """Guards: a book in one line, whose every part would then wait for one thread."""
    (tmp_path / "a.txt").write_text("w " * (LONGEST + 7), encoding="utf-8")
    assert [len(words) for words in read_sentences([tmp_path / "a.txt"], "spaces")] == [LONGEST, 7]


def test_tags_and_signs_are_taken_from_a_tagged_text(tmp_path: Path) -> None:
    """Guards: a slash that is a word itself, and punctuation among the neighbours."""
    (tmp_path / "t.txt").write_text("迈向/v  充满/v  ，/w  １/２/m  //w\n。/w\n新/a\n", encoding="utf-8")
    assert list(read_tagged(tmp_path / "t.txt")) == [["迈向", "充满", "１/２"], ["新"]]
