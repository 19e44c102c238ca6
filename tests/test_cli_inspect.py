"""``congling inspect``: every number of one translation as a list, as JSON, as a page and as a picture."""

from __future__ import annotations

import json
import math
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conftest import Outcome
from congling.data.text.pair_batches import collate
from congling.decoding.hypotheses import Hypothesis
from congling.learning.runs import Run
from congling.tasks.translation.translator import Translator

Cli = Callable[..., Outcome]
TEXT = "猫狗鱼。"
SVG = "{http://www.w3.org/2000/svg}"
WEIGHTS = "decoder.layers.0.cross_attention.weights"


def record(outcome: Outcome) -> dict[str, Any]:
    """The printed object; what is no JSON, such as NaN and Infinity, is refused."""

    def refuse(word: str) -> float:
        raise AssertionError(f"{word} is not JSON")

    assert (outcome.code, outcome.err) == (0, "")
    loaded: dict[str, Any] = json.loads(outcome.out, parse_constant=refuse)
    return loaded


def flat(values: Any) -> list[float | None]:
    """The numbers of nested lists, flat."""
    return [number for value in values for number in flat(value)] if isinstance(values, list) else [values]


@pytest.fixture(scope="module")
def seen() -> dict[str, dict[str, Any]]:
    """What the JSON told, once for all tests."""
    return {}


@pytest.fixture
def listed(run_congling: Cli, tiny_run: Path, seen: dict[str, dict[str, Any]]) -> dict[str, Any]:
    if not seen:
        seen["json"] = record(run_congling("inspect", tiny_run, TEXT, "--json"))
    return seen["json"]


def test_list_names_every_value_with_its_shape(run_congling: Cli, tiny_run: Path, listed: dict[str, Any]) -> None:
    """Guards against a value that the list leaves out, and against pieces of another sentence above it."""
    outcome = run_congling("inspect", tiny_run, TEXT)
    assert (outcome.code, outcome.err) == (0, "")
    source, target, *rows = outcome.out.splitlines()
    assert source.split() == listed["source_pieces"] and source.endswith("</s>")
    assert target.split() == listed["target_pieces"]
    shapes = {row.split()[0]: row.split()[1] for row in rows}
    assert shapes == {each["name"]: "×".join(map(str, each["shape"])) or "…" for each in listed["values"]}
    heads = f"1×2×{len(listed['target_pieces'])}×{len(listed['source_pieces'])}"
    assert shapes[WEIGHTS] == heads


def test_json_tells_the_translation_that_translate_gives(
    run_congling: Cli, tiny_run: Path, listed: dict[str, Any]
) -> None:
    """Guards against looking inside another computation than the one that translates."""
    assert listed["translation"] + "\n" == run_congling("translate", tiny_run, TEXT).out
    best = listed["hypotheses"][0]
    assert all(best["score"] >= other["score"] for other in listed["hypotheses"])
    assert -50 < best["log_probability"] < 0
    assert listed["target_pieces"][-1] == "</s>"


def test_one_value_in_full(run_congling: Cli, tiny_run: Path, listed: dict[str, Any]) -> None:
    """Guards against numbers that are cut off, or not those of the named value."""
    found = record(run_congling("inspect", tiny_run, TEXT, "--value", WEIGHTS, "--json"))
    t, s = len(listed["target_pieces"]), len(listed["source_pieces"])
    assert (found["name"], found["shape"]) == (WEIGHTS, [1, 2, t, s])
    assert all(math.isclose(sum(row), 1, abs_tol=1e-5) for head in found["values"][0] for row in head)
    printed = run_congling("inspect", tiny_run, TEXT, "--value", WEIGHTS).out
    assert printed.startswith(f"{WEIGHTS}  (1, 2, {t}, {s})\n") and "..." not in printed
    numbers = re.findall(r"\d\.\d{4}", printed)
    assert [float(number) for number in numbers] == pytest.approx(flat(found["values"]), abs=6e-5)


