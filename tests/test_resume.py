"""Killed at any moment, a training goes on as if nothing had happened: through the command line, to the last bit.

Each training here is a few hundred updates of a tiny network with dropout on synthetic sentences, on one thread. What
an unbroken run writes is made once for each setting. A training is killed in its first third: even where whoever kills
it is kept waiting, something is left to go on with.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import Outcome
from congling.cli.main import main
from congling.data.text.tokenizer_training import Kind, train_tokenizer
from congling.learning import precision
from congling.learning.runs import Run

STEPS, EVERY = 180, 30  # updates, and those between two validations
PATIENCE = 120  # seconds that a step of a test may take on a machine that is busy
SETTINGS = {
    "float32": ["--pieces", "unigram", "--precision", "float32", "--average", "3", "--subword-sampling", "0.2"],
    "bfloat16": ["--precision", "bfloat16", "--attention-dropout", "0.1", "--accumulation", "2"],
}
TINY = [
    "--width", "22", "--heads", "2", "--feed-forward", "34", "--encoder-layers", "1", "--decoder-layers", "1",
    "--source-vocabulary", "53", "--target-vocabulary", "47", "--batch-tokens", "400", "--warmup-steps", "7",
    "--dropout", "0.2", "--valid-size", "13", "--test-size", "11", "--validate-every", str(EVERY), "--threads", "1",
    "--keep-checkpoints", "2", "--device", "cpu",
]  # fmt: skip


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """300 pairs of invented sentences; the target says the words in the other order."""
    place, chance = tmp_path_factory.mktemp("corpus"), random.Random(61)
    words = ["".join(chance.choices("abdegiklmnorstu", k=chance.randint(2, 6))) for _ in range(97)]
    sentences = [chance.choices(words, k=chance.randint(2, 9)) for _ in range(300)]
    source, target = place / "words.aa", place / "words.bb"
    source.write_text("".join(" ".join(each) + "\n" for each in sentences), encoding="utf-8")
    target.write_text("".join(" ".join(reversed(each)) + "\n" for each in sentences), encoding="utf-8")
    return ["--source", str(source), "--target", str(target)]


@pytest.fixture(scope="module")
def unbroken(corpus: list[str], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Run]:
    """The run that nothing interrupted, for a setting."""
    made: dict[str, Run] = {}

    def run(setting: str) -> Run:
        if setting not in made:
            path = tmp_path_factory.mktemp("unbroken") / setting
            assert congling(*training(corpus, setting, path)) == 0
            made[setting] = Run.open(path)
        return made[setting]

    return run


def folder(step: int) -> str:
    return f"checkpoints/{step:09d}"


def training(corpus: list[str], setting: str, path: Path, steps: int = STEPS) -> list[str]:
    return ["train", "translation", *corpus, *TINY, *SETTINGS[setting], "--steps", str(steps), "--run", str(path)]


def congling(*arguments: str) -> int:
    """The command in this process, silently."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return main(list(arguments))


