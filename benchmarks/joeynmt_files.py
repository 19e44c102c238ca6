"""Joey NMT's view of our batches: files that its command line trains on, and what its log says of the speed.

Pieces are written as numbers, a space between two, so that Joey's own cutting is a split at spaces. Joey makes no
batches of like lengths; it fills a batch with rows as they come until it holds so many tokens, padding included. Its
default is to shuffle the rows. Without shuffling they come in the order of the file, where they stand in the order of
our batches and these in the order of their lengths: its batches are then like ours, with hardly more padding.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from tatoeba_batches import SOURCE_PIECES, TARGET_PIECES, IdRows
from training_steps import DROPOUT, HEADS, LAYERS, LONGEST, RATE, SMOOTHING

from congling.data.text.tokenizer_files import END_ID, UNKNOWN_ID

UNKNOWN = "<unk>"
SPEED = re.compile(r"Tokens per Sec: +(\d+)")


def write_joeynmt(
    folder: Path, rows: list[tuple[IdRows, IdRows]], *, width: int, batch_tokens: int, updates: int, shuffle: bool
) -> Path:
    """Everything for ``joeynmt train``; gives the path of the configuration. ``shuffle``: draw the order of rows."""
    folder.mkdir(parents=True, exist_ok=True)
    for side, suffix, pieces in ((0, "zh", SOURCE_PIECES), (1, "en", TARGET_PIECES)):
        sentences = [row for batch in rows for row in batch[side]]
        _write_lines(folder / f"train.{suffix}", map(_line, sentences))
        _write_lines(folder / f"dev.{suffix}", map(_line, sentences[:2]))
        ordinary = [number for number in range(pieces - 1) if number not in (END_ID, UNKNOWN_ID)]
        _write_lines(folder / f"vocabulary.{suffix}", map(str, ordinary))  # Joey adds its special ones itself
    path = folder / "joeynmt.yaml"
    configuration = _configuration(folder, width, batch_tokens, updates, shuffle)
    path.write_text(json.dumps(configuration, indent=1), encoding="utf-8")  # JSON is YAML too
    return path


def _line(row: list[int]) -> str:
    return " ".join(UNKNOWN if number == UNKNOWN_ID else str(number) for number in row)


def _write_lines(path: Path, lines: Any) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _configuration(folder: Path, width: int, batch_tokens: int, updates: int, shuffle: bool) -> dict[str, Any]:
    def side(suffix: str) -> dict[str, Any]:
        return {"lang": suffix, "level": "word", "voc_file": str(folder / f"vocabulary.{suffix}")}

    layers = {
        "type": "transformer", "num_layers": LAYERS, "num_heads": HEADS, "hidden_size": width, "ff_size": 4 * width,
        "dropout": DROPOUT, "layer_norm": "pre", "activation": "relu",
        "embeddings": {"embedding_dim": width, "scale": True, "dropout": DROPOUT},
    }  # fmt: skip
    training = {
        "optimizer": "adamw", "adam_betas": [0.9, 0.98], "learning_rate": RATE, "learning_rate_min": 0.0,
        "scheduling": "exponential", "decrease_factor": 1.0,  # it must have one; this one changes nothing
        "clip_grad_norm": LONGEST, "label_smoothing": SMOOTHING, "normalization": "tokens", "loss": "crossentropy",
        "batch_size": batch_tokens, "batch_type": "token", "shuffle": shuffle, "epochs": 1000, "updates": updates,
        "logging_freq": 1, "validation_freq": 10**6, "early_stopping_metric": "loss", "overwrite": True,
        "print_valid_sents": [],
    }  # fmt: skip
    return {
        "name": "benchmark", "joeynmt_version": "2.3.0", "model_dir": str(folder / "model"), "use_cuda": False,
        "random_seed": 1,
        "data": {
            "train": str(folder / "train"), "dev": str(folder / "dev"), "dataset_type": "plain", "src": side("zh"),
            "trg": side("en"),
        },
        "testing": {"batch_size": 2, "eval_metrics": []},
        "training": training,
        "model": {
            "initializer": "xavier_uniform", "embed_initializer": "xavier_uniform", "tied_embeddings": False,
            "tied_softmax": True, "encoder": layers, "decoder": layers,
        },
    }  # fmt: skip


def speeds(log: str) -> list[float]:
    """Target tokens a second of each update, as Joey logs them: padding does not count, loading the batch does."""
    return [float(found) for found in SPEED.findall(log)]
