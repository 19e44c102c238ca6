"""``congling translate RUN [TEXT …]``: what ``congling predict`` does for a run that translates."""

from __future__ import annotations

import shlex

from congling.cli.by_task import named_run, run_first
from congling.cli.tasks import task_of
from congling.cli.translation import predict
from congling.errors import UsageError
from congling.language import _
from congling.learning.runs import Run


def main(arguments: list[str]) -> int:
    """Translate; only translations go to stdout."""
    path = named_run(arguments)
    if path is not None and (task := task_of(Run.open(path))) != "translation":
        command = shlex.join(["congling", "predict", path])
        message = _("{run} was trained for {task}, not for translation: give it inputs with {command} …")
        raise UsageError(message.format(run=path, task=task, command=command))
    return predict.main(run_first(arguments), "congling translate")
