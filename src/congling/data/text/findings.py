"""The findings of a check: how often each kind of trouble occurs, and the first lines that show it."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from congling.data.text.lines import raw_lines

EXAMPLES = 3
EXCERPT = 60  # characters
ERRORS = ("unequal_counts", "not_utf8")
KINDS = (
    *ERRORS,
    "empty",
    "repeated_pairs",
    "identical_sides",
    "length_ratio",
    "wrong_script",
    "over_long",
    "outer_spaces",
    "crlf",
    "carriage_return",
    "line_separator",
    "control_character",
    "test_source_in_train",
    "test_target_in_train",
)
"""Every kind of finding, in the order of the report; the first two make the files unusable."""


@dataclass(frozen=True)
class Place:
    """A line that shows a finding: the file, the number of the line from 1, and its beginning."""

    path: str
    line: int
    text: str


@dataclass(frozen=True)
class Finding:
    """One kind of trouble: how often, and the first places."""

    kind: str
    error: bool
    count: int
    examples: list[Place]


class Findings:
    """Counts of each kind and the line numbers of the first few."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.places: dict[str, list[tuple[Path, int]]] = {}

    def add(self, kind: str, path: Path, line: int) -> None:
        self.counts[kind] += 1
        if len(places := self.places.setdefault(kind, [])) < EXAMPLES:
            places.append((path, line))

    def finish(self) -> list[Finding]:
        wanted = {place for places in self.places.values() for place in places}
        texts = dict(_excerpts(wanted))
        return [
            Finding(kind, kind in ERRORS, self.counts[kind], [_place(at, texts) for at in self.places[kind]])
            for kind in KINDS
            if self.counts[kind]
        ]


def _excerpts(wanted: set[tuple[Path, int]]) -> Iterator[tuple[tuple[Path, int], str]]:
    for path in {path for path, _line in wanted}:
        numbers = {line for where, line in wanted if where == path}
        for number, raw in enumerate(itertools.islice(raw_lines(path), max(numbers)), start=1):
            if number in numbers:
                yield (path, number), _excerpt(raw)


def _excerpt(raw: bytes) -> str:
    """The beginning of a line in which nothing is invisible."""
    text = raw[: 4 * EXCERPT + 4].decode("utf-8", errors="backslashreplace")
    text = text[:EXCERPT] + ("…" if len(text) > EXCERPT or len(raw) > 4 * EXCERPT + 4 else "")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def _place(at: tuple[Path, int], texts: Mapping[tuple[Path, int], str]) -> Place:
    path, line = at
    return Place(str(path), line, texts[at])
