"""What may be wrong with parallel files, counted, with the first examples of each kind.

One pass reads both files and keeps sixteen bytes of a pair; what depends on the whole corpus (its usual length ratio,
its scripts, its repetitions) is judged at the end. The few lines that are shown are then read again.
"""

from __future__ import annotations

import itertools
import re
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from congling.data.text.findings import Finding, Findings
from congling.data.text.lines import raw_lines
from congling.data.text.scripts import RANGES, count_scripts, dominant, weighted
from congling.data.text.splits import key_of, normalised, occurred_before
from congling.errors import UserError
from congling.language import _

RATIO = 3.0  # times the corpus' own length ratio, either way
SMOOTHING = 5.0  # characters: "Yes." may well be a whole clause in another language
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]")
_SEPARATOR = re.compile("[\x85\u2028\u2029]")
_SCRIPTS = ("", *RANGES)
_TOGETHER: Mapping[str, tuple[str, ...]] = {"Kana": ("Han",), "Han": ("Kana",)}


@dataclass(frozen=True)
class Side:
    """One file as a whole; ``script`` is the one that carries most of it, None without letters."""

    path: str
    lines: int
    characters: int
    script: str | None


@dataclass(frozen=True)
class Report:
    """The outcome of ``check_parallel``: what the files are, and the kinds of findings that occur, errors first.

    ``characters_per_source_character`` is the corpus' median length ratio.
    """

    source: Side
    target: Side
    characters_per_source_character: float
    findings: list[Finding]

    @property
    def usable(self) -> bool:
        """Whether no finding is an error."""
        return not any(finding.error for finding in self.findings)


def check_parallel(
    source: Path,
    target: Path,
    test_source: Path | None = None,
    test_target: Path | None = None,
    max_characters: int = 2_000,
) -> Report:
    """Check two files of which line n translates line n.

    Args:
        source, target: text files, UTF-8, also with .gz.
        test_source, test_target: sentences that ought not to occur on the same side of the training files.
        max_characters: a longer line is over-long.

    Raises:
        UserError: a file is missing, empty, a folder, or a pipe (the files are read twice).
    """
    paths = [path for path in (source, target, test_source, test_target) if path is not None]
    for path in paths:
        if path.exists() and not path.is_dir() and not path.is_file():
            raise UserError(_("{path} can be read only once; check needs a file").format(path=path))
    findings = Findings()
    sides = _Reading(source, findings, max_characters), _Reading(target, findings, max_characters)
    tests = _Held(test_source, "source"), _Held(test_target, "target")
    pair_keys = array("Q")
    lines = itertools.zip_longest(raw_lines(source), raw_lines(target))
    for number, raws in enumerate(lines, start=1):
        texts = [side.read(number, raw) for side, raw in zip(sides, raws, strict=True) if raw is not None]
        for held, text in zip(tests, texts, strict=False):
            held.look_for(text)
        if len(texts) == 2:
            _check_pair(findings, source, number, texts[0], texts[1])
            pair_keys.append(key_of("pair", "\0".join(texts)))
    ratio = _check_corpus(findings, sides, pair_keys)
    for held in tests:
        held.report(findings)
    return Report(sides[0].summary(), sides[1].summary(), ratio, findings.finish())


@dataclass
class _Reading:
    """What is gathered of one file on the way through it."""

    path: Path
    findings: Findings
    max_characters: int
    lengths: array[int] = field(default_factory=lambda: array("I"))
    scripts: array[int] = field(default_factory=lambda: array("B"))
    letters: Counter[str] = field(default_factory=Counter)

    def read(self, number: int, raw: bytes) -> str:
        """Check one line by itself; the text as training would see it."""
        text = raw.decode("utf-8", errors="replace")
        text = text.removeprefix("\ufeff") if number == 1 else text
        for kind in _line_kinds(raw, text, self.max_characters):
            self.findings.add(kind, self.path, number)
        stripped, letters = text.strip(), count_scripts(text)
        self.lengths.append(len(stripped))
        self.scripts.append(_SCRIPTS.index(_clear_script(letters)))
        self.letters.update(letters)
        return stripped

    def wrong_scripts(self) -> NDArray[np.int64]:
        """The indices of the lines whose script is not the file's."""
        main = dominant(self.letters)
        if main is None:
            return np.empty(0, dtype=np.int64)
        right = [_SCRIPTS.index(script) for script in ("", main, *_TOGETHER.get(main, ()))]
        return np.flatnonzero(~np.isin(np.frombuffer(self.scripts, dtype=np.uint8), right))

    def summary(self) -> Side:
        return Side(str(self.path), len(self.lengths), sum(self.lengths), dominant(self.letters))


