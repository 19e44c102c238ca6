"""Fitting functions: it learns, in memory and into a run, repeats to the last bit, and says what went wrong."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from congling.errors import UsageError, UserError
from congling.learning.checkpoints import load_weights
from congling.learning.runs import Run
from congling.networks.layers import LayerNormalisation
from congling.networks.mlp import FullLayer
from congling.tasks.function_fitting.data import PARTS, FunctionData, Part
from congling.tasks.function_fitting.fitted_function import FittedFunction, build_network
from congling.tasks.function_fitting.linear_baseline import linear_baseline
from congling.tasks.function_fitting.options import (
    FittingTraining,
    FunctionDataOptions,
    FunctionFittingOptions,
    FunctionNetworkOptions,
)
from congling.tasks.function_fitting.parts import make_data
from congling.tasks.function_fitting.scores import accuracy, errors_of, mean_loss
from congling.tasks.function_fitting.store import load_data, save_data
from congling.tasks.function_fitting.task import Fit, fit, resume, train
from congling.tasks.training import GoingOn


def options(
    data: dict[str, Any] | None = None, network: dict[str, Any] | None = None, **training: Any
) -> FunctionFittingOptions:
    return FunctionFittingOptions(
        data=FunctionDataOptions(**(data or {})),
        network=FunctionNetworkOptions(**(network or {})),
        training=FittingTraining(**({"threads": 1} | training)),
    )


SMALL: dict[str, Any] = {"data": {"examples": 61, "valid_size": 13, "test_size": 17}, "network": {"hidden": [5, 5]}}


def small(**training: Any) -> FunctionFittingOptions:
    return options(**SMALL, **training)


def equal(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return set(first) == set(second) and all(torch.equal(first[name], second[name]) for name in first)


def table(folder: Path, rows: list[str], head: str = "a,b,y") -> Path:
    path = folder / "own.csv"
    path.write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    return path


def linear_table(folder: Path, count: int = 53) -> Path:
    """y = 3000 a − 2 b + 50000, with a in thousandths and b in thousands."""
    chance = np.random.default_rng(3)
    first, second = chance.uniform(0.001, 0.004, count), chance.uniform(-5000, 1000, count)
    values = 3000 * first - 2 * second + 50000
    return table(
        folder, [f"{a},{b},{y}" for a, b, y in zip(first.tolist(), second.tolist(), values.tolist(), strict=True)]
    )


# It learns -----------------------------------------------------------------------------------------------------------


def test_the_default_finds_the_sine(tmp_path: Path) -> None:
    """Guards the front door: the bare task, in a run that is opened again. Seeds gave 1e-6 to 2e-5; the bar is 1e-4."""
    chosen = options()
    chosen.run = tmp_path / "sine"
    run, reason = train(chosen, print)
    fitted = FittedFunction.load(Run.open(run.path))
    assert reason == "steps"
    assert fitted.evaluate("test")["mse"] < 1e-4
    inputs = np.linspace(-np.pi, np.pi, 29)[:, None]
    assert np.abs(fitted(inputs) - np.sin(inputs)).max() < 0.05


def test_the_spiral_is_told_apart() -> None:
    """Guards classes: cross-entropy, probabilities, accuracy. Six seeds gave 100 % of 1,000 unseen points."""
    done = fit(options({"function": "spiral"}, steps=1500))
    assert done.fitted.evaluate("test")["accuracy"] >= 0.99
    probabilities = done.fitted(done.data.test.inputs)
    assert probabilities.shape == (1000, 2)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-12)
    assert np.mean(probabilities.argmax(axis=1) == done.data.test.targets) >= 0.99


@pytest.mark.parametrize(
    "training",
    [
        {"optimizer": "gradient-descent", "learning_rate": 0.1},
        {"optimizer": "momentum", "learning_rate": 0.01, "batch_size": 7},
        {"optimizer": "rmsprop", "l2": 1e-4},
        {"backprop": "tape"},
    ],
)
def test_other_ways_to_learn(training: dict[str, Any]) -> None:
    """Guards each option's way into the trainer: in 200 steps the loss falls to less than half."""
    done = fit(small(steps=200, **training))
    assert min(each.loss for each in done.history.validations) < done.history.steps[0].loss / 2


def test_the_tape_trains_as_autograd_does() -> None:
    """Guards --backprop tape on a whole training: thirty steps apart by rounding only."""
    one, other = fit(small(steps=30)), fit(small(steps=30, backprop="tape"))
    for name, values in one.best_weights.items():
        torch.testing.assert_close(values, other.best_weights[name], rtol=1e-3, atol=1e-5)


