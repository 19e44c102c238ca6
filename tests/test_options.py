"""What options refuse before anything is read, and how ``run.yaml`` gives them back."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import pytest
import yaml

from congling.cli.option import help_of_fields
from congling.errors import UsageError, UserError
from congling.learning.options import Budget, TrainingOptions
from congling.tasks.stored_options import restored
from congling.tasks.translation.network_options import NetworkOptions
from congling.tasks.translation.options import (
    DataOptions,
    SearchOptions,
    TranslationOptions,
    TranslationTraining,
    VocabularyOptions,
)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (TranslationTraining(minutes=3, steps=5), "--minutes 3 and --steps 5 exclude each other"),
        (TranslationTraining(minutes=3.0, epochs=2.5), "--minutes 3 and --epochs 2.5 exclude each other"),
        (TranslationTraining(steps=1_000_000, epochs=5), "--steps 1000000 and --epochs 5 exclude each other"),
        (TranslationTraining(epochs=0), "--epochs 0 must be greater than 0"),
        (TranslationTraining(epochs=math.inf), "--epochs inf must be a finite number"),
        (TranslationTraining(momentum=1), "--momentum 1 must be at least 0 and below 1"),
        (TranslationTraining(l1=-1), "--l1 -1 must be at least 0"),
        (TranslationTraining(l2=math.nan), "--l2 nan must be a finite number"),
        (TranslationTraining(weight_decay=0.1, optimizer="adam"), "--weight-decay 0.1 is a part of --optimizer adamw"),
        (TranslationTraining(minutes=0), "--minutes 0 must be greater than 0"),
        (TranslationTraining(minutes=math.inf), "--minutes inf must be a finite number"),
        (TranslationTraining(steps=0), "--steps 0 must be at least 1"),
        (TranslationTraining(steps=-7), "--steps -7 must be at least 1"),
        (TranslationTraining(seed=-1), "--seed -1 must be at least 0"),
        (TranslationTraining(seed=2**32), "--seed 4294967296 must be at most 4294967295"),
        (TranslationTraining(threads=0), "--threads 0 must be at least 1"),
        (TranslationTraining(threads=100_000), "--threads 100000 must be at most 1024"),
        (TranslationTraining(batch_tokens=0), "--batch-tokens 0 must be at least 1"),
        (TranslationTraining(accumulation=0), "--accumulation 0 must be at least 1"),
        (TranslationTraining(patience=0), "--patience 0 must be at least 1"),
        (TranslationTraining(keep_checkpoints=0), "--keep-checkpoints 0 must be at least 1"),
        (TranslationTraining(average=-1), "--average -1 must be at least 0"),
        (TranslationTraining(warmup_steps=-1), "--warmup-steps -1 must be at least 0"),
        (TranslationTraining(learning_rate=0), "--learning-rate 0 must be greater than 0"),
        (TranslationTraining(learning_rate=math.nan), "--learning-rate nan must be a finite number"),
        (TranslationTraining(clip_norm=-1), "--clip-norm -1 must be at least 0"),
        (TranslationTraining(clip_norm=math.nan), "--clip-norm nan must be a finite number"),
        (TranslationTraining(weight_decay=math.nan), "--weight-decay nan must be a finite number"),
        (TranslationTraining(label_smoothing=1), "--label-smoothing 1 must be at least 0 and below 1"),
        (TranslationTraining(adam_betas=(0.9, 1.5)), "--adam-betas 1.5 must be at least 0 and below 1"),
        (NetworkOptions(width=0), "--width 0 must be at least 1"),
        (NetworkOptions(width=-16), "--width -16 must be at least 1"),
        (NetworkOptions(heads=0), "--heads 0 must be at least 1"),
        (NetworkOptions(width=17, heads=3), "--width 17 cannot be divided among --heads 3"),
        (NetworkOptions(decoder_layers=0), "--decoder-layers 0 must be at least 1"),
        (NetworkOptions(dropout=math.nan), "--dropout nan must be at least 0 and below 1"),
        (NetworkOptions(cell="gru"), "--cell belongs to --network rnn, not to --network transformer"),
        (NetworkOptions(attention=True), "--attention belongs to --network rnn: a Transformer has it always"),
        (NetworkOptions(network="rnn", heads=4), "--heads belongs to --network transformer, not to --network rnn"),
        (
            NetworkOptions(network="rnn", activation_dropout=0.0),
            "--activation-dropout belongs to --network transformer",
        ),
        (NetworkOptions(network="rnn", norm="pre"), "--norm belongs to --network transformer"),
        (NetworkOptions(network="rnn", width=0), "--width 0 must be at least 1"),
        (NetworkOptions(network="rnn", width=10**5), "these sizes make a network of 180 billion parameters"),
        (VocabularyOptions(source_vocabulary=0), "--source-vocabulary 0 must be at least 4"),
        (VocabularyOptions(target_vocabulary=-3), "--target-vocabulary -3 must be at least 4"),
        (VocabularyOptions(joint_vocabulary=3), "--joint-vocabulary 3 must be at least 4"),
        (VocabularyOptions(joint_vocabulary=50, target_vocabulary=50), "--joint-vocabulary excludes"),
        (VocabularyOptions(source_vocabulary=1_000_001), "--source-vocabulary 1000001 must be at most 1000000"),
        (VocabularyOptions(target_vocabulary=10**9), "--target-vocabulary 1000000000 must be at most 1000000"),
        (VocabularyOptions(joint_vocabulary=10**9), "--joint-vocabulary 1000000000 must be at most 1000000"),
        (
            VocabularyOptions(joint_vocabulary=50, source_normalization="nfkc", target_normalization="identity"),
            "--joint-vocabulary has one normalisation for both sides, not --source-normalization nfkc and"
            " --target-normalization identity",
        ),
        (VocabularyOptions(subword_sampling=-1), "--subword-sampling -1 must be at least 0"),
        (DataOptions(source=Path("a.zh")), "--source needs --target beside it"),
        (DataOptions(target=Path("a.en")), "--target needs --source beside it"),
        (DataOptions(valid_target=Path("a.en")), "--valid-target needs --valid-source beside it"),
        (DataOptions(test_source=Path("a.zh")), "--test-source needs --test-target beside it"),
        (DataOptions(source=Path("a"), target=Path("b"), table=Path("c")), "--source and --table exclude each other"),
        (DataOptions(target=Path("b"), hub="a/b"), "--source and --hub exclude each other"),
        (DataOptions(table=Path("c.csv"), hub="a/b"), "--table and --hub exclude each other"),
        (DataOptions(direction="zh"), "--direction zh must name two languages, such as zh-en"),
        (DataOptions(direction="zh-"), "--direction zh- must name two languages"),
        (DataOptions(direction="-"), "--direction - must name two languages"),
        (DataOptions(valid_size=0), "--valid-size 0 must be at least 1"),
        (DataOptions(test_size=-1), "--test-size -1 must be at least 0"),
        (DataOptions(max_pieces=0), "--max-pieces 0 must be at least 1"),
        (SearchOptions(beam=0), "--beam 0 must be at least 1"),
        (SearchOptions(beam=101), "--beam 101 must be at most 100"),
        (SearchOptions(max_length=0), "--max-length 0 must be at least 1"),
        (SearchOptions(batch_tokens=-1), "--batch-tokens -1 must be at least 1"),
        (SearchOptions(no_repeat_ngram=-1), "--no-repeat-ngram -1 must be at least 0"),
        (SearchOptions(length_penalty=math.nan), "--length-penalty nan must be a finite number"),
    ],
)
def test_values_that_cannot_be_are_refused(options: Any, message: str) -> None:
    """Guards against values that fail later as a traceback, a crash, or a training that learns nothing."""
    with pytest.raises(UsageError) as error:
        options.check()
    assert str(error.value).startswith(message)


@pytest.mark.parametrize(
    "options",
    [
        TranslationOptions(),
        TranslationOptions(data=DataOptions(valid_source=Path("a"), valid_target=Path("b"), valid_size=0, test_size=0)),
        TranslationOptions(network=NetworkOptions(width=1, heads=1, dropout=0)),
        TranslationOptions(network=NetworkOptions(network="rnn", attention=True, cell="elman", width=1)),
        TranslationOptions(training=TranslationTraining(steps=1, warmup_steps=0, clip_norm=0, average=0, seed=0)),
        TranslationOptions(vocabulary=VocabularyOptions(joint_vocabulary=4)),
        TranslationOptions(vocabulary=VocabularyOptions(source_vocabulary=1_000_000, target_vocabulary=1_000_000)),
        TranslationOptions(vocabulary=VocabularyOptions(joint_vocabulary=1_000_000, source_normalization="nfkc")),
        TranslationOptions(training=TranslationTraining(threads=1024, seed=2**32 - 1)),
        SearchOptions(beam=1, length_penalty=0, max_length=1),
        SearchOptions(beam=100),
    ],
)
def test_the_smallest_and_the_largest_values_pass(options: Any) -> None:
    """Guards against limits that are off by one."""
    options.check()


def test_every_group_is_checked() -> None:
    """Guards against a group of options whose own check nobody calls."""
    for group, wrong in (
        ("data", DataOptions(max_pieces=0)),
        ("vocabulary", VocabularyOptions(joint_vocabulary=0)),
        ("network", NetworkOptions(heads=0)),
        ("training", TranslationTraining(steps=0)),
    ):
        with pytest.raises(UsageError):
            TranslationOptions(**{group: wrong}).check()  # type: ignore[arg-type]


def test_a_budget_ends_at_one() -> None:
    """Guards the schedule's clock: fractions over 1 would make the learning rate rise again."""
    assert Budget.of(TrainingOptions(minutes=0.5)).spent(11, 15.0, 7.0) == 0.5
    assert Budget.of(TrainingOptions(steps=20)).spent(5, 1e9, 7.0) == 0.25
    assert Budget.of(TrainingOptions(epochs=3)).spent(5, 1e9, 0.75) == 0.25
    for budget in (Budget(steps=20), Budget(seconds=20), Budget(epochs=20)):
        assert budget.spent(23, 23.0, 23.0) == 1.0