def start(arguments: list[str]) -> subprocess.Popen[str]:
    """The command in a process of its own, to be killed."""
    return subprocess.Popen(
        [sys.executable, "-m", "congling", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", env={**os.environ, "CONGLING_LANGUAGE": "en"},
    )  # fmt: skip


def wait_for(paths: list[Path], process: subprocess.Popen[str], delay: float) -> None:
    """Until one of the files or folders is there, and a moment longer."""
    deadline = time.monotonic() + PATIENCE
    while not any(path.exists() for path in paths):
        assert process.poll() is None, process.stderr and process.stderr.read()
        assert time.monotonic() < deadline, f"{paths[0]} did not appear"
        time.sleep(0.001)
    time.sleep(delay)


def fingerprints(run: Run) -> dict[str, str]:
    """What the last checkpoint holds, file by file, and every other weight that the run keeps."""
    found = {
        str(path.relative_to(run.path)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(run.path.rglob("*.safetensors"))
    }
    assert {f"{folder(STEPS)}/{part}.safetensors" for part in ("weights", "optimizer", "random")} <= set(found)
    return found


def numbers(run: Run) -> list[dict[str, float]]:
    """The metrics, without what depends on the clock."""
    records = [json.loads(line) for line in run.metrics_path.read_text(encoding="utf-8").splitlines()]
    return [
        {key: value for key, value in record.items() if key not in ("seconds", "train/tokens_per_s")}
        for record in records
    ]


def progress(run: Run) -> dict[str, object]:
    state = json.loads((run.path / folder(STEPS) / "state.json").read_text(encoding="utf-8"))["state"]
    del state["progress"]["seconds"], state["progress"]["validations"]
    return dict(state)


def pointers(run: Run) -> list[str]:
    return [(run.checkpoints_path / name).read_text(encoding="utf-8") for name in ("best", "last")]


def assert_same_end(run: Run, expected: Run) -> None:
    last = f"{folder(STEPS)}/"
    ours, theirs = fingerprints(run), fingerprints(expected)
    assert {name: ours[name] for name in ours if name.startswith(last)} == {
        name: theirs[name] for name in theirs if name.startswith(last)
    }
    frames = [name for name in theirs if name.startswith("frames/")]
    assert len(frames) == 1 + STEPS.bit_length()  # 0, 1, 2, 4 …
    assert {name: ours[name] for name in frames} == {name: theirs[name] for name in frames}
    assert progress(run) == progress(expected)
    assert pointers(run) == pointers(expected)
    average = "checkpoints/average/weights.safetensors"
    assert ours.get(average) == theirs.get(average)
    assert not [path for path in run.path.rglob(".*") if "partial" in path.name]  # what the killed one left


@pytest.mark.slow
@pytest.mark.parametrize(
    ("setting", "moments"),
    [
        # While the first checkpoint is being written (its folder has no name yet), and a moment after another.
        ("float32", [(f"checkpoints/.{EVERY:09d}.partial-{{pid}}", 0.0), (folder(2 * EVERY), 0.013)]),
        ("bfloat16", [("frames/000000004.safetensors", 0.005), (f"{folder(2 * EVERY)}/state.json", 0.031)]),
    ],
)
def test_killed_trainings_go_on_to_the_last_bit(
    corpus: list[str],
    unbroken: Callable[[str], Run],
    tmp_path: Path,
    setting: str,
    moments: list[tuple[str, float]],
) -> None:
    """Guards everything that decides the next step: weights, moments, random numbers, dropout, the data."""
    path = tmp_path / "run"
    commands = [training(corpus, setting, path), ["train", "--resume", str(path)]]
    for command, (awaited, delay) in zip(commands, moments, strict=True):
        process = start(command)
        # Any later moment will do where this one has passed unseen: a partial folder lives for milliseconds.
        finished = path / folder(EVERY if command is commands[0] else 2 * EVERY)
        wait_for([path / awaited.format(pid=process.pid), finished], process, delay)
        process.kill()
        process.communicate(timeout=PATIENCE)
        assert process.returncode == -signal.SIGKILL
        assert not (path / folder(STEPS)).exists()  # else nothing is left to go on with
    assert congling("train", "--resume", str(path)) == 0
    expected = unbroken(setting)
    assert_same_end(Run.open(path), expected)
    assert numbers(Run.open(path)) == numbers(expected)


@pytest.mark.slow
def test_ctrl_c_saves_and_says_how_to_go_on(corpus: list[str], unbroken: Callable[[str], Run], tmp_path: Path) -> None:
    """Guards Ctrl-C: exit code 130, a checkpoint of the very step, the next command to type, and the same end."""
    path = tmp_path / "run"
    process = start(training(corpus, "float32", path))
    wait_for([path / folder(2 * EVERY)], process, 0.017)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130, err
    assert out == f"{path}\n"
    assert f"congling train --resume {path}" in err
    assert "Traceback" not in err
    saved = Run.open(path).checkpoint_steps()[-1]
    assert 2 * EVERY <= saved < STEPS
    assert (path / "checkpoints/last").read_text(encoding="utf-8") == f"{saved:09d}\n"
    assert congling("train", "--resume", str(path)) == 0
    assert_same_end(Run.open(path), unbroken("float32"))


@pytest.mark.slow
def test_a_finished_training_goes_on_with_more_steps(
    corpus: list[str], unbroken: Callable[[str], Run], tmp_path: Path
) -> None:
    """Guards a longer budget: with a rate that does not follow the budget, a third and two more are the whole."""
    flat = ["--schedule", "inverse-square-root", "--accumulation", "1"]
    path, longer = tmp_path / "run", tmp_path / "longer"
    assert congling(*training(corpus, "bfloat16", path, 2 * EVERY), *flat) == 0
    before = fingerprints_of_step(Run.open(path), 2 * EVERY)
    assert congling("train", "--resume", str(path)) == 0  # nothing is left to do
    assert fingerprints_of_step(Run.open(path), 2 * EVERY) == before
    assert congling("train", "--resume", str(path), "--steps", str(STEPS)) == 0
    assert congling(*training(corpus, "bfloat16", longer), *flat) == 0
    assert_same_end(Run.open(path), Run.open(longer))
    assert numbers(Run.open(path)) == numbers(Run.open(longer))


@pytest.mark.parametrize("faster", ["float32", "bfloat16"])
def test_a_measured_precision_is_kept(
    corpus: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, faster: str
) -> None:
    """Guards --precision auto: what was measured when a run began must hold when it goes on, on a busier day."""
    monkeypatch.setattr(precision, "_product_seconds", lambda dtype: 1 if str(dtype).endswith(faster) else 2)
    path = tmp_path / "run"
    assert congling("train", "translation", *corpus, *TINY, "--steps", "1", "--run", str(path)) == 0
    assert Run.open(path).config["training"]["precision"] == faster


def fingerprints_of_step(run: Run, step: int) -> list[str]:
    paths = sorted((run.path / folder(step)).glob("*.safetensors"))
    return [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]


def files_of(run: Path) -> dict[Path, tuple[int, str]]:
    """Every checkpoint's files: when they were written, and what they hold."""
    return {
        path: (path.stat().st_mtime_ns, hashlib.sha256(path.read_bytes()).hexdigest())
        for path in (run / "checkpoints").rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("name", ["animals", "translation"])  # a run may be called as its task is
def test_a_finished_training_says_so_and_stays_as_it_is(
    name: str, tiny_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run_congling: Callable[..., Outcome]
) -> None:
    """Guards the second call of what made a run: it trains nothing anew, writes no checkpoint, and is no failure."""
    shutil.copytree(tiny_run, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    before, description = files_of(tmp_path / name), (tmp_path / name / "run.yaml").read_bytes()
    outcome = run_congling("train", "--resume", name)
    assert (outcome.code, outcome.out) == (0, f"{name}\n"), outcome.err
    assert f"{name} is trained: its 240 steps are done" in outcome.err
    assert before and files_of(tmp_path / name) == before
    assert (tmp_path / name / "run.yaml").read_bytes() == description


@pytest.mark.parametrize("kind", ["bpe", "unigram"])
def test_subword_sampling_draws_the_same_in_another_process(kind: Kind, corpus: list[str], tmp_path: Path) -> None:
    """Guards resumption with --subword-sampling: the next process must cut the sentences as this one would have."""
    lines = Path(corpus[1]).read_text(encoding="utf-8").splitlines()
    model = tmp_path / "model"
    train_tokenizer(lines, size=97, kind=kind).save(model)
    script = (
        "import sys\nfrom congling.data.text.tokenizers import Tokenizer\n"
        "tokenizer, lines = Tokenizer.load(sys.argv[1]), open(sys.argv[2], encoding='utf-8').read().splitlines()\n"
        "for seed in map(int, sys.argv[3:]):\n    drawn = tokenizer.encode_sampled(lines, 0.2, seed)\nprint(drawn)\n"
    )
    drawn = [
        subprocess.run(
            [sys.executable, "-c", script, model, corpus[1], *seeds], capture_output=True, check=True, timeout=PATIENCE
        ).stdout
        for seeds in (["5", "7"], ["7"])  # one that went on, and one that begins where it was
    ]
    assert drawn[0] == drawn[1]
