"""A run opened with its weights, for the verbs that need them; or why it has none, and what there is to see instead."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from congling.cli.checkpoint import checkpoint
from congling.errors import UserError
from congling.language import _

if TYPE_CHECKING:
    from congling.learning.runs import Run
    from congling.tasks.function_fitting.fitted_function import FittedFunction


class OpensRun(Protocol):
    """The options that say which weights of which run, and where to compute."""

    run: Path
    checkpoint: str
    device: Literal["auto", "cpu", "cuda"]


def open_fitted(options: OpensRun) -> tuple[Run, FittedFunction]:
    """The run and its function.

    Raises:
        UserError: the run cannot be opened, or diverged before its first checkpoint.
    """
    from congling.learning.runs import Run
    from congling.tasks.function_fitting.fitted_function import FittedFunction

    run, which = Run.open(options.run), checkpoint(options.checkpoint)
    if not run.checkpoint_steps():
        refuse_diverged(run)
    return run, FittedFunction.load(run, which, options.device)


def refuse_diverged(run: Run) -> None:
    """Refuse a run that diverged before its first checkpoint; others that have none may still be trained on."""
    from congling.learning.metrics import diverged_at

    step = diverged_at(run)
    if step is not None:
        message = _(
            "{run} diverged at step {step}, before its first checkpoint, and has no weights. Its curve: {command}. "
            "Train anew with a smaller --learning-rate or with --clip-norm 1"
        )
        raise UserError(
            message.format(run=run.path, step=step, command=shlex.join(["congling", *words_to_see(run.path)]))
        )


def words_to_see(path: Path) -> list[str]:
    """The command, behind ``congling``, that draws a run."""
    return ["inspect", str(path), "--html", f"{path.name}.html"]
