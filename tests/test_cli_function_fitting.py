"""``congling train|predict|evaluate|inspect`` of fitted functions, against the same calculations in NumPy."""

from __future__ import annotations

import csv
import io
import json
import math
import random
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load_file

from conftest import Outcome
from congling.cli.main import main

Run = Callable[..., Outcome]
TINY = ["--threads", "1", "--device", "cpu", "--steps", "60", "--validations", "3"]
Array = NDArray[np.float64]


@pytest.fixture(scope="module")
def curve(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sine, hardly learned, by three neurons."""
    path = tmp_path_factory.mktemp("runs") / "curve"
    sizes = ["--examples", "67", "--valid-size", "13", "--test-size", "17"]
    assert main(["train", "function-fitting", "--hidden", "3", *sizes, *TINY, "--run", str(path)]) == 0
    return path


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three kinds of fruit by two measures, and a column that is none of them."""
    chance, path = random.Random(3), tmp_path_factory.mktemp("tables") / "fruit.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["重量", "name", "length", "kind"])
        for number in range(61):
            kind, weight, length = [("梨", 2, -1), ("apple", -3, 1), ("plum", 1, 4)][number % 3]
            measures = (weight + chance.gauss(0, 0.5), length + chance.gauss(0, 0.5))
            writer.writerow([f"{measures[0]:.4f}", f"no {number}", f"{measures[1]:.4f}", kind])
    return path


@pytest.fixture(scope="module")
def fruit(table: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that tells the fruit apart."""
    path = tmp_path_factory.mktemp("runs") / "fruit"
    data = ["--table", str(table), "--inputs", "length", "重量"]
    assert main(["train", "function-fitting", *data, "--hidden", "5", *TINY, "--run", str(path)]) == 0
    return path


@pytest.fixture
def pipe(run_congling: Run, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Outcome]:
    """``pipe("text", "predict", …)`` runs the command with the text on standard input."""

    def run(written: str, *arguments: object) -> Outcome:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(written.encode()), encoding="ascii"))
        return run_congling(*arguments)

    return run


def by_hand(run: Path, inputs: Array) -> Array:
    """The outputs of one hidden layer of tanh: the weights of the last step, in float64, without the package."""
    weights = {name: each.astype(np.float64) for name, each in load_file(_weights(run, "last")).items()}
    hidden = np.tanh(inputs @ weights["layers.0.linear.weight"].T + weights["layers.0.linear.bias"])
    outputs: Array = hidden @ weights["output.weight"].T + weights["output.bias"]
    return outputs


def _weights(run: Path, which: str) -> Path:
    step = (run / "checkpoints" / which).read_text(encoding="utf-8").strip()
    return run / "checkpoints" / step / "weights.safetensors"


def numbers(outcome: Outcome) -> list[float]:
    assert (outcome.code, outcome.err) == (0, "")
    return [float(line) for line in outcome.out.splitlines()]


def record(outcome: Outcome) -> dict[str, Any]:
    assert (outcome.code, outcome.err) == (0, "")
    loaded: dict[str, Any] = json.loads(outcome.out)
    return loaded


def refused(outcome: Outcome, code: int, *parts: str) -> None:
    assert outcome.code == code and outcome.err.count("\n") == 1, outcome
    assert all(part in outcome.err for part in parts), outcome.err


# Training ------------------------------------------------------------------------------------------------------------


def test_training_ends_with_scores_and_what_to_try(run_congling: Run, tmp_path: Path) -> None:
    """Guards stdout, which holds the folder alone, and suggestions that do not work as they are printed."""
    run = tmp_path / "my run"
    trained = run_congling("train", "function-fitting", "--function", "circle", *TINY, "--steps", "9", "--run", run)
    assert (trained.code, trained.out) == (0, f"{run}\n")
    assert "test, 1000 examples: accuracy " in trained.err and "linear regression" not in trained.err
    numbers_to_try = re.search(r"congling predict '.*/my run' (-?[\d.,e-]+)\n", trained.err)
    assert numbers_to_try and run_congling("predict", run, numbers_to_try[1]).code == 0
    assert f"congling inspect '{run}' --html 'my run.html'" in trained.err


def test_a_number_to_predict_is_compared_with_linear_regression(run_congling: Run, curve: Path, tmp_path: Path) -> None:
    """Guards the line beside the network's, and going on with a run by its task."""
    gone_on = run_congling("train", "--resume", curve, "--steps", "60")
    assert gone_on.code == 0 and gone_on.out == f"{curve}\n"
    told = re.search(r"the exact linear regression: mean squared error ([\d.e-]+);", gone_on.err)
    assert told
    train, test = (load_file(curve / f"data/{part}.safetensors") for part in ("train", "test"))
    line = np.polyfit(train["inputs"][:, 0], train["targets"][:, 0], 1)
    error = np.mean((np.polyval(line, test["inputs"][:, 0]) - test["targets"][:, 0]) ** 2)
    assert float(told[1]) == pytest.approx(error, rel=1e-3)


def test_a_run_by_steps_goes_on_by_steps(run_congling: Run, curve: Path) -> None:
    """Guards --epochs, which must reach the task and be refused there."""
    refused(run_congling("train", "--resume", curve, "--epochs", "5"), 2, "was trained by steps")


# Predicting ----------------------------------------------------------------------------------------------------------


def test_predictions_are_those_of_the_weights(run_congling: Run, curve: Path) -> None:
    """Guards against other weights, lost signs, and a number that is read as an option."""
    words = ["0.5", "-0.5", "-.25", "-1e-1", "2"]
    expected = by_hand(curve, np.array([[float(word)] for word in words]))[:, 0]
    found = numbers(run_congling("predict", curve, *words, "--checkpoint", "last"))
    assert found == pytest.approx(list(expected), rel=1e-4)
    assert numbers(run_congling("predict", *words[:2], curve, "--checkpoint", "last", *words[2:])) == found


def test_standard_input_and_tables(
    pipe: Callable[..., Outcome], run_congling: Run, curve: Path, tmp_path: Path
) -> None:
    """Guards the header, columns by name, blank lines, a byte-order mark, Windows line ends, and order over chunks."""
    expected = run_congling("predict", curve, "0.5", "-1", "2").out
    assert pipe("0.5\n-1\n2", "predict", curve).out == expected
    assert pipe("\ufeffx\r\n0.5\r\n\r\n-1\r\n2\r\n", "predict", curve).out == expected
    (tmp_path / "t.csv").write_text("y;x;z\n7;0.5;a\n7;-1;\n7;2;\n", encoding="utf-8")
    assert run_congling("predict", curve, "--table", tmp_path / "t.csv").out == expected
    assert pipe("", "predict", curve) == Outcome(0, "", "")
    many = pipe("\n".join(str(number / 1000) for number in range(5003)), "predict", curve)
    assert len(numbers(many)) == 5003
    assert numbers(many)[4500] == numbers(run_congling("predict", curve, "4.5"))[0]


def test_a_table_is_read_as_in_training(run_congling: Run, curve: Path, tmp_path: Path) -> None:
    """Guards cells with line ends in them, and columns, missing numbers and files that only the training named."""
    path = tmp_path / "t.csv"
    path.write_text('note,x\n"two\nlines",0.5\n"a;b;c;d",-1\n', encoding="utf-8")
    assert run_congling("predict", curve, "--table", path).out == run_congling("predict", curve, "0.5", "-1").out
    path.write_text("note,x\na,0.5\nb,\n", encoding="utf-8")
    refused(run_congling("predict", curve, "--table", path), 1, "t.csv, row 3, column x: a number is missing")
    path.write_text("note,X\na,0.5\n", encoding="utf-8")
    refused(run_congling("predict", curve, "--table", path), 2, "t.csv has no column x; its columns are note, X")


def test_rows_before_a_wrong_one_are_answered(pipe: Callable[..., Outcome], run_congling: Run, curve: Path) -> None:
    """Guards against answers that are lost with the error of a later line."""
    outcome = pipe("0.5\n-1\nmuch\n2\n", "predict", curve)
    assert outcome.out == run_congling("predict", curve, "0.5", "-1").out
    assert (outcome.code, outcome.err) == (1, "congling: standard input, line 3: 'much' is not a finite number\n")


def test_classes_come_with_probabilities(pipe: Callable[..., Outcome], run_congling: Run, fruit: Path) -> None:
    """Guards the order of the inputs, scales, class names, and a softmax over the wrong axis."""
    description = json.loads((fruit / "data/data.json").read_text(encoding="utf-8"))
    assert (description["input_names"], description["classes"]) == (["length", "重量"], ["apple", "plum", "梨"])
    scale = description["feature_scale"]
    rows = np.array([[-1.0, 2.0], [4.0, 1.0]])
    exponentials = np.exp(by_hand(fruit, (rows - scale["mean"]) / scale["deviation"]))
    probabilities = exponentials / exponentials.sum(axis=1, keepdims=True)
    found = run_congling("predict", fruit, "-1,2", "4,1", "--json", "--checkpoint", "last")
    for line, row, expected in zip(found.out.splitlines(), rows, probabilities, strict=True):
        told = json.loads(line)
        assert told["inputs"] == {"length": row[0], "重量": row[1]}
        assert list(told["probabilities"].values()) == pytest.approx(list(expected), rel=1e-4)
        assert told["prediction"] == description["classes"][int(expected.argmax())]
    text = run_congling("predict", fruit, "4,1", "--checkpoint", "last").out
    assert text.split("\t")[0] == "plum" and re.fullmatch(r"plum(\t\S+: [01]\.\d{4}){3}\n", text)
    assert run_congling("predict", fruit, "4", "1", "--checkpoint", "last").out == text
    for words in (["4，1"], ["4；1"], ["4 1"], ["4;1"]):
        assert run_congling("predict", fruit, *words, "--checkpoint", "last").out == text
    for lines in ("重量,length\n1,4\n", "重量，length\n1，4\n", "4\t1\n", "4 1\n", "name,length,重量\nx,4,1\n"):
        assert pipe(lines, "predict", fruit, "--checkpoint", "last").out == text


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["1,abc"], 2, "argument 1, column 重量: 'abc' is not a finite number"),
        (["1,2", "3"], 2, "argument 2: numbers found: 1; needed: 2 (length,重量)"),
        (["1,2,3"], 2, "argument 1: numbers found: 3; needed: 2"),
        (["1", "2", "3"], 2, "argument 1: numbers found: 1; needed: 2"),
        (["1,inf"], 2, "column 重量: 'inf' is not a finite number"),
        (["1,1_0"], 2, "'1_0' is not a finite number"),
        (["1,2", "--table", "t.csv"], 2, "--table and NUMBERS exclude each other"),
        (["--table", "nowhere.csv"], 1, "there is no file nowhere.csv"),
        (["1,2", "--checkpoint", "first"], 2, "--checkpoint first must be best, last or the number of a step"),
    ],
)
def test_wrong_numbers_are_named(run_congling: Run, fruit: Path, words: list[str], code: int, message: str) -> None:
    """Guards against a traceback, a silent NaN, and a message that does not say which word."""
    refused(run_congling("predict", fruit, *words), code, message)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("1,2\n3,x\n", "line 2, column 重量: 'x' is not a finite number"),
        ("length,weight\n1,2\n", "line 1: there is no column 重量 among length, weight"),
        ("much\n", "line 1: numbers found: 1; needed: 2"),
        ("much,2\n", "line 1, column length: 'much' is not a finite number"),
        ("1,2\n\n3\n", "line 3: numbers found: 1; needed: 2 (length,重量)"),
        ("kind,重量,length\na,1,2\na,1\n", "line 3: fewer cells than the first line names columns"),
        ("1,2\n3,\n", "line 2, column 重量: '' is not a finite number"),
    ],
)
def test_wrong_lines_are_named(pipe: Callable[..., Outcome], fruit: Path, lines: str, message: str) -> None:
    """Guards the number of the line, blank lines and the header counted, and the name of the column."""
    refused(pipe(lines, "predict", fruit), 1, f"standard input, {message}")


