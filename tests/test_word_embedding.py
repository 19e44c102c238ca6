"""The word-embedding task: a text that becomes numbers, trainings that go on, the held-out loss, imported vectors."""

from __future__ import annotations

import dataclasses
import itertools
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch

from congling.data.text.vocabulary import Vocabulary
from congling.errors import UsageError, UserError
from congling.learning.checkpoints import load_weights
from congling.learning.events import Event, StepDone
from congling.learning.frames import list_frames, load_frame
from congling.learning.parameters import load_parameters
from congling.learning.runs import Run
from congling.learning.word2vec.draws import Draws, stream_of
from congling.learning.word2vec.pieces import Pieces
from congling.learning.word2vec.plain import Drawing
from congling.learning.word2vec.settings import Word2VecSettings
from congling.learning.word2vec.tables import alias_tables, keep_thresholds
from congling.networks.word2vec import ContinuousBagOfWords, SkipGram
from congling.tasks.training import GoingOn
from congling.tasks.word_embedding import task
from congling.tasks.word_embedding.data import find, held_out_sentences, load_words, words_in_memory
from congling.tasks.word_embedding.options import WordDataOptions, WordEmbeddingOptions, WordTraining
from congling.tasks.word_embedding.stored_run import VOCABULARY, import_run, imported_from, word_embedding_options_of
from congling.tasks.word_embedding.task import fit, resume, train
from congling.tasks.word_embedding.word_vectors import WordVectors


def options(text: Path, run: Path, **training: object) -> WordEmbeddingOptions:
    """Small vectors of a text on one thread, so that they repeat."""
    chosen = WordTraining(vector_size=11, threads=1, sample=0.0, **training)  # type: ignore[arg-type]
    return WordEmbeddingOptions(run, WordDataOptions(text=[text], lower_case=True), chosen)


def silent(text: str) -> None:
    """Nobody listens."""


def equal(one: Run, other: Run) -> bool:
    """Whether the last weights are the same to the last bit."""
    first, second = (load_weights(run, "last") for run in (one, other))
    return all(bool((first[name] == second[name]).all()) for name in ("words.weight", "contexts.weight"))


def test_a_longer_budget_goes_on_where_the_training_stood(groups_text: Path, tmp_path: Path) -> None:
    """Guards: a resumed training that begins anew, and a budget that is not kept in run.yaml."""
    run, _reason = train(options(groups_text, tmp_path / "a", epochs=2.0), silent)
    before = json.loads((run.path / "metrics.jsonl").read_text().splitlines()[-1])
    again, reason = resume(GoingOn(run.path, epochs=5.0), silent)
    records = [json.loads(line) for line in (run.path / "metrics.jsonl").read_text().splitlines()]
    steps = [record["step"] for record in records if "train/loss" in record]
    assert reason == "epochs" and before["step"] < steps[-1] and steps == sorted(set(steps))
    assert word_embedding_options_of(Run.open(again.path)).training.epochs == 5.0
    assert "steps" not in Run.open(again.path).config["training"]
    with pytest.raises(UsageError, match="--epochs 3 is a total"):
        resume(GoingOn(run.path, epochs=3.0), silent)
    with pytest.raises(UsageError, match="trained by epochs"):
        resume(GoingOn(run.path, steps=100), silent)