def test_a_linear_network_comes_to_the_exact_solution(tmp_path: Path) -> None:
    """Guards standardised columns there and back: the user's units in the weights, the predictions and the scores."""
    done = fit(options({"table": linear_table(tmp_path)}, {"hidden": []}, steps=600, learning_rate=0.05))
    baseline = linear_baseline(done.data)
    assert baseline is not None and baseline.unique
    assert baseline.weights == pytest.approx([3000, -2], rel=1e-9)
    assert baseline.bias == pytest.approx(50000, rel=1e-9)
    assert baseline.scores["test"]["mse"] < 1e-12
    assert done.fitted(np.array([[0.002, -1000.0]])) == pytest.approx(3000 * 0.002 + 2000 + 50000, rel=1e-4)
    assert done.fitted.evaluate("test")["r2"] > 0.9999
    assert done.fitted.evaluate("test")["mse"] < 1e5  # of values whose variance is about 10⁷: no standardised units


@pytest.mark.parametrize("standardise", ["yes", "no"])
def test_small_columns_beside_huge_ones_count(tmp_path: Path, standardise: Any) -> None:
    """Guards the exact solution against rounding that is measured by the largest column: a billion and a billionth."""
    chance = np.random.default_rng(3)
    first, second = chance.uniform(1e8, 1e9, 53).tolist(), chance.uniform(1e-9, 1e-8, 53).tolist()
    rows = [f"{a},{b},{2e-8 * a + 3e8 * b + 5}" for a, b in zip(first, second, strict=True)]
    baseline = linear_baseline(make_data(FunctionDataOptions(table=table(tmp_path, rows), standardise=standardise), 1))
    assert baseline is not None and baseline.unique
    assert baseline.weights == pytest.approx([2e-8, 3e8], rel=1e-9)
    assert baseline.bias == pytest.approx(5, rel=1e-9)


# In memory -----------------------------------------------------------------------------------------------------------


def test_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards demonstrations against hundreds of folders; and that every step and validation is remembered."""
    monkeypatch.chdir(tmp_path)
    done = fit(small(steps=20, validations=4))
    assert list(tmp_path.iterdir()) == []
    assert [step.step for step in done.history.steps] == list(range(1, 21))
    assert [each.step for each in done.history.validations] == [5, 10, 15, 20]
    assert set(done.history.validations[0].scores) == {"mse"}


def test_the_seed_decides() -> None:
    """Guards repeatable demonstrations: data, weights and batches follow from the seed, and from nothing else."""
    first, again, other = (fit(small(steps=9, batch_size=7, seed=seed)) for seed in (3, 3, 4))
    assert equal(first.best_weights, again.best_weights)
    assert not equal(first.best_weights, other.best_weights)
    assert not np.array_equal(first.data.train.inputs, other.data.train.inputs)


def test_the_network_before_training_is_the_one_that_is_trained() -> None:
    """Guards ``build_network``: with a learning rate of nearly nothing, the fit is where it started."""
    done = fit(small(steps=1, learning_rate=1e-30, optimizer="gradient-descent"))
    for name, parameter in build_network(done.options, done.data).named_parameters():
        torch.testing.assert_close(parameter.detach(), done.best_weights[name], rtol=0, atol=1e-20)


def test_last_and_best_weights_are_told_apart() -> None:
    """Guards early stopping: a fit that got worse still has its best weights, and ``fitted`` uses them."""
    data = {"examples": 7, "noise": 0.5, "valid_size": 101, "test_size": 11}
    done = fit(options(data, {"hidden": [31]}, steps=400, learning_rate=0.02))
    valid = done.data.examples("valid")
    losses = [each.loss for each in done.history.validations]
    assert mean_loss(done.network, valid) == pytest.approx(losses[-1], rel=1e-5)
    assert mean_loss(done.fitted.network, valid) == pytest.approx(min(losses), rel=1e-5)
    assert min(losses) < losses[-1]


def test_a_fit_into_a_run_has_its_best_weights_too(tmp_path: Path) -> None:
    """Guards ``best_weights`` with a run, which has them on the disk: the last ones are others."""
    chosen = options({"examples": 7, "noise": 0.5, "valid_size": 101}, {"hidden": [31]}, steps=400, learning_rate=0.02)
    done = fit(chosen, run=Run.create(tmp_path / "run", {}, task="function-fitting", seed=1))
    losses = [each.loss for each in done.history.validations]
    assert mean_loss(done.fitted.network, done.data.examples("valid")) == pytest.approx(min(losses), rel=1e-5)
    assert min(losses) < losses[-1]


def test_patience_stops_early() -> None:
    """Guards the reason that a demonstration reads."""
    data = {"examples": 7, "noise": 0.5, "valid_size": 101}
    assert fit(options(data, {"hidden": [31]}, steps=2000, patience=2, learning_rate=0.02)).reason == "patience"


def test_other_data_may_be_given() -> None:
    """Guards augmentation: the training part that is given is the one that is learned from."""
    data = make_data(small().data, 1)
    doubled = replace(data, train=Part(*(np.concatenate([each, each]) for each in vars(data.train).values())))
    assert fit(small(steps=3), data=doubled).history.steps[0].count == 122


def test_a_divergence_in_memory_is_a_result() -> None:
    """Guards the demonstration of a learning rate that is too large: no exception, and the curve up to there."""
    done = fit(small(steps=500, optimizer="gradient-descent", learning_rate=1e4))
    assert done.reason == "diverged"
    assert 0 < len(done.history.steps) < 500
    assert done.history.steps[-1].loss > 100 * done.history.steps[0].loss


# Into a run ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def short_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty steps of a small network with everything that has a state: chance in batches and dropout, running means."""
    chosen = options(
        SMALL["data"] | {"noise": 0.1}, {"hidden": [5, 5], "dropout": 0.2, "normalisation": "batch"},
        steps=40, batch_size=7, validations=4,
    )  # fmt: skip
    chosen.run = tmp_path_factory.mktemp("runs") / "short"
    train(chosen, print)
    return chosen.run