# Scoring -------------------------------------------------------------------------------------------------------------


def test_scores_are_those_of_the_predictions(run_congling: Run, curve: Path) -> None:
    """Guards the right part, all its examples, and the right means."""
    for part, count in (("test", 17), ("valid", 13), ("train", 67)):
        found = record(run_congling("evaluate", curve, "--part", part, "--json", "--checkpoint", "last"))
        examples = load_file(curve / f"data/{part}.safetensors")
        difference = by_hand(curve, examples["inputs"]) - examples["targets"]
        assert found["examples"] == count == len(difference)
        assert found["scores"]["mse"] == pytest.approx(np.mean(difference**2), rel=1e-4)
        assert found["scores"]["mae"] == pytest.approx(np.mean(np.abs(difference)), rel=1e-4)
        assert found["linear_regression"]["mse"] > 0
    assert record(run_congling("evaluate", curve, "--json"))["examples"] == 17
    rows = [line.split("\t") for line in run_congling("evaluate", curve).out.splitlines()]
    assert rows[:2] == [["17 examples"], ["score", "network", "exact linear regression"]]
    assert [row[0] for row in rows[2:4]] == ["mean squared error", "mean absolute error"]


def test_own_table_is_scored(run_congling: Run, fruit: Path, table: Path, tmp_path: Path) -> None:
    """Guards classes that are numbered anew by the other table, which may lack some or have them in another order."""
    rows = table.read_text(encoding="utf-8").splitlines()
    pears = [row for row in rows[1:] if row.endswith("梨")]
    (tmp_path / "pears.csv").write_text("\n".join([rows[0], *pears[:7], rows[2]]) + "\n", encoding="utf-8")
    found = record(run_congling("evaluate", fruit, "--table", tmp_path / "pears.csv", "--json"))
    answers = run_congling("predict", fruit, "--table", tmp_path / "pears.csv").out.splitlines()
    right = [answer.split("\t")[0] == kind for answer, kind in zip(answers, [*["梨"] * 7, "apple"], strict=True)]
    assert found == {"examples": 8, "scores": found["scores"]}
    assert found["scores"]["accuracy"] == pytest.approx(sum(right) / 8)
    (tmp_path / "other.csv").write_text("length,重量,kind\n" + "1,2,plum\n3,4,palm\n5,6,梨\n" * 2, encoding="utf-8")
    refused(run_congling("evaluate", fruit, "--table", tmp_path / "other.csv"), 1, "the class palm was not learned")
    refused(run_congling("evaluate", fruit, "--table", "t.csv", "--part", "valid"), 2, "--part and --table exclude")