class _Held:
    """The sentences of one side of the test set, and which of them were met in training."""

    def __init__(self, path: Path | None, side: str) -> None:
        self.path, self.kind = path, f"test_{side}_in_train"
        self.lines: dict[str, list[int]] = {}
        self.met: set[str] = set()
        for number, raw in enumerate(raw_lines(path) if path is not None else (), start=1):
            text = normalised(raw.decode("utf-8", errors="replace").removeprefix("\ufeff"))
            if text:
                self.lines.setdefault(text, []).append(number)

    def look_for(self, text: str) -> None:
        if self.lines and (key := normalised(text)) in self.lines:
            self.met.add(key)

    def report(self, findings: Findings) -> None:
        for number in sorted(number for key in self.met for number in self.lines[key]):
            assert self.path is not None
            findings.add(self.kind, self.path, number)


def _clear_script(letters: Mapping[str, int]) -> str:
    """The script that carries three quarters of a line; "" where none does: names and terms are foreign everywhere."""
    weighed = weighted(letters)
    script = max(weighed, key=weighed.__getitem__, default="")
    return script if script and 4 * weighed[script] >= 3 * sum(weighed.values()) else ""


def _line_kinds(raw: bytes, text: str, max_characters: int) -> Iterator[str]:
    if "\ufffd" in text and not _is_utf8(raw):
        yield "not_utf8"
    inner = text.removesuffix("\r")
    if inner != text:
        yield "crlf"
    if "\r" in inner:
        yield "carriage_return"
    if _SEPARATOR.search(inner):
        yield "line_separator"
    if _CONTROL.search(inner):
        yield "control_character"
    stripped = inner.strip()
    if not stripped:
        yield "empty"
    elif stripped != inner:
        yield "outer_spaces"
    if len(inner) > max_characters:
        yield "over_long"


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _check_pair(findings: Findings, path: Path, number: int, source: str, target: str) -> None:
    if source and source == target:
        findings.add("identical_sides", path, number)


def _check_corpus(findings: Findings, sides: tuple[_Reading, _Reading], pair_keys: array[int]) -> float:
    """Judge what needs the whole corpus; the median length ratio."""
    source, target = sides
    if len(source.lengths) != len(target.lengths):
        longer = max(sides, key=lambda side: len(side.lengths))
        findings.add("unequal_counts", longer.path, 1 + min(len(side.lengths) for side in sides))
    for index in np.flatnonzero(occurred_before(np.frombuffer(pair_keys, dtype=np.uint64))).tolist():
        findings.add("repeated_pairs", source.path, index + 1)
    for side in sides:
        for index in side.wrong_scripts().tolist():
            findings.add("wrong_script", side.path, index + 1)
    ratio, odd = _odd_ratios(*(np.array(side.lengths[: len(pair_keys)], dtype=np.float64) for side in sides))
    for index in odd.tolist():
        findings.add("length_ratio", source.path, index + 1)
    return ratio


def _odd_ratios(sources: NDArray[np.float64], targets: NDArray[np.float64]) -> tuple[float, NDArray[np.int64]]:
    """The median of target over source length, and the pairs that are far from it; empty sides are not judged.

    With the median m, a pair of lengths s and t is judged by (t + 5m) / (m (s + 5)): 1 where t = m s, and near 1 for
    short sentences whatever they are.
    """
    full = (sources > 0) & (targets > 0)
    if not full.any():
        return 1.0, np.empty(0, dtype=np.int64)
    median = float(np.median(targets[full] / sources[full]))
    relative = (targets + SMOOTHING * median) / (median * (sources + SMOOTHING))
    return median, np.flatnonzero(full & ((relative > RATIO) | (relative < 1 / RATIO)))
