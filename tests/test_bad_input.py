"""What users get wrong, and what disks and files do to them: one clear line, an exit code, nothing lost.

Every test here goes through the command line as a stranger would.
"""

from __future__ import annotations

import errno
import io
import json
import math
import os
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from torch import Tensor

from conftest import TINY, Outcome, TinyCorpus
from congling.learning import atomic
from congling.learning.checkpoints import load_weights
from congling.learning.runs import Run as StoredRun
from congling.networks.transformer import Transformer

Run = Callable[..., Outcome]
Train = Callable[..., Outcome]


@pytest.fixture
def train(run_congling: Run, tiny_corpus: TinyCorpus, tmp_path: Path) -> Train:
    """``train("--steps", 3)``: a tiny training into ``tmp_path / "run"``; later options override earlier ones."""

    def run(*arguments: object, own: bool = True) -> Outcome:
        data = tiny_corpus.options if own else []
        steps = [] if "--minutes" in arguments else ["--steps", "3"]
        return run_congling("train", "translation", *data, *TINY, *steps, "--run", tmp_path / "run", *arguments)

    return run


@pytest.fixture
def files(tmp_path: Path) -> Callable[..., list[object]]:
    """``files(source_bytes, target_bytes)`` writes s.zh and t.en and gives the options that name them."""

    def write(source: bytes, target: bytes) -> list[object]:
        (tmp_path / "s.zh").write_bytes(source)
        (tmp_path / "t.en").write_bytes(target)
        return ["--source", tmp_path / "s.zh", "--target", tmp_path / "t.en"]

    return write


@pytest.fixture
def copied_run(tiny_run: Path, tmp_path: Path) -> Path:
    """A trained run to damage."""
    shutil.copytree(tiny_run, tmp_path / "copy")
    return tmp_path / "copy"


def refused(outcome: Outcome, code: int, *messages: object) -> None:
    """The exit code, nothing on stdout, and one last line of stderr that holds every message; no traceback."""
    assert outcome.code == code, outcome.err
    assert outcome.out == ""
    assert outcome.err.endswith("\n") and "Traceback" not in outcome.err
    last = outcome.err.splitlines()[-1]
    assert last.startswith("congling") and all(str(message) in last for message in messages), last


# Data files ----------------------------------------------------------------------------------------------------------


def test_missing_file(train: Train, tmp_path: Path) -> None:
    """Guards the name in the message, and that no run folder is made."""
    refused(train("--source", tmp_path / "nowhere.zh"), 1, f"there is no file {tmp_path}/nowhere.zh")
    assert not (tmp_path / "run").exists()


def test_folder_for_a_file(train: Train, tmp_path: Path) -> None:
    """Guards against an IsADirectoryError."""
    refused(train("--source", tmp_path), 1, f"{tmp_path} is a folder, not a file")


def test_unequal_line_counts(train: Train, tmp_path: Path) -> None:
    """Guards both counts in the message: which file is short is the first question."""
    (tmp_path / "short.en").write_text("a\nb\n", encoding="utf-8")
    refused(train("--target", tmp_path / "short.en"), 1, "has 311 lines", "short.en has 2")
    assert not (tmp_path / "run").exists()


def test_invalid_utf8(train: Train, files: Callable[..., list[object]], tmp_path: Path) -> None:
    """Guards the file and the line in the message; GBK is the usual cause."""
    refused(train(*files("猫\n".encode() + "你好\n".encode("gbk"), b"a\nb\n"), own=False), 1, "s.zh, line 2: not UTF-8")
    assert not (tmp_path / "run").exists()


def test_empty_file(train: Train, files: Callable[..., list[object]]) -> None:
    """Guards against a message about vocabularies for a file that holds nothing."""
    refused(train(*files(b"", b"a\n"), own=False), 1, "s.zh is empty")


