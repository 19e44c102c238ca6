"""Cutting long lines: nothing lost, nothing too long, and cut where a reader would cut."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from congling.data.text.sentences import split_long

LONGEST = 23
_PIECES_OF = {"ﷺ": 18, "㌀": 5, "½": 3}  # as NFKC makes of them


def count(text: str) -> int:
    """A tokenizer at its worst: a piece for each character, and several for some."""
    return sum(_PIECES_OF.get(character, 1) for character in text)


def squeezed(text: str) -> str:
    return "".join(text.split())


TEXTS = st.text(st.sampled_from("我们好ab1 ,.。！？，、；…”)'\"\n\t\u3000ﷺ㌀½😀"), max_size=300) | st.text(max_size=120)


@given(TEXTS)
@example("ﷺ" * 7)
@example("好" * 300)
@example(" ," * 60)
def test_nothing_is_lost_and_nothing_is_too_long(text: str) -> None:
    """Guards against characters that vanish at a cut, and parts that the network was never meant to read."""
    parts = split_long(text, LONGEST, count)
    assert squeezed("".join(parts)) == squeezed(text)
    assert all(count(part) <= LONGEST for part in parts)
    assert all(part == part.strip() for part in parts)
    assert "" not in parts or parts == [""]


@given(TEXTS)
def test_a_short_text_comes_back_whole(text: str) -> None:
    """Guards against cutting what needs no cut: the network does better with the whole sentence."""
    if count(text.strip()) <= LONGEST:
        assert split_long(text, LONGEST, count) == [text.strip()]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("我们今天去学校。你们明天也去吗？他们两个人都说：“不去。”她一个人走了很远。", 4),
        ("We went home. You stayed (all). Nobody came.", 3),
    ],
)
def test_cuts_fall_between_sentences(text: str, parts: int) -> None:
    """Guards against cuts inside a sentence where its end is near, and before the quotation mark that closes it."""
    found = split_long(text, 40, lambda part: 2 * len(part))
    assert len(found) == parts
    assert all(part[-1] in "。？.”" for part in found)


def test_cuts_without_punctuation_fall_between_words() -> None:
    """Guards against words that are cut in two where a space is near."""
    words = ("bread fish salt " * 20).split()
    parts = split_long(" ".join(words), LONGEST, count)
    assert len(parts) > 5
    assert [word for part in parts for word in part.split()] == words


def test_numbers_stay_whole() -> None:
    """Guards against a cut at the comma that groups the digits of a number."""
    parts = split_long("he paid 1,234,567 and, again, 7,654,321 for it", 30, lambda part: 2 * len(part))
    assert len(parts) > 2
    assert all(any(number in part for part in parts) for number in ("1,234,567", "7,654,321"))


@pytest.mark.parametrize("text", ["", "   ", "\n\t\u3000"])
def test_nothing_stays_nothing(text: str) -> None:
    """Guards against an empty line that becomes no line at all."""
    assert split_long(text, LONGEST, count) == [""]


def test_ten_megabytes_take_no_quadratic_time() -> None:
    """Guards against copying the rest of the line at every cut: 10 MB would take hours; it takes a second or two."""
    text = "ab cd " * (10 * 2**20 // 6)
    begun = time.perf_counter()
    parts = split_long(text, 256, len)
    assert time.perf_counter() - begun < 60
    assert sum(map(len, (part.replace(" ", "") for part in parts))) == 4 * (10 * 2**20 // 6)