def test_run_yaml_leaves_nothing_open(tmp_path: Path) -> None:
    """Guards against a run that means something else with the defaults of a later version."""
    bare = options(steps=1)
    bare.run = tmp_path / "bare"
    train(bare, print)
    config = yaml.safe_load((bare.run / "run.yaml").read_text(encoding="utf-8"))["config"]
    assert (config["network"]["hidden"], config["network"]["loss"]) == ([32, 32], "squared-error")
    assert (config["training"]["batch_size"], config["data"]["standardise"]) == (500, "no")


def test_a_run_goes_on_bit_by_bit(short_run: Path, tmp_path: Path) -> None:
    """Guards resuming: twenty steps and twenty more give the weights of forty: batches, dropout, moments."""
    chosen = options(
        SMALL["data"] | {"noise": 0.1}, {"hidden": [5, 5], "dropout": 0.2, "normalisation": "batch"},
        steps=20, batch_size=7, validations=2,
    )  # fmt: skip
    chosen.run = tmp_path / "half"
    train(chosen, print)
    run, _reason = resume(GoingOn(chosen.run, steps=40), print)
    assert equal(load_weights(run, 40), load_weights(Run.open(short_run), 40))


def test_data_come_back_as_they_were(short_run: Path) -> None:
    """Guards what inspect draws: parts, names, scales, function and noise."""
    stored, made = load_data(Run.open(short_run)), make_data(FunctionDataOptions(**SMALL["data"], noise=0.1), 1)
    for name in PARTS:
        assert np.array_equal(stored.part(name).inputs, made.part(name).inputs)
        assert np.array_equal(stored.part(name).targets, made.part(name).targets)
    assert (stored.function, stored.noise) == (made.function, 0.1)
    assert (stored.input_names, stored.target_name, stored.ranges) == (["x"], "y", [(-np.pi, np.pi)])


def test_scales_come_back_as_they_were(tmp_path: Path) -> None:
    """Guards predictions of an opened run in the user's units: features and target have scales of their own."""
    run, made = Run(tmp_path), make_data(FunctionDataOptions(table=linear_table(tmp_path), features=["b", "a*b"]), 1)
    save_data(run, made)
    stored = load_data(run)
    for name in ("feature_scale", "target_scale"):
        assert np.array_equal(getattr(stored, name).mean, getattr(made, name).mean)
        assert np.array_equal(getattr(stored, name).deviation, getattr(made, name).deviation)
    assert (stored.features, stored.function, stored.outputs) == (["b", "a*b"], None, 1)


