"""Word vectors: nearest words, analogies and the rest against the equations and against an independent reckoning."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import scipy.stats
import torch
from numpy.typing import NDArray

from congling.data.text.vocabulary import Vocabulary
from congling.equations.similarity import cosine, dot
from congling.errors import UserError
from congling.tasks.word_embedding import analogies
from congling.tasks.word_embedding.analogies import Analogy, read_analogies, score_analogies
from congling.tasks.word_embedding.telling_words import telling_words
from congling.tasks.word_embedding.word_pairs import (
    WordPair,
    pearson,
    read_pairs,
    score_pairs,
    spearman,
    spearman_interval,
)
from congling.tasks.word_embedding.word_vectors import UnknownWord, WordVectors

SIZE, WIDTH = 53, 7


@pytest.fixture
def vectors() -> WordVectors:
    """53 words, w0 … w52, of normal vectors of very different lengths; w17 is the zero vector."""
    chance = np.random.default_rng(5)
    rows = chance.standard_normal((SIZE, WIDTH)) * chance.uniform(0.1, 9, (SIZE, 1))
    rows[17] = 0
    return WordVectors([f"w{n}" for n in range(SIZE)], rows.astype(np.float32))


def exactly(vectors: WordVectors, query: NDArray[np.float64], by: str) -> NDArray[np.float64]:
    """Each word's score by the equation itself, in float64."""
    measure = cosine if by == "cosine" else dot
    return measure(torch.from_numpy(vectors.vectors.astype(np.float64)), torch.from_numpy(query)[None]).numpy()


@pytest.mark.parametrize("by", ["cosine", "dot"])
def test_nearest_words_are_those_of_the_equation(vectors: WordVectors, by: str) -> None:
    """Guards: the fast path (norms apart, a partition in place of a sort) that ranks otherwise than the equation."""
    rows = vectors.vectors.astype(np.float64)
    units = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-30) if by == "cosine" else rows
    scores = exactly(vectors, units[3] + units[11] - units[29], by)
    expected = [n for n in np.argsort(-scores, kind="stable") if n not in (3, 11, 29)][:13]
    found = vectors.most_similar(["w3", "w11"], ["w29"], topn=13, by=by)  # type: ignore[arg-type]
    assert [word for word, _score in found] == [f"w{n}" for n in expected]
    np.testing.assert_allclose([score for _word, score in found], scores[expected], rtol=1e-5, atol=1e-6)


def test_two_words_are_as_alike_as_the_equations_say(vectors: WordVectors) -> None:
    """Guards: similarity, distance and n_similarity that normalise too often or not at all."""
    rows = torch.from_numpy(vectors.vectors.astype(np.float64))
    assert vectors.similarity("w3", "w5") == pytest.approx(float(cosine(rows[3], rows[5])), abs=1e-6)
    assert vectors.similarity("w3", "w5", by="dot") == pytest.approx(float(dot(rows[3], rows[5])), rel=1e-5)
    assert vectors.distance("w3", "w5") == pytest.approx(1 - float(cosine(rows[3], rows[5])), abs=1e-6)
    expected = float(cosine(rows[[3, 5]].mean(0), rows[[7, 11, 13]].mean(0)))
    assert vectors.n_similarity(["w3", "w5"], ["w7", "w11", "w13"]) == pytest.approx(expected, abs=1e-6)
    assert vectors.similarity("w3", "w17") == 0.0
    np.testing.assert_allclose(vectors.vector("w3", norm=True), rows[3] / rows[3].norm(), rtol=1e-6)


def test_products_in_the_place_of_sums(vectors: WordVectors) -> None:
    """Guards: 3CosMul with a cosine that was not shifted to be positive, or with numerator and denominator swapped."""
    rows = vectors.vectors.astype(np.float64)
    units = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-30)
    shares = (1 + units @ units.T) / 2
    scores = shares[:, 3] * shares[:, 11] / (shares[:, 29] + 1e-6)
    expected = [n for n in np.argsort(-scores, kind="stable") if n not in (3, 11, 29)][:5]
    found = vectors.most_similar_cosmul(["w3", "w11"], ["w29"], topn=5)
    assert [word for word, _score in found] == [f"w{n}" for n in expected]
    np.testing.assert_allclose([score for _word, score in found], scores[expected], rtol=1e-5)


