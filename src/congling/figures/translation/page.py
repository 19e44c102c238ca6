"""The inspect page: one translated sentence, from its pieces to its probabilities, as one HTML file."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from congling.figures.page import packed, page, plain_number
from congling.figures.recurrence.texts import recurrence_texts
from congling.figures.translation.texts import recurrent_translation_texts, translation_texts
from congling.figures.translation.view import Array, Candidate, DecodingStep, TranslationView, view_from_glass_box

__all__ = ["Candidate", "DecodingStep", "TranslationView", "translation_page", "view_from_glass_box"]


def translation_page(view: TranslationView) -> str:
    """A self-contained page in the current language: pieces, positions, every head's attention, every decoding step;
    of a recurrent network its states instead of what it has not.

    Attention weights lie in it to 1 / 65,534. It opens from a disk, offline, and draws only what comes into sight.
    """
    facts = {"run": view.name, "source": view.source_text, "target": view.target_text}
    return page(
        title=f"{view.source_text} → {view.target_text} · congling",
        body="translation.html",
        texts=_texts(view) | facts,
        styles=["translation.css"],
        scripts=["heatmap.js", "attention.js", "decoding.js", "hidden_states.js", "translation.js"],
        data=_data(view),
    )


def _texts(view: TranslationView) -> dict[str, str]:
    if not view.states:
        return recurrence_texts() | translation_texts()
    return recurrence_texts() | recurrent_translation_texts(attention=bool(view.cross))


def _data(view: TranslationView) -> dict[str, Any]:
    return {
        "source": {"pieces": view.source_pieces, "ids": view.source_ids},
        "target": {"pieces": view.target_pieces, "ids": view.target_ids},
        "width": view.width,
        "positions": None if view.positions is None else packed(view.positions, -1.0, 1.0),
        "states": view.states,
        "attention": {
            "encoder_self": _weights(view.encoder_self),
            "decoder_self": _weights(view.decoder_self),
            "cross": _weights(view.cross),
        },
        "norms": {"encoder": _numbers(view.encoder_norms), "decoder": _numbers(view.decoder_norms)},
        "steps": [_step(step) for step in view.steps],
        "log_probability": plain_number(view.log_probability),
        "candidates": [_candidate(candidate) for candidate in view.candidates],
    }


def _weights(layers: Iterable[Array]) -> list[dict[str, Any]]:
    return [packed(layer, 0.0, 1.0) for layer in layers]


def _numbers(rows: Array) -> list[list[float | None]]:
    return [[plain_number(value, 4) for value in row] for row in rows.tolist()]


def _step(step: DecodingStep) -> dict[str, Any]:
    best = [[piece, plain_number(probability)] for piece, probability in step.best]
    return {"piece": step.piece, "probability": plain_number(step.probability), "best": best}


def _candidate(candidate: Candidate) -> dict[str, Any]:
    return {
        "text": candidate.text,
        "log_probability": plain_number(candidate.log_probability),
        "score": plain_number(candidate.score),
        "finished": candidate.finished,
    }
