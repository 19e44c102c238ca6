"""Subword sampling: the published distributions, SentencePiece's pieces where nothing is sampled, and repeatability."""

from __future__ import annotations

import math
import random
from collections import Counter
from functools import cache
from itertools import product

import numpy as np
import pytest
import sentencepiece
from hypothesis import given
from hypothesis import strategies as st

from congling.data.text.subword_sampling import (
    POOL,
    MergeDropout,
    SegmentationSampling,
    Segmenter,
    SubwordSampler,
    Vocabulary,
)
from congling.data.text.tokenizer_training import Kind, train_tokenizer
from congling.data.text.tokenizers import Tokenizer

DRAWS = 5_003
LETTERS = "abcdeé 龘我们"


def texts(count: int, seed: int, spaces: bool = True) -> list[str]:
    """Sentences of 61 words in eight letters, four of them Han, each word beside a space or beside the next word."""
    draw = random.Random(7)
    words = ["".join(draw.choices("abcd我们他好", k=draw.randint(1, 6))) for _word in range(61)]
    draw.seed(seed)
    return [(" " if spaces else "").join(draw.choices(words, k=draw.randint(2, 7))) for _text in range(count)]


@cache
def tokenizer(kind: Kind, byte_fallback: bool = False) -> Tokenizer:
    size = 97 + 256 * byte_fallback
    return train_tokenizer(
        [*texts(199, 3), *texts(199, 5, spaces=False)], size=size, kind=kind, byte_fallback=byte_fallback, shrink=True
    )


def processor(model: Tokenizer) -> sentencepiece.SentencePieceProcessor:
    return sentencepiece.SentencePieceProcessor(model_proto=model.model)


def vocabulary(kind: Kind) -> Vocabulary:
    return Vocabulary(processor(tokenizer(kind)))


def merge_probabilities(scores: dict[str, float], word: str, dropout: float) -> dict[tuple[str, ...], float]:
    """Algorithm 1 of Provilkov et al. (2020), by going through every set of merges that may be left out."""

    @cache
    def ends(pieces: tuple[str, ...]) -> Counter[tuple[str, ...]]:
        merges = [at for at in range(len(pieces) - 1) if pieces[at] + pieces[at + 1] in scores]
        found: Counter[tuple[str, ...]] = Counter()
        for kept in product([False, True], repeat=len(merges)):
            chance = math.prod(1 - dropout if keep else dropout for keep in kept)
            left = [at for at, keep in zip(merges, kept, strict=True) if keep]
            if left:
                at = max(left, key=lambda at: (scores[pieces[at] + pieces[at + 1]], -at))
                merged = (*pieces[:at], pieces[at] + pieces[at + 1], *pieces[at + 2 :])
                for end, share in ends(merged).items():
                    found[end] += chance * share  # type: ignore[assignment]
            else:
                found[pieces] += chance  # type: ignore[assignment]
        return found

    return dict(ends(tuple(word)))


def segmentation_probabilities(scores: dict[str, float], word: str, power: float) -> dict[tuple[str, ...], float]:
    """P(x)^power / Σ P^power over every way to cut the word into pieces (Kudo 2018, equation 8 with l = ∞)."""

    def ways(rest: str) -> list[tuple[str, ...]]:
        heads = [rest[:end] for end in range(1, len(rest) + 1) if rest[:end] in scores]
        return [(head, *tail) for head in heads for tail in ways(rest[len(head) :])] if rest else [()]

    weights = {way: math.exp(power * sum(scores[piece] for piece in way)) for way in ways(word)}
    return {way: weight / sum(weights.values()) for way, weight in weights.items()}


def assert_drawn_as(segmenter: Segmenter, word: str, expected: dict[tuple[str, ...], float]) -> None:
    """Each share within five standard deviations, and half a draw, of its probability."""
    chances = np.random.default_rng(11).random((DRAWS, len(word)))
    drawn = Counter(map(tuple, segmenter.draw(word, chances)))
    assert len(expected) > 3 and math.isclose(sum(expected.values()), 1)
    assert drawn.keys() <= expected.keys()
    for pieces, probability in expected.items():
        deviation = math.sqrt(DRAWS * probability * (1 - probability))
        assert abs(drawn[pieces] - DRAWS * probability) < 5 * deviation + 0.5, pieces


def some_words() -> list[str]:
    """Words of 4 to 8 characters that have at least four segmentations in either vocabulary."""
    spaced = [f"▁{word}" for text in texts(7, 13) for word in text.split()]
    words = [word for word in dict.fromkeys([*spaced, *texts(13, 17, spaces=False)]) if 4 <= len(word) <= 8]
    found = [vocabulary("bpe").scores, vocabulary("unigram").scores]
    varied = [word for word in words if all(len(segmentation_probabilities(each, word, 0.5)) > 3 for each in found)]
    assert len(varied) > 6
    return varied


