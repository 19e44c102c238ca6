"""What is known of a language by its code: which language it is, and whether it is written with spaces.

Codes are those of BCP 47 (``zh``, ``zh-Hant``, ``ja-JP``), an underscore or capitals do no harm, and the three-letter
codes that corpora use (``cmn``, ``jpn``, ``eng``) mean the same languages.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

ALIASES: Mapping[str, str] = {
    "cmn": "zh",
    "yue": "zh",
    "wuu": "zh",
    "lzh": "zh",
    "zho": "zh",
    "chi": "zh",
    "jpn": "ja",
    "eng": "en",
}
"""Other codes -> the code that stands for the language here; kinds of Chinese share its script and its rules."""

WITHOUT_SPACES = frozenset({"zh", "ja"})
WITHOUT_WORD_SPACES = WITHOUT_SPACES | {"th", "lo", "km", "my"}


def primary(language: str) -> str:
    """The language without its script and region: ``zh`` of ``zh-Hant``, ``cmn`` and ``yue``, ``ja`` of ``ja_JP``."""
    code = language.replace("_", "-").split("-")[0].lower()
    return ALIASES.get(code, code)


def direction_of(text: str) -> tuple[str, str] | None:
    """``("zh-Hant", "en")`` of ``zh-Hant-en``; None where the text does not name exactly two languages.

    The second language begins at the only later part of two or three small letters: scripts have four (RFC 5646, §2.1),
    and regions must be in capitals, as they should be.
    """
    parts = text.split("-")
    if not all(parts):
        return None
    starts = [at for at, part in enumerate(parts) if at and re.match("[a-z]{2,3}(_|$)", part)]
    if len(parts) == 2 and not re.fullmatch("[A-Z][a-z]{3}", parts[1]):  # EN-ZH, chinese-english, but not zh-Hant
        starts = [1]
    return ("-".join(parts[: starts[0]]), "-".join(parts[starts[0] :])) if len(starts) == 1 else None


def written_without_spaces(language: str) -> bool:
    """Whether no space stands anywhere, not even between sentences; Thai has spaces there."""
    return primary(language) in WITHOUT_SPACES


def words_are_separated(language: str) -> bool:
    """Whether spaces stand between the words."""
    return primary(language) not in WITHOUT_WORD_SPACES