@pytest.mark.parametrize(
    ("source", "target"), [(b"\n \n\n", b"a\nb\nc\n"), (b"a\nb\nc\n", b"\n\n\n"), (b"\n\n\n", b"\n\n\n")]
)
def test_a_side_that_is_empty_everywhere(
    train: Train, files: Callable[..., list[object]], source: bytes, target: bytes, tmp_path: Path
) -> None:
    """Guards against "0 groups of sentences", which tells nobody what to look at."""
    refused(
        train(*files(source, target), own=False), 1, "s.zh holds no pair to learn from; left out: 3 with an empty side"
    )
    assert not (tmp_path / "run").exists()


def test_empty_lines_and_a_line_of_ten_megabytes_are_left_out_and_counted(
    train: Train, files: Callable[..., list[object]], tiny_corpus: TinyCorpus
) -> None:
    """Guards against misaligned pairs after an empty line, and hours spent on one line."""
    source = tiny_corpus.source.read_bytes() + b"\n\n" + "猫".encode() * 3_500_000 + "\n狗\n".encode()
    target = tiny_corpus.target.read_bytes() + b"a\n\nb\n \n"
    outcome = train(*files(source, target), own=False)
    assert outcome.code == 0
    assert "311 pairs; left out: 3 with an empty side, 1 over-long, 0 repeated" in outcome.err


def test_odd_characters_in_the_data_do_no_harm(
    train: Train, files: Callable[..., list[object]], tiny_corpus: TinyCorpus
) -> None:
    """Guards against NUL, emoji, zero-width and right-to-left characters that break the tokenizer or the files."""
    source = tiny_corpus.source.read_bytes() + "猫\0狗👩‍👩‍👧 שלום สวัสดี \u200b\ufeff\u202e\u2028x\n".encode()
    target = tiny_corpus.target.read_bytes() + "cat\0 dog 😀 \ud7ff\u0085y\n".encode()
    outcome = train(*files(source, target), "--source-vocabulary", 40, "--target-vocabulary", 60, own=False)
    assert outcome.code == 0, outcome.err
    assert "312 pairs" in outcome.err


def test_too_little_to_hold_anything_out(train: Train, files: Callable[..., list[object]]) -> None:
    """Guards against an empty validation set that fails after the training."""
    message = "2 groups of sentences that share no sentence; at least 3 are needed"
    refused(train(*files("猫\n狗\n".encode(), b"a\nb\n"), own=False), 1, message)


def test_identical_pairs(train: Train, files: Callable[..., list[object]]) -> None:
    """Guards against one pair that is trained on and tested on."""
    message = "1 groups of sentences that share no sentence; at least 3 are needed"
    refused(train(*files("猫\n".encode() * 50, b"cat\n" * 50), own=False), 1, message)


def test_own_validation_that_is_empty(train: Train, tmp_path: Path) -> None:
    """Guards against silently validating on held-out training data instead of the user's file."""
    (tmp_path / "v.zh").write_text("\n\n", encoding="utf-8")
    (tmp_path / "v.en").write_text("a\nb\n", encoding="utf-8")
    outcome = train("--valid-source", tmp_path / "v.zh", "--valid-target", tmp_path / "v.en")
    refused(outcome, 1, "v.zh holds no pair to learn from; left out: 2 with an empty side")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_pipe_for_a_file(train: Train, tmp_path: Path) -> None:
    """Guards ``--source <(zcat …)``: data are read several times, a pipe only once; it would hang or come out empty."""
    os.mkfifo(tmp_path / "pipe")
    refused(train("--source", tmp_path / "pipe"), 1, f"{tmp_path}/pipe can be read only once: write it to a file")


def test_table_with_another_column(train: Train, tmp_path: Path) -> None:
    """Guards the names of the columns that are there."""
    (tmp_path / "t.csv").write_text("source,target\n猫,cat\n", encoding="utf-8")
    outcome = train("--table", tmp_path / "t.csv", "--source-column", "sorce", own=False)
    refused(outcome, 1, "t.csv has no column sorce; its columns are source, target; did you mean source?")


def test_unknown_named_data(train: Train) -> None:
    """Guards the nearest name."""
    refused(train("--data", "tatoeba", own=False), 2, "there is no data set tatoeba; did you mean tatoeba-zh-en?")