# Looking inside ------------------------------------------------------------------------------------------------------


def test_values_of_one_example(run_congling: Run, curve: Path) -> None:
    """Guards the numbers themselves, and the line that says whose they are."""
    listed = run_congling("inspect", curve, "-0.5", "--checkpoint", "last").out.splitlines()
    assert listed[0] == f"x=-0.5 y={math.sin(-0.5):.6g}"
    assert [line.split()[0] for line in listed[1:] if line.startswith("layers")][-1] == "layers.0.output"
    one = run_congling("inspect", curve, "-0.5", "--checkpoint", "last", "--value", "outputs", "--json")
    assert record(one)["values"] == [pytest.approx(by_hand(curve, np.array([[-0.5]]))[0], rel=1e-4)]
    held_out = load_file(curve / "data/test.safetensors")["inputs"][0, 0]
    assert run_congling("inspect", curve).out.startswith(f"x={held_out:.6g} y=")
    assert record(run_congling("inspect", curve, "--json"))["values"][0] == {"name": "inputs", "shape": [1, 1]}


def test_standardised_values_are_said_to_be(run_congling: Run, curve: Path, fruit: Path) -> None:
    """Guards against an input of 4 that is listed as 1.3 without a word."""
    assert "standardised numbers" in run_congling("inspect", fruit, "4,1").err
    assert run_congling("inspect", curve, "1").err == run_congling("inspect", fruit, "4,1", "--json").err == ""


