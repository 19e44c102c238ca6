"""Opening a run: its weights must be those of the network that its ``run.yaml`` describes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from congling.errors import UserError
from congling.language import _
from congling.learning.runs import Run


@contextmanager
def weights_must_fit(run: Run, mismatch: tuple[type[Exception], ...] = (ValueError,)) -> Iterator[None]:
    """Inside, the network of a run gets its weights; where they are not its own, ``run.yaml`` was edited.

    Args:
        mismatch: what is raised inside by other names or other shapes.

    Raises:
        UserError: in place of a mismatch; names the run.
    """
    try:
        yield
    except mismatch as error:
        message = _("the weights of {run} do not fit its run.yaml: undo the edit")
        raise UserError(message.format(run=run.path)) from error
