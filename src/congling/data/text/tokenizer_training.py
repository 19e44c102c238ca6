"""Tokenizers from zero: which pieces a language is best made of, found in its texts by SentencePiece."""

from __future__ import annotations

import random
import re
import string
import unicodedata
from collections.abc import Iterable, Sequence
from io import BytesIO
from itertools import islice
from typing import Any, Literal

import sentencepiece

from congling.data.text.tokenizer_files import END_ID, UNKNOWN_ID, with_pad
from congling.data.text.tokenizers import LINE_BREAK, Tokenizer
from congling.errors import UsageError, UserError
from congling.language import _

LONGEST_LINE = 1000  # characters; SentencePiece leaves out lines of more than 4,192 bytes, so longer ones are cut
SMALL_ALPHABET = 1000  # characters; all of such a one become pieces, of a larger one those of nearly the whole text
LARGE_COVERAGE = 0.9995  # what "nearly the whole text" is, as SentencePiece advises for Chinese and Japanese

Kind = Literal["bpe", "unigram", "characters", "words"]
_MODEL_TYPES = {"characters": "char", "words": "word"}  # these take fewer pieces where there are fewer
Normalization = Literal["nmt_nfkc", "nfkc", "identity", "simplified-chinese", "simplified-characters"]


def train_tokenizer(
    texts: Iterable[str],
    *,
    size: int,
    kind: Kind = "bpe",
    normalization: Normalization = "nmt_nfkc",
    sample: int = 200_000,
    byte_fallback: bool = False,
    running_text: bool = False,
    shrink: bool = False,
    option: str = "--vocabulary-size",
) -> Tokenizer:
    """Finds the pieces of a language in its texts, read once.

    Every character of a small alphabet (``SMALL_ALPHABET``) is a piece, however rare. Of a large one, as Chinese has,
    those are that make up ``LARGE_COVERAGE`` of the text, and all of ASCII that comes; the rest is unknown.

    Args:
        texts: sentences; long ones are cut, empty ones do no harm.
        size: number of pieces, the three special ones included. ``characters`` and ``words`` take fewer where there are
            fewer.
        kind: ``bpe``, ``unigram`` or ``characters``; or ``words``, whole ones, which must stand between spaces.
        normalization: a rule of SentencePiece's; ``simplified-chinese``, which is ``nmt_nfkc`` and makes traditional
            characters simplified ones; or ``simplified-characters``, which does that alone and keeps punctuation.
        sample: learn from this many texts, drawn evenly from all; the draw is always the same. BPE of text without
            spaces takes about 3 GB of memory a million short sentences.
        byte_fallback: spell unknown characters in bytes (256 more pieces) instead of ``<unk>``.
        running_text: keep every line break, as a piece of its own, and every space, also at the beginning.
        shrink: take fewer pieces where the text cannot fill the size, instead of refusing.
        option: what the user set the size with, for the message.

    Raises:
        UserError: when there is no text, or the size is more or less than the text can fill.
    """
    _check_size(size, option)
    chosen = drawn(texts, sample)
    options = _normalization_options(normalization, running_text) | {
        "vocab_size": size - 1,  # <pad> is added at the end, when it is known how many pieces there are
        "model_type": _MODEL_TYPES.get(kind, kind),
        **_characters_options(chosen),
        "byte_fallback": byte_fallback,
        "hard_vocab_limit": False,
    }
    if running_text:  # what a normalisation would do to line breaks, it does not do to a piece that is asked for
        options["user_defined_symbols"] = [LINE_BREAK]
    tokenizer = Tokenizer(with_pad(_trained(chosen, options, size, option)))
    if tokenizer.size < size and kind not in _MODEL_TYPES and not shrink:
        raise UserError(
            _("{option} {size} is more than this text can fill: at most {largest}").format(
                option=option, size=size, largest=tokenizer.size
            )
        )
    return tokenizer


def drawn(texts: Iterable[str], count: int) -> list[str]:
    """So many of the texts, each as likely as any other (Vitter 1985, algorithm R); long ones are cut."""
    lines = (text[start : start + LONGEST_LINE] for text in texts for start in range(0, len(text), LONGEST_LINE))
    drawn, chance = list(islice(lines, count)), random.Random(0)
    for number, line in enumerate(lines, start=count + 1):
        if (place := int(chance.random() * number)) < count:
            drawn[place] = line
    return drawn


def _characters_options(texts: Sequence[str]) -> dict[str, Any]:
    """Which characters are to be pieces."""
    alphabet = set[str]().union(*texts)
    if len(alphabet) <= SMALL_ALPHABET:
        return {"character_coverage": 1.0}
    plain = {folded for character in alphabet for folded in unicodedata.normalize("NFKC", character)}
    required = sorted(plain.intersection(string.ascii_letters + string.digits + string.punctuation))
    return {"character_coverage": LARGE_COVERAGE, "required_chars": "".join(required)}


def _trained(texts: list[str], options: dict[str, Any], size: int, option: str) -> bytes:
    """SentencePiece's model of the texts, without a ``<pad>``; they are handed over, so that none is held twice."""
    model = BytesIO()
    sentencepiece.set_min_log_level(2)
    texts.reverse()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=(texts.pop() for _text in range(len(texts))),
            model_writer=model,
            eos_id=END_ID,
            unk_id=UNKNOWN_ID,
            bos_id=-1,
            pad_id=-1,
            minloglevel=2,
            **options,
        )
    except RuntimeError as error:
        raise _training_error(error, size, option) from error
    return model.getvalue()


def _training_error(error: RuntimeError, size: int, option: str) -> Exception:
    """What the user can do about SentencePiece's complaint; the complaint itself where it is not the user's."""
    message = str(error)
    if "sentences_.empty()" in message or "all_chars_count" in message:
        return UserError(_("there is no text to make a vocabulary of"))
    too_small = re.search(r"smaller than required_chars\. (\d+) vs (\d+)", message)
    if too_small:
        return UserError(
            _("{option} {size} is less than this text needs: at least {smallest}, a piece for each character").format(
                option=option, size=size, smallest=int(too_small[2]) + 1
            )
        )
    return error


def _check_size(size: int, option: str) -> None:
    if size < 4:
        raise UsageError(
            _("{option} {size} leaves no piece beside </s>, <unk> and <pad>: at least 4").format(
                option=option, size=size
            )
        )


def _normalization_options(normalization: Normalization, keep_spaces: bool) -> dict[str, Any]:
    from congling.data.text import chinese

    if normalization == "simplified-chinese":
        return {"normalizer": chinese.simplified_chinese_normalizer(keep_spaces=keep_spaces)}
    if normalization == "simplified-characters":
        return {"normalizer": chinese.simplified_characters_normalizer(keep_spaces=keep_spaces)}
    kept = {"add_dummy_prefix": False, "remove_extra_whitespaces": False} if keep_spaces else {}
    return {"normalization_rule_name": normalization, **kept}
