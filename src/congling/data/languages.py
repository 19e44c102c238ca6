"""What is known of a language by its code: which language it is, and whether it is written with spaces.

Codes are those of BCP 47 (``zh``, ``zh-Hant``, ``ja-JP``), an underscore or capitals do no harm, and the three-letter
codes that corpora use (``cmn``, ``jpn``, ``eng``) mean the same languages.
"""

from __future__ import annotations

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


def written_without_spaces(language: str) -> bool:
    """Whether no space stands anywhere, not even between sentences; Thai has spaces there."""
    return primary(language) in WITHOUT_SPACES


def words_are_separated(language: str) -> bool:
    """Whether spaces stand between the words."""
    return primary(language) not in WITHOUT_WORD_SPACES
