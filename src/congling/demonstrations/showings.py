"""Every showing by name. A showing is made when it is asked for, in the user's language then."""

from __future__ import annotations

from collections.abc import Callable

from congling.demonstrations import known_kernels
from congling.demonstrations.showing import Showing

SHOWINGS: dict[str, Callable[[], Showing]] = {
    "known-kernels": known_kernels.known_kernels,
}


def showing_names() -> list[str]:
    """What ``congling demonstrate`` can show."""
    return list(SHOWINGS)


def showing_named(name: str) -> Showing:
    """The showing of that name, which is one of ``showing_names``."""
    return SHOWINGS[name]()


def all_showings() -> list[Showing]:
    """All of them, in the order of the road."""
    return [make() for make in SHOWINGS.values()]
