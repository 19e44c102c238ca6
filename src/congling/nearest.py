"""The known word that a mistyped one was probably meant to be, for the end of an error message."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from congling.language import _


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that the given one was probably meant to be; None where none is like it."""
    return next(iter(difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)), None)


def did_you_mean(word: str, known: Iterable[str], otherwise: str = "") -> str:
    """A clause to append to an error message: the nearest known word, else the clause ``otherwise``."""
    guess = nearest(word, known)
    clause = _("did you mean {guess}?").format(guess=guess) if guess else otherwise
    return clause and _("; ") + clause