def test_gradients_are_those_of_the_example(run_congling: Run, curve: Path) -> None:
    """Guards the loss that is derived, its target, and its mean: by central differences in NumPy."""
    gradients = ["inspect", curve, "-0.5", "--gradients", "--checkpoint", "last"]
    output = by_hand(curve, np.array([[-0.5]]))[0, 0]
    for options, target in (([], math.sin(-0.5)), (["--target", "2"], 2.0)):
        found = record(run_congling(*gradients, *options, "--value", "output.bias", "--json"))
        assert found["values"] == [pytest.approx(2 * (output - target), rel=1e-4)]
        told = record(run_congling(*gradients, *options, "--json"))
        assert told["loss"] == pytest.approx((output - target) ** 2, rel=1e-4) and told["examples"] == 1
    learned = load_file(curve / "data/train.safetensors")
    found = record(run_congling("inspect", curve, "--gradients", "--checkpoint", "last", "--json"))
    error = by_hand(curve, learned["inputs"]) - learned["targets"]
    assert (found["examples"], found["loss"]) == (67, pytest.approx(np.mean(error**2), rel=1e-4))
    assert [each["path"] for each in found["layers"]] == ["layers.0.linear", "output"]
    assert run_congling(*gradients).out.startswith("x=-0.5 y=-0.479426\nloss ")


