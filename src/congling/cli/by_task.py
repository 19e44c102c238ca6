"""Verbs that mean something else for each task: find the run among the words, and hand them all to its task."""

from __future__ import annotations

import os.path
from collections.abc import Sequence

from congling.cli.option import options_of
from congling.cli.options import OptionError, asks_for_help, separated
from congling.cli.tasks import module_of, task_of, tasks
from congling.errors import UserError
from congling.language import _
from congling.learning.runs import DESCRIPTION, Run


def by_task(verb: str, arguments: list[str], description: str) -> int:
    """Carry the verb out as the task of the run that stands among the words has it; gives the exit code.

    Help without a run explains the verb, and with a task's name in its place shows that task's options.
    """
    prog = f"congling {verb}"
    path = named_run(arguments)
    if path is None and asks_for_help(arguments):
        task = next((word for word in arguments if word in _tasks_with(verb)), None)
        if task is None:
            _print_help(verb, description)
            return 0
    else:
        task = _task_with(verb, Run.open(path or _meant_as_run(verb, arguments, prog)))
    return int(module_of(task, verb).main(run_first(arguments), prog))


def run_first(arguments: list[str]) -> list[str]:
    """The words with the run before all others, wherever it stood."""
    path = named_run(arguments)
    if path is None:
        return arguments
    place = arguments.index(path)
    return [path, *arguments[:place], *arguments[place + 1 :]]


def named_run(arguments: Sequence[str]) -> str | None:
    """The first word that is the folder of a run."""
    return next((word for word in arguments if os.path.isfile(os.path.join(word, DESCRIPTION))), None)


def _tasks_with(verb: str) -> dict[str, str]:
    """The tasks that have the verb, each with what it does there."""
    return {task: verbs[verb] for task, verbs in tasks().items() if verb in verbs}


def _task_with(verb: str, run: Run) -> str:
    task = task_of(run)
    if task not in _tasks_with(verb):
        message = _("congling {verb} does nothing yet with a run of {task}; it serves {tasks}")
        raise UserError(message.format(verb=verb, task=task, tasks=", ".join(_tasks_with(verb))))
    return task


def _meant_as_run(verb: str, arguments: Sequence[str], prog: str) -> str:
    """The first word that is no option and no option's value: where no word is a run, it was to be one."""
    options = [option for task in _tasks_with(verb) for option in options_of(module_of(task, verb).Options)]
    _given, loose = separated(options, arguments)
    if not loose:
        raise OptionError(_("{option} is missing").format(option="RUN") + _(": ") + _("The folder of the run."), prog)
    return loose[0]


def _print_help(verb: str, description: str) -> None:
    width = max(map(len, _tasks_with(verb))) + 2
    print(_("Usage: {usage}").format(usage=f"congling {verb} RUN …"))
    print()
    print(description)
    print()
    print(_("What a run was trained for decides what may follow:"))
    for task, what in _tasks_with(verb).items():
        print(f"  {task:{width}}{what}")
    print()
    print(_("{command} shows the options for a run").format(command=f"congling {verb} RUN --help"))
