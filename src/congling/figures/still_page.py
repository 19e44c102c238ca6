"""A page without a script: one HTML file of text, formulas and pictures, for the screen and for paper, offline."""

from __future__ import annotations

import html
from collections.abc import Sequence

from congling import __version__
from congling.figures.page import asset, filled
from congling.figures.theme import style_variables
from congling.language import current_language


def still_page(*, title: str, body: str, styles: Sequence[str]) -> str:
    """A whole HTML file.

    Args:
        title: of the browser's window.
        body: HTML; texts of a user must be escaped in it.
        styles: assets, after that of every page.
    """
    parts = {
        "language": html.escape(current_language().replace("_", "-")),
        "version": html.escape(__version__),
        "title": html.escape(title),
        "style": style_variables() + "".join(map(asset, ("page.css", *styles))),
        "body": body,
    }
    return filled(asset("still_page.html"), parts)