def test_a_task_says_its_default_budget_once() -> None:
    """Guards the help of --minutes against a default that was changed, and a default that outlives a given budget."""
    budget = Budget.of(TranslationTraining())
    assert budget == Budget(seconds=600.0)
    assert help_of_fields(TranslationTraining)["minutes"].endswith(f"Without any such budget: {budget.minutes:g}.")
    for given in ({"minutes": 3.0}, {"steps": 7}, {"epochs": 1.5}):
        options = TranslationTraining(**given)  # type: ignore[arg-type]
        options.settle_budget()
        assert {"minutes": options.minutes, "steps": options.steps, "epochs": options.epochs} == {
            "minutes": None, "steps": None, "epochs": None, **given,
        }  # fmt: skip
    none_given = TranslationTraining()
    none_given.settle_budget()
    assert (none_given.minutes, none_given.steps, none_given.epochs) == (10.0, None, None)


def test_a_text_stands_under_every_option() -> None:
    """Guards a task's own class against losing the help of what it inherits."""
    assert set(help_of_fields(TranslationTraining)) == {field.name for field in dataclasses.fields(TranslationTraining)}


# run.yaml ------------------------------------------------------------------------------------------------------------


def stored(options: TranslationOptions) -> dict[str, Any]:
    """As a run keeps them: through YAML, paths as text and tuples as lists."""
    loaded: dict[str, Any] = yaml.safe_load(yaml.safe_dump(_plain(dataclasses.asdict(options))))
    return loaded


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inside) for key, inside in value.items()}
    if isinstance(value, tuple):
        return list(value)
    return str(value) if isinstance(value, Path) else value


