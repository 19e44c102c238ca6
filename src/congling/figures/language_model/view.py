"""Everything that is to be seen of one text that a language model reads, as plain lists.

T pieces of the text · V vocabulary
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from congling.figures.recurrence.hidden_states import hidden_states

if TYPE_CHECKING:
    from torch import Tensor

    from congling.equations.glass_box import GlassBox

RUNNER_UPS = 8


@dataclass(frozen=True)
class Place:
    """One place of the text: the piece that came, and what else could have come.

    Attributes:
        piece: as it is to be shown.
        probability: that the network had given it.
        rank: how many pieces it had thought likelier.
        best: the likeliest pieces with their probabilities, best first.
    """

    piece: str
    probability: float
    rank: int
    best: list[tuple[str, float]]

    @property
    def bits(self) -> float:
        """The surprise: −log₂ p."""
        return -math.log2(self.probability) if self.probability > 0 else math.inf


@dataclass(frozen=True)
class ReadingView:
    """One text on its way through a recurrent language model.

    Attributes:
        name: of the run.
        text: as it was given.
        characters: of the text.
        opening: the piece that was read before it, as it is to be shown.
        places: T of them; place t was foretold from the opening and the t pieces before it.
        states: what ``hidden_states`` gives; its position t is where piece t is foretold.
    """

    name: str
    text: str
    characters: int
    opening: str
    places: list[Place]
    states: list[dict[str, Any]]


def reading_view(
    seen: GlassBox,
    log_probabilities: Tensor,
    ids: Sequence[int],
    pieces_of: Callable[[Sequence[int]], list[str]],
    *,
    name: str,
    text: str,
    opening: int,
) -> ReadingView:
    """The view of one forced pass.

    Args:
        log_probabilities: (T, V), of every piece at each place.
        ids: (T,) those of the text.
        pieces_of: the pieces of some ids.
    """
    values, best = log_probabilities.topk(min(RUNNER_UPS, log_probabilities.shape[1]), dim=-1)  # (T, 8)
    shown = [shown_piece(piece) for piece in pieces_of(ids)]
    places = []
    for t, (piece, number) in enumerate(zip(shown, ids, strict=True)):
        own = log_probabilities[t, number]
        likeliest = [shown_piece(each) for each in pieces_of(best[t].tolist())]
        chances = values[t].exp().tolist()
        rank = int((log_probabilities[t] > own).sum())
        places.append(Place(piece, float(own.exp()), rank, list(zip(likeliest, chances, strict=True))))
    before = shown_piece(pieces_of([opening])[0])
    return ReadingView(name, text, len(text), before, places, hidden_states(seen))


def shown_piece(piece: str) -> str:
    """A piece as it can be seen: line breaks and tabs by their signs."""
    return piece.replace("\n", "↵").replace("\t", "⇥")