def test_masked_scores_are_null(run_congling: Cli, tiny_run: Path, listed: dict[str, Any]) -> None:
    """Guards against -Infinity in the output, which is not JSON: a position sees none of those after it."""
    name = "decoder.layers.0.self_attention.scores"
    assert name in [each["name"] for each in listed["values"]]
    head = record(run_congling("inspect", tiny_run, TEXT, "--value", name, "--json"))["values"][0][0]
    assert [[score is None for score in row] for row in head] == [
        [column > row for column in range(len(head))] for row in range(len(head))
    ]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (WEIGHTS.replace("weights", "wieghts"), f"did you mean {WEIGHTS}?"),
        ("zzz", "nothing was shown under zzz"),
    ],
)
def test_a_wrong_name_is_one_line(run_congling: Cli, tiny_run: Path, wrong: str, message: str) -> None:
    """Guards against a KeyError, or a list of hundreds of names, for a typing mistake."""
    outcome = run_congling("inspect", tiny_run, TEXT, "--value", wrong)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.count("\n") == 1 and wrong in outcome.err and message in outcome.err


def test_page_and_picture_at_once(run_congling: Cli, tiny_run: Path, tmp_path: Path, listed: dict[str, Any]) -> None:
    """Guards against one of the two that is forgotten, a page that needs the network, and a picture that is no XML."""
    page, picture = tmp_path / "page.html", tmp_path / "out" / "picture.svg"
    outcome = run_congling("inspect", tiny_run, TEXT, "--html", page, "--svg", picture)
    assert (outcome.code, outcome.out) == (0, f"{page}\n{picture}\n"), outcome.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "page.html"]
    html = page.read_text(encoding="utf-8")
    assert TEXT in html and html.rstrip().endswith("</html>")
    assert not re.search(r"""(src|href)\s*=\s*["']?(https?:)?//|url\(\s*["']?(https?:)?//|@import""", html)
    svg = picture.read_text(encoding="utf-8")
    assert "&lt;/s&gt;" in svg  # the end's piece looks like a tag
    texts = [each.text for each in ElementTree.fromstring(svg).iter(f"{SVG}text")]
    pieces = listed["source_pieces"] + listed["target_pieces"]
    assert texts[1:-1] == pieces  # between the heading and the caption


@pytest.mark.parametrize(("option", "start"), [("--html", "<!doctype html>"), ("--svg", "<svg ")])
def test_page_or_picture_alone(run_congling: Cli, tiny_run: Path, tmp_path: Path, option: str, start: str) -> None:
    """Guards against a figure that is drawn only beside the other one."""
    outcome = run_congling("inspect", tiny_run, TEXT, option, tmp_path / "figure")
    assert (outcome.code, outcome.out) == (0, f"{tmp_path / 'figure'}\n"), outcome.err
    assert (tmp_path / "figure").read_text(encoding="utf-8").lower().startswith(start)
    assert [path.name for path in tmp_path.iterdir()] == ["figure"]


def test_a_figure_below_a_file_is_one_line(run_congling: Cli, tiny_run: Path, tmp_path: Path) -> None:
    """Guards against a traceback where a folder of the user's path is a file."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    outcome = run_congling("inspect", tiny_run, TEXT, "--svg", tmp_path / "file" / "x.svg")
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err == f"congling: cannot use {tmp_path / 'file'}: File exists\n"


def test_scores_that_are_not_finite_are_null(
    run_congling: Cli, tiny_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards against a traceback for a hypothesis that nothing but impossible pieces could go on."""
    look = Translator.look_inside

    def impossible(self: Translator, *arguments: Any) -> Any:
        inside = look(self, *arguments)
        inside.hypotheses[:] = [Hypothesis([2], -math.inf, -math.inf, False, [])]
        return inside

    monkeypatch.setattr(Translator, "look_inside", impossible)
    found = record(run_congling("inspect", tiny_run, TEXT, "--json"))
    assert found["hypotheses"] == [{"ids": [2], "log_probability": None, "score": None}]


# Gradients -----------------------------------------------------------------------------------------------------------


