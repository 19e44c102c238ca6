"""The text of ``--checkpoint``, which every verb that loads weights has."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from congling.errors import UsageError
from congling.language import _

if TYPE_CHECKING:
    from congling.learning.checkpoints import Which


def checkpoint(text: str) -> Which:
    """``best``, ``last`` or a step.

    Raises:
        UsageError: for anything else.
    """
    if text in ("best", "last"):
        return cast("Which", text)
    if text.isascii() and text.isdigit():
        return int(text)
    raise UsageError(_("--checkpoint {text} must be best, last or the number of a step").format(text=text))
