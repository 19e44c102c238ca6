"""Verbs that mean something else for each task: the run is found among the words, and its task takes them all."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import is_dataclass
from pathlib import Path

import pytest
import yaml

from conftest import Outcome
from congling.cli.tasks import module_of, tasks

Run = Callable[..., Outcome]
BY_TASK = ("predict", "evaluate", "inspect")


@pytest.fixture
def described(tmp_path: Path) -> Callable[..., Path]:
    """``described("function-fitting")`` is a folder that says it is a run of that task, and holds nothing else."""

    def make(task: str, name: str = "run") -> Path:
        (tmp_path / name).mkdir()
        description = {"format": 1, "task": task, "seed": 1, "config": {}}
        (tmp_path / name / "run.yaml").write_text(yaml.safe_dump(description), encoding="utf-8")
        return tmp_path / name

    return make


@pytest.mark.parametrize("task", tasks())
@pytest.mark.parametrize("verb", ["train", *BY_TASK])
def test_every_task_has_every_verb(task: str, verb: str) -> None:
    """Guards against a task that is listed and then ends in a traceback, and a verb without its line of help."""
    module = module_of(task, verb)
    assert callable(module.main) and tasks()[task][verb]
    assert callable(module.resume) if verb == "train" else is_dataclass(module.Options)


@pytest.mark.parametrize("verb", BY_TASK)
def test_help_without_a_run_explains_and_lists_the_tasks(run_congling: Run, verb: str) -> None:
    """Guards against the options of one task that are shown as if they were everybody's."""
    helped = run_congling(verb, "--help")
    assert (helped.code, helped.err) == (0, "")
    assert all(f"  {task}" in helped.out and verbs[verb] in helped.out for task, verbs in tasks().items())
    assert "--checkpoint" not in helped.out


@pytest.mark.parametrize(
    ("verb", "task", "option"), [("predict", "translation", "--beam"), ("evaluate", "function-fitting", "--table")]
)
def test_help_with_a_run_or_a_task_shows_its_options(
    run_congling: Run, described: Callable[..., Path], verb: str, task: str, option: str
) -> None:
    """Guards the two ways to a task's options, and --help on either side of the run."""
    run, by_name = described(task), run_congling(verb, task, "-h")
    assert by_name.code == 0 and option in by_name.out
    assert run_congling(verb, run, "--help") == run_congling(verb, "--help", run) == by_name


@pytest.mark.parametrize(
    ("words", "blamed"),
    [
        (["nowhere", "5"], "nowhere"),
        (["--json", "nowhere", "5"], "nowhere"),
        (["--checkpoint", "best", "nowhere", "5"], "nowhere"),
        (["--device=cpu", "--checkpoint", "last", "--", "nowhere"], "nowhere"),
        (["-5"], "-5"),
    ],
)
def test_what_was_to_be_the_run_is_blamed(run_congling: Run, words: list[str], blamed: str) -> None:
    """Guards against a complaint about an option's value, or about the input, where the run is misspelled."""
    outcome = run_congling("predict", *words)
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err.startswith(f"congling: there is no folder {blamed}. ")


@pytest.mark.parametrize("verb", BY_TASK)
def test_no_run_at_all(run_congling: Run, verb: str) -> None:
    """Guards the one line that says what is missing."""
    expected = Outcome(2, "", f"congling {verb}: RUN is missing: The folder of the run.\n")
    assert run_congling(verb) == run_congling(verb, "--json", "--checkpoint", "last") == expected


@pytest.mark.parametrize("verb", BY_TASK)
def test_a_task_of_a_newer_congling(run_congling: Run, described: Callable[..., Path], verb: str) -> None:
    """Guards against a ModuleNotFoundError for what a later version trained."""
    run = described("music")
    outcome = run_congling(verb, "x", run)
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (1, "", 1)
    known = ", ".join(tasks())
    assert f"{run} was trained for music, and this congling knows only {known};" in outcome.err
    assert "was trained for music" in run_congling("train", "--resume", run).err
    assert "was trained for music" in run_congling("translate", run, "猫").err


def test_translate_names_the_verb_for_another_task(run_congling: Run, described: Callable[..., Path]) -> None:
    """Guards against a translation of numbers, and a way out with a path that a shell would cut."""
    run = described("function-fitting", "my run")
    outcome = run_congling("translate", run, "0.5")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == (
        f"congling: {run} was trained for function-fitting, not for translation: give it inputs with "
        f"congling predict '{run}' …\n"
    )


def test_the_run_may_stand_anywhere(run_congling: Run, tiny_run: Path) -> None:
    """Guards the order of the words, and against "File name too long" for a sentence that stands before the run."""
    expected = run_congling("predict", tiny_run, "猫" * 300, "羊。")
    assert expected.code == 0 and expected.out.count("\n") == 2
    assert run_congling("predict", "猫" * 300, tiny_run, "羊。") == expected
    assert run_congling("translate", "--beam", 5, "猫" * 300, "--", "羊。", tiny_run) == expected


def test_resuming_names_another_task(run_congling: Run, described: Callable[..., Path]) -> None:
    """Guards against options of one task that are read for a run of another."""
    run = described("function-fitting")
    outcome = run_congling("train", "translation", "--resume", run)
    assert outcome == Outcome(2, "", f"congling: {run} was trained for function-fitting, not for translation\n")


def test_bare_train_lists_the_tasks(run_congling: Run) -> None:
    """Guards the list of what can be trained; without --help the exit code says that nothing was done."""
    bare, helped = run_congling("train"), run_congling("train", "--help")
    assert (bare.code, helped.code, bare.out) == (2, 0, helped.out)
    assert all(verbs["train"] in bare.out for verbs in tasks().values())


@pytest.mark.parametrize(
    "arguments",
    [
        ["train", "translation", "--help"],
        ["train", "function-fitting", "--help"],
        ["predict", "--help"],
        ["predict", "function-fitting", "--help"],
        ["inspect", "translation", "--help"],
        ["demonstrate", "--help"],
        ["train", "--help"],
    ],
)
def test_helps_do_not_import_torch(arguments: list[str]) -> None:
    """Guards the start of every help: torch alone takes seconds to import."""
    code = f"""
import sys
from congling.cli.main import main
assert main({arguments!r}) == 0
print([name for name in ("torch", "datasets", "plotly") if name in sys.modules])
"""
    outcome = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, encoding="utf-8")
    assert outcome.stdout.splitlines()[-1] == "[]", outcome.stderr
