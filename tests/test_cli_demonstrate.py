"""``congling demonstrate``: lists the claims, tries one, and says what was seen; the claims have tests of their own."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import conftest
from congling.cli.options import parse
from congling.demonstrations import demonstrate
from congling.demonstrations.outcome import Outcome
from congling.tasks.function_fitting.options import FunctionFittingOptions

Run = Callable[..., conftest.Outcome]


def test_claims_are_listed(run_congling: Run) -> None:
    """Guards the list: every claim once with what it says, and the same for a program."""
    outcome = run_congling("demonstrate")
    rows = [line.split("\t") for line in outcome.out.splitlines()]
    listed = json.loads(run_congling("demonstrate", "--json").out)
    assert rows[0] == ["claim", "road", "what it says"]
    assert rows[1:] == [[each["claim"], each["road"], each["title"]] for each in listed]
    assert {"momentum", "dropout", "overfitting"} <= {row[0] for row in rows}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["momentun"], "there is no claim momentun; did you mean momentum?"),
        (["--full"], "--full needs a claim to try"),
        (["--html", "x.html"], "--html needs a claim to try"),
        (["momentum", "--seeds", "1"], "--seeds 1 must be at least 2"),
        (["momentum", "--seeds", "3", "--full"], "--full and --seeds exclude each other"),
    ],
)
def test_wrong_usage_is_one_line(run_congling: Run, arguments: list[str], message: str) -> None:
    """Guards against minutes of training before the complaint."""
    outcome = run_congling("demonstrate", *arguments)
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)
    assert message in outcome.err


def test_one_claim_is_tried(run_congling: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards stdout (one JSON object), stderr (a line a run), the page, and commands that do not fit their variants."""
    tried, really = list[Outcome](), demonstrate.demonstrate

    def once(*arguments: Any) -> Outcome:
        if not tried:
            tried.append(really(*arguments))
        return tried[0]

    monkeypatch.setattr(demonstrate, "demonstrate", once)
    page = tmp_path / "d.html"
    outcome = run_congling("demonstrate", "exact-regression", "--seeds", 2, "--json", "--html", page)
    told = json.loads(outcome.out)
    assert outcome.code == 0 and told["claim"] == "exact-regression" and told["seeds"] == [1, 2]
    assert len(re.findall(r", seed [12]: ", outcome.err)) == 2 * len(told["variants"])
    assert outcome.err.endswith(f"written: {page}\n")
    html = page.read_text(encoding="utf-8")
    assert told["title"] in html and html.rstrip().endswith("</html>")
    for variant in told["variants"]:
        program, verb, task, *options = shlex.split(variant["command"])
        assert (program, verb, task) == ("congling", "train", "function-fitting")
        assert str(parse(FunctionFittingOptions, options, "", "").training.steps) in variant["label"]
    text = run_congling("demonstrate", "exact-regression", "--seeds", 2).out
    assert told["sentence"] in text and told["statement"] in text
    assert all(variant["command"] in text for variant in told["variants"])
