"""Going on in the middle of data: only the same data, cut in the same way, gives the batches that follow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from congling.errors import UserError
from congling.language import _


def require_same_origin(state: Mapping[str, Any], origin: Mapping[str, int]) -> None:
    """Refuse the state of a stream of something else.

    Args:
        state: of the stream that stopped; it holds its origin under the same names.
        origin: what the batches of the stream that is to go on come from: how much data, how it is cut, the seed.

    Raises:
        UserError: they differ; names the first difference.
    """
    for name, now in origin.items():
        if state[name] != now:
            message = _("the run cannot go on in the middle of its data: {name} was {before} and is now {now}")
            raise UserError(message.format(name=name, before=state[name], now=now))
