"""A text's words: already separated by spaces, found by a rule for any script, by a dictionary of Chinese, or letters.

Every way but the first leaves signs and punctuation out: a word holds a letter or a digit.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import logging
import re
import sys
import unicodedata
import warnings
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import Any, Literal

from congling.data.text.scripts import count_scripts, dominant
from congling.errors import UserError
from congling.language import _

Split = Literal["auto", "spaces", "unicode", "jieba", "characters"]
SettledSplit = Literal["spaces", "unicode", "jieba", "characters"]

LETTERS, MARKS, DIGITS = "L", "M", "N"  # general categories, by their first letter
SCRIPTS_WITHOUT_SPACES = ("CJK", "HIRAGANA", "KANGXI", "IDEOGRAPHIC")  # how the names of their characters begin
APOSTROPHES = str.maketrans({"’": "'", "ʼ": "'", "‐": "-", "‑": "-"})
LONGEST_CHINESE_WORD = 3.0  # characters between two spaces, on average, of a text that was split into words
KANA_OF_JAPANESE = 0.1  # for a character of Chinese origin, at least

_SPACE = re.compile(r"\s+")
_ENGLISH_WORD = re.compile(  # what _word_pattern finds where all is ASCII, eight times as fast
    r"[A-Za-z0-9]+(?:[-'_][A-Za-z0-9]+|(?<=[0-9])[.,](?=[0-9])[A-Za-z0-9]+)*"
)


def split_words(text: str, how: Split = "auto", *, lower_case: bool = False) -> list[str]:
    """The words of a text, in order.

    Args:
        how: ``spaces``: what stands between spaces, as it is. ``unicode``: letters with their marks, digits, and
            between two of these apostrophes, hyphens and ``_`` (``don't``, ``New_York``), in numbers ``.`` and ``,``
            too; a Chinese character or a hiragana is a word of its own. ``jieba``: Chinese by a dictionary.
            ``characters``: every letter and every digit. ``auto``: as ``splitting_of`` has it for this text.
        lower_case: ``The`` and ``the`` are one word.

    Raises:
        UserError: ``jieba`` is wanted and is not installed.
    """
    settled = splitting_of([text]) if how == "auto" else how
    return splitter(settled)(text.lower() if lower_case else text)


def splitter(how: SettledSplit) -> Callable[[str], list[str]]:
    """The function that splits a text so; see ``split_words``."""
    ways: dict[SettledSplit, Callable[[str], list[str]]] = {
        "spaces": str.split,
        "unicode": _unicode_words,
        "jieba": _chinese_words,
        "characters": _characters,
    }
    return ways[how]


def splitting_of(texts: Iterable[str]) -> SettledSplit:
    """How a text is best split, by the look of some of it.

    Chinese that has a space every few characters was split by somebody; other Chinese needs ``jieba``; all else the
    rule for any script, under which Japanese falls apart into single characters.
    """
    counts = count_scripts("")
    characters = runs = 0
    for text in texts:
        found = count_scripts(text)
        counts += found
        characters += found["Han"]
        runs += sum(1 for part in _SPACE.split(text) if count_scripts(part)["Han"])
    if dominant(counts) != "Han" or counts["Kana"] > KANA_OF_JAPANESE * characters:
        return "unicode"
    return "spaces" if characters <= LONGEST_CHINESE_WORD * runs else "jieba"


# For any script ------------------------------------------------------------------------------------------------------


def _unicode_words(text: str) -> list[str]:
    if text.isascii():
        return _ENGLISH_WORD.findall(text)
    return _word_pattern().findall(unicodedata.normalize("NFC", text).translate(APOSTROPHES))


def _characters(text: str) -> list[str]:
    return _character_pattern().findall(unicodedata.normalize("NFC", text))


@functools.cache
def _word_pattern() -> re.Pattern[str]:
    classes = _classes()
    single, mark, digit = classes["single"], classes["mark"], classes["digit"]
    inside = f"{classes['letter']}{digit}{mark}"
    start = f"[{classes['letter']}{digit}]"
    joined = rf"[-'_]{start}[{inside}]*"
    decimal = rf"(?<=[{digit}])[.,](?=[{digit}])[{inside}]+"
    return re.compile(rf"{start}[{inside}]*(?:{joined}|{decimal})*|[{single}][{mark}]*")


@functools.cache
def _character_pattern() -> re.Pattern[str]:
    classes = _classes()
    return re.compile(f"[{classes['single']}{classes['letter']}{classes['digit']}][{classes['mark']}]*")


@functools.cache
def _classes() -> dict[str, str]:
    """The insides of character classes. Python's own ``\\w`` has no marks, and so no vowels of Hindi."""
    found: dict[str, list[int]] = {"single": [], "letter": [], "mark": [], "digit": []}
    kinds = {LETTERS: "letter", MARKS: "mark", DIGITS: "digit"}
    for code in range(sys.maxunicode + 1):
        kind = kinds.get(unicodedata.category(character := chr(code))[0])
        if kind == "letter" and code >= 0x2E80 and unicodedata.name(character, "").startswith(SCRIPTS_WITHOUT_SPACES):
            kind = "single"
        if kind:
            found[kind].append(code)
    return {kind: "".join(_ranges(codes)) for kind, codes in found.items()}


def _ranges(codes: list[int]) -> Iterator[str]:
    """Ascending code points as the ranges of a character class."""
    edges = [0, *(place for place, (one, other) in enumerate(pairwise(codes), start=1) if other > one + 1), len(codes)]
    for start, end in pairwise(edges):
        yield f"\\U{codes[start]:08x}-\\U{codes[end - 1]:08x}"


# Chinese -------------------------------------------------------------------------------------------------------------


def require_jieba() -> None:
    """Raise a ``UserError`` where jieba is not installed."""
    if importlib.util.find_spec("jieba") is None:
        message = _(
            "splitting Chinese into words needs another package: pip install {package}; or take single characters:"
            " {option}"
        )
        raise UserError(message.format(package="'congling[chinese]'", option="--split characters"))


def _chinese_words(text: str) -> list[str]:
    return [word for word in _jieba().lcut(text) if _character_pattern().search(word)]


@functools.cache
def _jieba() -> Any:
    require_jieba()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its source has escapes that newer Pythons grumble about
        jieba = importlib.import_module("jieba")
    jieba.setLogLevel(logging.WARNING)
    jieba.initialize()
    return jieba
