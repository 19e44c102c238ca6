"""Decoding speed against MarianMTModel.generate and CTranslate2: sentences a second, on equal weights, in one run.

A translator of the default sizes that normalises after each sub-layer, as Marian does, is trained once for four minutes
(runs/benchmark-decoding), and the others get its weights (equal_weights.py). All translate the same sentences of its
held-out Tatoeba test, from source pieces to target pieces (cutting and joining text is left out for all), with greedy
search and a beam of 5, in batches of 1 and of 32. Each library has a process of its own; they take turns, a turn being
all of the sentences. For batches of 32 these are sorted by length, as each library's own batching does. ``generate``
runs in float32 and bfloat16, CTranslate2 with all threads for one batch and with parts of the batch side by side; the
better one counts. CTranslate2's int8 is for information. What is equal and what differs in the search: decoders.py.

    make benchmark-decoding          (or: python benchmarks/decoding_against_peers.py --run RUN --rounds 3)
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from apart import Apart
from benchmark import Figure, main
from decoders import OURS, Rows, decoder, names
from turns import by_turns, fastest, median_ratio

from congling.data.text.tokenizers import Tokenizer
from congling.learning.runs import Run
from congling.tasks.translation.data import load_examples

RUN = Path("runs/benchmark-decoding")
WARM_UP = 2  # turns: ours compiles after some steps
TRAINING = ["--norm", "post", "--warmup-steps", "400", "--minutes", "4"]
PEERS = {"generate": "≥ 5", "ctranslate2 float32": "", "ctranslate2 int8": ""}


@dataclass(frozen=True)
class Setting:
    """One way to search and to batch."""

    beam: int
    batch: int

    def __str__(self) -> str:
        return f"{'greedy' if self.beam == 1 else f'beam {self.beam}'}, batches of {self.batch}"


SETTINGS = (Setting(1, 1), Setting(1, 32), Setting(5, 1), Setting(5, 32))


def trained(path: Path) -> Run:
    """The run, trained now if it is not there yet."""
    if not path.exists():
        command = [sys.executable, "-m", "congling", "train", "translation", *TRAINING, "--run", str(path)]
        subprocess.run(command, check=True, stdout=sys.stderr)
    return Run.open(path)


@dataclass(frozen=True)
class Round:
    """What is done in a turn: all batches, searched in one way."""

    beam: int
    batches: list[Rows]


def way(name: str, run: Path, folder: Path) -> Callable[[Round], Rows]:
    """One library's way through a round."""
    decode = decoder(name, run, folder)

    def through(round: Round) -> Rows:
        return [row for batch in round.batches for row in decode(batch, round.beam)]

    return through


def round_of(setting: Setting, rows: Rows) -> Round:
    """The sentences in the setting's batches; one by one it is every third of them."""
    rows = sorted(rows, key=len) if setting.batch > 1 else rows[::3]
    return Round(setting.beam, [rows[start : start + setting.batch] for start in range(0, len(rows), setting.batch)])


def compare(
    setting: Setting, number: int, ways: dict[str, Apart[Round]], count: int, rounds: int
) -> tuple[list[Figure], dict[str, Any]]:
    """All ways through round ``number``, again and again, the first two times to warm up."""
    outputs: dict[str, Rows] = {}

    def turn(name: str) -> Callable[[int], None]:
        return lambda number: outputs.__setitem__(name, ways[name](number))

    seconds = by_turns({name: turn(name) for name in ways}, [number] * (rounds + WARM_UP), WARM_UP)
    rates = {name: count / statistics.median(taken) for name, taken in seconds.items()}
    pieces = {name: mean_length(found) for name, found in outputs.items()}
    details = {"sentences/s": rates, "pieces a sentence": pieces, "sentences": count, "rounds": rounds}
    details["outputs identical to ours"] = {name: identical(outputs[OURS], found) for name, found in outputs.items()}
    return figures_of(setting, seconds, rates, outputs), details


def identical(outputs: Rows, others: Rows) -> int:
    """How many are the same."""
    return sum(one == other for one, other in zip(outputs, others, strict=True))


def mean_length(outputs: Rows) -> float:
    """Pieces of a sentence."""
    return sum(map(len, outputs)) / len(outputs)


def figures_of(
    setting: Setting, seconds: dict[str, list[float]], rates: dict[str, float], outputs: dict[str, Rows]
) -> list[Figure]:
    """Ours against the better precision of each peer, and how many outputs are the same."""
    figures = [Figure(f"decoding, {setting}: congling", rates[OURS], "sentences/s")]
    for peer, bar in PEERS.items():
        best = fastest(seconds, [name for name in seconds if name.startswith(peer)])
        same = identical(outputs[OURS], outputs[best])
        note = f"{rates[OURS]:,.1f} against {rates[best]:,.1f} sentences/s; "
        note += f"{mean_length(outputs[OURS]):.1f} against {mean_length(outputs[best]):.1f} pieces a sentence, "
        note += f"{same} of {len(outputs[OURS])} outputs identical"
        ratio = median_ratio(seconds[best], seconds[OURS])
        figures.append(Figure(f"decoding, {setting}: congling / {best}", ratio, "×", bar, note))
    return figures


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--run", type=Path, default=RUN, help="a translator that was trained with --norm post")
    parser.add_argument("--sentences", type=int, default=96, help="of the test; in batches of 1 a third of them")
    parser.add_argument("--rounds", type=int, default=5)


def measure(given: argparse.Namespace) -> tuple[list[Figure], dict[str, Any]]:
    run = trained(given.run)
    tokenizer = Tokenizer.load(run.file("source.model"))
    examples = load_examples(run.file("data/test.jsonl"))[: given.sentences]
    rows = [row for row in tokenizer.encode_all([each.source for each in examples]) if row]
    work, threads = [round_of(setting, rows) for setting in SETTINGS], torch.get_num_threads()
    figures, details = list[Figure](), dict[str, Any]()
    with tempfile.TemporaryDirectory() as folder:
        ways = {name: Apart(partial(way, name, run.path, Path(folder)), work, threads) for name in names(threads)}
        for number, setting in enumerate(SETTINGS):
            count = sum(map(len, work[number].batches))
            found, behind = compare(setting, number, ways, count, given.rounds)
            figures += found
            details[str(setting)] = behind
        for each in ways.values():
            each.end()
    return figures, details


if __name__ == "__main__":
    main(__doc__, arguments, measure)
