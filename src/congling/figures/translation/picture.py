"""One picture of one translation, as SVG: which source pieces each target piece looked at, and how sure it was.

For a README, a slide or a paper; the page of ``translation_page`` is for looking closer. S source and T target pieces.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from html import escape

import numpy as np

from congling.errors import UserError
from congling.figures.theme import DAY, SANS
from congling.figures.translation.view import Array, TranslationView
from congling.language import _

_GAP, _CHIP, _MARGIN, _ROWS_APART = 10, 40, 28, 150  # pixels
_NARROWEST = 620  # the caption's width
_FAINTEST = 0.02  # weights below this are not drawn


def translation_picture(view: TranslationView) -> str:
    """The attention to the source, averaged over all layers and heads, as curves from target to source pieces.

    A curve's width and darkness are the weight (each target piece's weights sum to 1); the bar below a target piece
    is the probability that the network gave it.

    Raises:
        UserError: the network has no attention.
    """
    if not view.cross:
        raise UserError(_("there is no attention to draw in {name}: --html draws its states").format(name=view.name))
    weights = np.mean([layer.mean(axis=0) for layer in view.cross], axis=0)  # (T, S)
    sources, targets = _places(view.source_pieces), _places(view.target_pieces)
    width = max(sources[-1][1] + _MARGIN, targets[-1][1] + _MARGIN, _NARROWEST)
    sources, targets = _centred(sources, width), _centred(targets, width)
    top, bottom = 84, 84 + _CHIP + _ROWS_APART
    parts = [
        _heading(view, width),
        *_curves(weights, sources, targets, top + _CHIP, bottom),
        *(_chip(piece, place, top) for piece, place in zip(view.source_pieces, sources, strict=True)),
        *(_chip(piece, place, bottom) for piece, place in zip(view.target_pieces, targets, strict=True)),
        *_bars([step.probability for step in view.steps], targets, bottom + _CHIP + 6),
        _caption(width, bottom + _CHIP + 40),
    ]
    height = bottom + _CHIP + 60
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" width="{width:.0f}" '
        f'height="{height}" role="img" font-family="{escape(SANS)}">\n'
        f"<title>{escape(view.source_text)} → {escape(view.target_text)}</title>\n"
        f'<rect width="100%" height="100%" rx="12" fill="{DAY.paper}"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def _places(pieces: Sequence[str]) -> list[tuple[float, float]]:
    """Left and right edge of each chip, from its text's width."""
    places, left = [], float(_MARGIN)
    for piece in pieces:
        right = left + max(34.0, 20 + 9.5 * _cells(piece))
        places.append((left, right))
        left = right + _GAP
    return places


def _centred(places: list[tuple[float, float]], width: float) -> list[tuple[float, float]]:
    shift = (width - _MARGIN - places[-1][1]) / 2  # the first place begins at the margin
    return [(left + shift, right + shift) for left, right in places]


def _cells(text: str) -> int:
    """How wide a text is: an East Asian character counts as two others."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def _heading(view: TranslationView, width: float) -> str:
    text = f"{view.source_text}  →  {view.target_text}"
    size = min(22.0, (width - 2 * _MARGIN) / (0.55 * _cells(text)))
    return (
        f'<text x="{width / 2:.1f}" y="46" text-anchor="middle" font-size="{size:.1f}" fill="{DAY.ink}">'
        f"{escape(text)}</text>"
    )


def _curves(
    weights: Array, sources: list[tuple[float, float]], targets: list[tuple[float, float]], top: float, bottom: float
) -> list[str]:
    middle = (top + bottom) / 2
    drawn = []
    for row, target in zip(weights, targets, strict=True):
        for weight, source in zip(row, sources, strict=True):
            if weight < _FAINTEST:
                continue
            start, end = sum(source) / 2, sum(target) / 2
            path = f"M{start:.1f},{top} C{start:.1f},{middle} {end:.1f},{middle} {end:.1f},{bottom}"
            drawn.append(
                f'<path d="{path}" fill="none" stroke="{DAY.sequential[-2]}" stroke-width="{1 + 9 * weight:.2f}" '
                f'stroke-opacity="{0.12 + 0.75 * weight:.3f}" stroke-linecap="round"/>'
            )
    return drawn


def _chip(piece: str, place: tuple[float, float], top: float) -> str:
    left, right = place
    return (
        f'<rect x="{left:.1f}" y="{top}" width="{right - left:.1f}" height="{_CHIP}" rx="8" fill="{DAY.surface}" '
        f'stroke="{DAY.line}"/><text x="{(left + right) / 2:.1f}" y="{top + 26}" text-anchor="middle" font-size="16" '
        f'fill="{DAY.ink}">{escape(piece)}</text>'
    )


def _bars(probabilities: Sequence[float], targets: list[tuple[float, float]], top: float) -> list[str]:
    return [
        f'<rect x="{left:.1f}" y="{top}" width="{right - left:.1f}" height="4" rx="2" fill="{DAY.line}"/>'
        f'<rect x="{left:.1f}" y="{top}" width="{(right - left) * share:.1f}" height="4" rx="2" fill="{DAY.accent}"/>'
        for share, (left, right) in zip(probabilities, targets, strict=True)
    ]


def _caption(width: float, baseline: float) -> str:
    text = _("where the decoder looked while it wrote, all layers and heads together; below: how sure it was")
    return (
        f'<text x="{width / 2:.1f}" y="{baseline}" text-anchor="middle" font-size="12" fill="{DAY.muted}">'
        f"{escape(text)}</text>"
    )
