"""Tokenizers: ids, folding, what a text cannot fill, and damaged model files."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
import sentencepiece
from hypothesis import given
from hypothesis import strategies as st

from congling.data.text.chinese import simplified_chinese_rules, simplified_forms
from congling.data.text.tokenizer_training import Kind, drawn, train_tokenizer
from congling.data.text.tokenizers import Tokenizer
from congling.errors import UsageError, UserError

KINDS: list[Kind] = ["bpe", "unigram", "characters"]


def sentences(count: int = 211, seed: int = 3) -> list[str]:
    """Sentences of a made-up language of 47 words in ten letters."""
    draw = random.Random(2)
    words = ["".join(draw.choices("abcdefghij", k=draw.randint(2, 5))) for _word in range(47)]
    draw.seed(seed)
    return [" ".join(draw.choices(words, k=draw.randint(2, 7))) for _sentence in range(count)]


@pytest.fixture(scope="module")
def bpe() -> Tokenizer:
    return train_tokenizer(sentences(), size=61)


@pytest.fixture(scope="module")
def unigram() -> Tokenizer:
    return train_tokenizer(sentences(), size=53, kind="unigram")


@pytest.fixture(scope="module")
def chinese() -> Tokenizer:
    texts = ["我們試試看！", "我们试试看!", "你喜歡學習中文嗎？", "今天天氣很好。"] * 3
    return train_tokenizer(texts, size=47, kind="characters", normalization="simplified-chinese")


@pytest.mark.parametrize("kind", KINDS)
def test_ids_are_in_marians_order(kind: Kind) -> None:
    """Guards the export: Marian's convention is </s> 0, <unk> 1, <pad> last, and the model file must say the same."""
    tokenizer = train_tokenizer(sentences(), size=13 if kind == "characters" else 43, kind=kind)
    assert tokenizer.pieces([0, 1, tokenizer.size - 1]) == ["</s>", "<unk>", "<pad>"]
    assert (tokenizer.end_id, tokenizer.unknown_id, tokenizer.pad_id) == (0, 1, tokenizer.size - 1)
    plain = sentencepiece.SentencePieceProcessor(model_proto=tokenizer.model)
    assert (plain.eos_id(), plain.unk_id(), plain.pad_id()) == (0, 1, tokenizer.size - 1)
    assert len(set(tokenizer.pieces(range(tokenizer.size)))) == tokenizer.size


def test_text_survives_the_way_there_and_back(bpe: Tokenizer, tmp_path: Path) -> None:
    """Guards against lost spaces, and against a saved model that differs from the trained one."""
    texts = sentences(29, seed=5)
    bpe.save(tmp_path / "a.spm")
    loaded = Tokenizer.load(tmp_path / "a.spm")
    ids = loaded.encode_all(texts)
    assert ids == [bpe.encode(text) for text in texts] == bpe.encode_all(texts, num_threads=2)
    assert [loaded.decode(row) for row in ids] == texts


def test_decoding_stops_at_the_first_end_and_drops_pads(bpe: Tokenizer) -> None:
    """Guards against text from behind the end of a padded row."""
    ids = bpe.encode("abc")
    assert bpe.decode([bpe.pad_id, *ids, 0, *bpe.encode("def"), bpe.pad_id]) == bpe.decode(ids) == "abc"
    assert bpe.decode([]) == bpe.decode([0]) == ""


def test_special_pieces_are_never_read_from_text(bpe: Tokenizer) -> None:
    """Guards against a user's "</s>" that ends the sentence for the network."""
    ids = bpe.encode("ab</s>cd<pad>")
    assert 0 not in ids and bpe.pad_id not in ids and len(ids) > 4


@given(st.text(max_size=23))
def test_any_text_gives_legal_ids(chinese: Tokenizer, text: str) -> None:
    """Guards against control characters, emoji and private code points: ids in range, never an end or a pad."""
    assert all(0 < number < chinese.pad_id for number in chinese.encode(text))


def test_a_long_text_is_encoded_whole(bpe: Tokenizer) -> None:
    """Guards against a hidden limit of length."""
    text = " ".join(sentences(5_000, seed=7))[:100_000].strip()
    assert bpe.decode(bpe.encode(text)) == text


