"""Long lines into sentences: a network that learned from sentences translates sentences."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import pairwise

# After a full stop and the quotes or brackets that close with it; Latin full stops only before a space.
_ENDS = re.compile(r"(?<=[。！？；…])[”’」』）]*|(?<=[.!?;])[\"')\]]*(?=\s)|(?<=[，、])|(?<=,)(?!\d)")
_MOST_OF_ONE_CHARACTER = 18  # characters that NFKC makes of one (U+FDFA)


def split_long(text: str, longest: int, count: Callable[[str], int]) -> list[str]:
    """The text as parts of at most ``longest`` pieces, cut where sentences end, else at commas, spaces or anywhere.

    Args:
        count: how many pieces a text has.

    A text that is short enough comes back whole; nothing is lost: the parts together are the text, but for spaces
    where it was cut.
    """
    text = text.strip()
    if len(text) * _MOST_OF_ONE_CHARACTER < longest or count(text) <= longest:
        return [text]
    room = max(1, longest // 2)  # a piece is rarely less than a character
    parts: list[str] = []
    for clause in _cut(text, room):
        if parts and len(parts[-1]) + len(clause) <= room and not _ends_sentence(parts[-1]):
            parts[-1] += clause
        else:
            parts.append(clause)
    return [fitting for part in parts if part.strip() for fitting in _fitting(part.strip(), longest, count)]


def _cut(text: str, room: int) -> Iterator[str]:
    """At every place where one may cut; where there is none for ``room`` characters, at the last space, or there."""
    places = [0, *(match.end() for match in _ENDS.finditer(text)), len(text)]
    for start, end in pairwise(places):
        while end - start > room:
            space = text.rfind(" ", start + 1, start + room)
            cut = space if space > 0 else start + room
            yield text[start:cut]
            start = cut
        if start < end:
            yield text[start:end]


def _fitting(part: str, longest: int, count: Callable[[str], int]) -> list[str]:
    """The part itself; halves where rules of normalisation make many pieces of its characters."""
    if len(part) == 1 or count(part) <= longest:
        return [part]
    middle = len(part) // 2
    halves = part[:middle].strip(), part[middle:].strip()
    return [fitting for half in halves if half for fitting in _fitting(half, longest, count)]


def _ends_sentence(text: str) -> bool:
    return text.rstrip()[-1:] in "。！？.!?"