def test_named_data_that_are_no_pairs(train: Train) -> None:
    """Guards against pictures that are read as sentences."""
    refused(train("--data", "mnist-5k", own=False), 1, "mnist-5k holds no sentence pairs; translation can learn from:")


# Vocabulary ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("option", ["--source-vocabulary", "--target-vocabulary"])
def test_vocabulary_that_the_data_cannot_fill(train: Train, tmp_path: Path, option: str) -> None:
    """Guards the option's name and the largest size, and that no half run folder stays in the way of the next try."""
    refused(train(option, 9000), 1, f"{option} 9000 is more than this text can fill: at most ")
    assert not (tmp_path / "run").exists()


def test_joint_vocabulary_that_the_data_cannot_fill(run_congling: Run, tiny_corpus: TinyCorpus, tmp_path: Path) -> None:
    """Guards the option's name, where both sides share one vocabulary."""
    arguments = ["train", "translation", *tiny_corpus.options, "--joint-vocabulary", 9000, "--run", tmp_path / "run"]
    outcome = run_congling(*arguments, "--steps", 3)
    refused(outcome, 1, "--joint-vocabulary 9000 is more than this text can fill: at most ")


def test_default_vocabularies_shrink(run_congling: Run, tiny_corpus: TinyCorpus, tmp_path: Path) -> None:
    """Guards a small corpus with default sizes, which is a stranger's first try."""
    arguments = ["train", "translation", *tiny_corpus.options, "--run", tmp_path / "run", "--steps", 2]
    outcome = run_congling(*arguments, "--width", 16, "--threads", 1, "--device", "cpu", "--precision", "float32")
    assert outcome.code == 0
    sizes = re.search(r"vocabularies: (\d+) and (\d+) pieces", outcome.err)
    assert sizes is not None and int(sizes[1]) < 5000 and int(sizes[2]) < 4000


def test_network_that_no_memory_holds(train: Train) -> None:
    """Guards against a slip of the finger that fills the machine's memory before anything is said."""
    refused(train("--encoder-layers", 10**9), 2, "billion parameters; at most 4")


@pytest.mark.parametrize("option", ["--source-vocabulary", "--target-vocabulary"])
def test_vocabulary_smaller_than_the_alphabet(train: Train, option: str) -> None:
    """Guards the name of the option that the user gave, and the smallest size that does."""
    refused(train(option, 5), 1, f"{option} 5 is less than this text needs: at least ")


def test_every_sentence_too_long(train: Train, tmp_path: Path) -> None:
    """Guards against training on nothing."""
    refused(train("--max-pieces", 1), 1, "every pair has more than 1 pieces on a side: raise --max-pieces")
    assert not (tmp_path / "run").exists()


# Options -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--lerning-rate", 3], "there is no option --lerning-rate; did you mean --learning-rate?"),
        (["--width", "wide"], "--width wants a whole number, not 'wide'"),
        (["--width", 0], "--width 0 must be at least 1"),
        (["--width", 17], "--width 17 cannot be divided among --heads 2: choose a width that is a multiple"),
        (["--seed", -1], "--seed -1 must be at least 0"),
        (["--minutes", 1, "--steps", 7], "--minutes 1 and --steps 7 exclude each other"),
        (["--table", "t.csv"], "--source and --table exclude each other"),
        (["--source-vocabulary", -3], "--source-vocabulary -3 must be at least 4"),
        (["--valid-size", 0], "--valid-size 0 must be at least 1"),
        (["--adam-betas", 0.9], "--adam-betas wants 2 values, each a number, after it"),
        (["--schedule", "cosin"], "not 'cosin'; did you mean cosine?"),
        (["--run", "a\0b"], r"the argument 'a\x00b' is not UTF-8 text"),
        (["--run", "a\udcff"], r"the argument 'a\udcff' is not UTF-8 text"),
    ],
)
def test_wrong_options(train: Train, tmp_path: Path, arguments: list[object], message: str) -> None:
    """Guards the exit code 2, the user's own value and the way out, before anything is read or written."""
    outcome = train(*arguments)
    refused(outcome, 2, message)
    assert outcome.err.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_half_a_pair_of_files(run_congling: Run) -> None:
    """Guards against training on the default data where half of one's own was given."""
    refused(run_congling("train", "translation", "--source", "a.zh"), 2, "--source needs --target beside it")


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ("translate", "did you mean translation?"),
        ("speech-recognition", "the tasks are: translation"),
        ("--steps", "name a task"),
    ],
)
def test_unknown_task(run_congling: Run, task: str, message: str) -> None:
    """Guards the nearest name, and options that stand before the task."""
    refused(run_congling("train", task), 2, message)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_no_gpu(train: Train, run_congling: Run, tiny_run: Path, tmp_path: Path) -> None:
    """Guards against minutes of reading data, and a run folder, before the complaint."""
    refused(train("--device", "cuda"), 1, "--device cuda: this machine has no GPU")
    assert not (tmp_path / "run").exists()
    refused(run_congling("translate", tiny_run, "猫", "--device", "cuda"), 1, "--device cuda")