def test_the_odd_one_out() -> None:
    """Guards: the longest vector that decides, where directions should."""
    vectors = WordVectors(list("abcd"), np.array([[1, 0.1], [100, 0], [1, -0.1], [0.2, 1]], np.float32))
    assert vectors.doesnt_match(["a", "b", "c", "d"]) == "d"


def test_only_the_most_frequent_words_are_looked_at(vectors: WordVectors) -> None:
    """Guards: a word of the question beyond the limit that is taken out of other words' scores."""
    found = vectors.most_similar("w50", topn=99, restrict_vocab=11)
    assert sorted(word for word, _score in found) == sorted(f"w{n}" for n in range(11))
    assert len(vectors.most_similar("w3", topn=99)) == SIZE - 1
    assert vectors.most_similar("w3", topn=0) == []


def test_equal_words_come_by_frequency() -> None:
    """Guards: an order of equals that hangs on the partition."""
    vectors = WordVectors(list("abcdefg"), np.ones((7, 3), np.float32))
    assert [word for word, _score in vectors.most_similar("d", topn=6)] == list("abcefg")


def test_an_unknown_word(vectors: WordVectors) -> None:
    """Guards: code for gensim that catches KeyError, and a message between quotation marks."""
    with pytest.raises(KeyError) as error:
        vectors.most_similar(["w3", "W5"])
    assert isinstance(error.value, UnknownWord) and str(error.value).startswith("the word W5 has no vector here; ")
    with pytest.raises(UserError, match="at least one word"):
        vectors.most_similar([])
    assert "w5" in vectors and "W5" not in vectors


def test_names_that_others_use(vectors: WordVectors) -> None:
    """Guards: scripts that were written for gensim's KeyedVectors."""
    assert vectors.index_to_key == vectors.words == list(vectors)
    assert vectors.vector_size == WIDTH and len(vectors) == SIZE
    assert np.array_equal(vectors["w3"], vectors.get_vector("w3"))
    assert vectors.similar_by_word("w3", topn=2) == vectors.most_similar(positive=["w3"], topn=2)
    assert vectors.similar_by_vector(vectors["w3"], topn=1)[0][0] == "w3"


def test_words_and_vectors_must_be_as_many() -> None:
    """Guards: words that get their neighbour's vector."""
    with pytest.raises(ValueError, match="3 words cannot have vectors of shape"):
        WordVectors(list("abc"), np.zeros((2, 5), np.float32))


