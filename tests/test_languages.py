"""Languages by their codes: scripts, regions and other names of a language do not change its rules."""

from __future__ import annotations

import pytest

from congling.data.text.languages import direction_of, primary, words_are_separated, written_without_spaces


@pytest.mark.parametrize(
    ("code", "language"),
    [
        ("zh", "zh"),
        ("zh-Hant", "zh"),
        ("ZH_cn", "zh"),
        ("cmn", "zh"),
        ("yue-HK", "zh"),
        ("ja-JP", "ja"),
        ("jpn", "ja"),
        ("en", "en"),
        ("eng", "en"),
        ("de-CH", "de"),
        ("und", "und"),
    ],
)
def test_primary_language(code: str, language: str) -> None:
    """Guards against zh-Hant or cmn that is learned, joined or scored as if it were English."""
    assert primary(code) == language


@pytest.mark.parametrize(
    ("code", "without_spaces", "separated"),
    [("zh-Hant", True, False), ("cmn", True, False), ("ja-JP", True, False), ("th", False, False), ("en", False, True)],
)
def test_spaces(code: str, without_spaces: bool, separated: bool) -> None:
    """Guards against spaces between Chinese sentences, none between Thai ones, and Thai words cut at spaces."""
    assert written_without_spaces(code) is without_spaces
    assert words_are_separated(code) is separated


@pytest.mark.parametrize(
    ("text", "languages"),
    [
        ("zh-en", ("zh", "en")),
        ("EN-ZH", ("EN", "ZH")),
        ("zh-Hant-en", ("zh-Hant", "en")),
        ("en-zh-Hant", ("en", "zh-Hant")),
        ("zh-Hant-TW-en-US", ("zh-Hant-TW", "en-US")),
        ("zh_Hant-yue_HK", ("zh_Hant", "yue_HK")),
        ("en-us-zh", None),
        ("zh-Hant", None),
        ("zh-Hans-CN", None),
        ("zh", None),
        ("zh-", None),
        ("-zh", None),
        ("zh--en", None),
    ],
)
def test_directions(text: str, languages: tuple[str, str] | None) -> None:
    """Guards against zh-Hant-en that is cut at its first hyphen, into zh and a language Hant-en."""
    assert direction_of(text) == languages