def test_traditional_and_simplified_are_the_same_pieces(chinese: Tokenizer, tmp_path: Path) -> None:
    """Guards the folding inside the model file: a plain SentencePiece that opens the file folds too."""
    chinese.save(tmp_path / "zh.spm")
    plain = sentencepiece.SentencePieceProcessor(model_file=str(tmp_path / "zh.spm"))
    assert plain.encode("我們試試看！") == plain.encode("我们试试看!") == chinese.encode("我們試試看！")
    assert 1 not in chinese.encode("你喜歡學習中文嗎")
    assert chinese.normalize("  我們喜歡　ﬁne ①！ ") == "我们喜欢 fine 1!"


def test_folding_adds_to_the_standard_rules_and_changes_only_han() -> None:
    """Guards against a folding that loses a rule of nmt_nfkc, or touches another script."""
    standard = dict(sentencepiece.SentencePieceNormalizer(rule_name="nmt_nfkc").decompile())
    rules, forms = dict(simplified_chinese_rules()), simplified_forms()
    assert rules.keys() == standard.keys() | forms.keys()
    changed = {written for written in standard if rules[written] != standard[written]}
    assert changed and all(any(character in forms for character in standard[written]) for written in changed)
    assert len(forms) > 3_000 and forms["愛"] == "爱" and "爱" not in forms
    assert all(ord(character) >= 0x3400 for character in forms)


def test_sampling_is_decided_by_the_seed(bpe: Tokenizer, unigram: Tokenizer) -> None:
    """Guards resuming with subword sampling: what was drawn before, at whatever strength, must not matter."""
    texts = sentences(101, seed=11)
    for tokenizer in (bpe, unigram):
        first = tokenizer.encode_sampled(texts, 0.2, seed=19)
        other = tokenizer.encode_sampled(texts, 0.2, seed=23)
        assert tokenizer.encode_sampled(texts, 0.7, seed=19) != first != other
        assert tokenizer.encode_sampled(texts, 0.2, seed=19) == first
        assert Tokenizer(tokenizer.model).encode_sampled(texts, 0.2, seed=19) == first
        assert first != tokenizer.encode_all(texts) == tokenizer.encode_sampled(texts, 0, seed=19)
        assert [tokenizer.decode(ids) for ids in first] == texts


def test_characters_have_one_segmentation() -> None:
    """Guards the characters kind against a sampler that takes its scores for a unigram model's."""
    tokenizer = train_tokenizer(sentences(), size=13, kind="characters")
    texts = [*sentences(7, seed=11), "abxyc 龘龘"]
    assert tokenizer.encode_sampled(texts, 0.5, seed=19) == tokenizer.encode_all(texts)


@pytest.mark.parametrize("kind", ["bpe", "unigram"])
def test_a_vocabulary_that_the_text_cannot_fill_names_the_largest(kind: Kind) -> None:
    """Guards the promise of the message: the size that it names can be trained."""
    with pytest.raises(
        UserError, match=r"^--vocabulary-size 7919 is more than this text can fill: at most \d+$"
    ) as told:
        train_tokenizer(sentences(), size=7919, kind=kind)
    largest = int(str(told.value).split()[-1])
    assert train_tokenizer(sentences(), size=largest, kind=kind).size == largest


def test_a_vocabulary_that_is_too_small_names_the_smallest() -> None:
    """Guards the promise of the message: the size that it names can be trained."""
    with pytest.raises(UserError, match=r"--vocabulary-size 5 is less than this text needs: at least 14,"):
        train_tokenizer(sentences(), size=5)
    assert train_tokenizer(sentences(), size=14).size == 14
    with pytest.raises(UsageError, match="--vocabulary-size 3 leaves no piece"):
        train_tokenizer(sentences(), size=3)


def test_characters_take_no_more_pieces_than_there_are() -> None:
    """Guards the characters kind: a size above the number of characters is an upper bound, no error."""
    tokenizer = train_tokenizer(sentences(), size=997, kind="characters")
    assert sorted(tokenizer.pieces(range(2, tokenizer.size - 1))) == [*"abcdefghij", "▁"]


@pytest.mark.parametrize("texts", [[], ["", ""], ["  ", "\t"]])
def test_no_text_is_told(texts: list[str]) -> None:
    """Guards against SentencePiece's assertion as a message."""
    with pytest.raises(UserError, match="there is no text to make a vocabulary of"):
        train_tokenizer(texts, size=31)


