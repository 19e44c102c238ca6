"""The search for the translator's defaults: trials of the same minutes, compared by validation, never by the test set.

Each trial is ``congling train translation`` with some options of its own, by default on Tatoeba. The scores are those
of the last validation: the loss in nats a target token, and BLEU of some greedy translations. One JSON line a trial.

    python tools/search_defaults.py --minutes 4 -- "" "--learning-rate 3e-3" "--batch-tokens 4096"
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path


def trial(options: str, minutes: float, threads: int) -> dict[str, object]:
    """Train with these options and read the last validation."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        command = [sys.executable, "-m", "congling", "train", "translation", "--run", str(run)]
        command += ["--minutes", str(minutes), "--threads", str(threads), "--validations", "2", *shlex.split(options)]
        done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8")
        if done.returncode:
            return {"options": options, "error": done.stderr.strip().splitlines()[-1]}
        rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    seen = next(row for row in reversed(rows) if "valid/loss" in row)
    trained = next(row for row in reversed(rows) if "train/epoch" in row)
    scores = {"loss": round(seen["valid/loss"], 4), "bleu": round(seen["valid/bleu"], 2)}
    return {"options": options, "minutes": minutes, **scores, "steps": seen["step"], "epochs": trained["train/epoch"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=4.0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("trials", nargs="+", help="the options of each trial, as one argument each")
    options = parser.parse_args()
    for each in options.trials:
        print(json.dumps(trial(each, options.minutes, options.threads)), flush=True)


if __name__ == "__main__":
    main()