def nudged_losses(run: Path, source: str, target: str, name: str, index: int, by: float) -> list[float]:
    """The loss of a given translation with one weight moved down and up: by itself, without the tape."""
    translator = Translator.load(Run.open(run), device="cpu")
    ids = [translator.source_tokenizer.encode(source)], [translator.target_tokenizer.encode(target)]
    batch = collate(*ids, translator.source_tokenizer.pad_id, translator.target_tokenizer.pad_id)
    network = translator.network.double()
    weight = network.get_parameter(name).detach().view(-1)
    losses = []
    for step in (-by, 2 * by):
        weight[index] += step
        total, count = network.loss(batch)
        losses.append(total.item() / count)
    return losses


def test_gradients_are_those_of_the_given_translation(run_congling: Cli, tiny_run: Path) -> None:
    """Guards against the gradient of another sentence, of a sum instead of the mean, or with another target."""
    source, target, name, by = "猫狗。", "dog cat.", "output_bias", 1e-4
    arguments = ["inspect", tiny_run, source, "--gradients", "--target", target]
    gradient = record(run_congling(*arguments, "--value", name, "--json"))["values"]
    for index in (0, 3, 7):
        low, high = nudged_losses(tiny_run, source, target, name, index, by)
        assert gradient[index] == pytest.approx((high - low) / (2 * by), rel=1e-3, abs=1e-6)
    told = record(run_congling(*arguments, "--json"))
    norms = {each["name"]: each["gradient_norm"] for each in told["parameters"]}
    assert norms[name] == pytest.approx(math.sqrt(sum(number**2 for number in gradient) / len(gradient)), rel=1e-5)
    assert told["target_pieces"][-1] == "</s>" and "".join(told["target_pieces"]).startswith("▁d")
    assert told["loss"] == pytest.approx((low + high) / 2, rel=1e-3)
    own = record(run_congling("inspect", tiny_run, source, "--gradients", "--json"))
    assert own["loss"] < told["loss"]


def test_gradients_as_tables(run_congling: Cli, tiny_run: Path) -> None:
    """Guards the order and the completeness of the two tables: a row a layer, a row a parameter."""
    told = record(run_congling("inspect", tiny_run, TEXT, "--gradients", "--json"))
    outcome = run_congling("inspect", tiny_run, TEXT, "--gradients")
    assert (outcome.code, outcome.err) == (0, "")
    _pieces, layers, findings, parameters = outcome.out.split("\n\n")
    assert [row.split("\t")[0] for row in layers.splitlines()[1:-1]] == [
        each["path"] for each in told["layers"] if each["path"]
    ]
    rows = [row.split("\t") for row in parameters.splitlines()[1:]]
    assert [row[0] for row in rows] == [each["name"] for each in told["parameters"]]
    assert [float(row[2]) for row in rows] == pytest.approx(
        [each["gradient_norm"] for each in told["parameters"]], rel=1e-3
    )
    nothing = ["Nothing looks wrong: gradients of a healthy size reach every layer."]
    assert findings.splitlines() == ([each["text"] for each in told["findings"]] or nothing)


def test_gradients_as_a_page(run_congling: Cli, tiny_run: Path, tmp_path: Path) -> None:
    """Guards against the page of the attention weights where gradients were asked for."""
    outcome = run_congling("inspect", tiny_run, TEXT, "--gradients", "--html", tmp_path / "g.html")
    assert (outcome.code, outcome.out) == (0, f"{tmp_path / 'g.html'}\n"), outcome.err
    assert f"Gradients of {tiny_run.name}" in (tmp_path / "g.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--target", "cat."], "--target goes with --gradients"),
        (["--gradients", "--svg", "x.svg"], "--svg draws no gradients"),
        (["--gradients", "--value", "output_bais"], "did you mean output_bias?"),
    ],
)
def test_options_that_do_not_go_with_gradients(
    run_congling: Cli, tiny_run: Path, arguments: list[str], message: str
) -> None:
    """Guards against an option that is silently dropped."""
    outcome = run_congling("inspect", tiny_run, TEXT, *arguments)
    assert (outcome.code, outcome.out) == (2, "") and message in outcome.err