def test_stored_options_come_back_as_they_were() -> None:
    """Guards against a path that comes back as text, or a tuple as a list: the resumed training would differ."""
    options = TranslationOptions(
        run=Path("runs/a"),
        data=DataOptions(source=Path("a.zh"), target=Path("a.en"), direction="zh-en"),
        vocabulary=VocabularyOptions(joint_vocabulary=97, pieces="unigram"),
        network=NetworkOptions(norm="pre", tied_output=False),
        training=TranslationTraining(minutes=2, adam_betas=(0.5, 0.75), learning_rate=1e-5, average_of="best"),
    )
    assert restored(TranslationOptions, stored(options)) == options


def test_options_that_an_older_run_lacks_have_their_defaults() -> None:
    """Guards the promise that old runs open: a new option must not make their run.yaml unreadable."""
    old = stored(TranslationOptions())
    del old["training"]["average_of"], old["vocabulary"]["subword_sampling"]
    for later in ("epochs", "optimizer", "momentum", "l1", "l2", "backprop"):  # none of them in 0.1
        del old["training"][later]
    for later in ("network", "cell", "attention"):
        del old["network"][later]
    assert restored(TranslationOptions, old) == TranslationOptions()


@pytest.mark.parametrize(
    ("group", "name", "value", "message"),
    [
        ("network", "width", "wide", "config.network.width cannot be 'wide'"),
        ("network", "width", True, "config.network.width cannot be True"),
        ("network", "width", 1.5, "config.network.width cannot be 1.5"),
        ("network", "tied_output", None, "config.network.tied_output cannot be None"),
        ("network", "activation", "relo", "config.network.activation cannot be 'relo'"),
        ("network", "tied_output", "yes", "config.network.tied_output cannot be 'yes'"),
        ("network", "wdith", 16, "config.network.wdith is unknown"),
        ("training", "adam_betas", [0.9], "config.training.adam_betas cannot be [0.9]"),
        ("training", "adam_betas", [0.9, "x"], "config.training.adam_betas cannot be [0.9, 'x']"),
        ("training", "default_budget", 5, "config.training.default_budget is unknown"),
        ("training", "steps", "many", "config.training.steps cannot be 'many'"),
        ("data", "source", 3, "config.data.source cannot be 3"),
    ],
)
def test_edited_options_are_named(group: str, name: str, value: object, message: str) -> None:
    """Guards against an edit of run.yaml that comes out as an error deep in a network."""
    edited = stored(TranslationOptions())
    edited[group][name] = value
    with pytest.raises(UserError) as error:
        restored(TranslationOptions, edited)
    assert str(error.value) == message


