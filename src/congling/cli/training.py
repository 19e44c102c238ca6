"""What ``congling train`` shares over the tasks: remarks, the options that go on with a run, and the last words."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from congling.cli.checkpoint import checkpoint
from congling.cli.main import INTERRUPTED
from congling.language import _

if TYPE_CHECKING:
    from congling.tasks.training import GoingOn


@dataclass
class ResumeOptions:
    """Going on with a run"""

    resume: Path
    """The run to go on with, from its last checkpoint."""
    minutes: float | None = None
    """A new total budget in minutes; by default what is left of the old one."""
    steps: int | None = None
    """A new total number of updates, for a run that was trained by steps."""
    epochs: float | None = None
    """A new total number of passes over the data, for a run that was trained by epochs."""
    checkpoint: str = "last"
    """Go on from another checkpoint, if the last one is damaged: best, or the number of a step."""


def going_on(options: ResumeOptions) -> GoingOn:
    """The same, as a task takes it."""
    from congling.tasks.training import GoingOn

    which = checkpoint(options.checkpoint)
    return GoingOn(options.resume, options.minutes, options.steps, options.epochs, which)


def say(text: str) -> None:
    """A remark for the person who waits: on stderr, so that stdout keeps the result alone."""
    print(text, file=sys.stderr, flush=True)


def suggest(text: str, *command: str) -> None:
    """A remark whose ``{command}`` can be copied into a shell."""
    say(text.format(command=shlex.join(["congling", *command])))


def report(path: Path, reason: str, encourage: Callable[[Path], None]) -> int:
    """Print the run's folder, after a remark on what can be done with it; gives the exit code."""
    interrupted = reason == "interrupted"
    if interrupted:
        suggest(_("stopped and saved. To go on: {command}"), "train", "--resume", str(path))
    else:
        encourage(path)
    print(path)
    return INTERRUPTED if interrupted else 0