def test_running_means_are_loaded(short_run: Path) -> None:
    """Guards batch normalisation: a network without its running statistics predicts something else."""
    fitted = FittedFunction.load(Run.open(short_run), "last")
    records = [json.loads(line) for line in (short_run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    last = [record["valid/mse"] for record in records if "valid/mse" in record][-1]
    assert fitted.evaluate("valid")["mse"] == pytest.approx(last, rel=1e-4)
    assert bool(fitted.network.get_buffer("layers.0.normalisation.running_mean").any())


def test_a_divergence_names_the_step_and_keeps_the_curve(tmp_path: Path) -> None:
    """Guards the message and metrics.jsonl, which shows how the loss rose."""
    chosen = small(steps=500, optimizer="gradient-descent", learning_rate=1e4)
    chosen.run = tmp_path / "wild"
    with pytest.raises(
        UserError, match=r"training diverged at step \d+: loss .*learning rate 10000.*smaller --learning-rate"
    ):
        train(chosen, print)
    lines = (chosen.run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    losses = [record["train/loss"] for record in map(json.loads, lines) if "train/loss" in record]
    assert losses[-1] > 100 * losses[0]


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("data.json", "{"),
        ("data.json", "[]"),
        ("data.json", None),
        ("test.safetensors", "?"),
        ("train.safetensors", None),
    ],
)
def test_damaged_data_are_named(short_run: Path, tmp_path: Path, file: str, text: str | None) -> None:
    """Guards against a traceback out of the library that reads them."""
    broken = shutil.copytree(short_run, tmp_path / "broken")
    if text is None:
        (broken / "data" / file).unlink()
    else:
        (broken / "data" / file).write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=r"the data of .*broken are missing or damaged: "):
        FittedFunction.load(Run.open(broken))


def test_weights_of_another_network(short_run: Path, tmp_path: Path) -> None:
    """Guards an edited run.yaml."""
    edited = shutil.copytree(short_run, tmp_path / "edited")
    text = (edited / "run.yaml").read_text(encoding="utf-8")
    (edited / "run.yaml").write_text(text.replace("normalisation: batch", "normalisation: none"), encoding="utf-8")
    with pytest.raises(UserError, match=r"the weights of .*edited do not fit its run.yaml"):
        FittedFunction.load(Run.open(edited))


# Tables --------------------------------------------------------------------------------------------------------------


def class_rows() -> list[str]:
    chance = np.random.default_rng(5)
    points = chance.uniform(-1, 1, (211, 2))
    return [f"{a},{b},{'above' if a + b > 0 else 'below'}" for a, b in points]


def test_words_are_learned_as_classes(tmp_path: Path) -> None:
    """Guards class names from the file to the probabilities, and a second table read by the same names."""
    done = fit(options({"table": table(tmp_path, class_rows())}, {"hidden": [7]}, steps=300))
    assert done.data.classes == ["above", "below"]
    assert done.fitted(np.array([[0.9, 0.8], [-0.9, -0.8]])).argmax(axis=1).tolist() == [0, 1]
    assert accuracy(done.fitted.network, done.data.examples("test")) == done.fitted.evaluate("test")["accuracy"] > 0.9
    assert linear_baseline(done.data) is None
    part, remarks = done.fitted.read_part(table(tmp_path, ["-0.9,-0.8,below", "-0.5,-0.4,below", "0.9,0.8,below"]))
    assert part.targets.tolist() == [1, 1, 1] and remarks == []
    assert done.fitted.evaluate(part)["accuracy"] == pytest.approx(2 / 3)
    with pytest.raises(UserError, match=r"the class belo was not learned; .*did you mean below\?"):
        done.fitted.read_part(table(tmp_path, ["1,1,belo"]))


def test_parts_of_a_table_share_nothing(tmp_path: Path) -> None:
    """Guards against a test on rows that were learned; and that each class has its share in each part."""
    rows = [f"{number},{-number},{'rare' if number % 10 == 0 else 'common'}" for number in range(200)]
    data = make_data(FunctionDataOptions(table=table(tmp_path, rows), valid_part=0.1, test_part=0.3), 1)
    seen = [sorted(data.part(name).inputs[:, 0].astype(int).tolist()) for name in PARTS]
    assert [len(each) for each in seen] == [120, 20, 60]
    assert sorted(seen[0] + seen[1] + seen[2]) == list(range(200))
    assert [int((data.part(name).targets == data.classes.index("rare")).sum()) for name in PARTS] == [12, 2, 6]


