"""How long a command takes before its work begins: `congling --help`, and the translation of one sentence.

Whole processes, from the start to the end, as a user waits for them; the medians of several, taken by turns, with the
files in the system's cache. For the translation a small translator of the default sizes is trained for a few steps
first (its weights are poor, their number is what counts), or ``--run`` names one. ``import torch`` alone takes part:
it is the floor. What is imported on the way stands in the details, the slowest modules first.

    python benchmarks/start_times.py                     (or: … --run runs/translation --rounds 15)
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmark import Figure, main

SENTENCE = "我爱你\n"
TRAINING = "--steps 3 --validations 1 --valid-size 50 --test-size 50"
CONGLING = [sys.executable, "-m", "congling"]
IMPORTED = re.compile(r"import time:\s+\d+ \|\s+(\d+) \| (\s*)(\S+)")  # µs with all that it imports, depth, module


def seconds_of(command: list[str], written: str = "") -> float:
    """From the start of a process to its end."""
    begun = time.perf_counter()
    subprocess.run(command, input=written, encoding="utf-8", stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - begun


def by_turns(commands: dict[str, tuple[list[str], str]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each command in each round, after one that does not count: it fills the system's cache."""
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(rounds + 1):
        for name, (command, written) in commands.items():
            taken = seconds_of(command, written)
            if number:
                seconds[name].append(taken)
    return seconds


def slowest_imports(command: list[str], written: str, count: int = 12) -> dict[str, float]:
    """Milliseconds of the modules that the process itself imports, with all that they import in turn."""
    timed = [command[0], "-X", "importtime", *command[1:]]
    done = subprocess.run(timed, input=written, encoding="utf-8", stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    found = IMPORTED.findall(done.stderr)
    outermost = {module: int(taken) / 1000 for taken, indent, module in found if len(indent) <= 2}
    return dict(sorted(outermost.items(), key=lambda each: -each[1])[:count])


def train_one(folder: Path) -> Path:
    """A translator of the default sizes, trained for no time at all."""
    run = folder / "run"
    subprocess.run(
        [*CONGLING, "train", "translation", "--run", str(run), *shlex.split(TRAINING)], check=True, capture_output=True
    )
    return run


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--run", type=Path, default=None, help="a trained translation; by default one is made")


def measure(given: argparse.Namespace) -> tuple[list[Figure], dict[str, Any]]:
    os.environ["CONGLING_LANGUAGE"] = "en"
    with tempfile.TemporaryDirectory() as folder:
        run = given.run or train_one(Path(folder))
        translating = [*CONGLING, "translate", str(run)]
        commands = {
            "help": ([*CONGLING, "--help"], ""),
            "translate": (translating, SENTENCE),
            "torch": ([sys.executable, "-c", "import torch"], ""),
        }
        seconds = by_turns(commands, given.rounds)
        imports = {name: slowest_imports(*commands[name]) for name in ("help", "translate")}
    medians = {name: statistics.median(taken) for name, taken in seconds.items()}
    many = f"whole process, median of {given.rounds}"
    figures = [
        Figure("start of congling --help", medians["help"], "s", "≤ 0.3", many),
        Figure("translating one sentence, beam 5", medians["translate"], "s", "≤ 2.5", many),
        Figure("python -c 'import torch', for comparison", medians["torch"], "s", note=many),
    ]
    return figures, {"seconds": seconds, "imports, ms": imports}


if __name__ == "__main__":
    main(__doc__, arguments, measure)
