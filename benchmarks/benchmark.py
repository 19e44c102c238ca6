"""What the benchmarks share: figures with their bars, the machine's name, and one way to start and to end.

A benchmark is a module with ``arguments(parser)``, which adds its options, and ``measure(given)``, which gives its
figures and the details behind them. Started alone it prints both, the last line as JSON; ``run.py`` starts many and
keeps what they print.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.metadata
import json
import os
import platform
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

Measure = Callable[[argparse.Namespace], tuple[list["Figure"], dict[str, Any]]]
PACKAGES = ("torch", "transformers", "ctranslate2", "gensim", "numpy", "numba")


@dataclass(frozen=True)
class Figure:
    """One number that was measured.

    Attributes:
        what: what it is, as a row of a table says it.
        value: in ``unit``; a ratio has the unit "×".
        bar: what it ought to be, such as "≥ 2"; empty for what is only reported.
        note: what a reader must know beside it: the two rates of a ratio, the number of pairs.
    """

    what: str
    value: float
    unit: str
    bar: str = ""
    note: str = ""

    def kept(self) -> bool | None:
        """Whether the bar is kept; None where there is none."""
        if not self.bar:
            return None
        sign, bar = self.bar.split(" ", 1)
        limit = float(bar.split(" ", 1)[0].replace(",", ""))
        return self.value >= limit if sign == "≥" else self.value <= limit

    def value_text(self) -> str:
        """The number, as precise as it is worth, with its unit."""
        size = abs(self.value)
        digits = 0 if size >= 1000 else 1 if size >= 100 else 2 if size >= 1 else 3
        return f"{self.value:,.{digits}f} {self.unit}".strip()


def main(text: str | None, arguments: Callable[[argparse.ArgumentParser], None], measure: Measure) -> None:
    """Start a benchmark alone: read its options, measure, print."""
    parser = argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=None, help="by default all processors that it may use")
    arguments(parser)
    given = parser.parse_args()
    threads = settle(given.threads)
    figures, details = measure(given)
    say(figures, details, threads)


def settle(threads: int | None) -> int:
    """Let this process compute as our trainer would, peers too: so many threads, memory kept. Gives their number."""
    from congling.learning.memory import keep_freed_memory
    from congling.learning.threads import use_threads

    keep_freed_memory()
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "1024")  # oneDNN's own: peers come in many shapes
    return use_threads(threads)


def say(figures: Sequence[Figure], details: dict[str, Any], threads: int) -> None:
    """Print the figures one below the other, then everything as one line of JSON."""
    for each in figures:
        verdict = {True: "kept", False: "missed", None: ""}[each.kept()]
        bar = f"   {each.bar}: {verdict}" if each.bar else ""
        note = f"   ({each.note})" if each.note else ""
        print(f"{each.what}: {each.value_text()}{bar}{note}")
    record = {"figures": [asdict(each) for each in figures], "machine": machine(threads), "details": details}
    print(json.dumps(record, ensure_ascii=False), flush=True)


def machine(threads: int) -> dict[str, Any]:
    """What the figures hang on: processor, threads and versions."""
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[package] = importlib.metadata.version(package)
    return {"processor": processor(), "threads": threads, "system": platform.system(), "versions": versions}


def processor() -> str:
    """What the processor calls itself."""
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
    return platform.processor() or platform.machine()