def test_files_of_every_kind(run_congling: Run, curve: Path, tmp_path: Path) -> None:
    """Guards against a file that is forgotten beside another, and a page that needs the network."""
    html, sheet, gradients = (tmp_path / name for name in ("fit.html", "sheet.html", "out/gradients.html"))
    outcome = run_congling("inspect", curve, "0.5", "--html", html, "--worksheet", sheet)
    assert (outcome.code, outcome.out) == (0, f"{html}\n{sheet}\n"), outcome.err
    assert run_congling("inspect", curve, "--gradients", "--html", gradients).out == f"{gradients}\n"
    for page in (html, sheet, gradients):
        text = page.read_text(encoding="utf-8")
        assert text.rstrip().endswith("</html>") and "curve" in text
        assert not re.search(r"<(script|link|img)[^>]+(src|href)=.?(https?:)?//", text)
    for step in ("1", "32"):  # the flow at each frame of the run
        assert re.search(rf">\s*{step}\s*<", gradients.read_text(encoding="utf-8"))
    exercise = run_congling("inspect", curve, "0.5", "--worksheet", tmp_path / "exercise.html", "--no-answers")
    assert exercise.code == 0
    assert (tmp_path / "exercise.html").read_text(encoding="utf-8") != sheet.read_text(encoding="utf-8")


def test_the_step_of_a_worksheet(run_congling: Run, curve: Path, fruit: Path, tmp_path: Path) -> None:
    """Guards the learning rate: the option's, the run's own where that is one of plain gradient descent, else 0.1."""
    plain, sheet = tmp_path / "plain", tmp_path / "sheet.html"
    descent = ["--optimizer", "gradient-descent", "--learning-rate", "0.07", "--hidden", "2"]
    assert run_congling("train", "function-fitting", *descent, *TINY, "--run", plain).code == 0
    for run, options, rate in ((plain, [], "0.07"), (curve, [], "0.1"), (plain, ["--learning-rate", "0.3"], "0.3")):
        assert run_congling("inspect", run, "0.5", "--worksheet", sheet, *options).code == 0
        assert f"<mi>η</mi><mo>=</mo><mn>{rate}</mn>" in sheet.read_text(encoding="utf-8")
    assert run_congling("inspect", fruit, "4,1.5", "--worksheet", sheet, "--target", "plum").code == 0
    text = sheet.read_text(encoding="utf-8")  # the user's own numbers beside the standardised ones
    assert "length = 4<" in text and "重量 = 1.5<" in text and "Right class: plum<" in text


def test_landscape_over_two_weights(run_congling: Run, curve: Path, tmp_path: Path) -> None:
    """Guards the axes, and a choice that is silently another one."""
    page, chosen = tmp_path / "fit.html", ["--landscape", "layers.0.linear.weight[2, 0]", "output.bias[0]"]
    assert run_congling("inspect", curve, "--html", page, *chosen).code == 0
    text = page.read_text(encoding="utf-8")
    assert "The loss over the two weights that you chose" in text and "layers.0.linear.weight[2, 0]" in text
    for weights, message in (
        (["output.bias[0]", "output.bias[0]"], "needs two different weights, and output.bias[0] is one"),
        (["output.bias[0]", "output.bais[0]"], "there is no parameter output.bais; there are: layers.0.linear.weight,"),
        (["output.bias", "output.bias[0]"], "output.bias has the shape (1,): () is no place in it"),
        (["output.bias[-1]", "output.bias[0]"], "there is no parameter output.bias[-1]"),
    ):
        refused(run_congling("inspect", curve, "--html", page, "--landscape", *weights), 2, message)


