"""Many inputs of one command: one that will not do does not keep the others waiting."""

from __future__ import annotations

from collections.abc import Sequence

from congling.cli.training import say
from congling.errors import UserError


def raise_last(errors: Sequence[UserError]) -> None:
    """After all inputs were tried: say what was wrong with each, the last of them as the command's own error.

    Raises:
        UserError: the last one, if there is any.
    """
    for other in errors[:-1]:
        say(str(other))
    if errors:
        raise errors[-1]