def test_a_group_that_is_no_group_is_named() -> None:
    """Guards against a traceback for a list or a number where options should stand."""
    with pytest.raises(UserError, match=r"^config\.network is no mapping$"):
        restored(TranslationOptions, stored(TranslationOptions()) | {"network": 3})


@dataclasses.dataclass
class Listed:
    """Options that are lists: no task of translation has any."""

    sizes: list[int]
    places: list[Path]
    rates: list[float] | None = None


def test_lists_come_back_element_by_element() -> None:
    """Guards paths and fractions inside a list, and one element of the wrong kind among right ones."""
    kept = {"sizes": [3, 5], "places": ["a", "b"], "rates": [1, 0.5]}
    assert restored(Listed, kept) == Listed([3, 5], [Path("a"), Path("b")], [1.0, 0.5])
    assert restored(Listed, kept | {"sizes": [], "rates": None}) == Listed([], [Path("a"), Path("b")])
    for name, wrong in (("sizes", [3, "x"]), ("sizes", 3), ("sizes", [True]), ("rates", ["x"])):
        with pytest.raises(UserError, match=rf"^config\.{name} cannot be "):
            restored(Listed, kept | {name: wrong})


def test_a_network_has_defaults_of_its_own() -> None:
    """Guards against the Transformer's width in a recurrent network, and a value that was given and is lost."""
    rnn = TranslationOptions(network=NetworkOptions(network="rnn", width=17))
    rnn.settle()
    chosen = rnn.network
    assert (chosen.cell, chosen.width, chosen.encoder_layers, chosen.dropout, chosen.heads) == ("gru", 17, 1, 0.2, None)
    transformer = TranslationOptions()
    transformer.settle()
    chosen = transformer.network
    assert (chosen.width, chosen.heads, chosen.norm, chosen.cell) == (192, 4, "pre", None)
    assert (rnn.training.learning_rate, transformer.training.learning_rate) == (4e-3, 3.97e-3)
    wide = TranslationOptions(network=NetworkOptions(width=512, norm="post"))
    wide.settle()
    assert wide.training.learning_rate == 1.24e-3
    given = TranslationOptions(training=TranslationTraining(learning_rate=1e-3))
    given.settle()
    assert given.training.learning_rate == 1e-3
    transformer.check()
    rnn.check()
