"""The page of one text: the reading word by word, the hidden state through time, and what the answer is made of."""

from __future__ import annotations

from typing import Any

from congling.figures.page import page, plain_number
from congling.figures.sentiment.texts import sentiment_texts
from congling.figures.sentiment.view import Array, TextView

__all__ = ["sentiment_page"]


def sentiment_page(view: TextView) -> str:
    """A self-contained page in the current language; of wide networks the units that move most are in it."""
    reading = view.reading
    answer = reading.classes[reading.answer]
    texts = sentiment_texts() | {"run": view.name, "text": reading.text, "answer": answer}
    return page(
        title=f"{reading.text[:60]} → {answer} · congling",
        body="reading.html",
        texts=texts,
        styles=["translation.css", "reading.css"],
        scripts=["heatmap.js", "reading_curve.js", "hidden_states.js", "reading.js"],
        data=_data(view),
    )


def _data(view: TextView) -> dict[str, Any]:
    reading = view.reading
    return {
        "classes": list(reading.classes),
        "answer": reading.answer,
        "truth": view.truth,
        "left_out": reading.left_out,
        "words": reading.words,
        "probabilities": _numbers(reading.probabilities),
        "strongest": reading.strongest(reading.answer, 12),
        "pieces": [piece.replace("▁", " ").strip() or "␣" for piece in view.pieces],
        "scans": view.scans,
        "shares": _numbers(view.shares),
        "bias": [plain_number(value) for value in view.bias.tolist()],
    }


def _numbers(rows: Array) -> list[list[float | None]]:
    return [[plain_number(value) for value in row] for row in rows.tolist()]
