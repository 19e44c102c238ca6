"""``congling train TASK [options]`` and ``congling train --resume RUN``."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

from congling.cli.options import parse
from congling.cli.translate import checkpoint
from congling.errors import UsageError
from congling.language import _
from congling.nearest import did_you_mean
from congling.tasks.translation_options import TranslationOptions

TASKS = ("translation",)
PROG = "congling train"


@dataclass
class ResumeOptions:
    """Going on with a run"""

    resume: Path
    """The run to go on with, from its last checkpoint."""
    minutes: float | None = None
    """A new total budget in minutes; by default what is left of the old one."""
    steps: int | None = None
    """A new total number of updates, for a run that was trained by steps."""
    checkpoint: str = "last"
    """Go on from another checkpoint, if the last one is damaged: best, or the number of a step."""


def main(arguments: list[str]) -> int:
    """Train; the run's folder is printed on stdout at the end."""
    if any(word == "--resume" or word.startswith("--resume=") for word in arguments):
        return _resume(arguments[1:] if arguments[0] in TASKS else arguments)
    if not arguments or arguments[0].startswith("-"):
        return _help(arguments)
    task, rest = arguments[0], arguments[1:]
    if task not in TASKS:
        message = _("there is no task {task}").format(task=task)
        raise UsageError(
            message + did_you_mean(task, TASKS, _("the tasks are: {tasks}").format(tasks=", ".join(TASKS)))
        )
    options = parse(
        TranslationOptions,
        rest,
        f"{PROG} {task}",
        _("Train a translator: on Tatoeba's Chinese and English, or your own."),
    )
    from congling.tasks.translation import train

    run, reason = train(options, say)
    return _report(run.path, reason)


def _resume(arguments: list[str]) -> int:
    options = parse(ResumeOptions, arguments, PROG, _("Go on with a run that was stopped, killed or has ended."))
    from congling.tasks.translation import resume

    which = checkpoint(options.checkpoint)
    run, reason = resume(options.resume, options.minutes, options.steps, say, which)
    return _report(run.path, reason)


def _help(arguments: list[str]) -> int:
    wanted = not arguments or arguments[0] in ("--help", "-h")
    if not wanted:
        raise UsageError(
            _("name a task before the options: {prog} TASK …; the tasks are: {tasks}").format(
                prog=PROG, tasks=", ".join(TASKS)
            )
        )
    text = _(
        "congling train TASK [options]      train a new run\n"
        "congling train --resume RUN        go on with one that was stopped\n\n"
        "Tasks:\n"
        "  translation    a Transformer that translates; bare, Chinese to English in ten minutes\n\n"
        "congling train TASK --help lists a task's options."
    )
    print(text)
    return 0 if arguments else 2


def say(text: str) -> None:
    """A remark for the person who waits: on stderr, so that stdout keeps the result alone."""
    print(text, file=sys.stderr, flush=True)


def _report(path: Path, reason: str) -> int:
    from congling.tasks.translation_data import load_examples

    name = str(path)
    if reason == "interrupted":
        say(
            _("stopped and saved. To go on: {command}").format(
                command=shlex.join(["congling", "train", "--resume", name])
            )
        )
        print(path)
        return 130
    example = load_examples(path / "data/valid.jsonl")[0].source
    say(_("done. To try it: {command}").format(command=shlex.join(["congling", "translate", name, example])))
    if load_examples(path / "data/test.jsonl"):
        command = shlex.join(["congling", "evaluate", name])
        say(_("To score it on the held-out test: {command}").format(command=command))
    print(path)
    return 0
