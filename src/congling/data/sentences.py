"""Long lines into sentences: a network that learned from sentences translates sentences."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise

# After a full stop and the quotes or brackets that close with it; Latin full stops only before a space.
_ENDS = re.compile(r"(?<=[。！？；…])[”’」』）]*|(?<=[.!?;])[\"')\]]*(?=\s)|(?<=[，、,])")


def split_long(text: str, longest: int, count: Callable[[str], int]) -> list[str]:
    """The text as parts of at most ``longest`` pieces, cut where sentences end, else at commas, else anywhere.

    Args:
        count: how many pieces a text has.

    A text that is short enough comes back whole; nothing is lost: the parts together are the text, but for spaces
    where it was cut.
    """
    text = text.strip()
    if len(text) <= longest // 4 or count(text) <= longest:
        return [text]
    parts: list[str] = []
    for sentence in _cut(text, longest):
        if parts and len(parts[-1]) + len(sentence) <= longest // 2 and not _ends_sentence(parts[-1]):
            parts[-1] += sentence
        else:
            parts.append(sentence)
    return [part.strip() for part in parts if part.strip()]


def _cut(text: str, longest: int) -> list[str]:
    """At every place where one may cut, and hard after ``longest // 2`` characters where there is none.

    A piece is rarely less than a character, but rules of normalisation may make several of one: half is safe.
    """
    room = max(1, longest // 2)
    places = [0, *(match.end() for match in _ENDS.finditer(text)), len(text)]
    sentences = [text[start:end] for start, end in pairwise(places) if start < end]
    return [sentence[start : start + room] for sentence in sentences for start in range(0, len(sentence), room)]


def _ends_sentence(text: str) -> bool:
    return text.rstrip()[-1:] in "。！？.!?"