# The run's folder ----------------------------------------------------------------------------------------------------


def test_folder_that_is_taken(train: Train, tiny_run: Path, tmp_path: Path) -> None:
    """Guards what stands in the folder, a run or anything else."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run/thesis.tex").write_text("ten years", encoding="utf-8")
    refused(train(), 1, f"{tmp_path}/run is there already and no run: name a new or an empty folder")
    assert (tmp_path / "run/thesis.tex").read_text(encoding="utf-8") == "ten years"
    before = sorted(tiny_run.rglob("*"))
    refused(train("--run", tiny_run), 1, f"{tiny_run} holds a run already: go on with it (--resume)")
    assert sorted(tiny_run.rglob("*")) == before


def test_folder_below_a_file(train: Train, tmp_path: Path) -> None:
    """Guards against a NotADirectoryError, or another error of the system, as a traceback."""
    (tmp_path / "file").write_text("x", encoding="utf-8")
    refused(train("--run", tmp_path / "file/run"), 1, f"cannot use {tmp_path}/file/run")
    refused(train("--run", tmp_path / ("x" * 300)), 1, "xxx")


def test_no_run(run_congling: Run, tiny_run: Path, tmp_path: Path) -> None:
    """Guards the hint at runs nearby for each way of missing one."""
    (tmp_path / "file").write_text("x", encoding="utf-8")
    refused(
        run_congling("translate", tiny_run.parent / "animal", "猫"), 1, "there is no folder", f"near it: {tiny_run}"
    )
    refused(run_congling("translate", tiny_run.parent, "猫"), 1, "is no run", f"near it: {tiny_run}")
    refused(run_congling("evaluate", tmp_path / "file"), 1, "file is a file, not a run")
    refused(run_congling("train", "--resume", tmp_path), 1, f"{tmp_path} is no run")


def test_full_disk_while_preparing(train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against a half run folder that refuses the next try."""
    calls = _full_disk_after(monkeypatch, 3)
    refused(train(), 1, "disk is full")
    assert len(calls) > 3 and not (tmp_path / "run").exists()


