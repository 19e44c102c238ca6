"""Named data sets as a task takes them: fetched once, and the user is told from where and under which licence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from congling.data.sources import Source, cached, fetch
from congling.language import _


def fetched(source: Source, say: Callable[[str], None]) -> Path:
    """The folder with the source's members; says so before it downloads them. Errors as ``fetch``."""
    folder = cached(source)
    if folder is not None:
        return folder
    say(
        _("fetching {name} once ({package} {version}); {licence}. {attribution}").format(
            name=source.name, package=source.package, version=source.version, licence=source.licence,
            attribution=source.attribution,
        )
    )  # fmt: skip
    return fetch(source)