def test_scales_come_from_the_training_part(tmp_path: Path) -> None:
    """Guards against a look at the test: its rows must not move the means."""
    data = make_data(FunctionDataOptions(table=linear_table(tmp_path)), 1)
    prepared = data.prepared(data.train.inputs).double()
    torch.testing.assert_close(prepared.mean(dim=0), torch.zeros(2, dtype=torch.float64), atol=1e-6, rtol=0)
    torch.testing.assert_close(prepared.std(dim=0, correction=0), torch.ones(2, dtype=torch.float64))
    assert data.prepared(data.test.inputs).mean(dim=0).abs().min() > 1e-3


def test_numbers_that_float32_cannot_hold(tmp_path: Path) -> None:
    """Guards against a divergence at step 1 that nobody understands."""
    path = table(tmp_path, ["1,2,1e200", "3,4,2e200", "4,5,1.5e200", "6,7,1e100"])
    with pytest.raises(UserError, match="too large to learn from"):
        make_data(FunctionDataOptions(table=path, standardise="no"), 1)


@pytest.mark.parametrize("standardise", ["yes", "no"])
@pytest.mark.parametrize("seed", range(1, 6))
def test_one_huge_number_in_any_part(tmp_path: Path, standardise: Any, seed: int) -> None:
    """Guards against a deviation that overflows, so that all inputs become 0 unsaid, and a validation loss of NaN."""
    path = table(tmp_path, [f"{row},{row},{row / 2}" for row in range(11)] + ["1e300,1,2"])
    with pytest.raises(UserError, match="some inputs are too large to learn from"):
        make_data(FunctionDataOptions(table=path, standardise=standardise), seed)


def test_a_column_that_varies_in_the_test_alone(tmp_path: Path) -> None:
    """Guards against a deviation that is rounding alone: 0.1 in all rows but one, which were 10¹⁶ deviations off."""
    rows = [f"{number},{0.2 if number == 7 else 0.1},{number / 2}" for number in range(41)]
    for seed in range(1, 9):
        data = make_data(FunctionDataOptions(table=table(tmp_path, rows)), seed)
        prepared = torch.cat([data.prepared(data.part(name).inputs) for name in PARTS])
        assert float(prepared.abs().max()) < 10


def test_nothing_to_explain_has_no_r2(tmp_path: Path) -> None:
    """Guards the variance of seven times 0.1, which is not zero in floating point: R² would be −10³⁰."""
    data = make_data(FunctionDataOptions(table=linear_table(tmp_path)), 1)
    part = Part(np.ones((7, 2)), np.full((7, 1), 0.1))
    assert set(errors_of(data, part, np.full((7, 1), 0.2))) == {"mse", "mae"}


def test_too_few_rows_for_the_parts(tmp_path: Path) -> None:
    """Guards against an empty training part."""
    path = table(tmp_path, ["1,2,3.5", "3,4,5.5", "4,5,6"])
    with pytest.raises(UserError, match="3 rows are too few"):
        make_data(FunctionDataOptions(table=path, valid_part=0.4, test_part=0.5), 1)
    assert [len(make_data(FunctionDataOptions(table=path), 1).part(name)) for name in PARTS] == [1, 1, 1]


# Data and options ----------------------------------------------------------------------------------------------------


def test_more_examples_leave_the_test_as_it_is() -> None:
    """Guards comparisons between amounts of data: both are measured on the same points."""
    few, many = (make_data(FunctionDataOptions(examples=count), 1) for count in (11, 503))
    assert np.array_equal(few.test.inputs, many.test.inputs)
    assert np.array_equal(few.valid.inputs, many.valid.inputs)
    assert (len(few.train), len(many.train)) == (11, 503)


def test_noise_is_no_error_against_the_truth() -> None:
    """Guards ``truth_mse``: the exact line misses the noisy targets by the noise, and the truth by far less."""
    data = make_data(FunctionDataOptions(function="line", examples=2003, noise=0.2), 1)
    baseline = linear_baseline(data)
    assert baseline is not None
    assert baseline.scores["test"]["mse"] == pytest.approx(0.04, rel=0.1)
    assert baseline.scores["test"]["truth_mse"] < 0.001
    assert baseline.weights == pytest.approx([0.7], abs=0.03)


def test_features_make_a_surface_linear() -> None:
    """Guards features before the network and before the exact solution: a saddle is linear in the squares."""
    data = make_data(FunctionDataOptions(function="saddle", features=["x1^2", "x2^2"]), 1)
    baseline = linear_baseline(data)
    assert baseline is not None and baseline.weights == pytest.approx([1, -1])
    assert data.feature_names == ["x1^2", "x2^2"]
    assert data.prepared(np.array([[3.0, 2.0]])).tolist() == [[9, 4]]
    again = linear_baseline(make_data(FunctionDataOptions(function="saddle", features=["x1", "x1"]), 1))
    assert again is not None and not again.unique


