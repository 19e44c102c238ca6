"""The page of one text: how it surprised a language model, what was foretold, and the state through time."""

from __future__ import annotations

from typing import Any

from congling.figures.language_model.texts import reading_texts
from congling.figures.language_model.view import Place, ReadingView
from congling.figures.page import page, plain_number

SHORT = 40  # characters of a title


def reading_page(view: ReadingView) -> str:
    """A self-contained page in the current language; it opens from a disk, offline."""
    facts = {"run": view.name}
    first = view.text.strip().split("\n")[0]
    return page(
        title=f"{first if len(first) <= SHORT else first[:SHORT] + '…'} · congling",
        body="language_model.html",
        texts=reading_texts() | facts,
        styles=["translation.css", "language_model.css"],
        scripts=["heatmap.js", "hidden_states.js", "language_model.js"],
        data={
            "text": view.text,
            "opening": view.opening,
            "characters": view.characters,
            "places": [_place(place) for place in view.places],
            "states": view.states,
        },
    )


def _place(place: Place) -> dict[str, Any]:
    return {
        "piece": place.piece,
        "probability": plain_number(place.probability),
        "bits": plain_number(place.bits),
        "rank": place.rank,
        "best": [[piece, plain_number(probability)] for piece, probability in place.best],
    }
