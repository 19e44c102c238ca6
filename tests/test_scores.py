"""Scores: sacreBLEU's own numbers, with the right tokenizer for the language, and any number of references."""

from __future__ import annotations

import pytest
import sacrebleu

from congling.errors import UsageError, UserError
from congling.tasks.translation.scores import bleu, bleu_tokenizer, check_bleu_tokenizer, chrf

OUTPUTS = ["The cat sat on a mat today.", "a dog", "three birds fly over the old river"]
REFERENCES = [
    ["the cat sat on the mat today.", "A cat sat on a mat today ."],
    ["the dog"],
    ["three birds fly over the old river", "three birds cross it", "birds fly over the old river"],
]
STREAMS = [
    ["the cat sat on the mat today.", "the dog", "three birds fly over the old river"],
    ["A cat sat on a mat today .", None, "three birds cross it"],
    [None, None, "birds fly over the old river"],
]


@pytest.mark.parametrize("lowercase", [False, True])
def test_bleu_is_sacrebleus(lowercase: bool) -> None:
    """Guards against references that slip out of line where sentences have unequal numbers of them."""
    ours = bleu(OUTPUTS, REFERENCES, "en", lowercase=lowercase)
    theirs = sacrebleu.corpus_bleu(OUTPUTS, STREAMS, lowercase=lowercase)  # type: ignore[arg-type]
    assert ours.score == theirs.score > 10
    assert f"case:{'lc' if lowercase else 'mixed'}" in ours.signature and "tok:13a" in ours.signature
    assert ours.detail == str(theirs)
    assert "nrefs:var" in ours.signature


def test_chrf_is_sacrebleus() -> None:
    """Guards against another order or weight than chrF2's."""
    assert chrf(OUTPUTS, REFERENCES).score == sacrebleu.corpus_chrf(OUTPUTS, STREAMS).score  # type: ignore[arg-type]
    assert chrf(OUTPUTS, REFERENCES).name == "chrF2"


@pytest.mark.parametrize(
    ("language", "tokenizer"),
    [("zh", "zh"), ("zh-TW", "zh"), ("yue", "zh"), ("ja-JP", "char"), ("th", "char"), ("en", "13a"), ("und", "13a")],
)
def test_tokenizer_of_a_language(language: str, tokenizer: str) -> None:
    """Guards against text without spaces under 13a, where a sentence is one word."""
    assert bleu_tokenizer(language) == tokenizer


@pytest.mark.parametrize(("language", "tokenizer"), [("zh", "zh"), ("ja", "char")])
def test_unsegmented_text_is_cut_into_characters(language: str, tokenizer: str) -> None:
    """Guards against a language that does not reach sacreBLEU: the score would be near 0."""
    score = bleu(["我今天很喜欢学习。"], [["我今天很喜欢学习呢。"]], language)
    assert score.score > 60
    assert f"tok:{tokenizer}" in score.signature


def test_confidence_gives_an_interval_and_a_signature_that_says_so() -> None:
    """Guards against an interval that is always there, or never."""
    sure, unsure = bleu(OUTPUTS, REFERENCES, "en"), bleu(OUTPUTS, REFERENCES, "en", confidence=True)
    assert sure.interval is None and "bs:" not in sure.signature
    assert unsure.interval is not None and unsure.interval > 0 and "bs:1000" in unsure.signature
    assert unsure.score == sure.score


def test_unequal_numbers_and_nothing_are_refused() -> None:
    """Guards against a zip that drops the sentences that are too many."""
    with pytest.raises(UserError, match=r"^2 translations cannot be scored against 3 references$"):
        bleu(OUTPUTS[:2], REFERENCES, "en")
    with pytest.raises(UserError, match=r"^there is nothing to score"):
        chrf([], [])


def test_unknown_tokenizer_names_the_known_ones() -> None:
    """Guards against sacreBLEU's KeyError as a traceback."""
    with pytest.raises(UsageError, match=r"^--bleu-tokenizer 13b is not one of .*13a"):
        check_bleu_tokenizer("13b")
    with pytest.raises(UsageError, match="13b"):
        bleu(OUTPUTS, REFERENCES, "en", tokenizer="13b")


def test_tokenizer_that_cannot_be_built_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against a traceback where a tokenizer needs a package or a download that is not to be had."""
    from sacrebleu.metrics import bleu as module

    def missing(name: str) -> type:
        raise RuntimeError("\nJapanese needs more.\n  pip install sacrebleu[ja]\n")

    monkeypatch.setattr(module, "_get_tokenizer", missing)
    with pytest.raises(UserError, match=r"^--bleu-tokenizer ja-mecab is not to be had here: Japanese needs more\. pip"):
        check_bleu_tokenizer("ja-mecab")
