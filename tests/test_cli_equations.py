"""``congling equations``: the list, one formula, JSON, and the distance that is measured when it is asked for."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
import torch

from conftest import Outcome
from congling.cli.equations import all_equations
from congling.equations import equation as registry

Run = Callable[..., Outcome]


@pytest.fixture(autouse=True)
def two_formulas(monkeypatch: pytest.MonkeyPatch) -> None:
    """A formula whose fused function is wrong by a tenth, and one without, beside those of the package."""
    monkeypatch.setattr(registry, "_registry", dict(all_equations()))

    def draw(generator: torch.Generator) -> tuple[torch.Tensor]:
        return (torch.randn(3, 5, dtype=torch.float64, generator=generator).requires_grad_(),)

    def tenth_too_much(x: torch.Tensor) -> torch.Tensor:
        return 2.2 * x

    @registry.equation(r"2x_{[i]}", source="Nobody 1900, §[1]", example=draw, fused=tenth_too_much)
    def double(x: torch.Tensor) -> torch.Tensor:
        """Twice the number.

        Shape: any.
        """
        return 2 * x

    @registry.equation(r"3x", source="Nobody 1901", example=draw)
    def triple(x: torch.Tensor) -> torch.Tensor:
        """Thrice the number."""
        return 3 * x


def test_json_lists_every_formula_with_its_measured_distance(run_congling: Run) -> None:
    """Guards against a distance that is not measured, and formulas of files that were not imported."""
    outcome = run_congling("equations", "--json")
    assert outcome.code == 0
    formulas = {formula["name"]: formula for formula in json.loads(outcome.out)}
    assert {"attention", "relu", "double", "triple"} <= set(formulas)
    assert formulas["double"]["distance"] == pytest.approx({"value": 0.1, "gradient": 0.1})
    assert formulas["double"]["latex"] == "2x_{[i]}"
    assert formulas["double"]["source"] == "Nobody 1900, §[1]"
    assert formulas["double"]["fused"].endswith("tenth_too_much")
    assert formulas["triple"]["distance"] is None and formulas["triple"]["fused"] is None
    assert formulas["attention"]["distance"]["value"] < 1e-10


def test_table_has_a_row_a_formula(run_congling: Run) -> None:
    """Guards against brackets in LaTeX or a source that are taken for markup and vanish."""
    outcome = run_congling("equations")
    assert outcome.code == 0
    (row,) = (line for line in outcome.out.splitlines() if " double " in line)
    assert "1.0e-01   1.0e-01" in row and "2x_{[i]}" in row and "§[1]" in row
    (row,) = (line for line in outcome.out.splitlines() if " triple " in line)
    assert "–" in row


def test_one_formula_shows_docstring_code_and_distance(run_congling: Run) -> None:
    """Guards the whole of what is shown of one formula; the docstring stands once, not in the code again."""
    out = run_congling("equations", "double").out
    for expected in ("Twice the number.", "Shape: any.", "2x_{[i]}", "Nobody 1900, §[1]", "tenth_too_much", "1.0e-01"):
        assert out.count(expected) >= 1
    assert out.count("Twice the number.") == 1
    assert "return 2 * x" in out and "\x1b" not in out


def test_one_formula_in_json_is_one_object(run_congling: Run) -> None:
    """Guards a program's reading: an object for a name, a list for all."""
    assert json.loads(run_congling("equations", "triple", "--json").out)["latex"] == "3x"


def test_name_with_dashes_is_found(run_congling: Run) -> None:
    """Guards the command line's habit of dashes for underscores."""
    assert run_congling("equations", "layer-normalisation").out.startswith("layer_normalisation ")


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("attenton", "congling: there is no formula attenton; did you mean attention?\n"),
        ("zzz", "congling: there is no formula zzz; see congling equations\n"),
    ],
)
def test_unknown_formula_gives_the_nearest(run_congling: Run, name: str, line: str) -> None:
    """Guards against a KeyError's traceback."""
    assert run_congling("equations", name) == Outcome(2, "", line)
