"""The page of words: a sentence in three encodings, the latent space, its arithmetic and its course, as one file."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from numpy.typing import NDArray

from congling.figures.page import packed, page, plain_number
from congling.figures.pictures.packing import exact
from congling.figures.words.course import Course
from congling.figures.words.neighbours import unit
from congling.figures.words.projection import Projection
from congling.figures.words.texts import words_texts
from congling.figures.words.view import SentenceWord, WordsView

__all__ = ["WordsView", "words_page"]

NUMBERS = 2_000_000  # of the vectors that the page calculates with: of more words, those of the first
SCRIPTS = [
    "words_numbers.js",
    "words_encodings.js",
    "words_marks.js",
    "words_map.js",
    "words_space.js",
    "words_analogy.js",
    "words.js",
]
Array = NDArray[np.float32]


def words_page(view: WordsView) -> str:
    """A self-contained page in the current language; about 5 MB for 10,000 words of 100 numbers.

    The vectors of the sentence are in it in single precision; those of all words with length 1 and to 1 / 65,534, so
    that a cosine the page calculates is right to about 0.0001.
    """
    sentence = [each.word for each in view.sentence]
    return page(
        title=f"{_joined(sentence)} · congling",
        body="words.html",
        texts=words_texts(view) | {"run": view.name, "sentence": _joined(sentence), "remarks": " ".join(view.remarks)},
        styles=["translation.css", "words.css"],
        scripts=["heatmap.js", *SCRIPTS],
        data=_data(view),
    )


def _joined(words: list[str]) -> str:
    """Words of a script that writes no spaces stand without."""
    text = " ".join(words)
    return "".join(words) if all(ord(letter) > 0x2E7F for letter in text.replace(" ", "")) else text


def _data(view: WordsView) -> dict[str, Any]:
    vectors = unit(view.vectors[: max(1, NUMBERS // view.vectors.shape[1])])
    return {
        "sentence": [_sentence_word(each) for each in view.sentence],
        "total": view.total,
        "words": view.words,
        "ids": view.ids,
        "counts": None if view.counts is None else view.counts.tolist(),
        "units": packed(vectors, -1.0, 1.0),
        "neighbours": {
            "shape": list(view.neighbours.shape),
            "ids": base64.b64encode(view.neighbours.astype("<u2").tobytes()).decode("ascii"),
            "cosines": packed(view.cosines, -1.0, 1.0),
        },
        "layouts": [_layout(each) for each in view.layouts],
        "course": None if view.course is None else _course(view.course),
        "analogies": [list(each) for each in view.analogies],
    }


def _sentence_word(seen: SentenceWord) -> dict[str, Any]:
    return {
        "word": seen.word,
        "id": seen.id,
        "vector": exact(seen.vector),
        "rows": exact(seen.rows),
        "first": seen.first,
    }


def _layout(projection: Projection) -> dict[str, Any]:
    shares = [plain_number(share) for share in projection.shares]
    return {
        "method": projection.method,
        "flat": _spread(projection.flat),
        "space": _spread(projection.space),
        "shares": shares,
    }


def _course(course: Course) -> dict[str, Any]:
    return {"steps": course.steps, "places": _spread(course.places)}


def _spread(places: Array) -> dict[str, Any]:
    """Places between the farthest from zero on either side."""
    most = float(np.abs(places).max(initial=0)) or 1.0
    return packed(places, -most, most)
