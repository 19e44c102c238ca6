"""Traditional characters read as simplified ones: a SentencePiece normalisation that folds the two scripts.

The folding is part of the tokenizer's model file, so it travels with every export, and a user may type either script.
It goes character by character, which is all that a normalisation can do: a character whose simplified form
depends on the word (乾 in 乾燥 and in 乾坤) takes the commoner form. The characters are OpenCC's table ``t2s``.
"""

from __future__ import annotations

from itertools import chain

import sentencepiece

HAN_BLOCKS = (range(0x3400, 0xA000), range(0xF900, 0xFB00), range(0x20000, 0x33480))
"""Code points of the Han characters: the basic block with extension A, compatibility forms, extensions B and later."""


def simplified_chinese_normalizer(*, keep_spaces: bool = False) -> sentencepiece.SentencePieceNormalizer:
    """``nmt_nfkc`` with every traditional character replaced by its simplified form. Takes about a second.

    Args:
        keep_spaces: all of them, and none is added at the beginning.
    """
    return _normalizer(simplified_chinese_rules(), keep_spaces)


def simplified_characters_normalizer(*, keep_spaces: bool = False) -> sentencepiece.SentencePieceNormalizer:
    """Traditional characters become simplified ones, and nothing else changes: for Chinese that is to be written."""
    return _normalizer(sorted(simplified_forms().items()), keep_spaces)


def _normalizer(rules: list[tuple[str, str]], keep_spaces: bool) -> sentencepiece.SentencePieceNormalizer:
    sentencepiece.set_min_log_level(2)  # else it reports on stderr how it built its tables
    asked = False if keep_spaces else None  # None leaves it to SentencePiece
    return sentencepiece.SentencePieceNormalizer(norm_map=rules, add_dummy_prefix=asked, remove_extra_whitespaces=asked)


def simplified_chinese_rules() -> list[tuple[str, str]]:
    """Pairs (what is read, what it becomes): ``nmt_nfkc`` followed by the folding of single characters."""
    folding = simplified_forms()
    table = str.maketrans(folding)
    standard = sentencepiece.SentencePieceNormalizer(rule_name="nmt_nfkc").decompile()
    rules = {written: normal.translate(table) for written, normal in standard}
    return sorted((folding | rules).items())


def simplified_forms() -> dict[str, str]:
    """Each traditional character with its simplified form, where the two differ."""
    import opencc

    characters = [chr(code) for code in chain.from_iterable(HAN_BLOCKS)]
    # One character a line: side by side they would form words, which OpenCC converts by other rules.
    simplified = opencc.OpenCC("t2s").convert("\n".join(characters)).split("\n")
    return {old: new for old, new in zip(characters, simplified, strict=True) if old != new}