def test_full_disk_while_training(
    train: Train, run_congling: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards the last good checkpoint: the run translates, and goes on when there is room again."""
    real = atomic._sync_all

    def full(folder: Path) -> None:
        if folder.name.startswith(".000000004"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))
        real(folder)

    monkeypatch.setattr(atomic, "_sync_all", full)
    refused(train("--steps", 6, "--validate-every", 2), 1, "the disk is full", "What was saved before is intact")
    monkeypatch.undo()
    assert StoredRun.open(tmp_path / "run").checkpoint_steps() == [2]
    assert run_congling("translate", tmp_path / "run", "猫。").code == 0
    assert run_congling("train", "--resume", tmp_path / "run").code == 0
    assert StoredRun.open(tmp_path / "run").checkpoint_steps()[-1] == 6


def _full_disk_after(monkeypatch: pytest.MonkeyPatch, calls: int) -> list[int]:
    real, seen = os.fsync, list[int]()

    def fsync(descriptor: int) -> None:
        seen.append(descriptor)
        if len(seen) > calls:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    return seen


# Training that goes wrong --------------------------------------------------------------------------------------------


def test_loss_that_turns_nan(train: Train, run_congling: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards the step in the message and the last good checkpoint, which still translates."""
    real, calls = Transformer.loss, list[int]()

    def loss(network: Transformer, *arguments: Any) -> tuple[Tensor, int]:
        total, count = real(network, *arguments)
        if torch.is_grad_enabled():
            calls.append(count)
        return (total * float("nan") if len(calls) == 5 and torch.is_grad_enabled() else total), count

    monkeypatch.setattr(Transformer, "loss", loss)
    outcome = train("--steps", 9, "--validate-every", 2)
    refused(outcome, 1, "diverged at step 5: loss nan", "the last good checkpoint is kept: step 4", "--learning-rate")
    assert all(bool(weights.isfinite().all()) for weights in load_weights(StoredRun.open(tmp_path / "run")).values())
    assert run_congling("translate", tmp_path / "run", "猫。").code == 0


def test_step_that_breaks_the_weights(train: Train, tmp_path: Path) -> None:
    """Guards against a checkpoint of weights that give no finite loss, kept as the last good one."""
    arguments = ["--learning-rate", 1e30, "--clip-norm", 0, "--warmup-steps", 0, "--validate-every", 1, "--steps", 9]
    refused(train(*arguments), 1, "diverged at step 1", "no checkpoint had been saved yet")
    assert StoredRun.open(tmp_path / "run").checkpoint_steps() == []


def test_enormous_learning_rate(train: Train) -> None:
    """Guards against a traceback or a training that goes on with no numbers."""
    arguments = ["--learning-rate", 1e30, "--clip-norm", 0, "--warmup-steps", 0, "--steps", 9, "--validations", 1]
    refused(train(*arguments), 1, "training diverged at step 2", "no checkpoint had been saved yet", "--learning-rate")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--minutes", 3], 2, "was trained by steps: give the new total with --steps"),
        (["--steps", 100], 2, "--steps 100 is a total, and {run} has done 240 already"),
        (["--steps", -1], 2, "--steps -1 must be at least 1"),
        (["--checkpoint", 999, "--steps", 250], 1, "has no checkpoint of step 999; it has: "),
        (["--layers", 3], 2, "there is no option --layers"),
    ],
)
def test_wrong_ways_to_go_on(
    run_congling: Run, copied_run: Path, arguments: list[object], code: int, message: str
) -> None:
    """Guards the budget that run.yaml keeps: a refused one must not be written into it."""
    before = yaml.safe_load((copied_run / "run.yaml").read_text(encoding="utf-8"))["config"]["training"]["steps"]
    refused(run_congling("train", "--resume", copied_run, *arguments), code, message.format(run=copied_run))
    after = yaml.safe_load((copied_run / "run.yaml").read_text(encoding="utf-8"))["config"]["training"]["steps"]
    assert after == before


def test_minutes_that_are_spent(run_congling: Run, copied_run: Path) -> None:
    """Guards against a smaller budget that ends the run at once, after run.yaml has taken it."""
    path, state = copied_run / "run.yaml", copied_run / "checkpoints/000000240/state.json"
    description = yaml.safe_load(path.read_text(encoding="utf-8"))
    description["config"]["training"] |= {"steps": None, "minutes": 7.0}
    path.write_text(yaml.safe_dump(description), encoding="utf-8")
    spent = json.loads(state.read_text(encoding="utf-8"))["state"]["progress"]["seconds"] / 60
    message = f"--minutes 0.001 is a total, and {copied_run} has spent {math.ceil(10 * spent) / 10:g} already"
    refused(run_congling("train", "--resume", copied_run, "--minutes", 0.001), 2, message)
    assert yaml.safe_load(path.read_text(encoding="utf-8")) == description