def test_a_training_that_was_interrupted_ends_as_if_it_had_not_been(
    groups_text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards: other words, other draws or another learning rate after a resume."""
    whole, _reason = train(options(groups_text, tmp_path / "whole", epochs=4.0), silent)
    made = task.make_trainer

    def interrupted(*arguments: object) -> object:
        trainer = made(*arguments)  # type: ignore[arg-type]

        def stop(event: Event) -> None:
            if isinstance(event, StepDone) and event.step == 37:
                trainer.interrupts.requested = True

        trainer.listeners = [*trainer.listeners, stop]
        return trainer

    with monkeypatch.context() as patch:
        patch.setattr(task, "make_trainer", interrupted)
        run, reason = train(options(groups_text, tmp_path / "cut", epochs=4.0), silent)
    assert reason == "interrupted" and not equal(whole, run)
    resume(GoingOn(run.path), silent)
    assert equal(whole, run)


def test_a_run_whose_text_was_not_read_to_its_end_reads_it_anew(groups_text: Path, tmp_path: Path) -> None:
    """Guards: a run that was killed while the text was read, and can never be used again."""
    whole, _reason = train(options(groups_text, tmp_path / "a", epochs=2.0), silent)
    shutil.copytree(whole.path, tmp_path / "b")
    for name in ("checkpoints", "data", "frames"):
        shutil.rmtree(tmp_path / "b" / name)
    (tmp_path / "b" / VOCABULARY).unlink()
    (tmp_path / "b" / "data" / "as-read").mkdir(parents=True)
    resume(GoingOn(tmp_path / "b"), silent)
    assert equal(whole, Run.open(tmp_path / "b")) and not (tmp_path / "b" / "data" / "as-read").exists()


def test_frames_show_the_vectors_on_their_way(tiny_words: Path) -> None:
    """Guards: frames that the latent space cannot be drawn from."""
    run = Run.open(tiny_words)
    steps, vectors = list_frames(run), WordVectors.load(run)
    assert steps[:3] == [0, 1, 2] and len(steps) > 5
    assert load_frame(run, steps[-1])["words.weight"].shape == vectors.vectors.shape


def test_a_training_in_memory_is_that_of_a_run(groups_text: Path, tiny_words: Path) -> None:
    """Guards: two ways from a text to its numbers that differ."""
    wanted = word_embedding_options_of(Run.open(tiny_words))
    lines = groups_text.read_text(encoding="utf-8").lower().replace(".", "").splitlines()
    found = fit(wanted, [line.split() for line in lines])
    expected = WordVectors.load(Run.open(tiny_words), "last")
    assert found.vectors.words == expected.words and found.reason == "epochs"
    assert np.array_equal(found.vectors.vectors, expected.vectors)
    assert found.history.validations[-1].loss < found.history.validations[0].loss


def test_the_number_of_epochs_suits_the_text() -> None:
    """Guards: a default that takes hours on a large text, or teaches a small one nothing."""
    for words, epochs in ((1000, 20), (1_000_000, 15), (40_000_000, 5)):
        assert WordEmbeddingOptions().settled(words).training.epochs == epochs
    chosen = WordEmbeddingOptions(training=WordTraining(minutes=2.0)).settled(1000).training
    assert (chosen.epochs, chosen.minutes) == (None, 2.0)


def test_every_option_of_the_training_reaches_the_engine() -> None:
    """Guards: an option that is shown, stored, and has no effect."""
    same = {field.name for field in dataclasses.fields(WordTraining)} & {
        field.name for field in dataclasses.fields(Word2VecSettings)
    }
    other = WordTraining(**{name: getattr(Word2VecSettings, name) for name in same})
    assert other.settings == Word2VecSettings()
    for name in same - {"epochs", "minutes", "threads", "cbow_mean"}:
        changed = dataclasses.replace(other, **{name: getattr(other, name) * 2})
        assert getattr(changed.settings, name) == 2 * getattr(Word2VecSettings(), name)
    assert WordTraining(algorithm="cbow", cbow_mean=False).settings == Word2VecSettings(cbow=True, cbow_mean=False)
    left = {"frame_words", "cbow", "algorithm", "tensorboard"}
    names = {field.name for field in dataclasses.fields(WordTraining) + dataclasses.fields(Word2VecSettings)}  # type: ignore[operator]
    assert names - same == left


# The text -------------------------------------------------------------------------------------------------------------


def test_held_out_lines_are_neither_counted_nor_learned(groups_text: Path, tiny_words: Path) -> None:
    """Guards: a validation on what was learned, and counts that the draws should not know."""
    data = load_words(Run.open(tiny_words))
    lines = groups_text.read_text(encoding="utf-8").lower().replace(".", "").splitlines()
    assert len(data.train) + len(data.valid) == len(lines) and len(data.valid) == 100
    assert data.counts.tolist() == data.train.counts(22).tolist()
    chosen = held_out_sentences(len(lines), 500, 1)
    expected = [line for line, held_out in zip(lines, chosen, strict=True) if held_out]
    words = Vocabulary.read(tiny_words / VOCABULARY).words
    assert [" ".join(words[n] for n in data.valid[row]) for row in range(100)] == expected


def test_lower_case_is_for_named_data_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards: a word with capitals in a run whose questions are all put in lower case, so that nobody finds it."""
    (tmp_path / "199801.txt").write_text("ＩＢＭ/nx  VCD/n  ，/w  的/u\n", encoding="utf-8")
    monkeypatch.setattr("congling.tasks.word_embedding.data.fetched", lambda _source, _say: tmp_path)
    found = {lower: list(find(WordDataOptions(lower_case=lower), silent).sentences()) for lower in (False, True)}
    assert found == {False: [["ＩＢＭ", "VCD", "的"]], True: [["ｉｂｍ", "vcd", "的"]]}


def test_few_lines_leave_none_to_hold_out() -> None:
    """Guards: a division by no example where a text has nine lines."""
    chosen = WordEmbeddingOptions(
        data=WordDataOptions(min_count=1), training=WordTraining(threads=1, epochs=1.0, sample=0.0)
    )
    _vocabulary, data = words_in_memory([["a", "b"]] * 9, chosen)
    assert len(data.valid) == 0 and len(data.train) == 9
    assert fit(chosen, [["a", "b"]] * 9).history.validations == []


def test_held_out_lines_in_which_nothing_can_be_predicted() -> None:
    """Guards: a training that fails half way because its ten held-out lines are single words."""
    lines = [["a", "b"] if number % 2 else ["a"] for number in range(100)]
    chosen = WordEmbeddingOptions(
        data=WordDataOptions(min_count=1), training=WordTraining(threads=1, epochs=1.0, sample=0.0)
    )
    held_out = held_out_sentences(100, 500, chosen.training.seed)
    lines = [["a"] if out else ["a", "b"] for out in held_out]
    found = fit(chosen, lines)
    assert found.reason == "epochs" and found.history.validations == []


# The held-out loss ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ["skip-gram", "cbow"])
def test_the_held_out_loss_is_that_of_the_network(algorithm: Literal["skip-gram", "cbow"]) -> None:
    """Guards: a loss on the lines that were learned from, or with negatives that follow the held-out lines' counts."""
    chance = np.random.default_rng(29)
    lines = [[f"w{n}" for n in chance.integers(0, 13, 11)] for _line in range(230)]
    training = WordTraining(algorithm=algorithm, vector_size=7, window=3, threads=1, epochs=2.0, validations=1)
    chosen = WordEmbeddingOptions(data=WordDataOptions(min_count=1), training=training)
    found, (_vocabulary, data) = fit(chosen, lines), words_in_memory(lines, chosen)
    settings, network = training.settings, (SkipGram if algorithm == "skip-gram" else ContinuousBagOfWords)(13, 7)
    matrices = {"words.weight": found.vectors.vectors, "contexts.weight": found.vectors.contexts}
    load_parameters(network, {name: torch.from_numpy(matrix) for name, matrix in matrices.items()})
    thresholds, aliases = (table.tolist() for table in alias_tables(data.counts, settings.ns_exponent))
    keep = keep_thresholds(data.counts, settings.sample).tolist()
    drawing = Drawing(keep, thresholds, aliases, 3, 5, settings.cbow)
    losses, pieces = list[float](), Pieces.of(data.valid.starts)
    for piece, (first, last) in enumerate(itertools.pairwise(pieces.limits.tolist())):
        draws = Draws(stream_of(settings.seed, piece))
        for sentence in range(first, last):
            for example in drawing.examples(data.valid[sentence].tolist(), draws):
                losses.append(float(network.loss(example.batch)[0].detach()))
    assert len(data.valid) == 23 and len(pieces) > 1
    assert found.history.validations[-1].loss == pytest.approx(sum(losses) / len(losses), rel=1e-5)


def test_training_needs_no_pytorch(groups_text: Path, tmp_path: Path) -> None:
    """Guards: 200 MB of memory that a training of word vectors has no use for."""
    code = (
        "import sys; from congling.cli.main import main;"
        f"assert main(['train', 'word-embedding', '--text', {str(groups_text)!r}, '--run', {str(tmp_path / 'run')!r},"
        " '--epochs', '1', '--threads', '1']) == 0;"
        "print(sorted({'torch', 'sklearn', 'datasets', 'pyarrow'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True)
    assert found.stdout.splitlines()[-1] == "[]"


# Imported vectors -----------------------------------------------------------------------------------------------------


def test_imported_vectors_are_a_run(tmp_path: Path) -> None:
    """Guards: vectors that change on the way, and a training that begins with nothing to learn from."""
    vectors = np.random.default_rng(31).standard_normal((5, 3)).astype(np.float32)
    import_run(tmp_path / "run", Vocabulary(["北京", "New York", "c", "d", "e"]), vectors, Path("own.vec"))
    run = Run.open(tmp_path / "run")
    found = WordVectors.load(run)
    assert np.array_equal(found.vectors, vectors) and found.words[1] == "New York" and found.contexts is None
    assert imported_from(run) == "own.vec" and run.config["training"]["vector_size"] == 3
    with pytest.raises(UserError, match=r"holds vectors from own\.vec and no text"):
        resume(GoingOn(run.path), silent)