def test_an_error_of_the_reader_comes_through() -> None:
    """Guards against a reader's message that drowns in a RuntimeError of SentencePiece's."""

    def broken() -> Iterator[str]:
        yield from islice(sentences(), 3)
        raise UserError("line 4 is not UTF-8")

    with pytest.raises(UserError, match=r"^line 4 is not UTF-8$"):
        train_tokenizer(broken(), size=31)


def test_lines_longer_than_sentencepieces_limit_are_learnt_from() -> None:
    """Guards against texts of one long line, which SentencePiece leaves out in silence."""
    assert train_tokenizer([" ".join(sentences(1_000))], size=61).size == 61


def test_byte_fallback_spells_unknown_characters() -> None:
    """Guards the option: nothing is unknown, and text comes back."""
    tokenizer = train_tokenizer(sentences(), size=307, byte_fallback=True)
    assert 1 not in tokenizer.encode("龘 ab") and tokenizer.decode(tokenizer.encode("龘 ab")) == "龘 ab"


def test_no_character_of_a_small_alphabet_is_unknown() -> None:
    """Guards digits, brackets and accents that come once in a corpus: translations lost them."""
    texts = ["wie geht es dir heute ? " * 400, "im café sind 3 leute ( und 1 hund )"]
    tokenizer = train_tokenizer(texts, size=61)
    assert tokenizer.decode(tokenizer.encode(texts[1])) == texts[1]


def test_plain_characters_of_a_large_alphabet_are_known() -> None:
    """Guards digits among thousands of characters, of which the rarest are left out; a full-width 4 is a 4."""
    common = "".join(map(chr, range(0x4E00, 0x4E00 + 1200)))
    tokenizer = train_tokenizer([common] * 40 + ["龘(3,4=7)"], size=1500, kind="characters")
    assert tokenizer.decode(tokenizer.encode("(3,4=7)4")) == "(3,4=7)4"
    assert 1 in tokenizer.encode("龘")


@pytest.mark.parametrize("count", [1, 7, 100, 211])
def test_a_sample_is_drawn_evenly(count: int) -> None:
    """Guards large corpora, of which a part is learnt from: the texts at their end must count as much as the first."""
    texts = [str(number) for number in range(211)]
    found = drawn(texts, count)
    assert len(set(found)) == len(found) == count and drawn(texts, count) == found
    many = [int(number) for number in drawn(map(str, range(20_000)), 2_000)]
    assert sum(many) / len(many) == pytest.approx(10_000, rel=0.05)


def test_the_same_text_gives_the_same_model() -> None:
    """Guards reproducible vocabularies: neither the draw of a sample nor threads may change the pieces."""
    for kind in KINDS:
        first, second = (train_tokenizer(sentences(1_009), size=37, kind=kind, sample=211) for _time in range(2))
        assert first.model == second.model


def test_every_truncated_model_is_refused(bpe: Tokenizer) -> None:
    """Guards against a cut-off file that still parses: its pieces or its folding would be missing."""
    lengths = [*range(0, len(bpe.model), 997), *range(len(bpe.model) - 53, len(bpe.model))]
    for length in lengths:
        with pytest.raises(UserError, match=r"^a\.spm is"):
            Tokenizer(bpe.model[:length], "a.spm")


@pytest.mark.parametrize("ids", [{}, {"bos_id": 0, "unk_id": 1, "eos_id": 2, "pad_id": 40}])
def test_a_model_with_other_ids_is_refused(tmp_path: Path, ids: dict[str, int]) -> None:
    """Guards against a SentencePiece model of another program, whose 0 is <unk> or <s>."""
    prefix = tmp_path / "other"
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(sentences()), model_prefix=str(prefix), vocab_size=41, minloglevel=2, **ids
    )
    with pytest.raises(UserError, match=r"other\.model is damaged or from another program"):
        Tokenizer.load(f"{prefix}.model")


def test_a_missing_model_is_told(tmp_path: Path) -> None:
    """Guards against a traceback for a file that is not there."""
    with pytest.raises(UserError, match=r"none\.spm cannot be read: No such file"):
        Tokenizer.load(tmp_path / "none.spm")
