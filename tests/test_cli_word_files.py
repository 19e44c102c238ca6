"""``congling import``, ``export`` and ``inspect`` of word vectors, as a user asks for them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from conftest import Outcome
from congling.cli.word_embedding.counting import Counting
from congling.interchange.word2vec import read_word2vec, write_word2vec
from congling.learning.checkpoints import checkpoint_folder
from congling.learning.frames import list_frames, save_frame
from congling.learning.runs import Run
from congling.tasks.word_embedding.word_vectors import WordVectors

Command = Callable[..., Outcome]
WORDS = ["的", "北京", "中国", "日本", "人民", "热爱", "和平", *(f"w{number}" for number in range(24))]
VECTORS = np.random.default_rng(1).normal(size=(31, 5)).astype(np.float32)
COUNTS = np.arange(310, 0, -10)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "vectors.bin"
    write_word2vec(path, WORDS, VECTORS, binary=True, counts=COUNTS, counts_path=tmp_path / "vectors.bin.vocab")
    return path


@pytest.fixture
def run(file: Path, run_congling: Command, tmp_path: Path) -> Path:
    assert run_congling("import", file, "--run", tmp_path / "run").code == 0
    return tmp_path / "run"


def test_import_makes_a_run(run_congling: Command, file: Path, tmp_path: Path) -> None:
    """Guards vectors, words and the counts of the side file on their way into a run, and what is printed."""
    outcome = run_congling("import", file, "--run", tmp_path / "run")
    assert (outcome.code, outcome.out) == (0, f"{tmp_path / 'run'}\n") and "31 words, 5 numbers each" in outcome.err
    vectors = WordVectors.load(Run.open(tmp_path / "run"))
    assert vectors.words == WORDS and vectors.vocabulary.counts.tolist() == COUNTS.tolist()
    assert (vectors.vectors.view(np.uint32) == VECTORS.view(np.uint32)).all()


def test_import_takes_what_is_wanted(run_congling: Command, tmp_path: Path) -> None:
    """Guards --limit, the remarks, a given format, and a file in another encoding."""
    path = tmp_path / "glove.txt"
    path.write_bytes("北京 1 2\nNew York 3 4\n北京 5 6\n中国 7 8\n".encode("gb18030"))
    outcome = run_congling(
        "import", path, "--run", tmp_path / "run", "--limit", 3, "--encoding", "gb18030", "--format", "glove"
    )
    assert outcome.code == 0 and WordVectors.load(Run.open(tmp_path / "run")).words == ["北京", "New_York"]
    assert "1 words come more than once, 北京 for one" in outcome.err and "'New York' became New_York" in outcome.err


@pytest.mark.parametrize(
    ("content", "options", "code", "message"),
    [
        (b"3 2\na 1 2\n", [], 1, "--limit takes so many"),
        (b"hello world\n", [], 1, "neither a header nor a word with numbers"),
        (b"a 1\n\xff\xfe 2\n", ["--errors", "strict"], 1, "is not UTF-8"),
        (b"a 1\n", ["--encoding", "gb18031"], 2, "did you mean gb18030"),
        (b"a 1\n", ["--limit", "0"], 2, "--limit"),
        (b"", [], 1, "is empty"),
    ],
    ids=["lying header", "another file", "broken word", "encoding", "limit", "empty"],
)
def test_import_refuses(
    run_congling: Command, tmp_path: Path, content: bytes, options: list[str], code: int, message: str
) -> None:
    """Guards one clear line, and that no half run is left behind."""
    (tmp_path / "file").write_bytes(content)
    outcome = run_congling("import", tmp_path / "file", "--run", tmp_path / "run", *options)
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (code, "", 1) and message in outcome.err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", ["mine.txt", "mine.txt.gz"])
@pytest.mark.parametrize("kind", ["word2vec-text", "word2vec-binary"])
def test_what_is_exported_comes_back(run_congling: Command, run: Path, tmp_path: Path, kind: str, name: str) -> None:
    """Guards both formats and the side file, over the command line and back, and a .gz that is no gzip file."""
    path = tmp_path / "out" / name
    outcome = run_congling("export", run, "--to", kind, "--output", path)
    assert (outcome.code, outcome.out) == (0, f"{path}\n") and f"congling import {path}" in outcome.err
    assert run_congling("import", path, "--run", tmp_path / "again").code == 0
    first, second = (WordVectors.load(Run.open(each)) for each in (run, tmp_path / "again"))
    assert first.words == second.words and (first.vocabulary.counts == second.vocabulary.counts).all()
    assert (first.vectors.view(np.uint32) == second.vectors.view(np.uint32)).all()


def test_export_without_a_path(run_congling: Command, run: Path) -> None:
    """Guards the default: in the run's folder, for the projector a folder of its own."""
    assert run_congling("export", "--to", "projector", run).out == f"{run / 'projector'}\n"
    assert {path.name for path in (run / "projector").iterdir()} == {
        "tensors.tsv", "metadata.tsv", "projector_config.pbtxt",
    }  # fmt: skip
    assert run_congling("export", run, "--to", "word2vec-binary").out == f"{run / 'vectors.bin'}\n"
    assert read_word2vec(run / "vectors.bin").words == WORDS


def test_export_of_a_task_that_has_none(run_congling: Command, tmp_path: Path) -> None:
    """Guards a verb that only some tasks have: a line, and its help without the others."""
    (tmp_path / "other").mkdir()
    description = {"format": 1, "task": "function-fitting", "seed": 1, "config": {}}
    (tmp_path / "other/run.yaml").write_text(yaml.safe_dump(description), encoding="utf-8")
    outcome = run_congling("export", tmp_path / "other", "--to", "projector")
    assert outcome.code == 1 and "export does nothing yet with a run of function-fitting" in outcome.err
    helped = run_congling("export", "--help").out
    assert "word-embedding" in helped and "function-fitting" not in helped
    assert run_congling("export", "--to", "projector").code == 2


