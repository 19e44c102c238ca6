"""Decoding speed against MarianMTModel.generate and CTranslate2: sentences a second, on equal weights, in one run.

A translator of the default sizes that normalises after each sub-layer, as Marian does, is trained once for four minutes
(runs/benchmark-decoding), and the others get its weights (equal_weights.py). All translate the same sentences of its
held-out Tatoeba test, from source pieces to target pieces (cutting and joining text is left out for all), by turns,
with greedy search and a beam of 5, in batches of 1 and of 32; for batches of 32 the sentences are sorted by length, as
each library's own batching does. ``generate`` runs in float32 and bfloat16, CTranslate2 with all threads for one batch
and with parts of the batch side by side; the better one counts. CTranslate2's int8 is for information. What is equal
and what differs in the search: decoders.py.

    make benchmark-decoding          (or: python benchmarks/decoding_against_peers.py --run RUN --rounds 3)
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark import Figure, main
from decoders import OURS, Decode, Rows, decoders
from turns import by_turns, fastest, median_ratio

from congling.learning.runs import Run
from congling.tasks.translation.data import load_examples
from congling.tasks.translation.translator import Translator

RUN = Path("runs/benchmark-decoding")
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


def compare(setting: Setting, ways: dict[str, Decode], rows: Rows, rounds: int) -> tuple[list[Figure], dict[str, Any]]:
    """All ways on the same batches, by turns, the first round to warm up."""
    rows = sorted(rows, key=len) if setting.batch > 1 else rows
    batches = [rows[start : start + setting.batch] for start in range(0, len(rows), setting.batch)]
    outputs: dict[str, Rows] = {name: [] for name in ways}

    def turn(name: str) -> Callable[[Rows], None]:
        return lambda batch: outputs[name].extend(ways[name](batch, setting.beam))

    seconds = by_turns({name: turn(name) for name in ways}, batches * (rounds + 1), warm_up=len(batches))
    by_round = {name: sums(taken, len(batches)) for name, taken in seconds.items()}
    first = {name: found[: len(rows)] for name, found in outputs.items()}
    rates = {name: len(rows) / statistics.median(taken) for name, taken in by_round.items()}
    pieces = {name: mean_length(found) for name, found in first.items()}
    details = {"sentences/s": rates, "pieces a sentence": pieces, "sentences": len(rows), "rounds": rounds}
    details["outputs identical to ours"] = {name: identical(first[OURS], found) for name, found in first.items()}
    return figures_of(setting, by_round, rates, first), details


def sums(values: Sequence[float], each: int) -> list[float]:
    """The sum of every ``each`` values in a row."""
    return [sum(values[start : start + each]) for start in range(0, len(values), each)]


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
    translator = Translator.load(run, device="cpu")
    examples = load_examples(run.file("data/test.jsonl"))[: given.sentences]
    rows = [row for row in translator.source_tokenizer.encode_all([each.source for each in examples]) if row]
    figures, details = list[Figure](), dict[str, Any]()
    with tempfile.TemporaryDirectory() as folder:
        ways = decoders(translator, Path(folder))
        for setting in SETTINGS:
            some = rows if setting.batch > 1 else rows[::3]
            found, behind = compare(setting, ways, some, given.rounds)
            figures += found
            details[str(setting)] = behind
    return figures, details


if __name__ == "__main__":
    main(__doc__, arguments, measure)
