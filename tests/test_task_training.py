"""What every task's training shares: a folder of its own, options that leave nothing open, and longer budgets."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

import pytest
import torch
import yaml

from congling.errors import UsageError, UserError
from congling.learning import precision
from congling.learning.checkpoints import save_checkpoint
from congling.learning.options import Budget, TrainingOptions
from congling.learning.runs import Run
from congling.tasks.training import GoingOn, extend_budget, new_run, preparing


@dataclass
class Training(TrainingOptions):
    default_budget: ClassVar[Budget] = Budget(epochs=7)


@dataclass
class Options:
    run: Path | None = None
    device: Literal["auto", "cpu", "cuda"] = "cpu"
    training: Training = field(default_factory=lambda: Training(precision="float32", threads=1))


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


# A new run -----------------------------------------------------------------------------------------------------------


def test_run_yaml_leaves_nothing_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards a run against what its machine or a later version would choose: precision, budget, folder."""
    monkeypatch.setattr(precision, "_product_seconds", lambda dtype: 1 if dtype == torch.bfloat16 else 2)
    options = Options(training=Training(precision="auto", threads=1))
    run = new_run(options, "sums", "sums-small", beside={"languages": ["aa", "bb"]})
    assert run.path == Path("runs/sums-small")
    kept = yaml.safe_load((run.path / "run.yaml").read_text(encoding="utf-8"))
    assert (kept["task"], kept["config"]["run"], kept["config"]["languages"]) == ("sums", str(run.path), ["aa", "bb"])
    training = kept["config"]["training"]
    assert (training["precision"], training["epochs"], training["steps"], training["minutes"]) == (
        "bfloat16", 7, None, None,
    )  # fmt: skip
    assert options.training.precision == "bfloat16"


def test_trainings_started_together_take_different_folders() -> None:
    """Guards against two processes that both see the next number free, and then write over each other."""
    runs: list[Path] = []
    together = threading.Barrier(5)

    def begin() -> None:
        together.wait()
        runs.append(new_run(Options(), "sums", "sums").path)

    threads = [threading.Thread(target=begin) for _number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, runs)) == ["runs/sums", *(f"runs/sums-{number}" for number in range(2, 6))]


def test_a_run_that_cannot_begin_leaves_no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards the folder that was reserved: a full disk must not leave empty ones behind."""

    def full(self: Run) -> None:
        raise UserError("the disk is full")

    monkeypatch.setattr(Run, "_write_description", full)
    with pytest.raises(UserError, match="the disk is full"):
        new_run(Options(), "sums", "sums")
    assert list(Path("runs").iterdir()) == []


def test_a_run_of_ones_own_stays_when_another_cannot_begin() -> None:
    """Guards the user's data: a named folder that holds something is refused, and nothing in it is touched."""
    run = new_run(Options(run=Path("mine")), "sums", "sums")
    with pytest.raises(UserError, match="mine holds a run already"):
        new_run(Options(run=Path("mine")), "sums", "sums")
    assert (run.path / "run.yaml").is_file()


def test_a_file_where_runs_should_lie_is_named() -> None:
    """Guards against a traceback of mkdir."""
    Path("runs").write_text("mine", encoding="utf-8")
    with pytest.raises(UserError, match=r"cannot make runs/sums: "):
        new_run(Options(), "sums", "sums")


def test_what_fails_in_preparing_leaves_no_half_run() -> None:
    """Guards the next training under that name: data that cannot be read leave no run in its way."""
    run = new_run(Options(), "sums", "sums")
    with pytest.raises(KeyboardInterrupt), preparing(run):
        run.file("half").write_text("data", encoding="utf-8")
        raise KeyboardInterrupt
    assert not run.path.exists()


# Another budget ------------------------------------------------------------------------------------------------------


def trained(**budget: Any) -> tuple[Run, Training]:
    """A run of 11 steps: 2.5 epochs, in 90 seconds."""
    options = Options(training=Training(precision="float32", threads=1, **budget))
    run = new_run(options, "sums", "sums")
    progress = {"step": 11, "count": 5, "epoch": 2.5, "seconds": 90.0}
    save_checkpoint(run, 11, {}, {}, {}, {"progress": progress}, 1)
    return run, options.training


def extend(run: Run, training: Training, **given: Any) -> None:
    extend_budget(run, training, GoingOn(run.path, **given))


@pytest.mark.parametrize(
    ("budget", "given", "message"),
    [
        ({"steps": 20}, {"steps": 10}, "--steps 10 is a total, and runs/sums has done 11 already"),
        ({"minutes": 5}, {"minutes": 1.4}, "--minutes 1.4 is a total, and runs/sums has spent 1.5 already"),
        ({"epochs": 3}, {"epochs": 2.25}, "--epochs 2.25 is a total, and runs/sums has done 2.5 already"),
        ({}, {"steps": 90}, "runs/sums was trained by epochs: give the new total with --epochs"),
        ({"steps": 20}, {"epochs": 9}, "runs/sums was trained by steps: give the new total with --steps"),
        ({"minutes": 5}, {"steps": 90}, "runs/sums was trained by minutes: give the new total with --minutes"),
        ({"steps": 20}, {"steps": 30, "epochs": 4}, "--steps 30 and --epochs 4 exclude each other"),
        ({"epochs": 3}, {"epochs": 0}, "--epochs 0 must be greater than 0"),
    ],
)
def test_budgets_that_cannot_be_are_refused(budget: dict[str, Any], given: dict[str, Any], message: str) -> None:
    """Guards a total that is spent already, or of another kind, which would end or re-schedule the training."""
    run, training = trained(**budget)
    with pytest.raises(UsageError) as error:
        extend(run, training, **given)
    assert str(error.value).startswith(message)


def test_a_budget_counts_from_the_checkpoint_that_is_gone_on_from() -> None:
    """Guards --checkpoint: whoever goes back to step 11 may end before step 20, which is given up."""
    run, training = trained(steps=30)
    save_checkpoint(run, 20, {}, {}, {}, {"progress": {"step": 20}}, 2)
    extend_budget(run, training, GoingOn(run.path, steps=15, which=11))
    assert training.steps == 15
    with pytest.raises(UsageError, match="has done 20 already"):
        extend(run, training, steps=15)


@pytest.mark.parametrize(
    ("budget", "given"),
    [({"steps": 20}, {"steps": 11}), ({"minutes": 5}, {"minutes": 1.5}), ({}, {"epochs": 2.5}), ({"steps": 20}, {})],
)
def test_a_total_budget_takes_the_place_of_the_old_one(budget: dict[str, Any], given: dict[str, Any]) -> None:
    """Guards a total that is just reached, and a resumption that names none, which keeps the old one."""
    run, training = trained(**budget)
    extend(run, training, **given)
    expected = {"steps": None, "minutes": None, "epochs": None} | (given or budget)
    assert {name: getattr(training, name) for name in expected} == expected
