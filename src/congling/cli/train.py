"""``congling train TASK [options]`` and ``congling train --resume RUN``."""

from __future__ import annotations

from congling.cli.options import asks_for_help, parse
from congling.cli.tasks import module_of, task_of, tasks
from congling.cli.training import ResumeOptions
from congling.errors import UsageError
from congling.language import _
from congling.nearest import did_you_mean

PROG = "congling train"


def main(arguments: list[str]) -> int:
    """Train; the run's folder is printed on stdout at the end."""
    if any(word.split("=")[0] == "--resume" for word in arguments):
        return _resume(arguments)
    if not arguments or arguments[0].startswith("-"):
        return _help(arguments)
    task, rest = arguments[0], arguments[1:]
    if task not in tasks():
        message = _("there is no task {task}").format(task=task)
        raise UsageError(message + did_you_mean(task, tasks(), _("the tasks are: {tasks}").format(tasks=_names())))
    return int(module_of(task, "train").main(rest, f"{PROG} {task}"))


def _resume(arguments: list[str]) -> int:
    """Go on with a run; a task's name before the option is allowed, where it is the run's own."""
    named = [word for word in arguments[:1] if word in tasks()]
    description = _("Go on with a run that was stopped, killed or has ended.")
    options = parse(ResumeOptions, arguments[len(named) :], PROG, description)
    from congling.learning.runs import Run

    run = Run.open(options.resume)
    task = task_of(run)
    if named not in ([], [task]):
        message = _("{run} was trained for {task}, not for {other}")
        raise UsageError(message.format(run=run.path, task=task, other=named[0]))
    return int(module_of(task, "train").resume(options))


def _help(arguments: list[str]) -> int:
    if arguments and not asks_for_help(arguments):
        message = _("name a task before the options: {prog} TASK …; the tasks are: {tasks}")
        raise UsageError(message.format(prog=PROG, tasks=_names()))
    usages = {
        f"{PROG} TASK [options]": _("train a new run"),
        f"{PROG} --resume RUN": _("go on with one that was stopped"),
    }
    for usage, what in usages.items():
        print(f"{usage:<34} {what}")
    print("\n" + _("Tasks"))
    width = max(map(len, tasks())) + 2
    for task, verbs in tasks().items():
        print(f"  {task:{width}}{verbs['train']}")
    print("\n" + _("{command} lists a task's options").format(command=f"{PROG} TASK --help"))
    return 0 if arguments else 2


def _names() -> str:
    return ", ".join(tasks())