def test_telling_words_are_no_grammar() -> None:
    """Guards: an encouragement that shows the neighbours of "the", and the same neighbours twice."""
    chance = np.random.default_rng(3)
    rows = chance.standard_normal((400, 11)).astype(np.float32)
    rows[40:43] = rows[40] + 0.01 * chance.standard_normal((3, 11))
    words = ["the", "1998", *(f"word-{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(398))]
    found = telling_words(WordVectors(words, rows))
    assert len(found) == 4 and not {"the", "1998"} & set(found)
    assert len({words.index(word) for word in found} & {40, 41, 42}) == 1


# Pairs ----------------------------------------------------------------------------------------------------------------


def test_correlations_against_scipy() -> None:
    """Guards: ranks of equal values, which share the mean of their places."""
    chance = np.random.default_rng(7)
    for count in (4, 23, 97):
        one = chance.integers(0, 9, count).astype(np.float64)  # many equals
        other = one + chance.normal(0, 3, count)
        assert pearson(one, other) == pytest.approx(scipy.stats.pearsonr(one, other).statistic, abs=1e-12)
        assert spearman(one, other) == pytest.approx(scipy.stats.spearmanr(one, other).statistic, abs=1e-12)
    assert math.isnan(spearman(np.array([1.0]), np.array([2.0])))
    assert math.isnan(pearson(np.ones(5), np.arange(5.0)))


def test_the_interval_holds_the_true_correlation_as_often_as_it_says() -> None:
    """Guards: a missing square root. 95 % of 400 intervals: 380 ± 4.4, so 361 is more than four deviations away."""
    chance, true, inside = np.random.default_rng(19), 6 / math.pi * math.asin(0.6 / 2), 0
    for _trial in range(400):
        one = chance.standard_normal(101)
        other = 0.6 * one + 0.8 * chance.standard_normal(101)
        low, high = spearman_interval(spearman(one, other), 101)
        inside += low < true < high
    assert 361 < inside < 397
    assert spearman_interval(0.5, 3) == (-1, 1)


def test_pairs_whatever_their_case(vectors: WordVectors) -> None:
    """Guards: pairs with an unknown word that count as zero, and cosines in another order than the judgements."""
    pairs = [WordPair("W3", "w5", 4.0), WordPair("w7", "nowhere", 9.0), WordPair("w11", "w13", 2.0)]
    found = score_pairs(vectors, pairs)
    assert (found.judged.tolist(), found.pairs, found.unknown) == ([4.0, 2.0], 3, ["nowhere"])
    expected = [vectors.similarity("w3", "w5"), vectors.similarity("w11", "w13")]
    np.testing.assert_allclose(found.cosines, expected, rtol=1e-5)
    empty = score_pairs(vectors, [WordPair("x", "y", 1.0)])
    assert len(empty) == 0 and empty.coverage == 0 and math.isnan(empty.spearman)


def test_files_of_pairs(tmp_path: Path) -> None:
    """Guards: a heading that is taken for a fault, remarks that are taken for pairs, and faults that pass."""
    (tmp_path / "a.tsv").write_text("one\ttwo\tscore\n# Word 1\tWord 2\n电脑 屏幕\t键盘\t7.5\t8\n", encoding="utf-8")
    assert read_pairs(tmp_path / "a.tsv") == [WordPair("电脑 屏幕", "键盘", 7.5)]
    (tmp_path / "b.csv").write_text("love,sex,6.77\n\ntiger cat 7\n", encoding="utf-8")
    assert read_pairs(tmp_path / "b.csv") == [WordPair("love", "sex", 6.77), WordPair("tiger", "cat", 7.0)]
    (tmp_path / "c.tsv").write_text("a\tb\t1\nc\td\tmany\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"c\.tsv, line 2"):
        read_pairs(tmp_path / "c.tsv")
    (tmp_path / "d.tsv").write_text("# nothing\n", encoding="utf-8")
    with pytest.raises(UserError, match="holds no pairs"):
        read_pairs(tmp_path / "d.tsv")


# Analogies ------------------------------------------------------------------------------------------------------------


def test_questions_are_answered_as_one_by_one(vectors: WordVectors, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards: a chunk whose questions are shifted, a word of the question that answers it, a − b for b − a."""
    chance, questions = np.random.default_rng(23), list[Analogy]()
    for _question in range(97):
        a, b, c = (f"w{n}" for n in chance.choice(SIZE, 3, replace=False))
        ((best, _score),) = vectors.most_similar([b, c], [a], topn=1)
        right = chance.random() < 0.6
        questions.append(Analogy(a, b.upper(), c, best if right else f"w{chance.integers(SIZE)}"))
    expected = sum(vectors.most_similar([q.b.lower(), q.c], [q.a], topn=1)[0][0] == q.d for q in questions)
    for at_once in (1, 5 * SIZE, 1 << 24):
        monkeypatch.setattr(analogies, "AT_ONCE", at_once)
        found = score_analogies(vectors, {"all": questions, "none": [Analogy("w1", "w2", "w3", "x")]})
        assert (found.total.questions, found.total.known, found.total.right) == (98, 97, expected)
    assert 40 < expected < 75 and found.accuracy == expected / 97


def test_files_of_analogies(tmp_path: Path) -> None:
    """Guards: sections that run together, and a line of three words that passes."""
    (tmp_path / "q.txt").write_text(": family\nboy girl king queen\n\n: 首都\n中国 北京 日本 东京\n", encoding="utf-8")
    assert read_analogies(tmp_path / "q.txt") == {
        "family": [Analogy("boy", "girl", "king", "queen")],
        "首都": [Analogy("中国", "北京", "日本", "东京")],
    }
    (tmp_path / "q.txt").write_text(": family\nboy girl king\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"q\.txt, line 2"):
        read_analogies(tmp_path / "q.txt")
    (tmp_path / "q.txt").write_text(": family\n", encoding="utf-8")
    with pytest.raises(UserError, match="holds no questions"):
        read_analogies(tmp_path / "q.txt")


def test_vectors_take_a_vocabulary_with_counts() -> None:
    """Guards: counts that are lost on the way to an export."""
    vectors = WordVectors(Vocabulary(["a", "b"], [3, 2]), np.zeros((2, 3), np.float32))
    assert vectors.vocabulary.counts.tolist() == [3, 2]
