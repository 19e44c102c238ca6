"""Writing systems: which scripts a text is written in, by counting the characters of each.

A Chinese or Japanese character carries about as much as half a word, so it weighs as much as three letters:
"我在用 JavaScript 写程序" is Chinese.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

RANGES: Mapping[str, str] = {
    "Latin": r"A-Za-z\xaa\xba\xc0-\xd6\xd8-\xf6\xf8-\u024f\u1e00-\u1eff\uff21-\uff3a\uff41-\uff5a",
    "Han": r"\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff",
    "Kana": r"\u3041-\u3096\u30a1-\u30fa\u30fc\u31f0-\u31ff\uff66-\uff9d",
    "Hangul": r"\u1100-\u11ff\u3131-\u318e\uac00-\ud7a3",
    "Cyrillic": r"\u0400-\u052f",
    "Greek": r"\u0370-\u03ff\u1f00-\u1fff",
    "Arabic": r"\u0621-\u064a\u066e-\u06d3\u0750-\u077f",
    "Hebrew": r"\u05d0-\u05ea",
    "Devanagari": r"\u0904-\u0961",
    "Thai": r"\u0e01-\u0e46",
}
"""Script -> its letters, as the inside of a character class; escaped, since some characters normalise into others."""

WEIGHTS: Mapping[str, int] = {"Han": 3, "Kana": 3, "Hangul": 3}
"""How many letters one character of the script stands for; 1 where nothing is said."""

_RUNS = re.compile("|".join(f"(?P<{script}>[{letters}]+)" for script, letters in RANGES.items()))


def count_scripts(text: str) -> Counter[str]:
    """How many characters of each script the text holds; digits, signs and spaces belong to none."""
    counts: Counter[str] = Counter()
    for run in _RUNS.finditer(text):
        counts[str(run.lastgroup)] += run.end() - run.start()
    return counts


def dominant_script(text: str) -> str | None:
    """The script that carries most of the text; None where it holds no letter of a script in ``RANGES``."""
    return dominant(count_scripts(text))


def dominant(counts: Mapping[str, int]) -> str | None:
    """The script with the largest weighted count; the first in ``RANGES`` of equals."""
    weighed = weighted(counts)
    return max(weighed, key=weighed.__getitem__) if weighed else None


def weighted(counts: Mapping[str, int]) -> dict[str, int]:
    """The counts of the scripts that occur, in letters, in the order of ``RANGES``."""
    return {script: counts[script] * WEIGHTS.get(script, 1) for script in RANGES if counts.get(script)}