def test_a_new_budget_for_a_run_that_is_being_trained(run_congling: Run, copied_run: Path) -> None:
    """Guards against rewriting run.yaml under another process's feet; its next resumption would have our budget."""
    before = (copied_run / "run.yaml").read_bytes()
    with StoredRun.open(copied_run).training():
        outcome = run_congling("train", "--resume", copied_run, "--steps", 250)
    refused(outcome, 1, f"{copied_run} is being trained already")
    assert (copied_run / "run.yaml").read_bytes() == before


# Damaged runs --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (lambda content: content[:1000], "has 1000 bytes instead of"),
        (lambda content: content[:-5] + bytes([content[-5] ^ 1]) + content[-4:], "its SHA-256 differs"),
    ],
)
def test_truncated_or_edited_checkpoint(
    run_congling: Run, copied_run: Path, damage: Callable[[bytes], bytes], problem: str
) -> None:
    """Guards against wrong translations from broken weights; another checkpoint is named, and can be gone on from."""
    steps = StoredRun.open(copied_run).checkpoint_steps()
    weights = copied_run / f"checkpoints/{steps[-1]:09}/weights.safetensors"
    weights.write_bytes(damage(weights.read_bytes()))
    way_out = f"--checkpoint {steps[-2]}"
    for verb in (["translate", copied_run, "猫"], ["evaluate", copied_run]):
        refused(run_congling(*verb, "--checkpoint", "last"), 1, weights, problem, way_out)
    description = (copied_run / "run.yaml").read_bytes()
    refused(run_congling("train", "--resume", copied_run, "--steps", 250), 1, weights, problem, way_out)
    assert (copied_run / "run.yaml").read_bytes() == description  # the budget is kept once the training goes on
    other = ["--checkpoint", steps[-2]]
    assert run_congling("translate", copied_run, "猫", *other).code == 0
    assert run_congling("train", "--resume", copied_run, "--steps", 250, *other).code == 0
    assert StoredRun.open(copied_run).checkpoint_steps()[-1] == 250


def test_missing_checkpoint(run_congling: Run, tiny_run: Path, copied_run: Path) -> None:
    """Guards the steps that are there, in the message."""
    outcome = run_congling("translate", tiny_run, "猫", "--checkpoint", 999)
    refused(outcome, 1, "has no checkpoint of step 999; it has: 80, 160, 240")
    refused(
        run_congling("translate", tiny_run, "猫", "--checkpoint", "lst"), 2, "--checkpoint lst must be best, last or"
    )
    shutil.rmtree(copied_run / "checkpoints")
    refused(run_congling("translate", copied_run, "猫"), 1, f"{copied_run} has no checkpoint yet: train it further")


@pytest.mark.parametrize("content", [None, b"xx"])
def test_damaged_tokenizer(run_congling: Run, copied_run: Path, content: bytes | None) -> None:
    """Guards against SentencePiece's RuntimeError."""
    path = copied_run / "source.model"
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    refused(run_congling("translate", copied_run, "猫"), 1, path)


@pytest.mark.parametrize(
    "line", ["{bad", "3", '{"source": 1, "references": ["a"]}', '{"source": "a", "references": []}']
)
def test_edited_test_set(run_congling: Run, copied_run: Path, line: str) -> None:
    """Guards against a traceback of the JSON reader; the line is named."""
    path = copied_run / "data/test.jsonl"
    first = path.read_text(encoding="utf-8").splitlines()[0]
    path.write_text(f"{first}\n{line}\n", encoding="utf-8")
    refused(run_congling("evaluate", copied_run), 1, f"{path}, line 2: no source and references")


