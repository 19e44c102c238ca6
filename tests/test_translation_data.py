"""From files or a named data set to what a training needs: languages, normalisations, and what the run keeps."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
import yaml

from congling.data.sources import SOURCES
from congling.data.text.splits import Example
from congling.data.text.tokenizers import Tokenizer
from congling.errors import UsageError, UserError
from congling.learning.runs import Run
from congling.tasks import named_data
from congling.tasks.translation import data as translation_data
from congling.tasks.translation import task as translation
from congling.tasks.translation.data import Corpus, languages, prepare, read_corpus
from congling.tasks.translation.normalizations import normalizations
from congling.tasks.translation.options import DataOptions, TranslationOptions, TranslationTraining, VocabularyOptions
from congling.tasks.translation.stored_run import translation_options_of


def files(source: str, target: str, direction: str | None = None) -> DataOptions:
    return DataOptions(source=Path(source), target=Path(target), direction=direction)


@pytest.mark.parametrize(
    ("options", "pair"),
    [
        (DataOptions(), ("zh", "en")),
        (DataOptions(direction="en-zh"), ("en", "zh")),
        (files("a.zh", "a.en"), ("zh", "en")),
        (files("a.en.gz", "a.zh.gz"), ("en", "zh")),
        (files("a.zh", "a.en", "zh-en"), ("zh", "en")),
        (files("a.zh", "a.en", "cmn-eng"), ("cmn", "eng")),
        (files("a.zh", "a.en", "ja-de"), ("ja", "de")),
        (files("a.txt", "b.txt", "en-zh"), ("en", "zh")),
    ],
)
def test_languages(options: DataOptions, pair: tuple[str, str]) -> None:
    """Guards what was told against the files' endings, which are asked only where nothing was."""
    assert languages(options) == pair


@pytest.mark.parametrize("direction", ["en-zh", "eng-cmn"])
def test_files_the_wrong_way_round_are_refused(direction: str) -> None:
    """Guards against ten minutes of learning the direction that nobody wanted."""
    with pytest.raises(UsageError) as error:
        languages(files("a.zh", "a.en.gz", direction))
    assert str(error.value) == (f"--direction {direction}, but --source ends in .zh: exchange --source and --target")


@pytest.mark.parametrize(
    ("source", "target", "joint", "rules"),
    [
        ("zh", "en", None, ("simplified-chinese", "nmt_nfkc")),
        ("en", "cmn", None, ("nmt_nfkc", "simplified-characters")),
        ("en", "ja-JP", None, ("nmt_nfkc", "identity")),
        ("ja", "zh-Hant", None, ("nmt_nfkc", "simplified-characters")),
        ("zh", "en", 97, ("simplified-chinese", "simplified-chinese")),
        ("en", "zh", 97, ("simplified-characters", "simplified-characters")),
        ("zh", "ja", 97, ("identity", "identity")),
        ("en", "de", 97, ("nmt_nfkc", "nmt_nfkc")),
    ],
)
def test_automatic_normalization(source: str, target: str, joint: int | None, rules: tuple[str, str]) -> None:
    """Guards against traditional characters that a joint vocabulary does not fold, and against two rules in one."""
    assert normalizations(VocabularyOptions(joint_vocabulary=joint), source, target) == rules


def test_normalization_that_is_asked_for() -> None:
    """Guards the user's word against auto; in a joint vocabulary one word goes for both."""
    assert normalizations(VocabularyOptions(target_normalization="nfkc"), "zh", "zh") == ("simplified-chinese", "nfkc")
    for chosen in (
        VocabularyOptions(joint_vocabulary=97, source_normalization="identity"),
        VocabularyOptions(joint_vocabulary=97, target_normalization="identity"),
    ):
        assert normalizations(chosen, "zh", "en") == ("identity", "identity")


def test_fetching_names_licence_and_authors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards the licence's one demand: whoever uses the data learns whom to name."""

    def unreachable(_source: object) -> Path:
        raise UserError("no network")

    said: list[str] = []
    monkeypatch.setattr(named_data, "cached", lambda _source: None)
    monkeypatch.setattr(named_data, "fetch", unreachable)
    with pytest.raises(UserError, match="no network"):
        read_corpus(DataOptions(), seed=1, say=said.append)
    source = SOURCES["tatoeba-zh-en"]
    assert len(said) == 1 and source.licence in said[0] and source.attribution in said[0]


PAIRS = [(f"第{number}個字。", f"word number {number}.") for number in range(31)]
CORPUS = Corpus(lambda: PAIRS, [Example("甲", ["a"])], [], "zh", "en")


@pytest.mark.parametrize("asked", [VocabularyOptions(), VocabularyOptions(joint_vocabulary=41)])
def test_run_yaml_says_what_came_of_the_options(tmp_path: Path, asked: VocabularyOptions) -> None:
    """Guards the resolved options: sizes and rules as they are in the run, not "as many as the text can fill"."""
    options = TranslationOptions(vocabulary=asked)
    run = Run.create(tmp_path / "run", {"vocabulary": {}, "network": {}, "training": {}}, task="translation", seed=1)
    prepare(run, CORPUS, options, lambda _text: None)
    source, target = (Tokenizer.load(run.file(f"{side}.model")).size for side in ("source", "target"))
    stored = yaml.safe_load(run.file("run.yaml").read_text(encoding="utf-8"))["config"]["vocabulary"]
    if asked.joint_vocabulary:
        assert (stored["joint_vocabulary"], stored["source_vocabulary"], source) == (41, None, 41)
        assert stored["target_normalization"] == stored["source_normalization"] == "simplified-chinese"
    else:
        assert (stored["source_vocabulary"], stored["target_vocabulary"]) == (source, target)
        assert 4 < target < translation_data.DEFAULT_TARGET_VOCABULARY
        assert (stored["source_normalization"], stored["target_normalization"]) == ("simplified-chinese", "nmt_nfkc")
    assert translation_options_of(Run.open(run.path)).vocabulary.pieces == "bpe"  # it can be read back


def test_tokenizers_are_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against half a model file under its final name after a full disk or a kill."""
    run = Run.create(tmp_path / "run", {"vocabulary": {}}, task="translation", seed=1)

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match=r"the disk is full: .*source\.model was not written"):
        prepare(run, CORPUS, TranslationOptions(), lambda _text: None)
    assert not list(run.path.glob("*.model"))


@pytest.mark.parametrize(
    ("training", "minutes"),
    [(TranslationTraining(), 10), (TranslationTraining(minutes=3), 3), (TranslationTraining(steps=7), None)],
)
def test_run_yaml_says_how_long_is_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, training: TranslationTraining, minutes: float | None
) -> None:
    """Guards against a run of which nobody can tell how long it was to train, and minutes beside steps."""
    created: list[object] = []

    def stop(run: Run, *_rest: object) -> None:
        created.append(yaml.safe_load(run.file("run.yaml").read_text(encoding="utf-8"))["config"]["training"])
        raise UserError("enough")

    monkeypatch.setattr(translation, "read_corpus", lambda *_options: CORPUS)
    monkeypatch.setattr(translation, "prepare", stop)
    training.precision, training.threads = "float32", 1
    with pytest.raises(UserError, match="enough"):
        translation.train(TranslationOptions(run=tmp_path / "run", device="cpu", training=training), print)
    (stored,) = created
    assert isinstance(stored, dict) and (stored["minutes"], stored["steps"]) == (minutes, training.steps)