def test_long_work_is_told_now_and_then() -> None:
    """Guards silence over a file of gigabytes, and a line for each of its chunks."""
    seconds, told = iter([0.0, 1.0, 3.5, 4.0, 7.0]), list[str]()
    counting = Counting("{done} of {total}", told.append, lambda: next(seconds))
    for done in (1, 2_000, 3_000, 4_000):
        counting(done, None if done == 4_000 else 9_000)
    assert told == ["2,000 of 9,000", "4,000 of all"]


# Looking inside ------------------------------------------------------------------------------------------------------


def test_a_sentence_in_three_encodings(run_congling: Command, run: Path) -> None:
    """Guards indices, zeros and numbers of each word, unsplit Chinese, and an unknown word that is no error."""
    lines = run_congling("inspect", run, "北京人民囧").out.splitlines()
    assert [line.split("\t")[:3] for line in lines[1:3]] == [
        ["北京", "1", "1 zeros, 1, 29 zeros"],
        ["人民", "4", "4 zeros, 1, 26 zeros"],
    ]
    assert (
        lines[1].endswith("  ".join(f"{number:7.4f}" for number in VECTORS[1])) and "not in the vocabulary" in lines[3]
    )
    found = json.loads(run_congling("inspect", run, "人民 囧", "--json").out)
    assert found["words"][0]["embedding"] == VECTORS[4].tolist() and found["words"][1]["index"] is None


def test_values_by_name(run_congling: Command, run: Path) -> None:
    """Guards the list of the glass box, one value in full, and a name that there is not."""
    listed = run_congling("inspect", run, "北京 和平", "--values").out
    assert re.search(r"^one_hot +2×31 ", listed, re.MULTILINE) and "probabilities" not in listed
    told = run_congling("inspect", run, "北京 囧 和平", "--values")
    assert told.out == listed and "left out, for they are not in the vocabulary: 囧" in told.err
    value = json.loads(run_congling("inspect", run, "北京 和平", "--value", "words.output", "--json").out)
    assert np.allclose(value["values"], VECTORS[[1, 6]])
    assert run_congling("inspect", run, "北京", "--value", "cosine").code == 2
    assert run_congling("inspect", run, "囧", "--values").code == 1
    assert run_congling("inspect", run, " ").code == 2


def data_of(path: Path) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script', path.read_text("utf-8"), re.DOTALL)
    assert found
    data: dict[str, Any] = json.loads(found[1])
    return data


def test_the_page_of_a_run(run_congling: Command, run: Path, tmp_path: Path) -> None:
    """Guards sentence, an analogy as predict has it, the choice of words and layouts, and which frames are shown."""
    for step in (0, 1, 2):
        save_frame(Run.open(run), step, {"words.weight": torch.from_numpy(VECTORS * 2**step)})
    page = tmp_path / "page.html"
    options = ["--words", 13, "--projection", "pca", "tsne", "--analogy", "w20", "中国", "日本"]
    outcome = run_congling("inspect", run, "人民 热爱 和平", "--html", page, *options)
    assert (outcome.code, outcome.out) == (0, f"{page}\n") and "t-SNE: 14 words in the plane" in outcome.err
    data = data_of(page)
    assert [each["id"] for each in data["sentence"]] == [4, 5, 6] and data["analogies"][0] == ["中国", "w20", "日本"]
    assert len(data["words"]) == 14 and [each["method"] for each in data["layouts"]] == ["pca", "tsne"]
    assert data["course"] is None  # the frames are later than the checkpoint, which is of step 0


def test_the_course_of_a_training(run_congling: Command, tiny_words: Path, tmp_path: Path) -> None:
    """Guards frames up to the checkpoint alone, with the checkpoint's own vectors as the last step."""
    page, run = tmp_path / "page.html", Run.open(shutil.copytree(tiny_words, tmp_path / "run"))
    step = int(checkpoint_folder(run, "best").name)
    save_frame(run, 2**40, {"words.weight": torch.zeros(3, 2)})
    assert run_congling("inspect", run.path, "--html", page, "--projection", "pca").code == 0
    course = data_of(page)["course"]
    assert course["steps"] == [each for each in list_frames(run) if each < step] + [step] and len(course["steps"]) > 1


def test_options_that_mean_nothing_together(run_congling: Command, run: Path, tmp_path: Path) -> None:
    """Guards against an option that is silently without effect, and an unknown word of an analogy."""
    assert run_congling("inspect", run, "--analogy", "a", "b", "c").code == 2
    outcome = run_congling("inspect", run, "--html", tmp_path / "p", "--analogy", "囧", "北京", "日本")
    assert outcome.code == 1 and "囧" in outcome.err and not (tmp_path / "p").exists()
    assert run_congling("inspect", run, "--words", 1, "--html", tmp_path / "p").code == 2


def test_help_imports_no_library() -> None:
    """Guards the time that --help takes: neither PyTorch nor scikit-learn nor numba."""
    program = (
        "import sys; from congling.cli.main import main; code = main(sys.argv[1:]); "
        "print([name for name in ('torch', 'sklearn', 'numba', 'pyarrow') if name in sys.modules]); sys.exit(code)"
    )
    for arguments in (
        ["import", "--help"],
        ["export", "word-embedding", "--help"],
        ["inspect", "word-embedding", "-h"],
    ):
        found = subprocess.run(
            [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True, encoding="utf-8"
        )
        assert found.stdout.splitlines()[-1] == "[]"