def test_truth_of_a_function() -> None:
    """Guards what is drawn beside the fit; nobody knows it between a spiral's arms."""

    def truth(name: str) -> Any:
        data: FunctionData = make_data(FunctionDataOptions(function=name, examples=5), 1)
        return data.truth(np.array([[0.5, -1.0]]))

    assert truth("saddle").tolist() == [[-0.75]]
    assert truth("xor").tolist() == [0]
    assert truth("spiral") is None


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        (options({"function": "sin"}), r"there is no function sin; choose one of line, sine,.*did you mean sine\?"),
        (options({"inputs": ["a"]}), "--inputs belongs to --table"),
        (options({"target": "y"}), "--target belongs to --table"),
        (options({"features": ["x^2", "x1"]}), r"there is no feature x1; .*\(x\)"),
        (options({"examples": 0}), "--examples 0 must be at least 1"),
        (options({"noise": float("nan")}), "--noise nan must be a finite number"),
        (options({"valid_part": 0.1}), "--valid-part belongs to --table"),
        (
            options({"table": Path("t.csv"), "valid_part": 0.6, "test_part": 0.4}),
            "--valid-part 0.6 and --test-part 0.4 leave no rows",
        ),
        (options({"table": Path("t.csv"), "function": "xor"}), "--function and --table exclude each other"),
        (options({"table": Path("t.csv"), "examples": 7}), "--examples belongs to --function, and --table is given"),
        (options({"table": Path("t.csv"), "noise": 0.1}), "--noise belongs to --function"),
        (options({"test_size": 10**8}), "--test-size 100000000 must be at most"),
        (options(None, {"hidden": [3, 0]}), "--hidden 0 must be at least 1"),
        (options(None, {"hidden": [10**6, 10**6]}), "--hidden 1000000 1000000 makes a network of 1,000,002 million"),
        (options(None, {"dropout": 1.0}), "--dropout 1 must be"),
        (options(None, {"loss": "cross-entropy"}), "--loss cross-entropy does not fit a target of a number"),
        (
            options({"function": "xor"}, {"loss": "squared-error"}),
            "--loss squared-error does not fit a target of classes",
        ),
        (options(batch_size=0), "--batch-size 0 must be at least 1"),
        (options(steps=1, epochs=1.0), "exclude each other"),
    ],
)
def test_options_that_cannot_be(chosen: FunctionFittingOptions, said: str) -> None:
    """Guards each message before anything is drawn or written."""
    with pytest.raises(UsageError, match=said):
        chosen.check()


def test_each_network_option_reaches_the_network() -> None:
    """Guards the way from an option to the layers; each value differs from its default."""
    chosen = options(None, {
        "hidden": [7, 7], "activation": "sine", "dropout": 0.25, "normalisation": "layer", "residual": True,
        "initialiser": "small-normal", "loss": "absolute-error",
    })  # fmt: skip
    network = build_network(chosen, make_data(small().data, 1))
    second = network.layers[1]
    assert isinstance(second, FullLayer) and isinstance(second.normalisation, LayerNormalisation)
    assert (second.activation_name, second.dropout.probability, second.residual) == ("sine", 0.25, True)
    assert float(second.linear.weight.detach().abs().max()) < 0.06  # Xavier's reach 0.65
    assert network.loss_name == "absolute-error"


def test_a_loss_that_the_table_cannot_have(tmp_path: Path) -> None:
    """Guards the check that needs the table."""
    chosen = options({"table": table(tmp_path, class_rows())}, {"loss": "squared-error"})
    with pytest.raises(UsageError, match="does not fit a target of classes"):
        fit(chosen)


def test_what_is_left_open_is_settled_by_what_is_fitted() -> None:
    """Guards the table of defaults, and that the user's own choice, no hidden layer at all, stays."""
    settled = options({"function": "spiral"}).settled(5000, classes=True)
    assert (settled.network.hidden, settled.training.batch_size) == ([32, 32, 32], 128)
    settled = options(None, {"hidden": []}, epochs=3.0).settled(61, classes=False)
    assert (settled.network.hidden, settled.training.steps, settled.training.batch_size) == ([], None, 61)


def test_a_fit_is_a_fit() -> None:
    """Guards that ``fit`` gives settled options, so that a printed command repeats them."""
    done: Fit = fit(small(steps=1))
    assert done.options.network.loss == "squared-error"
    assert done.options.training.batch_size == 61