def test_a_divergence_leaves_its_curve(run_congling: Run, tmp_path: Path) -> None:
    """Guards the curve of a training that has not a single checkpoint, and the way to it in every message."""
    run, page = tmp_path / "wild", tmp_path / "wild.html"
    wild = ["--optimizer", "gradient-descent", "--learning-rate", "1e20", "--function", "line"]
    outcome = run_congling("train", "function-fitting", *wild, *TINY, "--run", run)
    step = int(re.search(r"training diverged at step (\d+)", outcome.err)[1])  # type: ignore[index]
    see = f"congling inspect {run} --html wild.html"
    assert (outcome.code, outcome.out) == (1, "") and f"To see its curve: {see}\n" in outcome.err
    for verb in (["predict", run, "1"], ["evaluate", run], ["inspect", run], ["inspect", run, "--worksheet", page]):
        refused(
            run_congling(*verb), 1, f"diverged at step {step}, before its first checkpoint, and has no weights", see
        )
    assert run_congling("inspect", run, "--html", page).out == f"{page}\n"
    text = page.read_text(encoding="utf-8")
    assert f"diverged at step {step}, before its first checkpoint" in text and "no network to look at" in text
    drawn = json.loads(re.search(r'<script[^>]*id="data"[^>]*>(.*?)</script>', text, re.DOTALL)[1])  # type: ignore[index]
    assert list(drawn["sections"][0]["figures"][0]["data"][0]["x"]) == list(range(1, step))


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["1,2", "--html", "x.html", "--json"], 2, "--json and --html exclude each other"),
        (["1,2", "--worksheet", "x.html", "--value", "outputs"], 2, "--value and --worksheet exclude each other"),
        (["--html", "x.html", "--worksheet", "./x.html"], 2, "--html and --worksheet cannot both be written to x.html"),
        (["--html", "."], 1, ". is a folder, not a file"),
        (["--learning-rate", "1"], 2, "--learning-rate goes with --worksheet"),
        (["--worksheet", "x.html", "--learning-rate", "0"], 2, "--learning-rate 0 must be greater than 0"),
        (["--landscape", "output.bias[0]", "output.bias[1]"], 2, "--landscape is drawn in the page of the fit"),
        (["1,2", "3,4"], 2, "2 examples: one at a time can be looked into"),
        (["1,2", "--gradients"], 2, "what should the run answer to these numbers? Say so with --target"),
        (["1,2", "--gradients", "--target", "pulm"], 2, "the class pulm was not learned; the classes are apple"),
        (["1,2", "--target", "plum"], 2, "--target goes with --gradients or --worksheet"),
        (["--gradients", "--target", "plum"], 2, "--target needs the numbers beside it"),
        (["1,2", "--no-answers"], 2, "--no-answers goes with --worksheet"),
        (["--gradients", "--worksheet", "x.html"], 2, "--png and --worksheet draw no table of gradients"),
        (["1,2", "--value", "layers.0.actived"], 2, "did you mean layers.0.activated?"),
    ],
)
def test_what_cannot_be_looked_into(run_congling: Run, fruit: Path, words: list[str], code: int, message: str) -> None:
    """Guards against an option that is silently dropped, and a target that is made up."""
    refused(run_congling("inspect", fruit, *words), code, message)


def test_a_class_is_a_target(run_congling: Run, fruit: Path) -> None:
    """Guards against the wrong class number behind a name."""
    losses = {
        name: record(run_congling("inspect", fruit, "4,1", "--gradients", "--target", name, "--json"))["loss"]
        for name in ("plum", "apple", "梨")
    }
    told = record(run_congling("predict", fruit, "4,1", "--json"))["probabilities"]
    assert losses == {name: pytest.approx(-math.log(told[name]), rel=1e-3) for name in losses}