@pytest.mark.parametrize("dropout", [0.1, 0.37])
def test_merges_are_left_out_as_published(dropout: float) -> None:
    """Guards BPE-dropout: a merge that was left out may come in the next round, and each place is its own merge."""
    found = vocabulary("bpe")
    for word in some_words():
        assert_drawn_as(MergeDropout(found, dropout), word, merge_probabilities(found.scores, word, dropout))
    assert_drawn_as(
        MergeDropout(repeating(), dropout), "aaaaa", merge_probabilities(repeating().scores, "aaaaa", dropout)
    )


def repeating() -> Vocabulary:
    """Pieces of one letter only, so that merges overlap and scores are equal."""
    found = vocabulary("bpe")
    found.scores = {"a": -3.0, "aa": -1.0, "aaa": -2.0}
    return found


@pytest.mark.parametrize("power", [0.1, 0.5])
def test_segmentations_are_drawn_by_their_probability(power: float) -> None:
    """Guards the unigram sampler: the sums, the direction, and that the power applies to every piece."""
    found = vocabulary("unigram")
    for word in some_words():
        assert_drawn_as(SegmentationSampling(found, power), word, segmentation_probabilities(found.scores, word, power))


def test_an_unknown_character_scores_ten_below_the_worst_piece() -> None:
    """Guards characters that only a longer piece has: SentencePiece's lattice lets them stand alone, at a price."""
    found = vocabulary("unigram")
    found.scores, found.longest = {"a": -1.0, "ab": -2.0}, 2
    alone, together = math.exp(0.1 * (-1 - 2 - 10)), math.exp(0.1 * -2)
    share = alone / (alone + together)
    drawn = SegmentationSampling(found, 0.1).draw("ab", np.random.default_rng(43).random((DRAWS, 2)))
    assert abs(drawn.count(["a", "b"]) - DRAWS * share) < 5 * math.sqrt(DRAWS * share * (1 - share))


@pytest.mark.parametrize("byte_fallback", [False, True])
@given(text=st.text(st.sampled_from(LETTERS) | st.characters(), max_size=31))
def test_nothing_left_out_is_ordinary_bpe(byte_fallback: bool, text: str) -> None:
    """Guards the order of merges, spaces, unknown characters and bytes: with 0 it is SentencePiece's encoding."""
    model = tokenizer("bpe", byte_fallback)
    many = [text, f"{text} {text}", *texts(3, 19), *texts(3, 23, spaces=False), "我們試試看！ abcd"]
    sampler = SubwordSampler(processor(model), 0.0, merges=True)
    assert sampler.sample(many, seed=29) == model.encode_all(many, num_threads=1)


def test_everything_left_out_is_characters() -> None:
    """Guards the other end, where the logarithm of the probability is 0."""
    sampler = SubwordSampler(processor(tokenizer("bpe")), 1.0, merges=True)
    assert tokenizer("bpe").pieces(sampler.sample(["abcd 我们"], seed=1)[0]) == list("▁abcd▁我们")


@pytest.mark.parametrize("byte_fallback", [False, True])
def test_the_best_segmentation_is_sentencepieces(byte_fallback: bool) -> None:
    """Guards unknown characters' scores and bytes: with a great power only the most probable segmentation is left."""
    model = tokenizer("unigram", byte_fallback)
    many = [*texts(31, 19), "龘龘a龘 b龘", "xyz", "", " ", *(text + "é" for text in texts(31, 23, spaces=False))]
    sampler = SubwordSampler(processor(model), 10_000.0, merges=False)
    assert sampler.sample(many, seed=29) == model.encode_all(many, num_threads=1)


@pytest.mark.parametrize("kind", ["bpe", "unigram"])
@given(text=st.text(st.sampled_from(LETTERS) | st.characters(), max_size=31))
def test_any_text_is_drawn_whole(kind: Kind, text: str) -> None:
    """Guards against lost, doubled or illegal pieces, whatever was typed."""
    model = tokenizer(kind)
    ids = model.encode_sampled([text], 0.5, seed=31)[0]
    assert model.decode(ids) == model.decode(model.encode(text))
    assert all(0 < number < model.pad_id for number in ids)


@pytest.mark.parametrize("kind", ["bpe", "unigram"])
def test_every_segmentation_of_a_pool_comes(kind: Kind) -> None:
    """Guards the choice from the pools: a recurring word must not be cut the same in every batch, nor the long ones."""
    model = tokenizer(kind)
    for text in ("abcd abcd", "他好我们abcd" * 3):
        assert len({tuple(model.encode_sampled([text], 0.3, seed=seed)[0]) for seed in range(3 * POOL)}) > 7


@pytest.mark.parametrize("kind", ["bpe", "unigram"])
def test_long_texts_neither_underflow_nor_take_for_ever(kind: Kind) -> None:
    """Guards the probabilities of thousands of pieces, and against work that grows with the square of the length."""
    model = tokenizer(kind)
    text = "".join(texts(997, 37, spaces=False))
    assert len(text) > 10_000
    assert model.decode(model.encode_sampled([text], 0.2, seed=41)[0]) == text