EDITS: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "a newer format": (lambda run: run.update(format=99), "was made by a newer congling (format 99"),
    "another task": (lambda run: run.update(task="speech-recognition"), "was trained for speech-recognition"),
    "no config": (lambda run: run.pop("config"), '"config" is missing'),
    "another width": (lambda run: run["config"]["network"].update(width=16), "do not fit its run.yaml"),
    "another depth": (lambda run: run["config"]["network"].update(encoder_layers=2), "do not fit its run.yaml"),
    "a word for a number": (
        lambda run: run["config"]["network"].update(width="x"),
        "config.network.width cannot be 'x'",
    ),
    "heads that do not divide": (lambda run: run["config"]["network"].update(heads=5), "--width 32 cannot be divided"),
    "an unknown option": (lambda run: run["config"]["network"].update(foo=1), "config.network.foo is unknown"),
    "an unknown choice": (
        lambda run: run["config"]["network"].update(activation="relo"),
        "activation cannot be 'relo'",
    ),
    "no network": (lambda run: run["config"].pop("network"), "config.network"),
    "no vocabulary": (lambda run: run["config"].pop("vocabulary"), "config.vocabulary"),
    "no languages": (lambda run: run["config"].pop("languages"), "config.languages cannot be None"),
    "one language": (lambda run: run["config"].update(languages=["zh"]), "config.languages cannot be ['zh']"),
    "data that are a number": (lambda run: run["config"].update(data=3), "config.data is no mapping"),
}


@pytest.mark.parametrize("edit", EDITS)
def test_edited_description(run_congling: Run, copied_run: Path, edit: str) -> None:
    """Guards against tracebacks for edits of run.yaml: the entry is named, whatever verb opens the run."""
    change, message = EDITS[edit]
    path = copied_run / "run.yaml"
    description = yaml.safe_load(path.read_text(encoding="utf-8"))
    change(description)
    path.write_text(yaml.safe_dump(description, allow_unicode=True), encoding="utf-8")
    refused(run_congling("translate", copied_run, "猫"), 1, message)
    refused(run_congling("evaluate", copied_run), 1, message)
    refused(run_congling("train", "--resume", copied_run, "--steps", 250), 1, message)


def test_description_that_is_no_yaml(run_congling: Run, copied_run: Path) -> None:
    """Guards the line number."""
    (copied_run / "run.yaml").write_text("format: 1\ntask: [\n", encoding="utf-8")
    refused(run_congling("translate", copied_run, "猫"), 1, "run.yaml, line 3: this is no YAML")


# Translating ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--n-best", 0], "--n-best 0 must be at least 1"),
        (["--beam", 0], "--beam 0 must be at least 1"),
        (["--beam", "wide"], "--beam wants a whole number, not 'wide'"),
        (["--length-penalty", "nan"], "--length-penalty nan must be a finite number"),
        (["--no-repeat-ngram", -1], "--no-repeat-ngram -1 must be at least 0"),
        (["a\udcffb"], r"the argument 'a\udcffb' is not UTF-8 text"),
        (["a\0b"], r"the argument 'a\x00b' is not UTF-8 text"),
    ],
)
def test_wrong_ways_to_translate(run_congling: Run, tiny_run: Path, arguments: list[object], message: str) -> None:
    """Guards against empty or endless translations, and against a traceback out of the tokenizer."""
    refused(run_congling("translate", tiny_run, "猫", *arguments), 2, message)


def test_translate_without_a_run(run_congling: Run) -> None:
    """Guards the first thing that a stranger tries."""
    refused(run_congling("translate"), 2, "RUN is missing")


def test_standard_input_that_is_not_utf8(run_congling: Run, tiny_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards the line number, whatever the locale says about the encoding."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("猫\n".encode() + b"\xc4\xe3\n")))
    outcome = run_congling("translate", tiny_run)  # what stands before it is translated: see test_cli_translate
    assert (outcome.code, outcome.err) == (1, "congling: standard input, line 2: not UTF-8\n")


def test_long_line_between_short_ones(run_congling: Run, tiny_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards a line of many sentences: translated in parts, to one line, in its place."""
    long = "猫狗羊。" * 300
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(f"马。\n{long}\n鱼。\n".encode())))
    outcome = run_congling("translate", tiny_run, "--beam", 1)
    before, whole, after = outcome.out.splitlines()
    assert whole.count(" ") > 300
    assert [before, after] == run_congling("translate", tiny_run, "马。", "鱼。", "--beam", 1).out.splitlines()
