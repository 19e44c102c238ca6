"""What every test stands on: one thread, English texts, no hub, and the command line run in this process."""

from __future__ import annotations

import os
import random
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported: xdist's workers share the processors
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_DATASETS_OFFLINE", "1")

import hypothesis
import pytest

from congling import language
from congling.cli.main import main

hypothesis.settings.register_profile(
    "repeatable", deadline=None, derandomize=True, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("repeatable")


@dataclass(frozen=True)
class Outcome:
    """What a command did: its exit code and what it wrote."""

    code: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Texts are English, whatever the developer's locale, and a language that a test chose ends with the test."""
    for name in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CONGLING_LANGUAGE", "en")
    language.use_language(None)
    yield
    language.use_language(None)


@pytest.fixture
def run_congling(capfd: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """``run_congling("equations", "--json")`` runs the command in this process and gives its ``Outcome``."""

    def run(*arguments: object) -> Outcome:
        capfd.readouterr()
        code = main([str(argument) for argument in arguments])
        written = capfd.readouterr()
        return Outcome(code, written.out, written.err)

    return run


WORDS = {"猫": "cat", "狗": "dog", "鱼": "fish", "鸟": "bird", "马": "horse", "牛": "cow", "羊": "sheep"}
TINY = shlex.split("""
    --width 32 --heads 2 --feed-forward 64 --encoder-layers 1 --decoder-layers 1 --dropout 0 --label-smoothing 0
    --learning-rate 1e-2 --warmup-steps 20 --batch-tokens 512 --threads 1 --precision float32 --device cpu
    --valid-size 13 --test-size 17 --source-vocabulary 12 --target-vocabulary 23
""")


@dataclass(frozen=True)
class TinyCorpus:
    """Two parallel files of animals, translated word by word."""

    source: Path
    target: Path

    @property
    def options(self) -> list[str]:
        """What names it on a command line."""
        return ["--source", str(self.source), "--target", str(self.target)]


@pytest.fixture(scope="session")
def tiny_corpus(tmp_path_factory: pytest.TempPathFactory) -> TinyCorpus:
    """311 different sentences of one to six animals, the same ones at every call."""
    chance, sentences = random.Random(7), set[tuple[str, ...]]()
    while len(sentences) < 311:
        sentences.add(tuple(chance.choice(list(WORDS)) for _word in range(chance.randint(1, 6))))
    folder = tmp_path_factory.mktemp("corpus")
    corpus = TinyCorpus(folder / "animals.zh", folder / "animals.en")
    shuffled = sorted(sentences)
    chance.shuffle(shuffled)
    corpus.source.write_text("".join("".join(each) + "。\n" for each in shuffled), encoding="utf-8")
    corpus.target.write_text(
        "".join(" ".join(WORDS[word] for word in each) + ".\n" for each in shuffled), encoding="utf-8"
    )
    return corpus


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory: pytest.TempPathFactory, tiny_corpus: TinyCorpus) -> Path:
    """A run that has learned enough in a few seconds for its translations to differ. Copy it before changing it."""
    path = tmp_path_factory.mktemp("runs") / "animals"
    arguments = ["train", "translation", *tiny_corpus.options, *TINY, "--run", str(path)]
    assert main([*arguments, "--steps", "240", "--validations", "3"]) == 0
    return path
