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


TINY_PICTURES = shlex.split("""
    --blocks 5 7 --convolutions 1 --batch-size 16 --learning-rate 1e-2 --warmup-steps 10 --threads 1
    --precision float32 --device cpu --validations 3
""")


@pytest.fixture(scope="session")
def shapes_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """31 pictures each of bars, discs and poles, white on black, in three formats and sizes; and two broken files."""
    import numpy as np
    from PIL import Image, ImageDraw

    chance, folder = np.random.default_rng(11), tmp_path_factory.mktemp("pictures") / "shapes"
    reach = {"bar": (5, 1), "disc": (3, 3), "pole": (1, 5)}  # half the width and height, of 17 pixels
    for name, (right, down) in reach.items():
        (folder / name).mkdir(parents=True)
        for number in range(31):
            image = Image.new("L", (17, 17))
            x, y = chance.integers(7, 10, size=2)
            ImageDraw.Draw(image).ellipse(
                (x - right, y - down, x + right, y + down), fill=int(chance.integers(150, 256))
            )
            scale, suffix = number % 3 + 1, ("webp", "png", "jpg")[number % 3]
            image.resize((17 * scale, 17 * scale)).save(folder / name / f"{number}.{suffix}")
    (folder / "bar" / "cut.png").write_bytes((folder / "bar" / "1.png").read_bytes()[:60])
    (folder / "pole" / "empty.jpg").write_bytes(b"")
    return folder


@pytest.fixture(scope="session")
def tiny_classifier(tmp_path_factory: pytest.TempPathFactory, shapes_folder: Path) -> Path:
    """A run that has learned to tell the shapes apart in a second or two. Copy it before changing it."""
    path = tmp_path_factory.mktemp("runs") / "shapes"
    arguments = ["train", "image-classification", "--folder", str(shapes_folder), *TINY_PICTURES]
    assert main([*arguments, "--run", str(path), "--epochs", "20"]) == 0
    return path


GROUPS = {
    "cat dog horse cow sheep": "sleeps runs eats drinks breathes",
    "car bus train lorry tram": "brakes parks honks stops rusts",
}


@pytest.fixture(scope="session")
def groups_text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """1,009 short sentences about animals, which do one kind of things, and vehicles, which do another."""
    chance, lines = random.Random(13), list[str]()
    for _line in range(1009):
        subjects, verbs = (words.split() for words in chance.choice(list(GROUPS.items())))
        subject, verb, other = chance.choice(subjects), chance.choice(verbs), chance.choice(verbs)
        lines.append(f"The {subject} {verb} and {other}.\n")
    path = tmp_path_factory.mktemp("texts") / "groups.txt"
    path.write_text("".join(lines), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def tiny_words(tmp_path_factory: pytest.TempPathFactory, groups_text: Path) -> Path:
    """A run of word vectors that tell animals from vehicles. Copy it before changing it."""
    path = tmp_path_factory.mktemp("runs") / "groups"
    arguments = ["train", "word-embedding", "--text", str(groups_text), "--lower-case", "--vector-size", "11"]
    assert main([*arguments, "--sample", "0", "--threads", "1", "--epochs", "17", "--run", str(path)]) == 0
    return path
